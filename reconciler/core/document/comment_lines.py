"""Comments of a YAML text: each, and each blank line, attached to a member, an item, a map or a list.

Works on composed nodes (`value`, `start_mark`, `end_mark`), and leaves them as they are.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final, NamedTuple

Owner = tuple[int, int]  # the id of a map's or list's node, and the number of its member or item
_Chain = tuple[tuple[int, int], ...]
Span = tuple[
    int, int, bool
]  # from where to where a scalar goes, and whether it is a block, which begins on the next line

_COMMENT: Final = re.compile(r"(?:^|(?<=[ \t]))#[^\n]*|^[ \t]*$", re.MULTILINE)  # or a blank line


@dataclass(frozen=True, slots=True)
class Comments:
    """Comments from their `#` on; a blank line is "". `below` is what follows the last member of a map or item of a
    list, by the id of its node. `gaps` are the spaces before the comments of `beside`."""

    above: dict[Owner, list[str]] = field(default_factory=dict)
    beside: dict[Owner, str] = field(default_factory=dict)
    below: dict[int, list[str]] = field(default_factory=dict)
    gaps: dict[Owner, int] = field(default_factory=dict)


class Entry(NamedTuple):
    """A member or an item: where it begins, from 0, and the ids and columns of the maps and lists that contain it."""

    line: int
    column: int
    owner: Owner
    chain: _Chain
    is_head: bool  # of an item whose map or list begins behind its dash: nothing can be written there


class _Line(NamedTuple):
    number: int
    column: int
    text: str
    alone: bool
    gap: int


def is_flow(node: Any) -> bool:
    """True for a map or list that is written in brackets, on one line: nothing in it can have a comment."""
    return bool(node.flow_style) and node.start_mark.line == node.end_mark.line


def comments_of(text: str, root: Any, aliases: Sequence[Any]) -> Comments:
    """Attach the comments of `text`, whose lines end with `\\n` and whose composed node is `root`.

    `aliases` are the marks of aliases, in the order of the text: a composed node knows only the mark of its anchor.
    """
    found = Comments()
    survey = Survey(root, aliases)
    entries: list[Entry | None] = [None, *survey.entries, None]
    starts = [entry.line for entry in survey.entries]
    for following, lines in groupby(_lines(text, sorted(survey.spans)), lambda line: bisect_right(starts, line.number)):
        _attach(lines, entries[following], entries[following + 1], found)
    return found


def comment_texts(text: str, spans: Iterable[Span]) -> list[str]:
    """Every comment of a text whose scalars have these spans, from its `#` on."""
    return [line.text for line in _lines(text, sorted(spans)) if line.text]


class Survey:
    """The spans of scalars, which hold no comments, and all members and items that may have some, in the order of the text."""

    def __init__(self, root: Any, aliases: Sequence[Any]) -> None:
        self.spans: list[Span] = []
        self.entries: list[Entry] = []
        self._aliases = iter(aliases)
        self._seen: set[int] = set()
        self._visit(root, ())

    def _visit(self, node: Any, chain: _Chain) -> None:
        self._seen.add(id(node))
        if not isinstance(node.value, list):
            self.spans.append((node.start_mark.index, node.end_mark.index, node.style in ("|", ">")))
            return
        below = (*chain, (id(node), node.start_mark.column))
        for number, part in enumerate(node.value):
            is_item = not isinstance(part, tuple)
            parts = (part,) if is_item else part
            for place, inner in enumerate(parts):
                is_alias = id(inner) in self._seen
                start = next(self._aliases) if is_alias else inner.start_mark
                if place == 0 and not is_flow(node):
                    column = node.start_mark.column if is_item else start.column
                    is_head = is_item and not is_alias and isinstance(inner.value, list) and not is_flow(inner)
                    self.entries.append(Entry(start.line, column, (id(node), number), below, is_head))
                if not is_alias:
                    self._visit(inner, below)


def _lines(text: str, spans: list[Span]) -> Iterator[_Line]:
    """The comments and blank lines outside of scalars."""
    spans = [(text.find("\n", start) if block else start, end, block) for start, end, block in spans]
    starts = [start for start, *_ in spans]
    place, number, counted = 0, 0, 0
    while place <= len(text) and (match := _COMMENT.search(text, place)):
        start = match.start()
        inside = bisect_right(starts, start) - 1
        if inside >= 0 and spans[inside][0] <= start < spans[inside][1]:
            place = max(spans[inside][1], start + 1)  # a comment may begin on the line on which the scalar ends
            continue
        number += text.count("\n", counted, start)
        counted = start
        begin = text.rfind("\n", 0, start) + 1
        before = text[begin:start].rstrip(" \t")
        column = start - begin
        yield _Line(number, column, match[0].strip(), not before, column - len(before))
        place = max(match.end(), start + 1)


def _attach(lines: Iterable[_Line], before: Entry | None, after: Entry | None, found: Comments) -> None:
    """The comments on the line of the entry `before`, and between it and the next, `after`."""
    waiting: list[str] = []  # blank lines go where what follows them goes
    for line in lines:
        if not line.text:
            waiting.append("")
        elif not line.alone and before and not before.is_head and before.owner not in found.beside:
            found.beside[before.owner] = line.text
            found.gaps[before.owner] = line.gap
        else:
            _target(line, before, after, found).extend([*waiting, line.text])
            waiting.clear()
    if after:
        found.above.setdefault(after.owner, []).extend(waiting)


def _target(line: _Line, before: Entry | None, after: Entry | None, found: Comments) -> list[str]:
    """The list that a comment on a line of its own goes to: that of what follows.

    If it is deeper than that, to the map or list that ends before it.
    """
    ended = [
        (node, column)
        for node, column in (before.chain if before else ())
        if column <= line.column and (after is None or (node, column) not in after.chain)
    ]
    if ended and (after is None or line.column > after.column):
        return found.below.setdefault(ended[-1][0], [])
    if after is not None:
        return found.above.setdefault(after.owner, [])
    return found.below.setdefault(before.chain[0][0] if before else 0, [])
