"""LiteLLM Proxy under stress: many at once, replies that are lost, kills on either side, its database gone, and where secrets end up."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from programs import HANGS
from registry.litellm.server import LiteLLMServer
from registry.litellm.wire import Wire
from registry.nemo_proxy import Proxy, proxied
from registry.test_litellm_traps import at, command, converges, credential, model, project
from world import actions, statuses

from reconciler.core.errors import RefusedError, RegistryError
from reconciler.registry.protocol import Removal

MANY: Final = 10  # applies at once
INTERRUPTED: Final = 40  # models of a run that is to be cut off in the middle
LARGE: Final = 1500
SECRET: Final = "sk-0f-the-endpoint-7c1d"
HEADER: Final = "hdr-0f-the-tenant-55e2"


@pytest.fixture
def between(litellm: LiteLLMServer) -> Iterator[Proxy]:
    """What stands between us and an empty proxy."""
    with proxied(litellm.url) as found:
        yield found


# --- many at once -------------------------------------------------------------------------------------------------


async def test_ten_applies_at_once_make_each_object_once(
    litellm: LiteLLMServer, litellm_wire: Wire, tmp_path: Path
) -> None:
    """Whoever comes second is told; the next run has nothing to do."""
    documents = [credential("c"), *(model(f"m{number}", litellm_credential_name="c") for number in range(4))]

    async def one() -> dict[str, str]:
        async with at(litellm, tmp_path) as world:
            try:
                return statuses(await world.apply(*documents))
            except RefusedError:  # somebody wrote between our plan and our apply, which then wrote nothing
                return {}

    found = await asyncio.gather(*(one() for _ in range(MANY)))
    assert {status for report in found for status in report.values()} <= {"ok", "conflict", "failed", "skipped"}
    assert set(litellm_wire.models()) == {f"m{number}" for number in range(4)}
    async with at(litellm, tmp_path) as world:
        await converges(world, *documents)


# --- replies ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("done", [True, False], ids=["stored", "never-heard"])
@pytest.mark.parametrize("fault", ["lost", 500, 502])
async def test_a_reply_that_does_not_come_is_looked_into(
    between: Proxy, litellm: LiteLLMServer, litellm_wire: Wire, tmp_path: Path, fault: str | int, done: bool
) -> None:
    """A create, an update and a delete, each stored or not: nothing is made twice, and the next run does what is left."""
    steps = ([model("m"), model("kept")], [model("m", seed=1), model("kept")], [model("kept")])
    how: dict[str, Any] = {"prune": True, "allow_deletes": 1}
    async with at(litellm, tmp_path, url=between.url) as world:
        for documents in steps:
            if fault == "lost":
                between.lose(done=done)
            else:
                between.answer(int(fault), {"error": "no"}, done=done)
            await world.apply(*documents, **how)
            await converges(world, *documents, **how)
            assert set(litellm_wire.models()) == {one["key"] for one in documents}


# --- kills ---------------------------------------------------------------------------------------------------------


def test_a_run_of_ours_that_is_killed_is_finished_by_the_next(
    between: Proxy, litellm: LiteLLMServer, litellm_wire: Wire, tmp_path: Path
) -> None:
    """`kill -9` in mid-apply: what was written is there once, and bears our mark."""
    project(tmp_path, litellm, url=between.url)
    (tmp_path / "manifests").mkdir()
    for number in range(INTERRUPTED):
        text = f"kind: litellm/Model\nkey: m{number:02}\nlitellm_params: {{model: openai/m, mock_response: pong}}\n"
        (tmp_path / f"manifests/m{number:02}.yaml").write_text(text, "utf-8")
    kill = between.meanwhile(lambda: process.send_signal(signal.SIGKILL), nth=INTERRUPTED // 2)
    process = subprocess.Popen(
        [sys.executable, "-m", "reconciler", "apply", "--yes"],
        cwd=tmp_path,
        env={**os.environ, "PROXY": litellm.token},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    process.wait(HANGS)
    assert kill.came
    assert 0 < len(litellm_wire.models()) < INTERRUPTED
    command(tmp_path, litellm, "apply", "--yes")
    assert set(litellm_wire.models()) == {f"m{number:02}" for number in range(INTERRUPTED)}
    assert "othing to do" in command(tmp_path, litellm, "apply", "--yes")


async def test_a_proxy_that_is_killed_is_told_and_the_next_run_goes_on(
    between: Proxy, litellm: LiteLLMServer, litellm_wire: Wire, tmp_path: Path
) -> None:
    """`kill -9` of the proxy in mid-apply: the run ends and says what is not done; nothing is there twice afterwards."""
    documents = [model(f"m{number:02}") for number in range(INTERRUPTED)]
    async with at(litellm, tmp_path, url=between.url) as world:
        kill = between.meanwhile(litellm.kill, nth=INTERRUPTED // 2)
        told = set(statuses(await world.apply(*documents)).values())
    assert kill.came
    assert "failed" in told
    await asyncio.to_thread(litellm.start)
    async with at(litellm, tmp_path) as world:
        await converges(world, *documents)
    assert set(litellm_wire.models()) == {one["key"] for one in documents}


# --- the database ---------------------------------------------------------------------------------------------------


async def test_without_its_database_nothing_is_taken_for_empty_nor_for_deleted(
    litellm: LiteLLMServer, litellm_wire: Wire, tmp_path: Path
) -> None:
    """The proxy then lists no model with 200, and answers a delete with the 400 that it has for what is gone."""
    documents = [model("m"), model("kept")]
    async with at(litellm, tmp_path) as world:
        await converges(world, *documents)
        plan = await world.plan(model("kept"), prune=True, allow_deletes=1)
        stored = next(one for one in (await world.remote()).resources() if one.address.key == "m")
        await asyncio.to_thread(litellm.database.stop)
        try:
            listed = litellm_wire.http.get("/v2/model/info", params={"search": "%", "size": 1000})
            assert (listed.status_code, listed.json()["data"]) == (200, [])
            with pytest.raises(RegistryError):
                await world.registries["litellm"].read()
            with pytest.raises(RegistryError):
                await world.carry_out(plan)
            with pytest.raises(RegistryError):
                await world.registries["litellm"].delete(Removal(stored))
        finally:
            await asyncio.to_thread(litellm.database.start)
        await converges(world, *documents)
        assert set(litellm_wire.models()) == {"m", "kept"}


# --- secrets --------------------------------------------------------------------------------------------------------


def test_a_secret_is_nowhere_but_where_it_belongs(litellm: LiteLLMServer, litellm_wire: Wire, tmp_path: Path) -> None:
    """Not in plans, reports, logs, backups and state, nor in the proxy's log and, in plain text, its database."""
    project(tmp_path, litellm)
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests/chat.yaml").write_text(MANIFEST, "utf-8")
    secrets = {"SECRET": SECRET, "HEADER": HEADER}

    def ours(*words: str, **more: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "reconciler", "-vv", *words],
            cwd=tmp_path, env={**os.environ, "PROXY": litellm.token, **secrets, **more}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    said = [ours("plan", "--save", "plan.json", "--output", "markdown=plan.md")]
    said.append(ours("apply", "--plan", "plan.json", "--yes", "--format", "json"))
    assert "reconciler-chat" in litellm_wire.credentials()
    (tmp_path / "manifests/chat.yaml").write_text(MANIFEST.replace("model: m,", "model: nobody, "), "utf-8")
    said += [ours("apply", "--yes"), ours("get", "chat"), ours("export", "--all", "-o", "out")]
    said += [ours("delete", "chat", "--yes"), ours("apply", "--yes", PROXY="sk-wrong-0123456789")]
    files = [
        path.read_text("utf-8", "replace")
        for path in tmp_path.rglob("*")
        if path.is_file() and path.name != "chat.yaml"
    ]
    for text in (*said, *files, litellm.log, litellm.database.dump()):
        for secret in (SECRET, HEADER):
            assert secret not in text
    assert litellm.token not in "".join((*said, *files))


