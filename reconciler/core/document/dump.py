"""Plain data to YAML that people read, and that YAML 1.1 and 1.2 read alike."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final

from reconciler.core.document.odd_characters import holds_odd, in_plain_scalar

# What a plain string may begin with and hold. Everything that means something to YAML, somewhere, is left out.
_PLAIN: Final = re.compile(r"[^\W\d][^\n\t]*|(?:[/$(=^+;<\d]|\.(?=[\w/]))[^\n\t]*")
_NOT_PLAIN: Final = re.compile(r": |:\Z| #|\A\s|\s\Z")
# Looks like a number, a date or a time to YAML 1.1 or 1.2, or to a hasty reader.
_NUMBER_LIKE: Final = re.compile(r"[-+.]*\d[\da-fxobtz_,.:+\- ]*", re.IGNORECASE)
_WORDS: Final = frozenset(
    ("y", "n", "yes", "no", "on", "off", "true", "false", "null", ".inf", "+.inf", ".nan", "=", "<<")
)
_LETTERS: Final = frozenset("yYnN")
# Characters that no YAML text may hold, that end a line in YAML 1.1, or that turn the text around them (U+202A...).
ESCAPED: Final = re.compile("[\x00-\x1f\x7f-\xa0\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]")
_ESCAPES: Final = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
_NOT_LITERAL: Final = re.compile(r"\A\n*[ \t]|\A\n*\Z|^\t|[ \t]$", re.MULTILINE)
LONGEST_KEY: Final = 1000  # parsers look no further than 1,024 characters for the ':' of a key


Escape = Callable[[str], str]
KeyText = Callable[[str, Escape], str]


def dump_yaml(value: Any, *, header: str = "", escape: Escape = str) -> str:
    """One YAML document in block style, the order of keys kept. `header` is comment lines for its top.

    `escape` writes parts of a text that must not stand there as they are as escapes of YAML (`\\x3a`); the text is in
    double quotes then.

    `load` gives `value` back, a null on top excepted, which is an empty document. Raises ValueError for infinities and
    NaN, TypeError for what is not JSON data.
    """
    return _dumped(value, header, escape, inline_key)


def dump_object(value: Any, *, header: str = "") -> str:
    """An object of Kubernetes as YAML. kubectl takes the names `n` and `y` for booleans, so that they are quoted, too."""
    return _dumped(value, header, str, _quoted_key)


def _dumped(value: Any, header: str, escape: Escape, key: KeyText) -> str:
    lines: list[str] = [header.rstrip("\n")] if header else []
    _block(value, "", "", lines, escape, key)
    return "\n".join(lines) + "\n"


def _block(value: Any, first: str, indent: str, lines: list[str], escape: Escape, key: KeyText) -> None:
    """Writes `value`: `first` is what its first line begins with, `indent` what the others do."""
    if isinstance(value, dict) and value:
        for name, item in value.items():
            first = _member(key(name, escape), item, first, indent, lines, escape, key)
    elif isinstance(value, (list, tuple)) and value:
        for item in value:
            _block(item, first + "- ", indent + "  ", lines, escape, key)
            first = indent
    else:
        lines.append(first + _leaf(value, indent, escape))


def _member(name: str, value: Any, first: str, indent: str, lines: list[str], escape: Escape, key: KeyText) -> str:
    """Writes one member of a map, and returns what the next one begins with."""
    if len(name) > LONGEST_KEY:
        lines.append(f"{first}? {name}")
        first, name = indent, ""
    if isinstance(value, (dict, list, tuple)) and value:
        lines.append(f"{first}{name}:")
        _block(value, indent + "  ", indent + "  ", lines, escape, key)
    else:
        lines.append(f"{first}{name}: {_leaf(value, indent + '  ', escape)}")
    return indent


def _leaf(value: Any, indent: str, escape: Escape) -> str:
    """A scalar, or an empty map or list, as it is written behind its key or dash."""
    if isinstance(value, str):
        literal = "\n" in value and _is_literal(value) and escape(value) == value
        return _literal(value, indent or "  ") if literal else inline(value, escape)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return int.__repr__(value)
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, (dict, list, tuple)):
        return "{}" if isinstance(value, dict) else "[]"
    raise TypeError(f"{type(value).__name__} is not JSON data")


def _float(value: float) -> str:
    if not math.isfinite(value):
        raise ValueError(f"{value!r} is not JSON")
    text = float.__repr__(value)
    # YAML 1.1 wants a point in every float: 1e+16 would be text to it.
    return text.replace("e", ".0e") if "e" in text and "." not in text else text


def _is_literal(text: str) -> bool:
    return ESCAPED.search(text.replace("\n", "").replace("\t", "")) is None and _NOT_LITERAL.search(text) is None


def _literal(text: str, indent: str) -> str:
    """A literal block. Its last line breaks are dropped by '-', kept by '+'."""
    body = text.removesuffix("\n")
    chomp = "-" if body == text else "+" if body.endswith("\n") else ""
    return "\n".join([f"|{chomp}", *(indent + line if line else "" for line in body.split("\n"))])


def inline(text: str, escape: Escape = str, *, is_key: bool = False) -> str:
    """A string on one line: plain where every reader takes it for text, else in quotes."""
    if not isinstance(text, str):
        raise TypeError(f"{type(text).__name__} is not a key in JSON")
    if ESCAPED.search(text) or escape(text) != text:
        return escape(double_quoted(text))
    if _PLAIN.fullmatch(text) and not _NOT_PLAIN.search(text) and not _is_ambiguous(text, is_key=is_key):
        return text
    if ('"' in text or "\\" in text) and "'" not in text:
        return f"'{text}'"
    return double_quoted(text)


def inline_key(text: str, escape: Escape = str) -> str:
    """A key on one line. `n`, one of our own fields, is a boolean to YAML 1.1, and to kubectl alone of its readers."""
    return text if text in _LETTERS and escape(text) == text else _quoted_key(text, escape)


def _quoted_key(text: str, escape: Escape) -> str:
    return inline(text, escape, is_key=True)


def _is_ambiguous(text: str, *, is_key: bool) -> bool:
    if text.lower() in _WORDS or _NUMBER_LIKE.fullmatch(text) is not None:
        return True
    # our own reader takes what nobody sees there for part of the notation
    return holds_odd(text) and bool(in_plain_scalar(text, 0, len(text), is_key=is_key)[0])


def double_quoted(text: str) -> str:
    """A string in double quotes, as YAML and JSON read it."""
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped(quoted)}"'


def escaped(text: str) -> str:
    """`text` with escapes for what must not stand in quotes as it is."""
    return ESCAPED.sub(lambda found: _escape(found[0]), text)


def _escape(sign: str) -> str:
    return _ESCAPES.get(sign) or f"\\u{ord(sign):04x}"
