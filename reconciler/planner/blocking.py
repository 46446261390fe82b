"""Block changes that would do harm: replaces without consent, deletes of what is still referred to, writes without their prerequisites. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from reconciler.core.actions import WRITES
from reconciler.core.resource import Address
from reconciler.planner import diff
from reconciler.planner.index import RegistryIndex
from reconciler.planner.plan import Change, Consents

Stuck = dict[Address, tuple[str, str]]  # by address: a stable word, and why in words


def taken(changes: list[Change]) -> set[Address]:
    """The addresses that the changes already deal with."""
    return {change.address for change in changes} | {
        change.previous for change in changes if change.previous is not None
    }


def limit_replaces(changes: list[Change], consents: Consents) -> list[Change]:
    """A replace, and a write that loses what nobody declares, need consent; it has a number: more than that and none is done."""
    count = sum(map(_needs_consent, changes))
    if count == 0 or (consents.allow_replaces is not None and count <= consents.allow_replaces):
        return changes
    return [_without_consent(change, count) if _needs_consent(change) else change for change in changes]


def _needs_consent(change: Change) -> bool:
    return change.action == "replace" or (change.action in WRITES and bool(change.unmanaged))


def _without_consent(change: Change, count: int) -> Change:
    if change.action == "replace":
        fields = ", ".join(change.replaces)
        message = f"{fields} cannot change in place: the object must be deleted and created again; --allow-replaces {count} allows that"
        return replace(change, action="blocked", message=message)
    lost = ", ".join(change.unmanaged)
    message = (
        f"the registry holds {lost}, which no manifest declares and which cannot be sent back as it is: the write would lose it; "
        f"change the object by hand, or note it down and --allow-replaces {count} lets it go"
    )
    return replace(change, action="blocked", reason="unmanaged", message=message)


def limit_contents(
    changes: list[Change], indexes: Mapping[str, RegistryIndex], consents: Consents, named: frozenset[Address]
) -> list[Change]:
    """A delete that takes along what else the object holds needs consent, unless the user asked for just that delete by name.

    One that has consent says what it takes along.
    """
    going = {change.address for change in changes if change.action == "delete"}
    full = {address: found for address in going if (found := _contents(address, indexes[address.registry]))}
    agreed = named if consents.allow_deletes is None else going
    count = sum(indexes[address.registry].kind(address).counts_in_guards for address in going - named)
    return [
        _with_contents(change, full[change.address], None if change.address in agreed else count)
        if change.address in full
        else change
        for change in changes
    ]


def _with_contents(change: Change, contents: tuple[str, ...], needed: int | None) -> Change:
    """A delete that takes `contents` along; blocked where it needs consent to so many deletes."""
    listed = ", ".join(contents)
    if needed is None:
        return replace(change, message=f"deleted with it: {listed}")
    message = f"{listed} would be deleted with it; --allow-deletes {needed} allows that"
    return replace(change, action="blocked", reason="contents", message=message)


def _contents(address: Address, index: RegistryIndex) -> tuple[str, ...]:
    return tuple(one for stored in index.find(address) for one in stored.contents)


def block(changes: list[Change], indexes: Mapping[str, RegistryIndex]) -> list[Change]:
    """Blocks what would do harm, until nothing does: what is blocked stays, keeps what it names, and is missed by what needs it."""
    while True:
        stuck = {
            **_without_parent(changes, indexes),
            **_without_need(changes, indexes),
            **_held(changes, indexes),
            **_taking_along(changes, indexes),
        }
        if not stuck:
            return changes
        changes = [
            replace(change, action="blocked", reason=stuck[change.address][0], message=stuck[change.address][1])
            if change.action in WRITES and change.address in stuck
            else change
            for change in changes
        ]


def _without_parent(changes: list[Change], indexes: Mapping[str, RegistryIndex]) -> Stuck:
    """Find derived resources whose model is not ours to touch, will not be created, or stays."""
    kept = {
        change.address: change.action
        for change in changes
        if change.action == "conflict"
        or (
            change.action == "blocked"
            and (change.previous or not indexes[change.address.registry].find(change.address))
        )
    }
    staying = {change.address for change in changes if change.action == "blocked" and change.desired is None}
    stuck: Stuck = {}
    for change in changes:
        if change.parent is None or change.action not in WRITES:
            continue
        if change.parent in kept:
            stuck[change.address] = (
                "dependency",
                f"it belongs to {change.parent}, which is {_word(kept[change.parent])}",
            )
        elif change.action == "delete" and change.parent in staying:
            stuck[change.address] = ("dependency", f"it belongs to {change.parent}, which stays")
    return stuck


def _word(action: str) -> str:
    return "in conflict" if action == "conflict" else "blocked"


def _without_need(changes: list[Change], indexes: Mapping[str, RegistryIndex]) -> Stuck:
    """Find changes whose prerequisite will not be created, and deletes of what moves to another registry and is held there."""
    held = {change.address for change in changes if change.action in ("conflict", "blocked")}
    if not held:
        return {}
    missing = {address for address in held if not indexes[address.registry].find(address)}
    stuck: Stuck = {}
    for change in changes:
        if change.action not in WRITES:
            continue
        elsewhere = [one for one in change.depends_on if one in held and one.registry != change.address.registry]
        if elsewhere:
            stuck[change.address] = ("dependency", f"it moves to {elsewhere[0]}, which is blocked or in conflict")
        elif missing.intersection({*change.depends_on, *_named(change)}):
            stuck[change.address] = ("dependency", "it needs an object that is blocked or in conflict")
    return stuck


def _named(change: Change) -> tuple[Address, ...]:
    """What an object names, in whatever order the two are written."""
    return tuple(change.desired.references.values()) if change.desired is not None else ()


def _taking_along(changes: list[Change], indexes: Mapping[str, RegistryIndex]) -> Stuck:
    """Find recreations that would make the registry delete, along with the object, what refers to it."""
    moving = {
        change.previous or change.address for change in changes if change.action in ("delete", "replace", "rename")
    }
    stuck: Stuck = {}
    for change in changes:
        index = indexes[change.address.registry]
        old = change.previous or change.address
        recreated = change.action == "replace" or change.recreates_elsewhere(index.facts)
        cascades = index.kind(change.address).cascades if recreated else frozenset()
        lost = [one for one in index.referrers.get(old, ()) if one.kind in cascades and one not in moving]
        if lost:
            names = ", ".join(sorted(map(str, lost)))
            message = f"it can only change by deleting it, and the registry would delete {names} with it"
            stuck[change.address] = ("referenced", message)
    return stuck


def _held(changes: list[Change], indexes: Mapping[str, RegistryIndex]) -> Stuck:
    """Find deletes of what an object that stays refers to. A rename by re-creation deletes, too."""
    going = {change.address: change for change in changes if change.action == "delete"}
    going |= {
        change.previous: change
        for change in changes
        if change.previous is not None and change.recreates_elsewhere(indexes[change.address.registry].facts)
    }
    if not going:
        return {}
    writes = [change for change in changes if change.action in WRITES and change.action != "delete"]
    written = taken(writes)
    stuck: Stuck = {}
    for change in writes:
        for target in _will_name(change, indexes[change.address.registry]):
            _hold(target, change.address, going, stuck)
    for index in indexes.values():
        for resource in index.resources():
            if resource.address not in going and resource.address not in written:
                for target in index.references(resource):
                    _hold(target, resource.address, going, stuck)
        for home, inside in index.inhabited.items():
            _hold(home, inside, going, stuck)
        for address, row in index.unreadable.items():
            for target in row.names:
                _hold(target, address, going, stuck)
    return stuck


def _hold(target: Address, holder: Address, going: Mapping[Address, Change], stuck: Stuck) -> None:
    change = going.get(target)
    if change is not None:
        said = ("referenced", f"{holder} still refers to {target}")
        stuck[change.address] = min(said, stuck.get(change.address, said))  # whichever holder is looked at first


def _will_name(change: Change, index: RegistryIndex) -> set[Address]:
    """The references of an object once it is written: those of its manifest, and those that it leaves to others."""
    item = change.desired
    if item is None:
        return set()
    left = (*item.ignore, *(change.replaces if change.action == "update" else ()))
    named = {index.known_as(target) for pointer, target in item.references.items() if not diff.covered(pointer, left)}
    for stored in index.find(change.previous or change.address) if left else ():
        named |= {target for pointer, target in index.references_by_pointer(stored) if diff.covered(pointer, left)}
    return named
