"""What holds for any manifests, any registry and any single fault: hypothesis looks for a counterexample."""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from registry.memory_server import Behaviour, Server
from world import Document, World, native

from reconciler.core.errors import PermanentError, RegistryError, TemporaryError
from reconciler.core.resource import Listing, RemoteState
from reconciler.core.spec import canonical_json
from reconciler.planner.plan import Plan
from reconciler.planner.plan_json import plan_to_json
from reconciler.planner.planner import make_plan

KEYS: Final = ("a", "b", "c")
CONSENTS: Final[dict[str, Any]] = {"allow_deletes": 99, "allow_replaces": 99}
SETTINGS: Final = settings(max_examples=50)  # all else, and what a busy machine may do, is the profile's


@dataclass(frozen=True)
class Case:
    """Manifests, and what the registry holds: `(kind, key, data, mark)` of each row."""

    documents: tuple[Document, ...]
    rows: tuple[tuple[str, str, dict[str, Any], dict[str, Any] | None], ...]
    prune: bool

    def fill(self, server: Server) -> None:
        for kind, key, data, mark in self.rows:
            server.put(kind, key, data, mark)


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


def marks(key: str) -> st.SearchStrategy[dict[str, Any] | None]:
    ours, theirs = {"owner": "us", "key": key}, {"owner": "them", "key": key}
    return st.sampled_from([ours, ours, ours | {"protected": True}, theirs, None])


SPECS: Final[dict[str, dict[str, st.SearchStrategy[Any]]]] = {
    "Model": {
        "display_name": st.sampled_from(["x", "y"]),
        "project": st.sampled_from(["x", "y"]),
        "finetuning": st.sampled_from(["x", "y"]),
        "visibility": st.sampled_from(["public", "private"]),
        "tags": st.lists(st.sampled_from(["x", "y"]), max_size=2),
        "temperature": st.sampled_from([0, 1.0, 0.5]),
        "limits": st.fixed_dictionaries({}, optional={"rate": st.integers(1, 2), "burst": st.integers(1, 2)}),
    },
    "Provider": {"timeout": st.integers(1, 2)},  # a replace of what others refer to may be refused by the registry
    "Note": {"text": st.sampled_from(["x", "y"])},
}


