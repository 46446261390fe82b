"""The two sides of a field, line by line, with the words marked that differ; and the fields of a new object as a listing.

What is long is shortened with a note of how much is missing. No input makes the comparison slow: what is too long to
compare word by word is marked as a whole.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, Final, NamedTuple

from reconciler.core import pointer
from reconciler.core.pointer import MISSING
from reconciler.planner.plan import FieldChange
from reconciler.render.terminal import count
from reconciler.render.width import ELLIPSIS

SECRET: Final = "(secret)"  # noqa: S105 -- a word in place of one
_AROUND: Final = 60  # characters kept at both ends of a long text that both sides share
_CONTEXT: Final = 2  # equal lines kept around those that differ
_COMPARED: Final = 40_000  # pairs of lines or words that are compared
_WORDS: Final = re.compile(r"\w+(?:\.\d+)*|\s+|[^\w\s]")  # 3.1 is one


class Bounds(NamedTuple):
    """How much is shown of one field, or of one object: `lines`, and `characters` of one line; and whether what is equal is."""

    lines: int
    characters: int
    equal: bool = False


SHORT: Final = Bounds(200, 2_000)
FULL: Final = Bounds(sys.maxsize, sys.maxsize, equal=True)


class Segment(NamedTuple):
    """A part of a line. What is `marked` is on this side alone."""

    text: str
    marked: bool = False


class Line(NamedTuple):
    """One line of both sides; a side without it is None. `note` stands for lines that are not shown."""

    old: tuple[Segment, ...] | None = None
    new: tuple[Segment, ...] | None = None
    note: str = ""

    @property
    def differs(self) -> bool:
        """True where one side has something that the other has not."""
        return self.old != self.new or any(part.marked for part in self.old or ())


class Sides(NamedTuple):
    """A changed field. `forces` is true where its change makes an update a replacement."""

    path: str
    lines: tuple[Line, ...]
    sensitive: bool = False
    forces: bool = False


def sides(field: FieldChange, bounds: Bounds, forcing: Sequence[str] = ()) -> Sides:
    """The two sides of a field. `forcing` are the pointers that force a replacement."""
    path = field.path or "(all of it)"
    if field.sensitive:
        return Sides(path, (), sensitive=True, forces=field.path in forcing)
    before = None if field.before is MISSING else _texts(field.before)
    after = None if field.after is MISSING else _texts(field.after)
    found = list(_side_by_side(before, after, bounds))
    shown = found[: bounds.lines]
    if len(found) > len(shown):
        shown.append(Line(note=f"{ELLIPSIS} {count(len(found) - len(shown), 'more line')}"))
    return Sides(path, tuple(shown), forces=field.path in forcing)


def listing(fields: Iterable[FieldChange], bounds: Bounds) -> list[str]:
    """The fields of an object that is there on one side only, as the lines of an indented text."""
    whole = {_name(field.path): _one_side(field) for field in fields}
    found = [line for name, value in whole.items() for line in _entry(f"{name}:", value, "", bounds)]
    rest = len(found) - bounds.lines
    return [*found[: bounds.lines], *([f"{ELLIPSIS} {count(rest, 'more line')}"] if rest > 0 else [])]


class _Word(NamedTuple):
    """A word in place of a value, which has no quotes."""

    text: str


def _one_side(field: FieldChange) -> Any:
    if field.sensitive:
        return _Word(SECRET)
    value = field.after if field.before is MISSING else field.before
    return _Word("(absent)") if value is MISSING else value


def _name(path: str) -> str:
    parts = pointer.split(path) if path.startswith("/") else [path or "(all of it)"]
    return parts[0] if len(parts) == 1 else path


def _entry(start: str, value: Any, indent: str, bounds: Bounds) -> Iterator[str]:
    """The lines of one member or item, which begins with `start`."""
    deeper = indent + "  "
    if isinstance(value, Mapping) and value:
        yield indent + start
        for name, inner in value.items():
            yield from _entry(f"{name}:", inner, deeper, bounds)
    elif isinstance(value, list) and value:
        yield indent + start
        for inner in value:
            yield from _entry("-", inner, deeper, bounds)
    elif isinstance(value, str) and "\n" in value:
        yield f"{indent}{start} |"
        yield from (deeper + _cut(line, bounds) for line in value.split("\n"))
    else:
        yield f"{indent}{start} {value.text if isinstance(value, _Word) else _cut(_scalar(value), bounds)}"


def _scalar(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=dict)


def _cut(text: str, bounds: Bounds) -> str:
    rest = len(text) - bounds.characters
    return text if rest <= 0 else f"{text[: bounds.characters]}{ELLIPSIS} {count(rest, 'more character')}"


def _texts(value: Any) -> list[str]:
    """A value as lines: a text of several lines is itself, all else is JSON."""
    if isinstance(value, str) and "\n" in value:
        return value.split("\n")
    if isinstance(value, (Mapping, list)) and value:
        return json.dumps(value, ensure_ascii=False, default=dict, indent=2).split("\n")
    return [_scalar(value)]


def _side_by_side(before: list[str] | None, after: list[str] | None, bounds: Bounds) -> Iterator[Line]:
    if before is None or after is None:
        yield from (Line(old=(Segment(_cut(text, bounds)),)) for text in before or ())
        yield from (Line(new=(Segment(_cut(text, bounds)),)) for text in after or ())
        return
    blocks = list(_blocks(before, after))
    for place, (same, old, new) in enumerate(blocks):
        if same:
            yield from _equal(old, bounds, first=place == 0, last=place == len(blocks) - 1)
            continue
        for number in range(max(len(old), len(new))):
            one = old[number] if number < len(old) else None
            other = new[number] if number < len(new) else None
            yield _pair(one, other, bounds)


def _equal(texts: Sequence[str], bounds: Bounds, *, first: bool, last: bool) -> Iterator[Line]:
    """Lines that both sides have: those near a difference, and how many lie between."""
    before, after = 0 if first else _CONTEXT, 0 if last else _CONTEXT
    hidden = len(texts) - before - after
    if hidden <= 1 or bounds.equal:
        before, after, hidden = len(texts), 0, 0
    for text in texts[:before]:
        yield Line((Segment(_cut(text, bounds)),), (Segment(_cut(text, bounds)),))
    if hidden:
        yield Line(note=f"{ELLIPSIS} {count(hidden, 'equal line')}")
    for text in texts[len(texts) - after :]:
        yield Line((Segment(_cut(text, bounds)),), (Segment(_cut(text, bounds)),))


def _pair(old: str | None, new: str | None, bounds: Bounds) -> Line:
    """Two lines of which one takes the place of the other."""
    if old is None or new is None:
        return Line(None if old is None else _marked(old, bounds), None if new is None else _marked(new, bounds))
    blocks = list(_blocks(_WORDS.findall(old), _WORDS.findall(new)))
    if not any(same and "".join(left).strip(" \t\"'") for same, left, _ in blocks):
        return Line(_marked(old, bounds), _marked(new, bounds))
    return Line(
        tuple(_segment("".join(left), same, bounds) for same, left, _ in blocks if left),
        tuple(_segment("".join(right), same, bounds) for same, _, right in blocks if right),
    )


def _marked(text: str, bounds: Bounds) -> tuple[Segment, ...]:
    """A line that is on one side alone. Its indentation says nothing new."""
    inner = text.lstrip()
    indent = text[: len(text) - len(inner)] if inner else ""
    return (*([Segment(indent)] if indent else []), Segment(_cut(inner or text, bounds), marked=True))


def _segment(text: str, same: bool, bounds: Bounds) -> Segment:
    if not same:
        return Segment(_cut(text, bounds), marked=True)
    if bounds.equal or len(text) <= 4 * _AROUND:
        return Segment(text)
    rest = count(len(text) - 2 * _AROUND, "equal character")
    return Segment(f"{text[:_AROUND]}{ELLIPSIS} {rest} {ELLIPSIS}{text[-_AROUND:]}")


def _blocks(left: Sequence[str], right: Sequence[str]) -> Iterator[tuple[bool, Sequence[str], Sequence[str]]]:
    """`(same, of the left, of the right)` from start to end: what both have at both ends, and the difference between."""
    most = min(len(left), len(right))
    start = next((place for place in range(most) if left[place] != right[place]), most)
    end = next((place for place in range(most - start) if left[-1 - place] != right[-1 - place]), most - start)
    if start:
        yield True, left[:start], right[:start]
    old, new = left[start : len(left) - end], right[start : len(right) - end]
    if not old or not new or len(old) * len(new) > _COMPARED:
        if old or new:
            yield False, old, new
    else:
        for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            yield tag == "equal", old[i:j], new[k:m]
    if end:
        yield True, left[len(left) - end :], right[len(right) - end :]
