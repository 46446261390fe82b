"""The view of a plan: each change exactly once, equal ones in one row, and what is said often said once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from render.samples import address
from render.samples import plan as sample

from reconciler.core.errors import Problem
from reconciler.core.pointer import MISSING
from reconciler.core.resource import Address, Source
from reconciler.core.spec import canonical_json
from reconciler.planner.plan import Change, FieldChange, Guard, Issue, Origin, Plan
from reconciler.render.plan_view import MANY, Row, view

LIMIT = FieldChange("/limits/requests_per_minute", 60, 90)

# few values, so that many changes are equal, and some that only look it
sides = st.sampled_from([MISSING, None, 1, True, 1.0, "1", [1], [True], {"a": 1}])
field_lists = st.lists(
    st.builds(FieldChange, st.sampled_from(["/a", "/b"]), sides, sides, st.booleans()), max_size=2
).map(tuple)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Plans of many updates, some with a secret of their own, and some other changes among them."""
    patterns = draw(st.lists(field_lists, min_size=1, max_size=3))
    changes = []
    for number in range(draw(st.integers(0, 24))):
        key = Address(draw(st.sampled_from(["aigo", "nemo"])), "Model", f"m{number}")
        action = draw(st.sampled_from(["update", "update", "update", "update", "create", "delete", "conflict"]))
        pattern = draw(st.sampled_from(patterns))
        changes.append(Change(key, action, draw(st.sampled_from(["changed", "drifted"])), pattern))
        if draw(st.booleans()):
            changes.append(Change(key._replace(kind="Secret"), action, "rotate", parent=key))
    return Plan(tuple(draw(st.permutations(changes))), 0)


def shown(row: Row, member: int) -> tuple[object, ...]:
    """What a row says of one of its members: the row's own words with that member's address."""
    said, about = row.change, row.entries[member].change
    fields = tuple(
        (field.path, field.sensitive)
        if field.sensitive
        else (
            field.path,
            *("absent" if side is MISSING else canonical_json(side) for side in (field.before, field.after)),
        )
        for field in said.fields
    )
    return about.address, said.action, said.reason, fields


@settings(max_examples=150, deadline=None)
@given(plans(), st.booleans(), st.booleans())
def test_expanded_rows_are_exactly_the_changes(plan: Plan, drift: bool, fold: bool) -> None:
    """Each member of each row, with the fields that the row shows, is one change of the plan, and none is missing."""
    found = view(plan, drift=drift, fold=fold)
    singly = Counter(shown(row, 0) for section in view(plan, fold=False).sections for row in section.rows)
    for sections in (found.sections, [part for registry in found.registries for part in registry.sections]):
        rows = [row for section in sections for row in section.rows]
        assert Counter(shown(row, place) for row in rows for place in range(len(row.entries))) == singly
        assert fold or not any(row.is_fold for row in rows)
    assert sum(singly.values()) == len(plan.changes)


def test_equal_changes_are_one_row_and_odd_ones_stay_in_view() -> None:
    """Of 143 models with the same new limit, one that also changes something else has its own row."""
    changes = [Change(address(f"m{number}"), "update", "changed", (LIMIT,)) for number in range(143)]
    odd = Change(address("odd"), "update", "changed", (LIMIT, FieldChange("/tags", ["a"], ["b"])))
    (section,) = view(Plan((*changes[:70], odd, *changes[70:]), 0)).sections
    assert [len(row.entries) for row in section.rows] == [143, 1]
    assert section.rows[1].change == odd


def test_few_equal_changes_are_rows_of_their_own() -> None:
    """Folding begins where a list would be long."""
    changes = tuple(Change(address(f"m{number}"), "update", "changed", (LIMIT,)) for number in range(MANY))
    assert [row.is_fold for row in view(Plan(changes, 0)).sections[0].rows] == [True]
    assert [row.is_fold for row in view(Plan(changes[1:], 0)).sections[0].rows] == [False] * (MANY - 1)


def test_what_destroys_is_never_folded() -> None:
    """Each delete and each replace has its row, and stands among the removals with what is lost beside it."""
    deletes = tuple(Change(address(f"d{number}"), "delete", "removed") for number in range(9))
    losing = Change(address("u"), "update", "changed", (LIMIT,), unmanaged=("/extra",))
    sql = Change(address("sql"), "replace", "immutable", (LIMIT,), message="requests fail", replaces=("/model",))
    found = view(Plan((losing, *deletes, sql), 0))
    assert len(found.sections[0].rows) == 10
    assert [(one.change.address.key, one.losses) for one in found.removals[8:]] == [
        ("d8", ()),
        ("sql", ("/model cannot change in place", "requests fail")),
        ("u", ("/extra is lost: no manifest declares it",)),
    ]


def test_what_is_said_often_is_said_once() -> None:
    """Guards of one name, warnings of one text, and what is left alone for one reason stand together."""
    guards = (Guard("a", "one", None), Guard("a", "two", None), Guard("a", "one", None), Guard("a", "three", "--x 1"))
    problems = tuple(
        Problem("a.yaml", line, 1, "rule", text, severity="warning") for line, text in enumerate("xyx", start=1)
    )
    blocked = tuple(Change(address(f"b{number}"), "blocked", "protected", message="it is protected") for number in "12")
    owned = Change(address("c"), "conflict", "owner", message="it is team-b's")
    found = view(Plan((*blocked, owned), 0, guards=guards, problems=problems))
    assert [(stop.override, stop.messages) for stop in found.stops] == [(None, ("one", "two")), ("--x 1", ("three",))]
    assert [[problem.line for problem in group.problems] for group in found.warnings] == [[1, 3], [2]]
    assert [(left.reason, left.message, len(left.entries)) for left in found.leftovers] == [
        ("owner", "it is team-b's", 1),
        ("protected", "it is protected", 2),
    ]
    assert found.leftovers[1].remedy == "Declare it with `protected: false` and apply once."


def test_facts_and_titles() -> None:
    """A view names what the plan was made from; drift warns of no deletion."""
    plan = replace(
        sample(),
        environment="prod",
        origin=Origin("c" * 40, "0.3.0", "deploy"),
        issued=Issue("0" * 32, "2026-11-28T10:00:00Z", "2026-12-05T10:00:00Z"),
        changes=(Change(address("a"), "create", "new", source=Source("a.yaml", 1)),),
    )
    assert view(plan).facts == (
        ("Environment", "prod"),
        ("Project", "deploy"),
        ("Commit", "c" * 40),
        ("Plan", "ab" * 6),
        ("Version", "0.3.0"),
        ("Saved", "2026-11-28T10:00:00Z, expires 2026-12-05T10:00:00Z"),
    )
    assert [view(plan, drift=drift).title for drift in (False, True)] == ["Plan", "Drift"]
    assert [view(Plan((), 1), drift=drift).title for drift in (False, True)] == ["Nothing to do", "No drift"]
    assert view(sample(), drift=True).removals == ()