@st.composite
def specs(draw: st.DrawFn, kind: str, providers: tuple[str, ...]) -> dict[str, Any]:
    spec: dict[str, Any] = draw(st.fixed_dictionaries({}, optional=SPECS[kind]))
    if kind == "Provider":
        spec["url"] = draw(st.sampled_from(["https://x", "https://x/", "https://y"]))
    if kind == "Model" and providers and draw(st.booleans()):
        spec["provider"] = draw(st.sampled_from(providers))
    return spec


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Any manifests over a few keys, and any rows; models refer only to providers that are there."""
    wanted = {kind: draw(st.sets(st.sampled_from(KEYS))) for kind in SPECS}
    held = {kind: draw(st.sets(st.sampled_from(KEYS))) for kind in SPECS}
    documents = []
    for kind in SPECS:
        for key in sorted(wanted[kind]):
            common = (
                draw(st.fixed_dictionaries({}, optional={"protected": st.just(True), "ignore": st.just(["/status"])}))
                if kind != "Note"
                else {}
            )
            documents.append(native(kind, key, **common, **draw(specs(kind, tuple(sorted(wanted["Provider"]))))))
        gone = draw(st.sets(st.sampled_from(KEYS))) - wanted[kind] if kind != "Provider" else set()
        documents.extend({"kind": f"memory/{kind}", "key": key, "state": "absent"} for key in sorted(gone))
    rows = [
        (kind, key, draw(specs(kind, tuple(sorted(held["Provider"])))), None if kind == "Note" else draw(marks(key)))
        for kind in ("Provider", "Model", "Note")
        for key in sorted(held[kind])
    ]
    return Case(tuple(documents), tuple(rows), draw(st.booleans()) and bool(documents))


def run(case: Case, body: Callable[[World], Awaitable[None]]) -> None:
    async def inside() -> None:
        async with World.of() as world:
            case.fill(world.server())
            await body(world)

    asyncio.run(inside())


def snapshot(server: Server, *owners: str | None) -> dict[int, Any]:
    """The rows that belong to these owners, as they are now."""
    return {
        number: copy.deepcopy((row.kind, row.key, row.data, row.mark))
        for number, row in server.rows.items()
        if (row.mark["owner"] if row.mark else None) in owners
    }


def deleted(server: Server, since: int = 0) -> set[str]:
    return {name for verb, name in server.calls[since:] if verb == "delete"}


def planned_deletes(plan: Plan) -> set[str]:
    return {
        f"{change.address.kind}/{change.address.key}"
        for change in plan.writes
        if change.action in ("delete", "replace")
    }


@given(cases(), st.randoms())
@SETTINGS
def test_a_plan_is_deterministic_and_independent_of_the_order_of_its_inputs(case: Case, chance: random.Random) -> None:
    """Byte for byte, with its fingerprint."""

    async def body(world: World) -> None:
        desired, remote = world.desired(*case.documents), await world.remote()
        policy = world.policy(desired, prune=case.prune, **CONSENTS)
        expected = canonical_json(plan_to_json(make_plan(desired, remote, policy)))
        items, rows = list(desired.resources), list(remote.listings["one"].resources)
        chance.shuffle(items)
        chance.shuffle(rows)
        shuffled = RemoteState({"one": Listing(tuple(rows))}, remote.registries)
        assert (
            canonical_json(plan_to_json(make_plan(replace(desired, resources=tuple(items)), shuffled, policy)))
            == expected
        )

    run(case, body)


@given(cases())
@SETTINGS
def test_after_an_apply_there_is_nothing_left_to_write(case: Case) -> None:
    """Only conflicts, blocked changes and orphans remain, and they were there before."""

    async def body(world: World) -> None:
        report = await world.apply(*case.documents, prune=case.prune, **CONSENTS)
        assert not {"failed", "skipped", "not_stored"} & {outcome.status for outcome in report.outcomes}, (
            report.outcomes
        )
        again = await world.plan(*case.documents, prune=case.prune, **CONSENTS)
        assert again.writes == ()
        assert {change.address for change in again.left} == {change.address for change in report.plan.left}

    run(case, body)


@given(cases())
@SETTINGS
def test_without_prune_nothing_that_is_not_declared_is_touched(case: Case) -> None:
    """Neither deleted nor written."""

    async def body(world: World) -> None:
        declared = {f"{document['kind'].partition('/')[2]}/{document['key']}" for document in case.documents}
        before = snapshot(world.server(), "us", "them", None)
        await world.apply(*case.documents, **CONSENTS)
        after = snapshot(world.server(), "us", "them", None)
        for number, row in before.items():
            if f"{row[0]}/{row[1]}" not in declared:
                assert after[number] == row

    run(case, body)


@given(cases())
@SETTINGS
def test_what_belongs_to_another_owner_is_never_written(case: Case) -> None:
    """Whatever the manifests say, and with every consent but that one."""

    async def body(world: World) -> None:
        before = snapshot(world.server(), "them")
        await world.apply(*case.documents, prune=case.prune, **CONSENTS)
        assert snapshot(world.server(), "them") == before

    run(case, body)


@given(cases())
@SETTINGS
def test_what_is_protected_is_never_deleted(case: Case) -> None:
    """By no cause: prune, absent or replace."""

    async def body(world: World) -> None:
        protected = {number for number, row in world.server().rows.items() if row.mark and row.mark.get("protected")}
        await world.apply(*case.documents, prune=case.prune, **CONSENTS)
        assert protected <= set(world.server().rows)

    run(case, body)


@pytest.mark.parametrize("error", [TemporaryError, PermanentError, None], ids=["temporary", "permanent", "lost"])
@given(cases(), st.integers(1, 12), st.booleans())
@SETTINGS
def test_one_fault_deletes_nothing_that_was_not_planned_and_the_next_run_finishes(
    error: type[RegistryError] | None, case: Case, at: int, done: bool
) -> None:
    """Whichever call fails, and however."""

    async def body(world: World) -> None:
        server = world.server()
        plan = await world.plan(*case.documents, prune=case.prune, **CONSENTS)
        lost = error is None
        server.become(
            Behaviour(
                replies=done,
                lose_at=at if lost else None,
                lose_done=done,
                fail_at=None if lost else at,
                error=error or TemporaryError,
            )
        )
        since = len(server.calls)
        try:
            await world.carry_out(plan)
        except RegistryError:
            assert at == 1  # the read before the first write
        assert deleted(server, since) <= planned_deletes(plan)
        server.become(Behaviour())
        await world.apply(*case.documents, prune=case.prune, **CONSENTS)
        assert (await world.plan(*case.documents, prune=case.prune, **CONSENTS)).writes == ()
        keys = [(row.kind, row.key) for row in server.rows.values()]
        assert len(keys) == len(set(keys))

    run(case, body)


@given(cases(), st.integers(3, 14), st.booleans())
@SETTINGS
def test_a_rename_that_fails_anywhere_never_loses_the_object(case: Case, at: int, lost: bool) -> None:
    """There is always the old one or the new one, and in the end the new one alone."""

    async def body(world: World) -> None:
        server = world.server()
        server.put("Model", "old", {"display_name": "x"}, {"owner": "us", "key": "old"})
        documents = (
            *(one for one in case.documents if "Model" not in one["kind"]),
            native("Model", "new", display_name="x", previous_keys=["old"]),
        )
        plan = await world.plan(*documents, **CONSENTS)
        server.become(Behaviour(replies=lost, fail_at=None if lost else at, lose_at=at - 2 if lost else None))
        await world.carry_out(plan)
        assert {"old", "new"} & set(server.keys("Model"))
        server.become(Behaviour())
        await world.apply(*documents, **CONSENTS)
        assert "new" in server.keys("Model")
        assert "old" not in server.keys("Model")
        assert (await world.plan(*documents, **CONSENTS)).writes == ()

    run(case, body)
