"""One line for each reconcile that wrote something or failed, none for a quiet one."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from controller.loop import NAMESPACE, Loop, Told, a_cluster, a_model, key, loop_on

from reconciler.cli.streams import log_format, say
from reconciler.controller.crds import MODEL
from reconciler.controller.reconcile_log import ReconcileLog
from reconciler.core.errors import PermanentError
from reconciler.registry.local.store import Store


@dataclass
class Said:
    """What was logged, without the times that it took."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    facts: list[dict[str, object]] = field(default_factory=list)

    def log(self, text: str, level: str = "info", **facts: object) -> None:
        assert isinstance(facts["seconds"], float)
        self.lines.append((level, text.rpartition(" in ")[0]))
        self.facts.append({name: value for name, value in facts.items() if name != "seconds"})


def logged(loop: Loop) -> Said:
    """What the loop logs from now on."""
    said = Said()
    loop.reconciler = replace(loop.reconciler, observer=ReconcileLog(loop.told, said.log))
    return said


def test_what_was_written_is_said_and_a_quiet_resync_is_not(tmp_path: Path) -> None:
    async def run() -> None:
        cluster = a_cluster(*map(a_model, "ab"), prune=True)
        async with loop_on(cluster, tmp_path) as loop:
            said = logged(loop)
            await loop.reconcile()
            await loop.reconcile()
            assert said.lines == [("info", "team/first: in-sync: 2 created")]
            cluster.put(MODEL, a_model("a", display_name="A"))
            await cluster.delete(MODEL, key("b"))
            await loop.reconcile()
            await loop.reconcile()
            assert said.lines[1:] == [("info", "team/first: in-sync: 1 updated, 1 deleted")]
            assert said.facts[1] == {
                "registry": "team/first",
                "result": "in-sync",
                "created": 0,
                "updated": 1,
                "deleted": 1,
            }
            assert loop.told.results == ["in-sync"] * 4, "what measures is told all the same"

    asyncio.run(run())


def test_what_failed_is_said_each_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        cluster = a_cluster(a_model("a"))
        async with loop_on(cluster, tmp_path) as loop:
            said = logged(loop)

            async def refused(*_: object) -> None:
                raise PermanentError("no")

            monkeypatch.setattr(Store, "create", refused)
            await loop.reconcile()
            monkeypatch.undo()
            assert [(level, text.endswith("1 failed")) for level, text in said.lines] == [("warning", True)]
            await loop.reconcile()
            (tmp_path / NAMESPACE / "first.db").write_bytes(b"no database" * 100)
            await loop.reconcile()
            assert said.lines[1] == ("info", "team/first: in-sync: 1 created")
            assert said.lines[2][0] == "warning"
            assert said.lines[2][1].endswith(": nothing written")

    asyncio.run(run())


def test_what_was_written_before_a_stop_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The right to write may end in the middle; the next reconcile does not count what this one did."""

    async def run() -> None:
        cluster = a_cluster(a_model("a"))
        async with loop_on(cluster, tmp_path) as loop:
            said = logged(loop)
            reached = asyncio.Event()

            async def hangs(*_: object) -> None:
                reached.set()
                await asyncio.sleep(3600)

            monkeypatch.setattr(Store, "create", hangs)
            work = asyncio.create_task(loop.reconcile())
            await reached.wait()
            work.cancel()
            with pytest.raises(asyncio.CancelledError):
                await work
            assert said.lines == [("warning", "team/first: stopped: nothing written")]

    asyncio.run(run())


def test_as_json_it_is_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    log = ReconcileLog(Told(), say)
    with log_format("json"):
        log.wrote(key("first"), "create", "ok")
        log.wrote(key("first"), "delete", "not_stored")
        log.reconciled(key("first"), 1.23456, "not-stored", failed=True)
    (line,) = capsys.readouterr().err.splitlines()
    data = json.loads(line)
    assert data.pop("time")
    assert data == {
        "level": "warning",
        "message": "team/first: not-stored: 1 created, 1 not stored in 1.2 s",
        "registry": "team/first",
        "result": "not-stored",
        "seconds": 1.235,
        "created": 1,
        "updated": 0,
        "deleted": 0,
        "not_stored": 1,
    }
