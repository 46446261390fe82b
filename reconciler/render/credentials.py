"""Spans on a line of text that look like credentials: values behind a telling name, and forms that give themselves away.

Quantifiers are bounded throughout: a line is a stranger's, and no line may take quadratic time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Final

from reconciler.core.secret_names import SECRET_FORMS, is_secret_field

Span = tuple[int, int]  # code points of a line, from 0, the end exclusive

# Parts of names, in small letters and without separators. A name that is one slip away from one of them counts as well:
# a secret whose name was mistyped is still a secret.
_STEMS: Final = (
    "apikey", "accesskey", "privatekey", "secretkey", "signingkey", "encryptionkey", "fingerprintkey", "token", "secret",
    "password", "passwd", "passphrase", "authorization", "cookie", "credential",
)  # fmt: skip
_WORDS: Final = frozenset(
    ("auth", "bearer", "cred", "creds", "dsn", "jwt", "otp", "pass", "passcode", "pat", "pin", "pw", "pwd", "sas")
)
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

_STEM: Final = (
    r"(?:(?:api|access|private|secret|signing|encryption|fingerprint)[_-]?key|token(?!i[sz])|secret|passw(?:or)?d"
    r"|passphrase|authorization|cookie|credential)"
    r"""(?P<rest>[\w.-]{0,64})["']?\s{0,64}"""
)
_NAMED: Final = re.compile(_STEM + r"[:=]\s*", re.IGNORECASE)
_DANGLING: Final = re.compile(_STEM + r"[:=]?$", re.IGNORECASE)
_KEY: Final = re.compile(r"""(?<![\w.-])(?P<name>[\w.-]{1,100})["']?\s{0,64}[:=]\s*""")
_DANGLING_KEY: Final = re.compile(_KEY.pattern + "$")
_SEPARATOR: Final = re.compile(r"[:=]\s*")
_NUMBER: Final = re.compile(r"-?\d{1,9}(?:\.\d+)?\s*(?=$|[,}\]#])")
_REFERENCE: Final = r"(?:(?:env|var):(?:[A-Z_][A-Z0-9_]*|[a-z_]+)|file:(?:(?!:-)[^{}])+)\}"  # behind its `${`
_HARMLESS: Final = re.compile(rf"""(?:(["']?)\$\{{{_REFERENCE}\1|null|true|false|~)(?=\s*(?:$|[,}}\]]|\s#))""")
_BROKEN_REFERENCE: Final = re.compile(rf"""\$\{{(?!{_REFERENCE})(?P<inside>[^"']+)""")
_QUOTED: Final = re.compile(r""""(?:\\.|[^"\\])*"|'(?:''|[^'])*'""")
_IN_QUERY: Final = re.compile(
    r"""[?&;](?P<name>[^=&#;?\s]{1,100})=(?P<value>[^&#;\s"']{1,2000})"""
)  # any: who reads a log needs none
_FORMS: Final = re.compile(
    # user:password@host, with a scheme before it or without; then a user alone, who may be a token
    r"""(?:(?<=://)|(?<![\w.-]))[^\s/@:"'{}\[\],]{0,256}:[^\s"']{1,256}(?=@)|(?<=://)[^\s/@:]{1,256}(?=@)"""
    r"|\b(?:bearer|basic)\s{1,8}(?!\$\{)[\w.~+/=-]{6,}"
    r"|\b(?:sk|pk|rk|ghp|gho|ghs|glpat|xox[abps]|hf)[-_](?=[\w-]{0,64}\d)[\w-]{16,}",
    re.IGNORECASE,
)


def spans(line: str) -> Iterator[Span]:
    """All that looks like a credential on a line; in no order, and some of it twice."""
    yield from named(line)
    yield from (found.span() for found in _FORMS.finditer(line))
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


@lru_cache(maxsize=4096)
def is_telling(name: str) -> bool:
    """True where the value of a key of this name may be a credential; where in doubt, it is."""
    if is_secret_field(name):
        return True
    words = [word.lower() for word in _WORD.findall(name)]
    joined = "".join(words)
    if _WORDS.intersection(words) or ("key" in words and len(words) > 1):
        return True
    if any(stem in joined.replace("tokeni", "") for stem in _STEMS):
        return True
    return any(_is_near(part) for part in (*words, *(one + two for one, two in pairwise(words))))


def _value(line: str, start: int, *, counted: bool = False) -> Span | None:
    """The value that begins at `start`: a quoted text, or the rest of the line."""
    end = len(line.rstrip())
    if start >= end or _HARMLESS.match(line, start) or (counted and _NUMBER.match(line, start)):
        return None
    quoted = _QUOTED.match(line, start)
    return start, quoted.end() if quoted else end


def _shorter(word: str) -> Iterator[str]:
    return (word[:place] + word[place + 1 :] for place in range(len(word)))


_NEAR: Final = frozenset((*_STEMS, *(shorter for stem in _STEMS for shorter in _shorter(stem))))


def _is_near(word: str) -> bool:
    """True where one letter more, less, wrong or swapped makes a stem of `word`."""
    return 4 <= len(word) <= 16 and (word in _NEAR or any(shorter in _NEAR for shorter in _shorter(word)))
