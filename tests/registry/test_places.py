"""One place under two names is told from two places that hold the same: by the real LiteLLM Proxy, folders and files."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from registry.litellm.between import between
from registry.litellm.server import LiteLLMServer
from world import World, model

from reconciler.core.resource import Address
from reconciler.planner.plan import Plan
from reconciler.planner.same_place import TwoPlaces

BOTH = model("both")
MOVED = model("moved")
TO_ONE = model("moved", registries={"one": {}})


async def plan_after(world: World) -> Plan:
    """Apply two models to both registries, then plan with prune where one of them goes to the first alone."""
    await world.apply(BOTH, MOVED)
    return await world.plan(BOTH, TO_ONE, prune=True, allow_deletes=9)


def refused(plan: Plan) -> list[str]:
    return [guard.name for guard in plan.guards]


async def test_folders_of_run_configs(tmp_path: Path) -> None:
    """A file's name is its id, and both folders hold the same text; a link to a folder is that folder."""
    entries: dict[str, Any] = {name: {"driver": "insidellms", "path": name} for name in ("one", "two")}
    async with World.of(root=tmp_path, **entries) as world:
        plan = await plan_after(world)
        assert refused(plan) == []
        remote = await world.remote()
        listings, kinds = remote.listings, remote.registries["one"].kinds
        assert TwoPlaces(listings["one"], listings["one"], kinds).may_be_one(Address("one", "Model", "moved"))
        assert not TwoPlaces(listings["one"], listings["two"], kinds).may_be_one(Address("one", "Model", "moved"))


async def test_files_of_embedded_registries(tmp_path: Path) -> None:
    """Each counts its objects from 1, and may have stored all of them in the same millisecond."""
    entries: dict[str, Any] = {name: {"driver": "local", "path": f"{name}.db"} for name in ("one", "two")}
    async with World.of(root=tmp_path, **entries) as world:
        await world.apply(BOTH, model("moved", registries={"one": {}}))
        await world.apply(BOTH, MOVED)
        for name in entries:
            with closing(sqlite3.connect(tmp_path / f"{name}.db")) as connection, connection:
                connection.execute("UPDATE revision SET at = '2026-11-29T12:00:00.000Z'")
        assert refused(await world.plan(BOTH, TO_ONE, prune=True, allow_deletes=9)) == []


async def test_a_proxy_under_two_addresses_and_two_proxies(
    litellm: LiteLLMServer, litellm_too: LiteLLMServer, tmp_path: Path
) -> None:
    """Its ids are our keys, and it says of no model when it was made: one place is refused, and what nobody declares goes from two."""
    (tmp_path / "token").write_text(litellm.token, "utf-8")
    (tmp_path / "token-too").write_text(litellm_too.token, "utf-8")
    one = {"driver": "litellm", "url": litellm.url, "token": "${file:token}"}
    with between(litellm.url) as relay:
        async with World.of(root=tmp_path, one=one, two={**one, "url": relay.url}) as world:
            to_one, to_two = model("a", registries={"one": {}}), model("b", registries={"two": {}})
            await world.apply(to_one, to_two)
            plan = await world.plan(to_one, to_two, prune=True, allow_deletes=9)
            assert refused(plan) == ["same-place", "same-place"]
    two = {"driver": "litellm", "url": litellm_too.url, "token": "${file:token-too}"}
    async with World.of(root=tmp_path, one=one, two=two) as world:
        await world.apply(BOTH, MOVED)
        report = await world.apply(BOTH, prune=True, allow_deletes=9)
        assert sorted(str(one.address) for one in report.outcomes if one.action == "delete") == [
            "one/Model/a",
            "one/Model/b",
            "one/Model/moved",
            "two/Model/moved",
        ]
