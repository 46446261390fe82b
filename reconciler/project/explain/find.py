"""Find what a name means among everything that can be explained; suggest a name where it means nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from reconciler.core.errors import UsageError
from reconciler.core.model import Model
from reconciler.core.rule_tree import rules_of
from reconciler.core.schema.findings import did_you_mean
from reconciler.core.topic import Topic
from reconciler.manifest.model_check import MODEL
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
        places = list(self._places(asked))
        if found or places:
            return tuple(self._beside_fields(asked, found, places))
        fields = list(self._ending(asked))
        if len(fields) == 1:
            return (self.subjects.topic(*fields[0]),)
        if fields:
            return (self._meant(asked, fields),)
        raise UsageError(f"there is nothing called {asked!r} to explain", hint=self._suggestion(asked))

    def _beside_fields(
        self, asked: str, words: Sequence[Topic], places: Sequence[tuple[str, Place]]
    ) -> Iterator[Topic]:
        """Words, then the portable model's field of that name, then what else is called so; the first one names the other fields."""
        if any(place.path or asked.casefold() == name.casefold() for name, place in places):  # which means just that
            yield from (*words, *(self.subjects.topic(*one) for one in places))
            return
        fields = list(self._called_so(asked))
        own = f"{MODEL}.{asked}".casefold()
        meant = [(MODEL, find(self.subjects.root(MODEL), _parts(asked))) for name in fields if name.casefold() == own]
        shown = [*((name, place) for name, place in meant if place is not None), *places]
        first, *others = [*words, *(self.subjects.topic(*one) for one in shown)]
        rest = [name for name in fields if name.casefold() != own]
        yield replace(first, notes=(*first.notes, f"Fields have this name, too: {_listed(rest)}.")) if rest else first
        yield from others

    def _called_so(self, asked: str) -> Iterator[str]:
        """The fields, of any kind, whose path ends with these parts; read off the field rules, which cost no schema."""
        parts = [part.casefold() for part in _parts(asked)]
        roots = [
            (MODEL, rules_of(Model)),
            *((name, rules_of(native.model)) for name, native in self.subjects.natives.items()),
        ]
        for name, root in roots if parts else ():
            for path, _ in root.walk():
                if [part.casefold() for part in path[-len(parts) :]] == parts:
                    yield f"{name}.{'.'.join(path)}"

    def _meant(self, asked: str, fields: Sequence[tuple[str, Place]]) -> Topic:
        """The field of the portable model, where several are called so. Raises UsageError, with their names, where it has none."""
        portable = f"Model.{'.'.join(_parts(asked))}".casefold()
        meant = next((one for one in fields if _named(*one).casefold() == portable), None)
        others = [_named(*one) for one in fields if one != meant]
        if meant is None:
            raise UsageError(f"{asked!r} names {len(fields)} fields: {_listed(others)}", hint="give one of them")
        topic = self.subjects.topic(*meant)
        return replace(topic, notes=(*topic.notes, f"Other fields have this name, too: {_listed(others)}."))

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


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_LISTED:,} more" if len(names) > _MOST_LISTED else ""
    return ", ".join(names[:_MOST_LISTED]) + more


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
