"""What goes wrong in the middle: several applies at once, a server that is killed, lost replies, pages that move, keys that are hidden.

MLflow's own client is the judge. Everything runs on the real server.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from cli.project import Project, environment
from programs import HANGS
from registry.mlflow.fixtures import mlflow, proxy
from registry.mlflow.judge import Judge, Process
from registry.mlflow.server import ADMIN, MlflowServer, create_user, permit
from registry.mlflow.world import absent, connected, registered, served, version
from registry.nemo_proxy import Passed, Proxy, proxied
from registry.server_process import Running
from world import Document, World, actions, statuses

from reconciler.core.errors import RegistryError
from reconciler.testing.stored import stored

__all__ = ["mlflow", "proxy"]  # fixtures

MANY: Final = 1_500
SECRET: Final = "sk-that-nobody-may-ever-see-0123456789"


def everything() -> list[Document]:
    """A document of every kind."""
    return [
        registered("a", aliases={"champion": {"version": "one"}}),
        version("a/one", "s3://b/a"),
        *served("a", tags={"t": "1"}),
    ]


async def test_ten_applies_at_once(mlflow_judge: Judge) -> None:
    """Of every object there is one in the end, whoever made it, and the next run has nothing to do."""

    async def run() -> None:
        async with connected(mlflow_judge.url, mlflow_judge.workspace) as world:
            await world.apply(*everything())

    await asyncio.gather(*(run() for _ in range(10)), return_exceptions=True)
    async with connected(mlflow_judge.url, mlflow_judge.workspace) as world:
        await world.apply(*everything())
        assert actions(await world.plan(*everything())) == {}
    found = mlflow_judge.everything()
    assert {kind: sorted(found[kind]) for kind in found} == {kind: ["a"] for kind in found}
    assert len(found["versions"]["a"]) == 1
    assert all(one["aliases"].keys() == {"champion"} for one in found["models"].values())


async def test_every_reply_may_be_lost(mlflow: World, mlflow_judge: Judge, proxy: Proxy) -> None:
    """Every other write in turn is done and not acknowledged: the next run at the latest has all, and nothing twice."""
    await mlflow.apply(*everything())
    writes = len(proxy.written())
    for nth in range(1, writes + 1, 2):
        await mlflow.apply(*absent(*everything()), allow_deletes=9)
        proxy.lose(done=True, nth=nth)
        await mlflow.apply(*everything())
        proxy.faults.clear()
        await mlflow.apply(*everything())
        assert actions(await mlflow.plan(*everything())) == {}, nth
        assert all(len(one) == 1 for one in mlflow_judge.everything()["versions"].values()), nth


async def test_two_writers(mlflow: World, mlflow_judge: Judge, proxy: Proxy) -> None:
    """Somebody changes a tag in the very moment of our update: theirs is not written over, and it is said."""
    wanted = registered("m", description="d", tags={"t": "1"})
    await mlflow.apply(wanted)
    proxy.meanwhile(
        lambda: mlflow_judge.call("set_registered_model_tag", "m", "t", "theirs"),
        of=lambda request: request.path.endswith("registered-models/get"),
    )
    (outcome,) = (await mlflow.apply({**wanted, "tags": {"t": "2"}})).outcomes
    assert (outcome.status, outcome.reason) == ("failed", "stale-object")
    assert mlflow_judge.models()["m"]["tags"]["t"] == "theirs"


async def test_many_models_while_somebody_writes(
    mlflow: World, mlflow_judge: Judge, proxy: Proxy, mlflow_server: Running
) -> None:
    """Over two pages nothing is lost and nothing is twice, also when rows go from the first page before the second is asked for."""
    insert_models(mlflow_server.data / "mlflow.db", str(mlflow_judge.workspace), MANY)
    gone = [f"many-{number:04}" for number in range(5)]

    def delete() -> None:
        for name in gone:
            mlflow_judge.call("delete_registered_model", name)

    def second_page(request: Passed) -> bool:
        return request.path.endswith("registered-models/search") and "page_token" in request.query

    deleted = proxy.meanwhile(delete, of=second_page)
    for expected in (MANY - 5, MANY - 5):
        found = [one.address.key for one in await stored(mlflow)]
        assert len(found) == len(set(found))
        assert set(found) - set(gone) == {f"many-{number:04}" for number in range(5, MANY)}
        assert len(found) >= expected
    assert deleted.came
    assert all("max_results=1000" in one.query for one in proxy.passed if one.path.endswith("registered-models/search"))


async def test_a_hidden_key_is_not_new(mlflow_auth_server: Running, mlflow_client: Process, tmp_path: Path) -> None:
    """The list leaves out what is denied: it is not created, not deleted, and said to be there; nor is the password said."""
    url = mlflow_auth_server.url
    admin = Judge(mlflow_client, url, user=ADMIN)
    admin.call("create_registered_model", "hidden-key", description="theirs")
    name, password = create_user(url, "hidden-reader")
    permit(url, name, "hidden-key", "DENY")
    (tmp_path / "password").write_text(password, "utf-8")
    async with World.of(
        root=tmp_path,
        mlflow={"driver": "mlflow", "url": url, "username": name, "password": "${file:password}"},
    ) as world:
        assert statuses(await world.apply(registered("hidden-own"))) == {"RegisteredModel/hidden-own": "ok"}
        (outcome,) = (await world.apply(registered("hidden-key", description="ours"))).outcomes
        assert outcome.status == "conflict"
        assert "may not read it" in outcome.message
        (outcome,) = (await world.apply({**registered("hidden-key"), "state": "absent"})).outcomes or (None,)
        assert outcome is None or outcome.status != "ok"
        assert password not in repr(outcome)
    found = admin.model("hidden-key")
    assert found is not None
    assert found["description"] == "theirs"


async def test_a_wrong_password_reads_nothing(mlflow_auth_server: Running, tmp_path: Path) -> None:
    """401: an error that says what to check, without the password; nothing is taken for an empty registry."""
    (tmp_path / "password").write_text("not-the-password-at-all", "utf-8")
    entry = {"driver": "mlflow", "url": mlflow_auth_server.url, "username": "admin", "password": "${file:password}"}
    async with World.of(root=tmp_path, mlflow=entry) as world:
        with pytest.raises(RegistryError, match="401") as caught:
            await world.plan(registered("m"), prune=True)
    assert "password" in (caught.value.hint or "")
    assert "not-the-password-at-all" not in repr(caught.value)


def test_kill_minus_nine(project: Project, tmp_path: Path, mlflow_client: Process) -> None:
    """Of the server and then of us, each in the middle of an apply: the next one makes it whole. No secret is anywhere but in it.

    One test, since a server of one's own takes as long to start as all the rest together.
    """
    wanted = [registered(f"m{number}", tags={"n": str(number)}) for number in range(15)] + everything()
    for number, document in enumerate(wanted):
        project.write(f"manifests/{number}.json", json.dumps(document))
    project.write("manifests/.keep", "")
    with MlflowServer.private(tmp_path / "server") as server, proxied(server.url) as proxy:
        config = (
            f"owner: us\nregistries:\n  mlflow: {{driver: mlflow, url: '{proxy.url}', timeout: 60, concurrency: 3}}\n"
        )
        project.write("reconciler.yaml", config)
        judge = Judge(mlflow_client, server.url)
        kill = proxy.meanwhile(server.kill, nth=10)
        run = start(project, "apply", "--yes", "-vv")
        said = run.communicate(timeout=HANGS)[0]
        assert kill.came, said
        assert run.returncode in (1, 5), said
        assert b"Traceback" not in said
        server.start()
        assert judge.secrets() or judge.models()
        kill = proxy.meanwhile(lambda: os.kill(run.pid, signal.SIGKILL), nth=10)
        run = start(project, "apply", "--yes", "-vv")
        said += run.communicate(timeout=HANGS)[0]
        assert kill.came, said
        assert run.returncode == -signal.SIGKILL
        whole = start(project, "apply", "--yes", "-vv", "--output", "json=report.json")
        said += whole.communicate(timeout=HANGS)[0]
        assert whole.returncode == 0, said
        plan = start(project, "plan", "--prune", "--save", "saved.json", "--detailed-exitcode")
        said += plan.communicate(timeout=HANGS)[0]
        assert plan.returncode == 0, said
        assert len(judge.models()) == 16
        assert list(judge.versions("a")) == ["1"]
        assert list(judge.secrets()) == ["a"]
        server.stop()
        assert SECRET.encode() not in said
        assert holders(project.root, SECRET) == []
        assert holders(server.data, SECRET) == []  # not in its log, and in its database only encrypted


# --- what these tests do by hand ----------------------------------------------------------------------------------


def start(project: Project, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "reconciler", *words],
        cwd=project.root,
        env=environment(KEY=SECRET),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def insert_models(database: Path, workspace: str, count: int) -> None:
    """As many models as would take the server minutes to create, into its database."""
    rows = [(f"many-{number:04}", workspace) for number in range(count)]
    with sqlite3.connect(database, timeout=60) as connection:
        connection.executemany(
            "INSERT INTO registered_models (name, workspace, creation_time, last_updated_time) VALUES (?, ?, 1, 1)",
            rows,
        )


def holders(folder: Path, word: str) -> list[str]:
    """The files below a folder that hold a word."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path.relative_to(folder)) for path in files if word.encode() in path.read_bytes()]
