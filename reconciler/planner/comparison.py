"""Compare two sets of objects by key: those that only one has, and the fields in which the others differ. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from reconciler.core import pointer as json_pointer
from reconciler.core.kind import Kind
from reconciler.core.pointer import MISSING
from reconciler.core.resource import Address, Source
from reconciler.core.spec import is_reference
from reconciler.planner.diff import FieldChange
from reconciler.planner.revisions import changed_fields


class Item(NamedTuple):
    """One object of one side. `driver` is that of its registry; `key` is the manifest's, if that is known, else the registry's."""

    address: Address
    driver: str
    kind: Kind
    key: str
    spec: Mapping[str, Any]
    source: Source | None = None


@dataclass(frozen=True, slots=True)
class Pair:
    """An object that both sides have and that differs. In each field `before` is the first side, `after` the second."""

    address: Address
    other: Address  # its address on the second side: the same, but for a registry that makes keys of other fields
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two sides compared. `only_first` and `only_second` are what one side alone has; `equal` counts the rest."""

    first: str
    second: str
    live: bool
    only_first: tuple[Item, ...]
    only_second: tuple[Item, ...]
    differing: tuple[Pair, ...]
    equal: int

    @property
    def differs(self) -> bool:
        return bool(self.only_first or self.only_second or self.differing)


def compare(names: tuple[str, str], first: Iterable[Item], second: Iterable[Item], *, live: bool) -> Comparison:
    """Compare the objects of two environments. Owners and marks are no part of an object here.

    Objects belong together that have one address. Of the others those do that have one manifest's key, where each side
    has one of it: some registries make the address of fields that differ.
    """
    ours, theirs = {item.address: item for item in first}, {item.address: item for item in second}
    pairs = [(ours[address], theirs[address]) for address in ours if _alike(ours[address], theirs.get(address))]
    paired = {one.address for one, _ in pairs}
    left = [item for address, item in ours.items() if address not in paired]
    right = [item for address, item in theirs.items() if address not in paired]
    renamed = list(_renamed(left, right))
    gone = {one.address for one, _ in renamed}, {other.address for _, other in renamed}
    found = [Pair(one.address, other.address, tuple(_fields(one, other))) for one, other in (*pairs, *renamed)]
    differing = sorted((pair for pair in found if pair.fields), key=lambda pair: pair.address)
    return Comparison(
        *names,
        live,
        tuple(sorted((item for item in left if item.address not in gone[0]), key=lambda item: item.address)),
        tuple(sorted((item for item in right if item.address not in gone[1]), key=lambda item: item.address)),
        tuple(differing),
        len(found) - len(differing),
    )


def _alike(one: Item, other: Item | None) -> bool:
    """True for objects in registries of one driver: others have fields of other meanings."""
    return other is not None and one.driver == other.driver


def _renamed(left: Iterable[Item], right: Iterable[Item]) -> Iterator[tuple[Item, Item]]:
    """Pair what has one manifest's key and no address in common."""
    sides: list[dict[tuple[str, str, str, str], list[Item]]] = [{}, {}]
    for side, items in zip(sides, (left, right), strict=True):
        for item in items:
            side.setdefault((item.address.registry, item.driver, item.address.kind, item.key), []).append(item)
    for same, ours in sides[0].items():
        theirs = sides[1].get(same, [])
        if len(ours) == len(theirs) == 1:
            yield ours[0], theirs[0]


def _fields(one: Item, other: Item) -> Iterator[FieldChange]:
    """The fields in which two objects differ. Of a secret only references are shown: they are what manifests say."""
    if one.address.key != other.address.key:
        yield FieldChange("/key", one.address.key, other.address.key)
    for change in changed_fields(one.spec, other.spec, (None, None), one.kind):
        sides = [json_pointer.get(item.spec, change.path) for item in (one, other)]
        if change.sensitive and all(side is MISSING or is_reference(side) for side in sides):
            yield FieldChange(change.path, *sides)
        else:
            yield change