MANIFEST: Final = """\
kind: Model
key: chat
endpoint:
  {url: "http://127.0.0.1:9/v1", model: m, api_key: "${env:SECRET}", headers: {Authorization: "${env:HEADER}"}}
"""


# --- many models -----------------------------------------------------------------------------------------------------


async def test_fifteen_hundred_models_are_one_list(litellm: LiteLLMServer, litellm_wire: Wire, tmp_path: Path) -> None:
    """None is missed and none is there twice: all of them are as they were declared."""
    name = {"model_name": "many"}
    async with at(litellm, tmp_path) as world:
        await converges(world, model("m0000", fields=name))
        litellm.database.run(COPIES)
        await asyncio.to_thread(litellm.kill)
        await asyncio.to_thread(litellm.start)
        plan = await world.plan(*(model(f"m{number:04}", fields=name) for number in range(LARGE)))
        assert (actions(plan), plan.unchanged) == ({}, LARGE)
        litellm.database.run('delete from "LiteLLM_ProxyModelTable"')
        await asyncio.to_thread(litellm.kill)
        await asyncio.to_thread(litellm.start)
        assert litellm_wire.models() == {}


# copies of the one model there is: the proxy takes a tenth of a second for each create
COPIES: Final = f"""\
create temporary table copies as
  select row, lpad(number::text, 4, '0') as name from "LiteLLM_ProxyModelTable" row, generate_series(1, {LARGE - 1}) number;
insert into "LiteLLM_ProxyModelTable"
  select (jsonb_populate_record(row, replace(to_jsonb(row)::text, 'm0000', 'm' || name)::jsonb)).* from copies;
"""
