"""Facets: what a reader can filter a report by. A row names the values it has by number, so that no value is in the script's way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

MOST_OPTIONS: Final = 200  # of one facet; what is rarer is found by its text

Values = Mapping[str, Sequence[str]]  # the values of one row, by facet


class Option(NamedTuple):
    """A value to filter by, its number in the page, and how many rows have it."""

    number: int
    value: str
    rows: int


class Facet(NamedTuple):
    """A property of rows, with all its values."""

    name: str
    options: tuple[Option, ...]


def facets(rows: Sequence[Values], names: Sequence[str]) -> tuple[tuple[Facet, ...], list[str]]:
    """The facets with more than one way to choose, and of each row the numbers of its values, with spaces between."""
    counts = {name: Counter(value for row in rows for value in row.get(name, ())) for name in names}
    numbers: dict[tuple[str, str], int] = {}
    found = []
    for name, counted in counts.items():
        if len(counted) < 2 and all(number == len(rows) for number in counted.values()):
            continue
        common = sorted(value for value, _ in counted.most_common(MOST_OPTIONS))
        for value in common:
            numbers[name, value] = len(numbers)
        found.append(Facet(name, tuple(Option(numbers[name, value], value, counted[value]) for value in common)))
    of_rows = [
        " ".join(
            str(number)
            for name in names
            for value in row.get(name, ())
            if (number := numbers.get((name, value))) is not None
        )
        for row in rows
    ]
    return tuple(found), of_rows
