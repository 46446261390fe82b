"""Find the line and column of any value in a document, by JSON pointer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from reconciler.core.document.values import Span
from reconciler.core.pointer import split


@dataclass(slots=True)
class Spot:
    """One value in its text. `members` holds, by key or index, the place of the key token and the value.

    `merged` holds the maps that a merge key brings in, the first of them winning. An aliased value is the spot of its
    anchor, so that spots form a graph, in an invalid document even a cycle.
    """

    place: Span
    members: dict[str, tuple[Span, Spot]] = field(default_factory=dict)
    merged: list[Spot] = field(default_factory=list)

    def member(self, name: str) -> tuple[Span, Spot] | None:
        """The member `name`: one's own before merged ones, the earlier merged before the later."""
        seen: set[int] = set()
        waiting = [self]
        while waiting:
            spot = waiting.pop()
            if id(spot) in seen:  # a merge bomb names the same map again and again
                continue
            seen.add(id(spot))
            if name in spot.members:
                return spot.members[name]
            waiting.extend(reversed(spot.merged))
        return None


_START: Final = Span(1, 1, 1, 1)


class Places:
    """The places of one file. Asked for something that is not there, it answers with the nearest that contains it."""

    def __init__(self, roots: Sequence[Spot]) -> None:
        self._roots = roots

    def key(self, index: int, pointer: str) -> Span:
        """The key token of the member at `pointer` in document `index`; of a list's item, the item."""
        found, key, value = self._find(index, pointer)
        return key if found else value

    def value(self, index: int, pointer: str) -> Span:
        """The value at `pointer` in document `index`."""
        return self._find(index, pointer)[2]

    def _find(self, index: int, pointer: str) -> tuple[bool, Span, Span]:
        """True if it is there; the place of its key; and the place of the last value on the way to it."""
        if not 0 <= index < len(self._roots):
            return False, _START, _START
        spot = self._roots[index]
        key = spot.place
        for part in split(pointer):
            member = spot.member(part)
            if member is None:
                return False, key, spot.place
            key, spot = member
        return True, key, spot.place
