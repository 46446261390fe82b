"""Revisions of stored objects: the history that a key or an address names, and the object as one of them left it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from reconciler.core.errors import InputError, RegistryError, UsageError
from reconciler.core.kind import Kind
from reconciler.core.resource import Address, Resource
from reconciler.core.schema.findings import did_you_mean
from reconciler.core.shape import split
from reconciler.core.unmanaged import hide
from reconciler.planner.diff import FieldChange
from reconciler.planner.revisions import changed_fields, first_fields
from reconciler.project.known_names import KnownNames, known_names
from reconciler.project.lookup import LISTED
from reconciler.project.workspace import Workspace
from reconciler.registry.capabilities import KeepsHistory, Revision
from reconciler.registry.reading import unread_text

MOST_NAMED: Final = 20  # revisions that an error names


@dataclass(frozen=True)
class History:
    """The revisions of one key, newest first. They are of several objects where the key was given to one after the other."""

    address: Address
    kind: Kind
    revisions: tuple[Revision, ...]

    def changed(self) -> Iterator[tuple[FieldChange, ...]]:
        """The fields that each revision changed, in the order of `revisions`. A removal changes none."""
        before: dict[str, Revision] = {}
        found: list[tuple[FieldChange, ...]] = []
        for revision in reversed(self.revisions):
            found.append(_fields(before.get(revision.id), revision, self.kind))
            before[revision.id] = revision
        return iter(found[::-1])

    def at(self, number: str) -> Revision:
        """The revision of that number. Raises InputError where there is none, or where two objects have one."""
        found = [revision for revision in self.revisions if revision.revision == number]
        named = [revision for revision in found if revision.key == self.address.key] or found
        if not named:
            numbers = list(dict.fromkeys(revision.revision for revision in self.revisions))
            more = f" and {len(numbers) - MOST_NAMED} older ones" if len(numbers) > MOST_NAMED else ""
            there = f"there is: {', '.join(numbers[:MOST_NAMED])}{more}"
            raise InputError(f"{self.address} has no revision {number!r}", hint=there)
        if len(named) > 1:
            times = " and ".join(f"{one.action} of {one.key} at {one.at}" for one in named)
            raise InputError(
                f"revision {number} of {self.address} is {len(named)} of them: {times}",
                hint=f"`reconciler history {self.address} --format json` has the spec of each",
            )
        if named[0].unreadable:
            raise RegistryError(f"revision {number} of {self.address} cannot be read: {named[0].unreadable}")
        return named[0]

    def resource(self, revision: Revision) -> Resource:
        """The object as that revision left it, under the key and with the mark of that time."""
        spec, others = split(dict(revision.spec), self.kind.shape)
        return Resource(
            self.address._replace(key=revision.key),
            spec,
            revision.mark,
            revision.revision,
            revision.id,
            updated_at=revision.at,
            unmanaged=hide(others, spec),
        )

    def restored(self, revision: Revision) -> Resource:
        """The object of today with the fields of that revision: its key, its owner and its protection stay as they are now."""
        newest = next(one for one in self.revisions if one.id == revision.id)
        then, now = self.resource(revision), self.resource(newest)
        return Resource(now.address, then.spec, now.mark, then.revision, then.id, unmanaged=then.unmanaged)


class _Found(NamedTuple):
    histories: tuple[History, ...]
    without: tuple[str, ...]  # the registries that keep no history


async def history_of(workspace: Workspace, key: str, names: Iterable[str]) -> History:
    """The history of the object that a key or an address names, in these registries, also of one that was deleted.

    Raises InputError where there is none, UsageError where there are several, RegistryError.
    """
    histories, without = await _histories(workspace, key, names)
    if not histories:
        raise _no_history(key, without, known_names(workspace))
    if len(histories) > 1:
        listed = ", ".join(str(history.address) for history in histories)
        raise UsageError(f"{key!r} names {len(histories)} objects: {listed}", hint="give the address")
    return histories[0]


def _no_history(key: str, without: tuple[str, ...], known: KnownNames) -> InputError:
    """The error where no history was found. `without` are the registries that keep none."""
    listed = f"{LISTED}; where a registry keeps no history, `git log` has that of the manifest" if without else LISTED
    declared = known.names_like(key)
    hint = listed if key in declared else did_you_mean(key, declared, listed)  # declared, and never applied
    if key.partition("/")[0] in without:
        return InputError(f"{key}: {key.partition('/')[0]} keeps no history", hint=hint)
    others = f"; {', '.join(without)} keep{'s' if len(without) == 1 else ''} no history" if without else ""
    return InputError(f"no registry that keeps a history ever held {key!r}{others}", hint=hint)


async def _histories(workspace: Workspace, key: str, names: Iterable[str]) -> _Found:
    found: list[History] = []
    without: list[str] = []
    async with workspace.connect(names) as registries:
        for name, registry in registries.items():
            if not isinstance(registry, KeepsHistory):
                without.append(name)
                continue
            kinds: Mapping[str, Any] = workspace.entries[name].driver.kinds
            for kind in kinds:
                address = Address(name, kind, key.removeprefix(f"{name}/{kind}/"))
                try:
                    revisions = await registry.history(address)
                except RegistryError as error:
                    raise RegistryError(unread_text(name, error), hint=error.hint) from error
                if revisions:
                    found.append(History(address, kinds[kind], revisions))
    return _Found(tuple(found), tuple(without))


def _fields(before: Revision | None, revision: Revision, kind: Kind) -> tuple[FieldChange, ...]:
    if revision.action == "delete" or revision.unreadable:
        return ()
    if before is None or before.unreadable:
        return first_fields(revision.spec, kind)
    return changed_fields(before.spec, revision.spec, (before.mark, revision.mark), kind)
