"""The timeline of an apply, laid out: when each change began and how long it took. Pure.

Of a long run the slowest changes have a bar of their own, and how many ended when is drawn beside them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from reconciler.applier.report import Outcome
from reconciler.render.escape import printable
from reconciler.render.html.page import link
from reconciler.render.width import ELLIPSIS

MOST_BARS: Final = 60
SLOWEST: Final = 30  # drawn of a run that has more
WIDTH: Final = 1040  # of the drawing, in its units
_NAMES: Final = 300  # of that, for the names
_CHARACTERS: Final = 40  # of a name
_ROW: Final = 24
_LEAST: Final = 3  # of a bar
_SLICES: Final = 80
_HEIGHT: Final = 60  # of the highest slice
_STEPS: Final = (1, 2, 5)  # and their tenfold: of the axis
_MOST_TICKS: Final = 6


class Bar(NamedTuple):
    """One change, from `x` on."""

    y: int
    x: int
    width: int
    tone: str
    name: str
    title: str
    href: str


class Slice(NamedTuple):
    """The changes that ended in one span of time: the heights of those that went well, and of the others."""

    x: int
    width: int
    good: int
    bad: int


class Tick(NamedTuple):
    """A mark on the axis."""

    x: int
    label: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Timeline:
    """A drawing. `most` is the number of changes that the highest slice stands for, `slice` how long one is, in words."""

    bars: tuple[Bar, ...]
    slices: tuple[Slice, ...]
    ticks: tuple[Tick, ...]
    size: int
    most: int
    span: str
    slice: str
    height: int
    width: int = WIDTH


def timeline(outcomes: Sequence[Outcome]) -> Timeline | None:
    """The timeline of what was begun, or None where nothing was."""
    begun = [outcome for outcome in outcomes if outcome.duration > 0]
    if not begun:
        return None
    end = max(outcome.started + outcome.duration for outcome in begun)
    many = len(begun) > MOST_BARS
    drawn = sorted(begun, key=lambda one: (-one.duration, one.address))[: SLOWEST if many else MOST_BARS]
    drawn.sort(key=lambda one: (one.started, one.address))
    slices, most = _slices(begun, end) if many else ((), 0)
    return Timeline(
        bars=tuple(_bar(outcome, row, end) for row, outcome in enumerate(drawn)),
        slices=slices,
        ticks=tuple(_ticks(end)),
        size=len(begun),
        most=most,
        span=seconds(end),
        slice=seconds(end / _SLICES),
        height=len(drawn) * _ROW + 26,
    )


def seconds(span: float) -> str:
    """A span of time in few words."""
    if span < 1:
        return f"{span * 1000:.0f} ms"
    return f"{span:.3g} s" if span < 60 else f"{span / 60:.0f} min {span % 60:.0f} s"


def _place(moment: float, end: float) -> int:
    return _NAMES + round((WIDTH - _NAMES) * moment / end)


def _bar(outcome: Outcome, row: int, end: float) -> Bar:
    name = str(outcome.address)
    shown = printable(name)
    start = _place(outcome.started, end)
    return Bar(
        y=row * _ROW,
        x=min(start, WIDTH - _LEAST),
        width=max(_LEAST, _place(outcome.started + outcome.duration, end) - start),
        tone=outcome.action if outcome.status == "ok" else outcome.status,
        name=shown if len(shown) <= _CHARACTERS else ELLIPSIS + shown[1 - _CHARACTERS :],
        title=f"{name}: {outcome.action}, {seconds(outcome.duration)} from {seconds(outcome.started)} on",
        href=link(name),
    )


def _ticks(end: float) -> Iterator[Tick]:
    """Marks at round numbers, from the beginning on."""
    scale = 10.0 ** math.floor(math.log10(end / _MOST_TICKS))
    step = next(number * scale for number in (*_STEPS, 10) if end / (number * scale) <= _MOST_TICKS)
    for place in range(int(end / step) + 1):
        x = _place(place * step, end)
        yield Tick(
            x, seconds(place * step) if place else "0", "start" if not place else "end" if x > WIDTH - 20 else "middle"
        )


def _slices(begun: Sequence[Outcome], end: float) -> tuple[tuple[Slice, ...], int]:
    """The slices that are not empty, and the size of the largest."""
    good, bad = [0] * _SLICES, [0] * _SLICES
    for outcome in begun:
        place = min(_SLICES - 1, int(_SLICES * (outcome.started + outcome.duration) / end))
        (good if outcome.status == "ok" else bad)[place] += 1
    most = max(map(sum, zip(good, bad, strict=True)))
    width = (WIDTH - _NAMES) // _SLICES
    found = (
        Slice(
            _NAMES + place * (WIDTH - _NAMES) // _SLICES,
            width - 1,
            _height(good[place], most),
            _height(bad[place], most),
        )
        for place in range(_SLICES)
    )
    return tuple(one for one in found if one.good or one.bad), most


def _height(number: int, most: int) -> int:
    return max(1, round(_HEIGHT * number / most)) if number else 0
