"""A plan without what failed its test. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from reconciler.core.actions import WRITES
from reconciler.core.resource import Address
from reconciler.endpoint.values import Subject
from reconciler.planner.plan import Change, Plan

REASON: Final = "test-failed"


def concerned(plan: Plan, subjects: Iterable[Subject]) -> tuple[Subject, ...]:
    """The models that the plan writes, in any registry. None where it writes nothing at all."""
    writing = {change.address for change in plan.writes if change.desired is not None} if not plan.guards else set()
    return tuple(subject for subject in subjects if writing.intersection(subject.addresses))


def withheld(plan: Plan, failures: Mapping[Address, str]) -> Plan:
    """The plan with these models blocked, and with them what stands beside them or depends on them. `failures` say in words why."""
    blocked: dict[Address, tuple[str, str]] = {
        change.address: (REASON, f"its endpoint failed the test: {failures[change.address]}")
        for change in plan.changes
        if change.action in WRITES and change.desired is not None and change.address in failures
    }
    while more := dict(_following(plan.changes, blocked)):
        blocked |= more
    if not blocked:
        return plan
    return replace(plan, changes=tuple(_left(change, blocked) for change in plan.changes))


def _following(
    changes: Iterable[Change], blocked: Mapping[Address, tuple[str, str]]
) -> Iterable[tuple[Address, tuple[str, str]]]:
    """Changes that can no longer be done: the parts of a model that stays as it is, and whatever waits for one."""
    for change in changes:
        if change.action not in WRITES or change.address in blocked:
            continue
        needs = [need for need in (change.parent, *change.depends_on) if need is not None and need in blocked]
        if needs:
            yield change.address, ("dependency", f"it waits for {needs[0]}, which is left out")


def _left(change: Change, blocked: Mapping[Address, tuple[str, str]]) -> Change:
    if change.action not in WRITES or change.address not in blocked:
        return change
    reason, message = blocked[change.address]
    return replace(change, action="blocked", reason=reason, message=message)
