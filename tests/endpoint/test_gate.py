"""A plan without what failed its test: pure, and it can only ever make a run do less."""

from __future__ import annotations

from dataclasses import replace

import pytest
from endpoint.place import subject

from reconciler.core.resource import Address, Desired, Resource
from reconciler.endpoint.gate import concerned, withheld
from reconciler.endpoint.values import Subject
from reconciler.planner.guards import Guard
from reconciler.planner.plan import Change, Plan


def at(kind: str, key: str, registry: str = "aigo") -> Address:
    return Address(registry, kind, key)


def change(address: Address, action: str = "create", *needs: Address, parent: Address | None = None) -> Change:
    desired = None if action == "delete" else Desired(Resource(address, {}, parent=parent), address.key)
    return Change(address, action, "new", depends_on=needs, parent=parent, desired=desired)


def model(key: str, *registries: str) -> Subject:
    addresses = tuple(at("Model", key, name) for name in registries or ("aigo",))
    return replace(subject("https://llm.example.com/v1"), key=key, addresses=addresses)


SECRET, MODEL, POLICY, RULE, OTHER = (
    at("Secret", "s"),
    at("Model", "bad"),
    at("Policy", "p"),
    at("Policy", "q"),
    at("Model", "good"),
)
PLAN = Plan(
    changes=(
        change(SECRET, parent=MODEL),
        change(MODEL, "create", SECRET),
        change(POLICY, "update", MODEL),
        change(RULE, "create", POLICY),
        change(OTHER, "create", at("Adapter", "a")),
        change(at("Model", "gone"), "delete"),
    ),
    unchanged=0,
)


def test_what_failed_is_blocked_with_all_that_hangs_on_it() -> None:
    """Its secret, which would be without use, and what depends on it, directly or not; the rest goes on, in the same order."""
    left = withheld(PLAN, {MODEL: "inference: 401"})
    assert [(one.address.key, one.action, one.reason) for one in left.changes] == [
        ("s", "blocked", "dependency"),
        ("bad", "blocked", "test-failed"),
        ("p", "blocked", "dependency"),
        ("q", "blocked", "dependency"),
        ("good", "create", "new"),
        ("gone", "delete", "new"),
    ]
    assert left.changes[1].message == "its endpoint failed the test: inference: 401"
    assert "aigo/Model/bad, which is left out" in left.changes[2].message


@pytest.mark.parametrize("action", ["create", "update", "rename", "replace"])
def test_every_way_of_writing_counts(action: str) -> None:
    """Whatever is done to it, a model that fails is left as it is."""
    plan = Plan((change(MODEL, action),), 0)
    assert concerned(plan, [model("bad"), model("other")]) == (model("bad"),)
    assert withheld(plan, {MODEL: "x"}).writes == ()


def test_nothing_failed_nothing_changes() -> None:
    """The very same plan."""
    assert withheld(PLAN, {}) is PLAN
    assert withheld(PLAN, {at("Model", "gone"): "x", at("Model", "nowhere"): "x"}) is PLAN


def test_only_what_is_written_is_tested() -> None:
    """In any registry that it goes to; nothing at all where the plan writes nothing: what is deleted, left, or behind a guard."""
    assert concerned(PLAN, [model("good", "local", "aigo"), model("gone"), model("unchanged")]) == (
        model("good", "local", "aigo"),
    )
    assert concerned(Plan((change(MODEL, "conflict"),), 0), [model("bad")]) == ()
    assert concerned(replace(PLAN, guards=(Guard("max-deletes", "too many", None),)), [model("good")]) == ()
