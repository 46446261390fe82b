"""The plan as a value."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from reconciler.core.actions import ACTIONS, WRITES
from reconciler.core.errors import Problem
from reconciler.core.resource import Address, Desired, RegistryFacts, Source
from reconciler.planner.diff import FieldChange
from reconciler.planner.guards import Guard
from reconciler.planner.reasons import REASONS

__all__ = ["REASONS", "Change", "Consents", "FieldChange", "Guard", "Issue", "Origin", "Plan"]


@dataclass(frozen=True, slots=True)
class Consents:
    """The user's consents. A plan carries those it was made with."""

    prune: bool = False
    allow_deletes: int | None = None
    allow_replaces: int | None = None
    take_ownership: tuple[str, ...] = ()
    rotate: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """A planned change of one address.

    `reason` is a stable word. `message` says in words why a change is a conflict or blocked, for people. `observed` is what was seen of the remote object,
    None where there was none. `previous` is the old address of a rename. `desired` is what to write; None for a delete.
    """

    address: Address
    action: str
    reason: str
    fields: tuple[FieldChange, ...] = ()
    observed: str | None = None
    depends_on: tuple[Address, ...] = ()
    parent: Address | None = None
    previous: Address | None = None
    source: Source | None = None
    desired: Desired | None = None
    message: str = ""
    replaces: tuple[str, ...] = ()  # the pointers whose change makes an update a replace
    unmanaged: tuple[str, ...] = ()  # the pointers of what nobody declares and the write would lose
    drift: str = ""  # "drifted": changed since we wrote it; "differs": it differs and was never ours; else ""

    @property
    def prunes(self) -> bool:
        """True for the deletion of an object that no manifest declares any more."""
        return self.action == "delete" and self.reason == "removed"

    def recreates_elsewhere(self, facts: RegistryFacts) -> bool:
        """True for a change that creates the object anew under another address and deletes the old one last. `facts` are its registry's."""
        return self.previous is not None and (self.action == "replace" or self.renames_by_recreation(facts))

    def renames_by_recreation(self, facts: RegistryFacts) -> bool:
        """True for a rename in a registry that cannot rename objects of the kind."""
        return self.action == "rename" and not facts.can_rename(self.address.kind)


class Issue(NamedTuple):
    """When a plan was saved, and as which: a plan file is applied once, and not for ever.

    `nonce` is 32 random hex digits; `at` and `expires` are ISO 8601 in UTC.
    """

    nonce: str
    at: str
    expires: str


@dataclass(frozen=True, slots=True)
class Origin:
    """What a plan was made from, and by what. For people only: nothing is decided by it.

    `commit` is a Git commit, `version` that of reconciler, `project` the project's folder in its repository, with `/`.
    All are empty where they are not known.
    """

    commit: str = ""
    version: str = ""
    project: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that apply will do, in order, and everything it was computed from, as one fingerprint.

    `changes` leaves out what is unchanged; `unchanged` counts it. `registries` maps each registry's name to its identity.
    `named` are the addresses that the user asked to delete by name, which no guard counts. `issued` is that of a saved plan.
    """

    changes: tuple[Change, ...]
    unchanged: int
    orphans: tuple[Address, ...] = ()
    guards: tuple[Guard, ...] = ()
    problems: tuple[Problem, ...] = ()
    consents: Consents = Consents()
    environment: str | None = None
    registries: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    fingerprint: str = ""
    named: frozenset[Address] = frozenset()
    issued: Issue | None = None
    origin: Origin = Origin()
    pending: int | None = None  # of a drift: objects that are as we wrote them and wait for apply

    @property
    def writes(self) -> tuple[Change, ...]:
        """The changes that apply acts on."""
        return tuple(change for change in self.changes if change.action in WRITES)

    @property
    def left(self) -> tuple[Change, ...]:
        """The changes that apply leaves alone: conflicts and blocked ones."""
        return tuple(change for change in self.changes if change.action not in WRITES)

    def _repr_html_(self) -> str:
        """The plan as a table, for a notebook. The renderer is loaded by name: nothing here renders."""
        shown: str = importlib.import_module("reconciler.render.html.cell").render(self)
        return shown

    def summary(self) -> dict[str, int]:
        """Count the changes of each action, in the order of ACTIONS."""
        counts = dict.fromkeys(ACTIONS, 0)
        for change in self.changes:
            counts[change.action] += 1
        counts["unchanged"] = self.unchanged
        return counts if self.pending is None else {**counts, "pending": self.pending}
