"""Texts undone: what a text says once its escapes, base64, hexadecimal and the like are taken away, and which part of it says that.

A server that repeats a secret seldom repeats it as it is: it stands in a URL, in HTML, in JSON within JSON, in base64. Instead of guessing every
way to write a secret, the text is decoded in every way, and each decoded text is searched. The work is counted: the text is a stranger's.
"""

from __future__ import annotations

import base64
import html
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import cached_property
from itertools import accumulate
from typing import Final, NamedTuple

Span = tuple[int, int]  # characters of a text, from 0, the end exclusive

LARGEST_WORK: Final = 4 * 1024 * 1024  # characters of decoded texts, for one text
MOST_ESCAPES: Final = 8  # layers of escapes: JSON in JSON in HTML in a URL, twice
MOST_ENCODINGS: Final = 2  # layers of base64, hexadecimal and reversal

_HEX: Final = "[0-9a-fA-F]"
_ESCAPE: Final = re.compile(
    rf"\\u([dD][89abAB]{_HEX}{{2}})\\u([dD][c-fC-F]{_HEX}{{2}})"  # a pair of surrogates
    rf"|(?:\\u|%u)({_HEX}{{4}})|(?:\\x|%)({_HEX}{{2}})|\\u\{{({_HEX}{{1,6}})\}}|\\U({_HEX}{{8}})|&\#[xX]({_HEX}{{1,6}});?"
    r"|&\#([0-9]{1,7});?"
    r"|(&[A-Za-z][A-Za-z0-9]{1,30};)"
    r"|\\([0-3][0-7]{2})"
    r"|\\([\"'\\/bfnrt])"
    # bytes of UTF-8 that were taken for characters, as all bytes are here at first
    r"|([\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3})"
    # what is not seen: controls, soft hyphens, zero widths, marks that reorder, joiners, byte order marks
    r"|([\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]+)"
)
_SHORT: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_NO_LETTERS: Final = re.compile(r"[\W_]+")
_URL_ALPHABET: Final = str.maketrans("-_", "+/")
_HEX_RUN: Final = re.compile(rf"{_HEX}{{8,}}")
_HEX_PAIRS: Final = re.compile(rf"(?:0[xX])?{_HEX}{{2}}(?:[ :,.\n-]{{1,2}}(?:0[xX])?{_HEX}{{2}}){{3,}}")
_HEX_PAIR: Final = re.compile(rf"(?:0[xX])?({_HEX}{{2}})")
_DECIMALS: Final = re.compile(r"[0-9]{1,3}(?:[ ,;+\n]{1,2}[0-9]{1,3}){3,}")
_NUMBER: Final = re.compile(r"[0-9]+")


class TooMuchWorkError(Exception):
    """A text decodes to more than is looked at."""


class Part(NamedTuple):
    """Where a part of a decoded text begins, and what it comes from. One as long as its source is that letter by letter, any other as a whole."""

    start: int
    source: Span


Parts = Callable[[], list[Part]]


class View:
    """A decoded text. `parts` finds out where it comes from in `parent`, and is asked only where something was found.

    `parent` is None for the text itself. `clear` ones are made of no more than escapes.
    """

    clear: bool

    def __init__(self, text: str, parent: View | None = None, parts: Parts = list, *, clear: bool = True) -> None:
        self.text = text
        self.clear = clear and (parent is None or parent.clear)
        self._parent = parent
        self._find_parts = parts

    @cached_property
    def _parts(self) -> list[Part]:
        return self._find_parts()

    def origin(self, start: int, stop: int) -> Span:
        """Where in the first text a part of this one comes from."""
        view: View = self
        while view._parent is not None:
            low, high = view._edges(start)[0], view._edges(stop - 1)[1]
            start, stop = min(low, high), max(low, high)
            view = view._parent
        return start, stop

    def _edges(self, place: int) -> Span:
        """Where the character at `place` comes from."""
        index = bisect_right(self._parts, place, key=lambda part: part.start) - 1
        begin, (low, high) = self._parts[index]
        end = self._parts[index + 1].start if index + 1 < len(self._parts) else len(self.text)
        if end - begin == high - low:
            return low + place - begin, low + place - begin + 1
        return low, high


class Backward(View):
    """The text in reverse."""

    def __init__(self, parent: View) -> None:
        super().__init__(parent.text[::-1], parent, clear=False)

    def _edges(self, place: int) -> Span:
        # the other way round, so that the end of what is found is its beginning there
        return len(self.text) - place, len(self.text) - place - 1


