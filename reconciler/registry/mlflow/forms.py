"""How MLflow writes things down: names, tags, aliases and version numbers, with the limits that it enforces late or only on some databases.

Lengths are those of PostgreSQL; sqlite takes nearly everything, and a server may be moved.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from typing import Any, Final

from reconciler.core.schema.types import END, WHOLE_REFERENCE, Checked, Mistake, Resolved
from reconciler.core.secret_names import is_secret_name
from reconciler.registry.driver import Cel, KeyRule
from reconciler.registry.mlflow.marks import PREFIX, SYSTEM

LONGEST_MODEL: Final = 256
LONGEST_NAME: Final = 255  # of a gateway object
LONGEST_TEXT: Final = 5_000
LONGEST_VERSION_TAG: Final = 100_000
LONGEST_SOURCE: Final = 500
LONGEST_KEY: Final = 250

_NUMBER: Final = re.compile(r"[1-9][0-9]{0,9}")
_TAG_KEY: Final = re.compile(r"[\w./: -]+")
_ALIAS: Final = re.compile(r"[\w-]+")
_RESERVED_ALIAS: Final = re.compile(r"v[0-9]+|latest", re.IGNORECASE)

Refusal = Callable[[Any], str | None]


class VersionNumber(Checked):
    """The number of a version: 3, or "3", which means the same."""

    def form(self) -> dict[str, Any]:
        pattern = f"^[1-9][0-9]{{0,9}}$(?!\\n)|{WHOLE_REFERENCE}"
        message = "Must be the number of a version, or `{version: NAME}` with the name of a declared one."
        return {"type": ["integer", "string"], "minimum": 1, "pattern": pattern, "errorMessage": message}

    def check(self, value: Any) -> Any:
        text = value.strip() if type(value) is Resolved else value
        if isinstance(text, float) and text.is_integer():
            text = int(text)
        if isinstance(text, int) and not isinstance(text, bool) and text >= 1:
            return text
        if isinstance(text, str) and (_NUMBER.fullmatch(text) or re.search(WHOLE_REFERENCE, text)):
            return text
        message = "must be the number of a version, or {version: NAME} with the name of a declared one"
        raise Mistake("wrong_type", "{message}", {"message": message})


def is_number(name: str) -> bool:
    """True for the number of a version, as the server writes it."""
    return _NUMBER.fullmatch(name) is not None


def empty_is_absent(value: Any) -> Any:
    """None for empty text and an empty map: the server cannot tell them from absent."""
    return None if value in ("", {}) else value


def single_precision(value: Any) -> Any:
    """The shortest number that 32 bits keep as they keep this one."""
    kept = _in_32_bits(value)
    if kept is None:
        return value
    (exact,) = struct.unpack("<f", kept)
    shorter = (float(f"{exact:.{digits}g}") for digits in range(1, 10))
    return next((number for number in shorter if _in_32_bits(number) == kept), exact)


def _in_32_bits(value: Any) -> bytes | None:
    try:
        return struct.pack("<f", value)
    except (struct.error, OverflowError):
        return None


def refuses_longer(most: int) -> Refusal:
    """Build the check of a text's length."""

    def refused(value: Any) -> str | None:
        return f"has more than {most:,} characters" if isinstance(value, str) and len(value) > most else None

    return refused


def _at_most(length: int) -> KeyRule:
    return KeyRule(rf"^[\s\S]{{0,{length}}}{END}", f"it must have at most {length} characters")


_PLAIN_MODEL: Final = r"(?!\.{1,2}(?:/|$(?!\n)))(?=[^/]*[^\s/])[^:/]+"  # a registered model's name
NAME_RULES: Final = (_at_most(LONGEST_NAME),)
ENDPOINT_RULES: Final = (
    KeyRule(rf"^[A-Za-z0-9_.-]+{END}", "it must hold only letters, digits, '_', '.' and '-'"),
    *NAME_RULES,
)
_MODEL_FORM: Final = "it must not be blank, '.' or '..', nor hold ':' or '/'"
MODEL_RULES: Final = (KeyRule(rf"^{_PLAIN_MODEL}{END}", _MODEL_FORM), _at_most(LONGEST_MODEL))
VERSION_RULES: Final = (
    KeyRule(
        rf"^[^/]+/[^/]+{END}", "it must be MODEL/NAME: the registered model, and a name of your own for the version"
    ),
    KeyRule(rf"^{_PLAIN_MODEL}/", _MODEL_FORM),
    KeyRule(rf"^[^/]{{0,{LONGEST_MODEL}}}/", f"it must have at most {LONGEST_MODEL} characters"),
)


