"""The addresses in a registry's object to which its secrets are sent. Pure.

No registry declares them all: objects have open maps, and a provider's parameter that nobody here knows may be an address. So a field is
one by its name, and what no kind declares by its form, too. Too much is better than too little: a host can be listed in `secrets.allow`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final, NamedTuple

from reconciler.core import pointer as json_pointer
from reconciler.core.kind import Kind
from reconciler.core.rules import OPAQUE, BaseAddress, Node
from reconciler.core.spec import is_reference, source_of

_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_NAMES: Final = frozenset({"url", "uri", "host", "hostname", "endpoint", "proxy", "baseurl", "apibase"})
_WITH_SCHEME: Final = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]{0,30}:)//|^//")


class SentAddress(NamedTuple):
    """An address in an object: where, the text as it stands there, and the URL that it means, with or without a scheme."""

    pointer: str
    text: str
    url: str


def addresses_in(spec: Mapping[str, Any], kind: Kind) -> Iterator[SentAddress]:
    """The addresses in an object as it is sent, but for those in what merely describes it (`Kind.descriptive`)."""
    for name, value in spec.items():
        if name not in kind.descriptive:
            yield from _below(
                value, kind.root.child(name) or OPAQUE, (name,), name, declared=name in kind.root.children
            )


def _below(value: Any, node: Node, path: tuple[str, ...], name: str, *, declared: bool) -> Iterator[SentAddress]:
    """The addresses in a value. `name` is that of the field, also of what is in a list of it; of `declared` ones the kind says what they are."""
    if isinstance(value, Mapping):
        is_map = node.each is not None and not node.declared  # of headers, say: a member is no field that nobody knows
        for member, item in value.items():
            is_known = declared and (is_map or member in node.children)
            yield from _below(item, node.child(member) or OPAQUE, (*path, member), member, declared=is_known)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _below(item, node.each or OPAQUE, (*path, str(index)), name, declared=declared)
    elif isinstance(value, str) and (url := _url(value, node, name, declared=declared)):
        yield SentAddress(json_pointer.join(path), value, url)


def _url(text: str, node: Node, name: str, *, declared: bool) -> str | None:
    """The URL that a text means; None where it is no address."""
    if is_reference(text) and source_of(text) is not None:
        # a variable's value is not the manifest's to choose, and `secrets.allow` bounds which one it may be
        return None
    text = text.strip().replace("\\", "/")
    found = _WITH_SCHEME.search(text)
    if text and (node.rule(BaseAddress) is not None or _is_address(name)):
        return text if found is not None and found.start() == 0 else f"//{text}"
    if found is not None and (name == "model" or not declared):  # some providers take an address for a model's name
        return text[found.start() :]
    return None


def _is_address(name: str) -> bool:
    """Whether a field is an address by its name: `api_base`, `baseUrl`, `OPENAI_BASE_URL`, `custom_host`."""
    words = [word.lower() for word in _WORD.findall(name)]
    return not _NAMES.isdisjoint(words) or ("api", "base") in pairwise(words)
