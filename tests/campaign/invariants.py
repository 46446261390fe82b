"""What must hold after a schedule, whatever went wrong: each function finds what does not, in words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.applier.report import Report
from reconciler.core.kind import Kind
from reconciler.core.resource import Address, Resource
from reconciler.planner.plan import Plan

Held = dict[Address, list[Resource]]


@dataclass(frozen=True)
class Moment:
    """All that a registry holds, as our driver reads it, and in `rows` as its own client does, by kind and key, where it has one."""

    held: Held = field(default_factory=dict)
    rows: dict[str, Mapping[str, Any]] = field(default_factory=dict)

    def row(self, address: Address) -> Any:
        return self.rows.get(address.kind, {}).get(address.key)

    def only(self, wanted: Callable[[Address, Resource], bool]) -> Moment:
        """The part of it that holds the wanted objects."""
        found = Moment()
        for address, all_of_it in self.held.items():
            kept = [one for one in all_of_it if wanted(address, one)]
            if kept:
                found.held[address] = kept
                found.rows[address.kind] = {**found.rows.get(address.kind, {}), address.key: self.row(address)}
        return found

    def update(self, other: Moment) -> None:
        self.held.update(other.held)
        for kind, rows in other.rows.items():
            self.rows[kind] = {**self.rows.get(kind, {}), **rows}

    def changed_since(self, before: Moment) -> set[Address]:
        return {one for one in before.held.keys() | self.held.keys() if before.held.get(one) != self.held.get(one)}


def touched(strange: Moment, after: Moment) -> Iterator[str]:
    """What is another owner's, or nobody's, is as it was."""
    for address, all_of_it in strange.held.items():
        there = [_content(one) for one in after.held.get(address, ())]
        mark = all_of_it[0].mark
        whose = f"{mark.owner}'s" if mark is not None else "nobody's"
        if any(_content(one) not in there for one in all_of_it):
            yield f"{address}, which is {whose}, was touched"
        elif strange.row(address) != after.row(address):
            yield f"{address}, which is {whose}, was touched, as the registry's own client sees it"


def gone(before: Moment, after: Moment, may_go: Collection[Address]) -> Iterator[str]:
    """What no plan said would go is there, and so is all that is protected."""
    for address, (first, *_) in before.held.items():
        if address not in after.held and address not in may_go:
            yield f"{address} is gone, and no plan said so"
        if first.mark is not None and first.mark.protected and address not in after.held:
            yield f"{address} was protected, and is gone"


def unwanted(
    before: Moment, after: Moment, stays: Collection[str], kinds: Mapping[str, Kind], by_others: Collection[Address]
) -> Iterator[str]:
    """What the manifests leave as it is, or have nothing to do with, is there, whatever a plan said.

    Of a kind without room for a mark all is ours that `owns` says, and goes with its manifest.
    """
    for address in before.held:
        left = address.key in stays and kinds[address.kind].markable
        if left and address not in after.held and address not in by_others:
            yield f"{address} is gone, and nobody wanted that"


def overwritten(
    by_hand: Mapping[Address, int], written: Collection[tuple[int, Address]], kinds: Mapping[str, Kind]
) -> Iterator[str]:
    """What somebody changed after the plan was made, and before the run looked at it for the last time, is left alone.

    A registry that compares and swaps sees to that by itself.
    """
    for at, address in written:
        changed = by_hand.get(address)
        if changed is not None and changed < at and not kinds[address.kind].revision_is_etag:
            yield f"{address} was written over, though somebody had changed it since the plan was made"


def doubled(after: Moment, kinds: Mapping[str, Kind], by_others: Collection[Address]) -> Iterator[str]:
    """No object is there twice, but where two who create it at the same moment both do, since the registry's keys are not unique."""
    for address, all_of_it in after.held.items():
        if len(all_of_it) > 1 and not (address in by_others and not kinds[address.kind].unique):
            yield f"there are {len(all_of_it)} of {address}"


def told_apart(after: Moment) -> Iterator[str]:
    """The registry's own client sees the objects that our driver does, and no others."""
    for kind, rows in after.rows.items():
        ours = {
            address.key for address, (first, *_) in after.held.items() if address.kind == kind and not first.read_only
        }
        if ours != rows.keys():
            yield f"of {kind}, its own client alone sees {sorted(rows.keys() - ours)}, we alone {sorted(ours - rows.keys())}"


def untrue(
    report: Report, after: Moment, plan: Plan, by_others: Collection[Address], strange: Collection[Address]
) -> Iterator[str]:
    """What a report says is done is done, and a plan made after it has nothing more to do there, unless somebody else was there."""
    # a secret that is written anew with what it belongs to is no sign: nobody can compare it
    rest = {change.address: change.action for change in plan.writes if change.reason != "rotate"}
    for outcome in report.outcomes:
        address, told = outcome.address, f"{outcome.action} of {outcome.address} was told as done"
        if outcome.status != "ok":
            continue
        if len(after.held.get(address, ())) > 1:
            yield f"{told}: there are several"
        if address in strange:
            yield f"{told}: it is another owner's"
        if address in by_others:
            continue
        there = address in after.held
        if there is (outcome.action == "delete"):
            yield f"{told}: it is {'' if there else 'not '}there"
        elif address in rest:
            yield f"{told}: the next plan has to {rest[address]} it"


def _content(one: Resource) -> tuple[Any, ...]:
    return one.id, one.spec, one.mark, one.unmanaged
