"""Spans on a line of text that look like credentials: values behind a telling name, and forms that give themselves away.

Quantifiers are bounded throughout: a line is a stranger's, and no line may take quadratic time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from reconciler.core.secret_names import SECRET_FORMS
from reconciler.core.telling import FORMS, is_telling

Span = tuple[int, int]  # code points of a line, from 0, the end exclusive

_STEM: Final = (
    r"(?:(?:api|access|private|secret|signing|encryption|fingerprint)[_-]?key|token(?!i[sz])|secret|passw(?:or)?d"
    r"|passphrase|authorization|cookie|credential)"
    r"""(?P<rest>[\w.-]{0,64})["']?\s{0,64}"""
)
_NAMED: Final = re.compile(_STEM + r"[:=]\s*", re.IGNORECASE)
_DANGLING: Final = re.compile(_STEM + r"[:=]?$", re.IGNORECASE)
_KEY: Final = re.compile(r"""(?<![\w.-])(?P<name>[\w.-]{1,100})["']?\s{0,64}[:=]\s*""")
_NO_COLON: Final = re.compile(
    r"""(?:^|[{,?])\s{0,64}["']?(?P<name>[\w.-]{1,100})\s{1,64}(?P<value>[^\s,:{}]{1,2000})\s{0,64}(?=[,:}]|$)"""
)  # a key and its value, whose colon was forgotten
_DANGLING_KEY: Final = re.compile(_KEY.pattern + "$")
_SEPARATOR: Final = re.compile(r"[:=]\s*")
_NUMBER: Final = re.compile(r"-?\d{1,9}(?:\.\d+)?\s*(?=$|[,}\]#])")
_REFERENCE: Final = r"(?:(?:env|var):(?:[A-Z_][A-Z0-9_]*|[a-z_]+)|file:(?:(?!:-)[^{}])+|cmd:[A-Za-z0-9][\w.-]*/(?:(?!:-)[^{}])+)\}"  # behind its `${`
_HARMLESS: Final = re.compile(rf"""(?:(["']?)\$\{{{_REFERENCE}\1|null|true|false|~)(?=\s*(?:$|[,}}\]]|\s#))""")
_BROKEN_REFERENCE: Final = re.compile(rf"""\$\{{(?!{_REFERENCE})(?P<inside>[^"']+)""")
_QUOTED: Final = re.compile(r""""(?:\\.|[^"\\])*"|'(?:''|[^'])*'""")
_IN_QUERY: Final = re.compile(
    r"""[?&;](?P<name>[^=&#;?\s]{1,100})=(?P<value>[^&#;\s"']{1,2000})"""
)  # any: who reads a log needs none


def spans(line: str) -> Iterator[Span]:
    """All that looks like a credential on a line; in no order, and some of it twice."""
    yield from named(line)
    yield from (found.span() for found in FORMS.finditer(line))
    yield from (found.span() for found in SECRET_FORMS.finditer(line))
    yield from (found.span("value") for found in _IN_QUERY.finditer(line))
    yield from (found.span("inside") for found in _BROKEN_REFERENCE.finditer(line))


def named(line: str) -> Iterator[Span]:
    """The values on a line that follow a name such as `api_key`, unless they are references."""
    place = 0
    while found := _NAMED.search(line, place):
        span = _value(line, found.end(), counted=found["rest"] == "s")  # max_completion_tokens: 1024 is no secret
        place = found.end() if span is None else span[1]
        if span is not None:
            yield span
    for found in _KEY.finditer(line):
        if is_telling(found["name"]):
            span = _value(line, found.end(), counted=found["name"].endswith("tokens"))
            if span is not None:
                yield span
    yield from (found.span("value") for found in _NO_COLON.finditer(line) if is_telling(found["name"]))


def behind(line: str, key_end: int) -> Span | None:
    """The value of the key that ends at `key_end`; None where there is none, or one that gives nothing away."""
    found = _SEPARATOR.search(line, key_end)
    return None if found is None else _value(line, found.end())


def dangles(line: str) -> bool:
    """True for a line that ends with the name of a credential, whose value then stands below."""
    if _DANGLING.search(line) is not None:
        return True
    found = _DANGLING_KEY.search(line)
    return found is not None and is_telling(found["name"])


def _value(line: str, start: int, *, counted: bool = False) -> Span | None:
    """The value that begins at `start`: a quoted text, or the rest of the line."""
    end = len(line.rstrip())
    if start >= end or _HARMLESS.match(line, start) or (counted and _NUMBER.match(line, start)):
        return None
    quoted = _QUOTED.match(line, start)
    return start, quoted.end() if quoted else end
