"""Values of scalars in YAML 1.2's core schema. https://yaml.org/spec/1.2.2/#103-core-schema"""

from __future__ import annotations

import math
import re
from typing import Any, Final

from reconciler.core.document.values import MAX_DIGITS

# A plain scalar that begins with anything else is a string: most are, and this is all that they cost.
_DIGITS: Final = frozenset("-+.0123456789")
SPECIAL: Final = _DIGITS | frozenset("nNtTfF~") | {""}
STR, INT, FLOAT, BOOL, NULL, MAP, SEQ = (
    "tag:yaml.org,2002:" + name for name in ("str", "int", "float", "bool", "null", "map", "seq")
)

_WORDS: Final[dict[str, Any]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER: Final = re.compile(
    r"(?P<int>[-+]?[0-9]+)|0o(?P<octal>[0-7]+)|0x(?P<hex>[0-9a-fA-F]+)"
    r"|(?P<float>[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)"
    r"|(?P<special>[-+]?\.(?:inf|Inf|INF)|\.nan|\.NaN|\.NAN)"
)
_BASES: Final = {"int": 10, "octal": 8, "hex": 16}
_SHORT: Final = 100  # digits that no limit refuses
_MAX_BITS: Final = math.ceil(MAX_DIGITS * math.log2(10))


class NotJsonError(ValueError):
    """A number that YAML knows and JSON does not."""


class TagMismatchError(ValueError):
    """A scalar that is not what its tag says."""


def plain(text: str) -> Any:
    """The value of a plain scalar; `text` itself where it is a string. Raises NotJsonError."""
    if text[:1] not in _DIGITS:
        return _WORDS.get(text, text)
    found = _NUMBER.fullmatch(text)
    return text if found is None else _number(found)


def tagged(text: str, tag: str) -> Any:
    """The value of a scalar with a core tag. Raises NotJsonError and TagMismatchError."""
    if tag == STR:
        return text
    value = plain(text)
    if tag == FLOAT and type(value) is int:
        value = _float(text if _NUMBER.fullmatch(text)["int"] else str(value))  # type: ignore[index]
    if type(value) is not _TYPES[tag]:
        raise TagMismatchError
    return value


_TYPES: Final = {INT: int, FLOAT: float, BOOL: bool, NULL: type(None)}
TAGS: Final = frozenset(_TYPES) | {STR}


def _number(found: re.Match[str]) -> int | float:
    kind = found.lastgroup
    text = found[kind or 0]
    if kind == "int" and len(text) < _SHORT:
        return int(text)
    if kind == "special":
        raise NotJsonError(f"{text} is not a number in JSON; put it in quotes if it is text")
    return _float(text) if kind == "float" else _int(text, _BASES[str(kind)])


def _int(text: str, base: int) -> int:
    # Only decimals are slow to convert, and only they are refused by Python; a long hexadecimal could not be printed.
    if base != 10 or len(text) <= MAX_DIGITS:
        try:
            value = int(text, base)
            if value.bit_length() <= _MAX_BITS:
                return value
        except ValueError:  # PYTHONINTMAXSTRDIGITS may be as low as 640
            pass
    raise NotJsonError(f"an integer of more than {MAX_DIGITS:,} digits; put it in quotes if it is text")


def _float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise NotJsonError("a number too large for JSON; put it in quotes if it is text")
    return value
