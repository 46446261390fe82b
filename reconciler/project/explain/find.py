"""Find what a name means among everything that can be explained; suggest a name where it means nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from reconciler.core.errors import UsageError
from reconciler.core.schema.findings import did_you_mean
from reconciler.core.topic import Topic
from reconciler.project.explain.fields import Place, children, find
from reconciler.project.explain.kinds import CONFIG, Subjects
from reconciler.project.explain.words import SORTS, words
from reconciler.registry.protocol import Driver

_DEEPEST: Final = 8  # levels of fields that are searched
_MOST_LISTED: Final = 8


@dataclass(frozen=True)
class Explanations:
    """Everything that can be explained, with these drivers."""

    drivers: Mapping[str, Driver]

    @cached_property
    def subjects(self) -> Subjects:
        return Subjects(self.drivers)

    @cached_property
    def words(self) -> tuple[Topic, ...]:
        return tuple(words(self.drivers))

    def names(self) -> dict[str, tuple[str, ...]]:
        """What can be explained, by sort: kinds, the configuration, and every word. Fields are found through their kind."""
        found = {"kinds": self.subjects.kinds, "configuration": (CONFIG,)}
        return found | {
            title: tuple(topic.name for topic in self.words if topic.sort == sort) for title, sort in SORTS.items()
        }

    def explain(self, name: str) -> tuple[Topic, ...]:
        """The topics of a name, whatever the case of its letters. Raises UsageError for none, with a suggestion."""
        asked = name.strip()
        found = [topic for topic in self.words if topic.name.casefold() == asked.casefold()]
        found += [self.subjects.topic(*one) for one in self._places(asked)]
        if found:
            return tuple(found)
        fields = list(self._ending(asked))
        if len(fields) == 1:
            return (self.subjects.topic(*fields[0]),)
        if fields:
            return (self._meant(asked, fields),)
        raise UsageError(f"there is nothing called {asked!r} to explain", hint=self._suggestion(asked))

    def _meant(self, asked: str, fields: Sequence[tuple[str, Place]]) -> Topic:
        """The field of the portable model, where several are called so. Raises UsageError, with their names, where it has none."""
        portable = f"Model.{'.'.join(_parts(asked))}".casefold()
        meant = next((one for one in fields if _named(*one).casefold() == portable), None)
        others = [_named(*one) for one in fields if one != meant]
        shown = ", ".join(others[:_MOST_LISTED])
        more = f" and {len(others) - _MOST_LISTED:,} more" if len(others) > _MOST_LISTED else ""
        if meant is None:
            raise UsageError(f"{asked!r} names {len(fields)} fields: {shown}{more}", hint="give one of them")
        topic = self.subjects.topic(*meant)
        return replace(topic, notes=(*topic.notes, f"Other fields have this name, too: {shown}{more}."))

    def _places(self, asked: str) -> Iterator[tuple[str, Place]]:
        """The kind, or the field of a kind, that a name names; of several drivers where it leaves out the driver."""
        whole = {name: name for name in self.subjects.names}
        bare = {name: name.rpartition("/")[2] for name in self.subjects.natives}
        for called in (whole, bare):
            found = list(self._called(asked, called))
            yield from found
            if found:
                return

    def _called(self, asked: str, called: Mapping[str, str]) -> Iterator[tuple[str, Place]]:
        for subject, name in called.items():
            rest = asked[len(name) :]
            if asked.casefold().startswith(name.casefold()) and (not rest or rest[0] in ".:/ "):
                place = find(self.subjects.root(subject), _parts(rest))
                if place is not None:
                    yield subject, place

    def _ending(self, asked: str) -> Iterator[tuple[str, Place]]:
        """The fields, of any kind, whose path ends with these parts."""
        parts = [part.casefold() for part in _parts(asked)]
        for subject in self.subjects.names if parts else ():
            for place in _below(self.subjects.root(subject)):
                if [part.casefold() for part in place.path[-len(parts) :]] == parts:
                    yield subject, place

    def _suggestion(self, asked: str) -> str:
        """What was probably meant: a word, a kind, or a field of the kind that the name begins with."""
        known = [name for names in self.names().values() for name in names]
        known += self._fields_like(asked)
        return did_you_mean(asked, known, "`reconciler explain` lists what can be explained")

    def _fields_like(self, asked: str) -> Iterator[str]:
        subjects = [name for name in self.subjects.names if asked.casefold().startswith(name.casefold())]
        for subject in subjects or (["Model"] if "." in asked else []):
            for place in _below(self.subjects.root(subject)):
                yield _named(subject, place)


def _parts(path: str) -> Sequence[str]:
    """The parts of a field's path, written with dots, as a JSON pointer, or with brackets for the items of a list."""
    return [part for part in re.split(r"[.:/\s\[\]]+", path) if part]


def _below(place: Place) -> Iterator[Place]:
    if len(place.path) >= _DEEPEST:
        return
    for one in children(place):
        yield one
        yield from _below(one)


def _named(subject: str, place: Place) -> str:
    return f"{subject}{':' if subject == CONFIG else '.'}{place.name}"
