"""What others say, freed from the secrets that we know: in whatever encoding, cut short, or as a hash.

What is masked here is shown to people and kept in logs of CI, so that too much is better than too little. Two bounds keep texts readable:
values of fewer than 4 characters are masked only where they stand alone, and a part of a secret only where it is long or shown as a part.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Final, NamedTuple

from reconciler.core.encodings import (
    LARGEST_WORK,
    MOST_ESCAPES,
    Span,
    TooMuchWorkError,
    View,
    letters,
    unescaped,
    views,
)
from reconciler.core.secret import Secret

MASK: Final = "***"
UNCHECKED: Final = f"{MASK} (too long to be searched for secrets, so not shown)"
LONGEST: Final = 256 * 1024  # characters that are looked at
MARGIN: Final = 64 * 1024  # characters at the end of a cut text that are not shown: a secret may be cut there
WINDOW: Final = 64 * 1024  # characters of which an excerpt is made
SHORT: Final = 4  # characters: a shorter value is masked where it stands alone, since it is in every other word
ANY_CASE: Final = 6  # characters: so long a value is found in any case, and with anything between its letters
PARTIAL: Final = 8  # characters of a part that is masked at the least
SURE: Final = 32  # characters of a part that is masked whatever the length of the whole

_CUT: Final = re.compile(
    r"(?:\*{2,}|•+|\.{2,}|…|x{3,}|#{2,}|_{3,}|-{3,}|\[\.{3}\]|\W?(?:redacted|truncated|hidden|snip)\W?)+"
)
_CUE: Final = re.compile(
    r"\b(?:end(?:s|ed|ing)?|last|suffix|tail|final|start(?:s|ed|ing)?|begin(?:s|ning)?|first|prefix)\b"
)
_CUE_DISTANCE: Final = 40
_LONGEST_PART: Final = 64  # characters of a cut part
_LONGEST_CUED: Final = 12
_WORD: Final = re.compile(r"[^\W_]{4,64}")
_HASHES: Final = ("md5", "sha1", "sha256", "sha512")


class _Needle(NamedTuple):
    """A text to look for. A part of it counts from `least` characters on; `exact` ones are looked for in their own case; `first` ones from their beginning."""

    text: str
    least: int
    exact: bool = False
    first: bool = False


class _Wanted:
    """All that is looked for, of some secrets."""

    def __init__(self, secrets: Iterable[Secret], addresses: Iterable[str]) -> None:
        wholes: set[str] = set(addresses) - {""}
        values: set[str] = set()
        for secret in secrets:
            text = secret.reveal()
            wholes.update({text, text.strip()} - {""})
            values.update(_credentials(text.strip()))
        self.tiny = sorted(value for value in values | wholes if len(value) < SHORT)
        self.values = sorted(value for value in values if len(value) >= SHORT)
        self.needles = sorted(set(_needles(self.values, wholes)), key=lambda one: (-len(one.text), one))
        self.spaced = sorted(set(_spaced(self.values)), key=lambda one: (-len(one.text), one))
        shortest = min((len(value.encode("utf-8", "replace")) for value in wholes | values), default=0)
        self.shortest = min(shortest, PARTIAL)

    def __bool__(self) -> bool:
        return bool(self.needles or self.tiny)


class Redactor:
    """Replaces secrets in texts that others wrote.

    Of `addresses` (a URL, a host) no part counts: what is masked of them is the whole.
    """

    def __init__(self, secrets: Iterable[Secret], addresses: Iterable[str] = ()) -> None:
        self._secrets = tuple(secrets)
        self._addresses = tuple(addresses)

    @cached_property
    def _wanted(self) -> _Wanted:
        """Found out once a text is there: most replies are shown to nobody."""
        return _Wanted(self._secrets, self._addresses)

    def __call__(self, text: str) -> str:
        """The text with `***` for each secret. Of more than LONGEST characters only the beginning is left."""
        if not self._wanted:
            return text
        if len(text) <= LONGEST:
            return self._masked(text, len(text))
        shown = LONGEST - MARGIN
        return f"{self._masked(text[:LONGEST], shown)}… ({len(text) - shown:,} more characters are not shown)"

    def data(self, value: Any) -> Any:
        """Plain data with each of its texts masked, names included."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, Mapping):
            return {self(str(name)): self.data(item) for name, item in value.items()}
        return [self.data(item) for item in value] if isinstance(value, list | tuple) else value

    def excerpt(self, text: str, most: int) -> str:
        """One line of at most `most` characters. What is cut off was searched before: no part of a secret is left at the end."""
        text = self._masked(text[:WINDOW], len(text) if len(text) <= WINDOW else WINDOW // 2)
        # once more: what was broken up by control characters is found after these were taken out
        line = self(" ".join("".join(char if char.isprintable() else " " for char in text).split()))
        return line if len(line) <= most else f"{line[: most - 1]}…"

    def _masked(self, text: str, shown: int) -> str:
        """The first `shown` characters of a text, masked."""
        try:
            spans = self.spans(text)
        except TooMuchWorkError:
            return UNCHECKED
        parts: list[str] = []
        last = 0
        for start, stop in spans:
            if start >= shown:
                break
            parts.extend((text[last:start], MASK))
            last = stop
        parts.append(text[last : max(last, shown)])
        return "".join(parts)

    def spans(self, text: str, most: int = LARGEST_WORK) -> list[Span]:
        """Where secrets stand, in order and apart. Raises TooMuchWorkError where finding out takes too long."""
        if not self._wanted:
            return []
        found: set[Span] = set()
        for view in views(text, self._wanted.shortest, most):
            found.update(view.origin(*span) for span in self._in(view))
            spaced = letters(view)
            found.update(spaced.origin(*span) for span in _search(_fold(spaced.text), spaced.text, self._wanted.spaced))
        return _joined(found)

    def _in(self, view: View) -> Iterator[Span]:
        folded = _fold(view.text)
        yield from _search(folded, view.text, self._wanted.needles)
        if view.clear:
            yield from (span for value in self._wanted.tiny for span in _alone(view.text, value))
            yield from _cut_parts(folded, self._wanted.values)
            yield from _lone_parts(folded, self._wanted.values)


def _credentials(text: str) -> Iterator[str]:
    """What is secret in the value of a header: all of it, or what stands behind its scheme, or the parts of the pair in that."""
    scheme, _, credential = text.partition(" ")
    if not credential or not scheme.isalpha():
        yield from {text} - {""}
        return
    yield credential.strip()
    if scheme.lower() == "basic":
        try:
            pair = base64.b64decode(credential, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return
        yield from {pair, pair.partition(":")[2]} - {""}
    elif len(scheme) > len("Bearer"):  # a text of several words, then, and no scheme
        yield text


def _needles(values: Iterable[str], wholes: Iterable[str]) -> Iterator[_Needle]:
    for value in values:
        least = _least(len(value))
        for form in _variants(value):
            exact = len(form) < ANY_CASE
            cases = {value, value.lower(), value.upper()} if exact else {_fold(form)}
            yield from (_Needle(case, min(least, len(case)), exact) for case in cases)
        yield from _hashes(value)
    for whole in wholes:
        if len(whole) >= SHORT:
            for form in _variants(whole):
                text = form if len(form) < ANY_CASE else _fold(form)
                yield _Needle(text, len(text), len(form) < ANY_CASE)


def _variants(value: str) -> set[str]:
    """A value as it may be written without any escape: in other cases, with `+` for a space, and as it is after escapes in itself were undone."""
    plain = {value, value.upper(), value.lower(), value.swapcase(), value.replace(" ", "+")}
    plain |= {" ".join(value.split()), value.replace("\r\n", "\n"), value.replace("\n", "\r\n")}
    forms = {form for one in plain for form in (one, one.encode("utf-8", "replace").decode("latin-1"))}
    view: View | None = View(value)
    for _ in range(MOST_ESCAPES):
        view = unescaped(view) if view is not None else None
        forms |= {view.text} if view is not None else set()
    return {form for form in forms if len(form) >= SHORT}


def _spaced(values: Iterable[str]) -> Iterator[_Needle]:
    for value in values:
        for form in _variants(value):
            text = _fold(letters(View(form)).text)
            if len(text) >= ANY_CASE:
                yield _Needle(text, _least(len(text)))


def _least(length: int) -> int:
    return min(length, max(PARTIAL, min(SURE, -(-length // 2))))


def _hashes(value: str) -> Iterator[_Needle]:
    data = value.encode("utf-8", "replace")
    for name in _HASHES:
        digest = hashlib.new(name, data, usedforsecurity=False)
        yield _Needle(digest.hexdigest(), PARTIAL, first=True)
        yield _Needle(_fold(digest.digest().decode("latin-1")), PARTIAL, first=True)  # in base64


def _search(folded: str, text: str, needles: Iterable[_Needle]) -> Iterator[Span]:
    """Each part of a needle that counts. Every part of `least` characters holds one of the blocks that are looked for."""
    for needle in needles:
        where = text if needle.exact else folded
        size = needle.least if needle.first or needle.least == len(needle.text) else (needle.least + 1) // 2
        last = 1 if needle.first else len(needle.text) - size + 1
        for block in range(0, last, size):
            yield from _extended(where, needle, block, size)


def _extended(where: str, needle: _Needle, block: int, size: int) -> Iterator[Span]:
    """The parts of a needle around each place where one of its blocks stands."""
    word, place = needle.text[block : block + size], 0
    while (place := where.find(word, place)) >= 0:
        start, stop, low, high = place, place + size, block, block + size
        while low > 0 and start > 0 and where[start - 1] == needle.text[low - 1]:
            start, low = start - 1, low - 1
        while high < len(needle.text) and stop < len(where) and where[stop] == needle.text[high]:
            stop, high = stop + 1, high + 1
        if stop - start >= needle.least:
            yield start, stop
        place = max(place + 1, stop if stop - start >= needle.least else 0)


def _alone(text: str, value: str) -> Iterator[Span]:
    """A short value where no letter or digit is beside it."""
    edges = rf"(?<![^\W_]){re.escape(value)}(?![^\W_])"
    return (found.span() for found in re.finditer(edges, text))


def _cut_parts(folded: str, values: Iterable[str]) -> Iterator[Span]:
    """What stands on either side of an ellipsis, and is the beginning or the end of a secret."""
    cuts = [found.span() for found in _CUT.finditer(folded)]
    for value in map(_fold, values) if cuts else ():
        for start, stop in cuts:
            before = next(
                (n for n in range(min(len(value), _LONGEST_PART), 2, -1) if folded.endswith(value[:n], 0, start)), 0
            )
            after = next(
                (n for n in range(min(len(value), _LONGEST_PART), 1, -1) if folded.startswith(value[-n:], stop)), 0
            )
            if before or after:
                yield start - before, stop + after


def _lone_parts(folded: str, values: Iterable[str]) -> Iterator[Span]:
    """The end or the beginning of a secret where it is said to be that, and a word that is its end and looks like no word."""
    long = [_fold(value) for value in values if len(value) >= PARTIAL]
    for cue in _CUE.finditer(folded) if long else ():
        low, high = cue.end(), cue.end() + _CUE_DISTANCE
        for value in long:
            for part in (
                *(value[-n:] for n in range(_LONGEST_CUED, 2, -1)),
                *(value[:n] for n in range(_LONGEST_CUED, 2, -1)),
            ):
                place = folded.find(part, low, high)
                if place >= 0 and _stands_alone(folded, place, place + len(part)):
                    yield place, place + len(part)
    for found in _WORD.finditer(folded) if long else ():
        word = found[0]
        if any(char.isdigit() for char in word) and any(value.endswith(word) for value in long):
            yield found.span()


def _stands_alone(text: str, start: int, stop: int) -> bool:
    return not text[max(start - 1, 0) : start].isalnum() and not text[stop : stop + 1].isalnum()


def _fold(text: str) -> str:
    """The text in small letters, each in its place: what has no small letter of one character stays."""
    small = text.lower()
    if len(small) == len(text):
        return small
    return "".join(char.lower() if len(char.lower()) == 1 else char for char in text)


def _joined(spans: Iterable[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, stop in sorted(spans):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(stop, joined[-1][1]))
        elif stop > start:
            joined.append((start, stop))
    return joined
