"""A NeMo server that asks who one is.

| trap of the server | test |
|---|---|
| 401 without a token or with a bad one | test_without_a_token_nothing_is_read |
| 403 for a Viewer who writes | test_a_viewer_may_plan_but_not_write |
| `trust_remote_code` needs a permission of its own | test_trust_remote_code_is_explained |
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from registry.nemo.people import grant, token
from registry.nemo.server import NemoServer, create_workspace
from registry.nemo_contract import connected
from registry.nemo_samples import native
from world import World, actions, statuses

from reconciler.core.errors import RegistryError
from reconciler.planner.guards import Limits

M1 = native("Model", "m1", description="d")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The server's URL, and a workspace with an Editor and a Viewer."""
    with NemoServer.private(tmp_path_factory.mktemp("nemo"), auth=True) as server:
        workspace = create_workspace(server.url)
        grant(server.url, workspace, "editor@x.org", "Editor")
        grant(server.url, workspace, "viewer@x.org", "Viewer")
        yield server.url, workspace


@asynccontextmanager
async def as_(guarded: tuple[str, str], who: str, folder: Path) -> AsyncIterator[World]:
    (folder / "token").write_text(token(who) if "@" in who else who, "utf-8")
    async with World.of(
        root=folder,
        nemo={"driver": "nemo", "url": guarded[0], "workspace": guarded[1], "owns": ["*"], "token": "${file:token}"},
    ) as world:
        yield world


async def test_without_a_token_nothing_is_read(guarded: tuple[str, str], tmp_path: Path) -> None:
    """401, with what to do, and the token in no message; a bad one alike."""
    async with connected(*guarded) as world:
        with pytest.raises(RegistryError, match="401") as caught:
            await world.plan(M1)
    assert "token" in (caught.value.hint or "")
    async with as_(guarded, "no-such-token", tmp_path) as world:
        with pytest.raises(RegistryError, match="401") as caught:
            await world.plan(M1)
    assert "no-such-token" not in str(caught.value)


async def test_an_editor_works_as_without_auth(guarded: tuple[str, str], tmp_path: Path) -> None:
    """Create, read, nothing to do; update, delete."""
    async with as_(guarded, "editor@x.org", tmp_path) as world:
        mine = {**M1, "key": "editors"}
        assert statuses(await world.apply(mine)) == {"Model/editors": "ok"}
        assert await world.settled(mine)
        assert statuses(await world.apply({**mine, "description": "e"})) == {"Model/editors": "ok"}
        report = await world.apply({"kind": "nemo/Model", "key": "editors", "state": "absent"})
        assert statuses(report) == {"Model/editors": "ok"}


async def test_a_viewer_may_plan_but_not_write(guarded: tuple[str, str], tmp_path: Path) -> None:
    """The plan is made; each write fails with 403 and nothing is there afterwards."""
    async with as_(guarded, "viewer@x.org", tmp_path) as world:
        (outcome,) = (await world.apply(M1)).outcomes
        assert outcome.status == "failed"
        assert "403" in outcome.message
        assert actions(await world.plan(M1)) == {"Model/m1": "create new"}


async def test_trust_remote_code_is_explained(guarded: tuple[str, str], tmp_path: Path) -> None:
    """Whoever may write models may still not trust their code: the message names the permission."""
    async with as_(guarded, "editor@x.org", tmp_path) as world:
        plan = await world.plan(native("Model", "trusting", trust_remote_code=True))
        assert [guard.name for guard in plan.guards] == ["allow-trust-remote-code"]
    async with as_(guarded, "editor@x.org", tmp_path) as world:
        agreed = replace(world, limits=Limits(allowed=frozenset({"allow_trust_remote_code"})))
        (outcome,) = (await agreed.apply(native("Model", "trusting", trust_remote_code=True))).outcomes
        assert outcome.status == "failed"
        assert "models.trust-remote-code.set" in outcome.message
