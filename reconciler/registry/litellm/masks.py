"""What LiteLLM Proxy shows instead of what it was told, by the names of members: the rule of version 1.106.2, as measured.

In `litellm_params` some members are never shown, and what a name calls a secret is shown as a mask, at every depth. A text at the top that
begins with `os.environ/` is shown as the value of that variable of the proxy's, or not at all. In `credential_values` another rule masks texts:
the one is by the parts of a name, the other by the words anywhere in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconciler.core import pointer as pointers
from reconciler.core.schema.types import END

DROPPED: Final = frozenset(
    ("api_key", "client_secret", "vertex_credentials", "vertex_ai_credentials", "aws_access_key_id", "aws_secret_access_key")
)  # fmt: skip
_SEGMENTS: Final = frozenset(
    ("password", "secret", "key", "token", "auth", "authorization", "cookie", "credential", "credentials", "access", "private", "certificate",
     "fingerprint", "tenancy")
)  # fmt: skip
_PRICE: Final = "cost"  # a name with this segment is a price, whatever else is in it
_SHOWN: Final = frozenset(("litellm_credential_name", "default_api_key_tpm_limit", "default_api_key_rpm_limit"))
CREDENTIAL_WORDS: Final = ("authorization", "token", "key", "secret", "credentials", "password", "passwd")
ENVIRON: Final = "os.environ/"
ENVIRON_REFERENCE: Final = r"os\.environ/[A-Za-z_][A-Za-z0-9_]*" + END
_separator: Final = re.compile("[-_]")


def is_masked(name: str) -> bool:
    """Whether what stands under a name in `litellm_params`, or in a map in it, is shown as a mask."""
    segments = set(_separator.split(name.lower()))
    return name not in _SHOWN and _PRICE not in segments and not segments.isdisjoint(_SEGMENTS)


def is_hidden(name: str) -> bool:
    """Whether the proxy never shows what stands under a name at the top of `litellm_params`: not at all, or as a mask."""
    return name in DROPPED or is_masked(name)


def is_masked_value(name: str) -> bool:
    """Whether a text under a name in `credential_values` is shown as a mask."""
    return any(word in name.lower() for word in CREDENTIAL_WORDS)


def is_environ(value: Any) -> bool:
    """Whether a value is a reference to a variable of the proxy's own environment."""
    return isinstance(value, str) and value.startswith(ENVIRON)


def masked_in(params: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """`(pointer, value)` of each value in `litellm_params` that is shown as a mask."""
    for name, value in params.items():
        yield from _masked(value, name, (name,))


def masked_values_in(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """`(pointer, text)` of each text in `credential_values` that is shown as a mask, or that its name calls a secret: such a one is never handed on."""
    for name, value in values.items():
        if isinstance(value, Mapping) and is_masked_value(name):
            yield from masked_values_in(value, (*path, name))
        elif isinstance(value, str) and (is_masked_value(name) or is_masked(name)):
            yield pointers.join((*path, name)), value


def _masked(value: Any, name: str, path: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for inner, item in value.items():
            yield from _masked(item, inner, (*path, inner))
    elif isinstance(value, list):
        hides = is_masked(name) and any(isinstance(item, str) for item in value)
        if hides:
            yield pointers.join(path), value
            return
        for index, item in enumerate(value):
            if isinstance(item, Mapping | list):
                yield from _masked(item, name, (*path, str(index)))
    elif is_masked(name) and value not in (None, ""):
        yield pointers.join(path), value
