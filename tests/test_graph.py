"""Running changes in the order of their dependencies."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.applier.report import Outcome
from reconciler.applier.scheduler import run_in_order
from reconciler.core.resource import Address
from reconciler.planner.order import in_order
from reconciler.planner.plan import Change


def at(key: str) -> Address:
    registry, _, name = key.rpartition("/")
    return Address(registry or "one", "Thing", name)


def change(key: str, *needs: str) -> Change:
    return Change(at(key), "create", "new", depends_on=tuple(at(need) for need in needs))


def skipped(found: Change, cause: Address) -> Outcome:
    return Outcome(found.address, found.action, "skipped", "dependency", cause.key)


@dataclass
class Runner:
    """Runs changes that take a moment, some of which fail; counts how many run at once."""

    fails: frozenset[str] = frozenset()
    started: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    busy: dict[str, int] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)

    async def one(self, found: Change) -> Outcome:
        key, registry = found.address.key, found.address.registry
        self.started.append(key)
        self.busy[registry] = self.busy.get(registry, 0) + 1
        self.most[registry] = max(self.most.get(registry, 0), self.busy[registry])
        await asyncio.sleep(0)
        self.busy[registry] -= 1
        self.ended.append(key)
        return Outcome(found.address, found.action, "failed" if key in self.fails else "ok", "new")

    async def all(
        self, changes: Sequence[Change], concurrency: int = 8, failed: frozenset[Address] = frozenset()
    ) -> dict[str, str]:
        outcomes = await run_in_order(changes, self.one, skipped, lambda _: concurrency, failed)
        return {outcome.address.key: outcome.status for outcome in outcomes}


async def test_nothing_to_do_ends_at_once() -> None:
    """An empty plan waits for nobody."""
    assert await Runner().all([]) == {}


async def test_a_change_waits_for_what_it_needs_in_any_registry() -> None:
    """Dependencies across registries hold too."""
    run = Runner()
    await run.all(in_order([change("one/b", "two/a"), change("two/a", "one/c"), change("one/c")]))
    assert run.started == ["c", "a", "b"]


async def test_independent_changes_run_at_once_up_to_the_limit_of_each_registry() -> None:
    """One registry's limit does not slow another."""
    run = Runner()
    await run.all([change(f"{registry}/{number}") for registry in ("one", "two") for number in range(9)], concurrency=3)
    assert run.most == {"one": 3, "two": 3}


async def test_what_depends_on_a_failure_is_skipped_and_the_rest_goes_on() -> None:
    """All the way down."""
    run = Runner(fails=frozenset("a"))
    found = await run.all([change("a"), change("b", "a"), change("c", "b"), change("d")])
    assert found == {"a": "failed", "b": "skipped", "c": "skipped", "d": "ok"}
    assert sorted(run.started) == ["a", "d"]


async def test_what_failed_before_counts() -> None:
    """Deletes run after everything else and are skipped for its failures."""
    assert await Runner().all([change("b", "a"), change("c")], failed=frozenset({at("a")})) == {
        "b": "skipped",
        "c": "ok",
    }


async def test_a_need_outside_the_changes_holds_nothing_up() -> None:
    """It is there already."""
    assert await Runner().all([change("a", "elsewhere")]) == {"a": "ok"}


async def test_a_circle_runs_in_the_order_of_the_plan() -> None:
    """It neither hangs nor runs what follows the circle too soon."""
    run = Runner()
    await run.all(in_order([change("a", "b"), change("b", "a"), change("c", "a", "b")]))
    assert run.started == ["a", "b", "c"]


async def test_a_circle_with_a_failure_reports_each_change_once() -> None:
    """What was done is never called skipped, and what was skipped is never done."""
    run = Runner(fails=frozenset("a"))
    found = await run.all(in_order([change("a", "b"), change("b", "a"), change("c", "b")]))
    assert found == {"a": "failed", "b": "skipped", "c": "skipped"}
    assert run.started == ["a"]


async def test_a_bug_in_one_change_ends_the_run() -> None:
    """Only errors of registries are outcomes."""

    async def broken(found: Change) -> Outcome:
        raise ZeroDivisionError(found)

    with pytest.raises(ExceptionGroup) as caught:
        await run_in_order([change("a")], broken, skipped, lambda _: 1)
    assert isinstance(caught.value.exceptions[0], ZeroDivisionError)


GRAPHS = st.lists(
    st.tuples(st.integers(0, 9), st.sets(st.integers(0, 9), max_size=3)), unique_by=lambda node: node[0], max_size=10
)


@given(GRAPHS, st.sets(st.integers(0, 9), max_size=3), st.integers(1, 4))
@settings(deadline=None, max_examples=60)
def test_any_graph_ends_with_one_outcome_for_each_change(
    graph: list[tuple[int, set[int]]], fails: set[int], concurrency: int
) -> None:
    """Circles, failures and all: each change is run or skipped, once, after what it waits for."""
    changes = in_order([change(str(number), *map(str, sorted(needs))) for number, needs in graph])
    run = Runner(fails=frozenset(map(str, fails)))
    found = asyncio.run(run.all(changes, concurrency))
    assert sorted(found) == sorted(one.address.key for one in changes)
    assert sorted(run.started) == sorted(key for key, status in found.items() if status != "skipped")
    place = {one.address.key: index for index, one in enumerate(changes)}
    for one in changes:
        for need in one.depends_on:
            if need.key in place and place[need.key] < place[one.address.key] and one.address.key in run.started:
                assert run.ended.index(need.key) < run.started.index(one.address.key) or len(
                    run.ended
                ) >= run.started.index(one.address.key)
                assert found[need.key] == "ok"
