"""Each invariant finds what breaks it, and finds nothing where all is well."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from campaign import invariants
from campaign.invariants import Moment
from registry.test_contract_memory import DRIVER

from reconciler.applier.report import Outcome, Report
from reconciler.core.kind import Kind
from reconciler.core.resource import Address, Mark, Resource
from reconciler.planner.plan import Change, Plan

ONE = Address("one", "Model", "a")
KINDS: dict[str, Kind] = dict(DRIVER.kinds)
OURS = Resource(ONE, {"description": "d"}, Mark("us", "a"))
THEIRS = replace(OURS, mark=Mark("them", "a"))


def holding(*found: Resource, **rows: Any) -> Moment:
    held: dict[Address, list[Resource]] = {}
    for one in found:
        held.setdefault(one.address, []).append(one)
    return Moment(held, dict(rows))


def told(outcome: Outcome, after: Moment, *changes: Change, touched: tuple[Address, ...] = ()) -> list[str]:
    plan = Plan(changes, unchanged=0)
    return list(invariants.untrue(Report(plan, (outcome,)), after, plan, touched, ()))


def test_what_is_another_owners_is_as_it_was() -> None:
    """By our reading, and by what the registry's own client shows."""
    strange = holding(THEIRS, Model={"a": {"seen": 1}})
    assert list(invariants.touched(strange, strange)) == []
    assert list(invariants.touched(strange, holding())) == ["one/Model/a, which is them's, was touched"]
    (found,) = invariants.touched(strange, holding(THEIRS, Model={"a": {"seen": 2}}))
    assert "own client" in found


def test_what_no_plan_said_is_not_gone() -> None:
    """And what is protected is not gone whatever a plan said."""
    assert list(invariants.gone(holding(OURS), holding(OURS), ())) == []
    assert list(invariants.gone(holding(OURS), holding(), {ONE})) == []
    assert list(invariants.gone(holding(OURS), holding(), ())) == ["one/Model/a is gone, and no plan said so"]
    protected = replace(OURS, mark=Mark("us", "a", protected=True))
    assert list(invariants.gone(holding(protected), holding(), {ONE})) == ["one/Model/a was protected, and is gone"]


def test_what_nobody_wants_gone_is_there() -> None:
    """Whatever a plan said, unless somebody else deleted it."""
    assert list(invariants.unwanted(holding(OURS), holding(), ("other",), KINDS, ())) == []
    assert list(invariants.unwanted(holding(OURS), holding(), ("a",), KINDS, {ONE})) == []
    assert list(invariants.unwanted(holding(OURS), holding(), ("a",), KINDS, ())) == [
        "one/Model/a is gone, and nobody wanted that"
    ]


def test_what_somebody_changed_is_not_written_over() -> None:
    """A change that came in the very moment of the write could not be seen, nor does it matter what comes after it."""
    assert list(invariants.overwritten({ONE: 5}, [(4, ONE), (5, ONE)], KINDS)) == []
    (found,) = invariants.overwritten({ONE: 5}, [(6, ONE)], KINDS)
    assert found.startswith("one/Model/a was written over")


def test_no_object_is_there_twice() -> None:
    assert list(invariants.doubled(holding(OURS), KINDS, ())) == []
    assert list(invariants.doubled(holding(OURS, OURS), KINDS, {ONE})) == ["there are 2 of one/Model/a"]


def test_our_reading_is_that_of_the_registrys_own_client() -> None:
    """But for what no client can change."""
    assert list(invariants.told_apart(holding(OURS))) == []
    assert list(invariants.told_apart(holding(OURS, Model={"a": {}}))) == []
    assert list(invariants.told_apart(holding(replace(OURS, read_only="of the server"), Model={}))) == []
    assert len(list(invariants.told_apart(holding(OURS, Model={"a": {}, "b": {}})))) == 1
    assert len(list(invariants.told_apart(holding(OURS, Model={})))) == 1


def test_what_is_told_as_done_is_done() -> None:
    """It is there, or gone, and a plan made after it has nothing to do there."""
    created, deleted = Outcome(ONE, "create", "ok", "new"), Outcome(ONE, "delete", "ok", "absent")
    assert told(created, holding(OURS)) == []
    assert told(deleted, holding()) == []
    assert told(created, holding()) == ["create of one/Model/a was told as done: it is not there"]
    assert told(deleted, holding(OURS)) == ["delete of one/Model/a was told as done: it is there"]
    left = Change(ONE, "update", "changed")
    assert told(created, holding(OURS), left) == [
        "create of one/Model/a was told as done: the next plan has to update it"
    ]
    assert told(created, holding(OURS), left, touched=(ONE,)) == []
    assert told(replace(created, status="failed"), holding(), left) == []