def refuses_aliases(aliases: Any) -> str | None:
    """Why the server would refuse the name of an alias, or None."""
    for name in aliases if isinstance(aliases, Mapping) else ():
        if _ALIAS.fullmatch(str(name)) is None or len(name) > LONGEST_NAME:
            return f"holds the alias {name!r}: it must hold only letters, digits, '_' and '-', at most {LONGEST_NAME}"
        if _RESERVED_ALIAS.fullmatch(name):
            return f"holds the alias {name!r}, which the server keeps for itself"
    return None


def no_longer(most: int) -> Cel:
    """The same for an API server."""
    return Cel(f"size(self) <= {most} || self.contains('${{')")


SOURCE: Final = Cel(f"!self.matches('(^|/)[.][.](/|$)') && {no_longer(LONGEST_SOURCE).expression}")
SERVED: Final = Cel(
    "self.exists(one, !has(one.linkage) || one.linkage == 'PRIMARY' || one.linkage.startsWith('${'))", whole=False
)


def refuses_tags(most: int, *, plain: bool = False) -> Refusal:
    """Build the check of tags whose values may have that many characters; `plain` ones have keys without a form, as those of endpoints."""

    def refused(tags: Any) -> str | None:
        for key, value in tags.items() if isinstance(tags, Mapping) else ():
            wrong = _wrong_key(key, plain=plain)
            if wrong is not None:
                return f"holds the tag {key!r}: {wrong}"
            if isinstance(value, str) and len(value) > most:
                return f"holds the tag {key!r}: its value has more than {most:,} characters"
        return None

    return refused


def _wrong_key(key: str, *, plain: bool) -> str | None:
    if key.startswith(PREFIX):
        return f"reconciler keeps whose an object is in tags that begin with {PREFIX!r}: call it something else"
    if len(key) > LONGEST_KEY or not key:
        return f"its name must have 1 to {LONGEST_KEY} characters"
    if plain:
        return None
    if key.startswith(SYSTEM):
        return f"tags that begin with {SYSTEM!r} are MLflow's own"
    if _TAG_KEY.fullmatch(key) is None:
        return "its name must hold only letters, digits, blanks, '_', '-', '.', '/' and ':'"
    if key.startswith("/") or key.endswith("/") or "//" in key or ".." in key:
        return "its name must not begin or end with '/', nor hold '//' or '..'"
    return None


def refuses_source(source: Any) -> str | None:
    """Why the server would refuse a source, or None."""
    if isinstance(source, str) and ".." in source.split("/"):
        return "must not hold '..'"
    return refuses_longer(LONGEST_SOURCE)(source)


def refuses_auth_config(config: Any) -> str | None:
    """The server shows `auth_config` to everybody who may read the secret."""
    names = [name for name in config if is_secret_name(str(name))] if isinstance(config, Mapping) else []
    return f"would show {', '.join(names)} to everybody: what is secret belongs into `secret_value`" if names else None


def refuses_models(models: Any) -> str | None:
    """What the server takes of an endpoint's models, and cannot serve."""
    rows = [one for one in models if isinstance(one, Mapping)] if isinstance(models, list) else []
    names = [one.get("definition") for one in rows]
    twice = sorted({str(name) for name in names if names.count(name) > 1})
    if twice:
        return f"names {', '.join(twice)} more than once"
    if not any(one.get("linkage", "PRIMARY") == "PRIMARY" for one in rows):
        return "has no PRIMARY model, so nothing would be served"
    return None
