"""A policy as a value, and which objects it is about. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from reconciler.core.errors import Problem
from reconciler.core.resource import Source


class Names(NamedTuple):
    """The names that `match` may mean: of kinds, and of registries and environments in the whole configuration.

    `drivers` are those in use: of kinds of others nothing is known, and nothing said.
    """

    kinds: tuple[str, ...]
    drivers: tuple[str, ...]
    registries: tuple[str, ...]
    environments: tuple[str, ...]


class Subject(NamedTuple):
    """What the conditions of `match` look at.

    `declared` is the kind that the manifest names; `native` is `<driver>/<Kind>`. A `derived` object is one that no
    manifest names: the secret or the provider of a Model.
    """

    declared: str
    native: str
    derived: bool
    labels: Mapping[str, str]
    registry: str
    environment: str


@dataclass(frozen=True, slots=True)
class Policy:
    """One policy. Exactly one of `schema` and `cel` is set; None in a condition of `match` holds for everything."""

    name: str
    message: str
    severity: str
    source: Source
    index: int  # of the document in its file
    schema: Mapping[str, Any] | None = None
    cel: str | None = None
    kinds: tuple[str, ...] | None = None
    labels: Mapping[str, str] | None = None
    registries: tuple[str, ...] | None = None
    environments: tuple[str, ...] | None = None

    @property
    def place(self) -> str:
        return f"{self.source.file}:{self.source.line}"

    def matches(self, subject: Subject) -> bool:
        """True where all conditions hold. A derived object is only ever meant by its native kind."""
        kinds = (subject.native,) if subject.derived else (subject.declared, subject.native)
        meant = not subject.derived if self.kinds is None else any(_any(kind, self.kinds) for kind in kinds)
        return (
            meant
            and (self.registries is None or _any(subject.registry, self.registries))
            and (self.environments is None or _any(subject.environment, self.environments))
            and all(
                name in subject.labels and fnmatchcase(subject.labels[name], glob)
                for name, glob in (self.labels or {}).items()
            )
        )


class Policies(NamedTuple):
    """The policies of some files that are valid in form, and all that is wrong with the files.

    `names` maps the name of each policy, valid or not, to its place; `texts` has the text of each file.
    """

    policies: tuple[Policy, ...]
    problems: tuple[Problem, ...]
    names: Mapping[str, str]
    texts: Mapping[str, str]


def _any(name: str, globs: Iterable[str]) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)