def views(text: str, shortest: int, most: int = LARGEST_WORK) -> Iterator[View]:
    """The text, and all that it may be decoded to, each with the way back. `shortest` is the fewest bytes worth finding.

    Raises TooMuchWorkError once the texts have more than `most` characters together.
    """
    known: set[str] = set()
    layer, work = [View(text)], 0
    for encodings in range(
        MOST_ENCODINGS + 1
    ):  # first those of fewer encodings: what they decode to need not be decoded again
        below: list[View] = []
        for view in (found for start in layer for found in _escapes(start)):
            if view.text in known:
                continue
            known.add(view.text)
            work += len(view.text)
            if work > most:
                raise TooMuchWorkError
            yield view
            if encodings < MOST_ENCODINGS:
                below.extend(_decoded(view, shortest))
        layer = below


def _escapes(view: View) -> Iterator[View]:
    """The text, and then with each layer of escapes undone."""
    plain: View | None = view
    for _ in range(MOST_ESCAPES + 1):
        if plain is None or not plain.text:
            return
        yield plain
        plain = unescaped(plain)


def unescaped(view: View) -> View | None:
    """The text with one layer of escapes undone: of JSON, Python, URLs and HTML, and what is not seen left out. None where there is none."""
    text, count = _ESCAPE.subn(_meant, view.text)
    return View(text, view, lambda: _parts_between(view.text, _ESCAPE, _meant)) if count else None


def letters(view: View) -> View:
    """The letters and digits alone: what a secret is whose parts were separated, quoted or wrapped."""
    return View(_NO_LETTERS.sub("", view.text), view, lambda: _parts_between(view.text, _NO_LETTERS, lambda found: ""))


def _parts_between(text: str, token: re.Pattern[str], meant: Callable[[re.Match[str]], str]) -> list[Part]:
    """The parts of a text in which each token is replaced by what it means."""
    parts: list[Part] = []
    length = last = 0
    for found in token.finditer(text):
        start, stop = found.span()
        if start > last:
            parts.append(Part(length, (last, start)))
            length += start - last
        if new := meant(found):
            parts.append(Part(length, (start, stop)))
            length += len(new)
        last = stop
    if last < len(text):
        parts.append(Part(length, (last, len(text))))
    return parts


def _meant(found: re.Match[str]) -> str:
    """The character that an escape stands for."""
    high, low, four, byte, braced, eight, entity_code, decimal, entity, octal, short, bytes_, _unseen = found.groups()
    if high is not None:
        return chr(0x10000 + ((int(high, 16) & 0x3FF) << 10) + (int(low, 16) & 0x3FF))
    if short is not None:
        return _SHORT.get(short, short)
    if bytes_ is not None:
        return bytes_.encode("latin-1").decode("utf-8", "replace")
    if entity is not None:
        return html.unescape(entity)
    code = four or byte or braced or eight or entity_code
    number = int(code, 16) if code else int(decimal) if decimal else int(octal, 8) if octal else None
    return chr(number) if number is not None and number <= 0x10FFFF else ""


def _decoded(view: View, shortest: int) -> Iterator[View]:
    """The text in each other alphabet. Bytes become the characters of the same numbers."""
    run = re.compile(f"[A-Za-z0-9+/_-]{{{max(6, -(-shortest * 4 // 3))},}}")
    for offset in range(4):  # a run may begin anywhere in what is glued to it
        yield from _runs(view, run, lambda text, offset=offset: _base64(text[offset:]))  # type: ignore[misc]  # bound now
    for offset in range(2):
        yield from _runs(view, _HEX_RUN, lambda text, offset=offset: _hex(text[offset:]))  # type: ignore[misc]
    yield from _runs(view, _HEX_PAIRS, lambda text: _hex("".join(_HEX_PAIR.findall(text))))
    yield from _runs(view, _DECIMALS, lambda text: "".join(chr(int(one)) for one in _NUMBER.findall(text)))
    if not isinstance(view, Backward):
        yield Backward(view)


def _runs(view: View, run: re.Pattern[str], decode: Callable[[str], str]) -> Iterator[View]:
    """One view of all that reads as an encoding, if anything does: each run decoded, and what cannot be in a secret behind it."""
    found = [(match.span(), decode(match[0])) for match in run.finditer(view.text)]
    if found:
        # never as long as its run, of which it comes as a whole
        texts = [text + "\0" * (1 + (len(text) + 1 == high - low)) for (low, high), text in found]
        starts = accumulate((len(text) for text in texts[:-1]), initial=0)
        parts = [Part(start, span) for start, (span, _) in zip(starts, found, strict=True)]
        yield View("".join(texts), view, lambda: parts, clear=False)


def _base64(text: str) -> str:
    whole = text[: len(text) - 1] if len(text) % 4 == 1 else text
    padded = whole.translate(_URL_ALPHABET) + "=" * (-len(whole) % 4)
    return base64.b64decode(padded).decode("latin-1")


def _hex(text: str) -> str:
    return bytes.fromhex(text[: len(text) // 2 * 2]).decode("latin-1")
