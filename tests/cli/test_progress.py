"""Progress: shown on a terminal while it takes long, recorded in a JSON log, and never in a pipe."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from cli.project import Project
from cli.terminal import terminal

from reconciler.cli import waiting
from reconciler.cli.run_apply import LONG
from reconciler.cli.streams import log_format


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was shown and taken away again."""
    shown: list[str] = []

    @contextmanager
    def reading(text: str, *, color: bool) -> Iterator[None]:
        shown.append(text)
        yield
        shown.append("gone")

    monkeypatch.setattr("reconciler.cli.progress.reading", reading)
    return shown


async def _read(patience: float) -> None:
    with waiting.reading(["nemo", "a\x1b[2J"], patience=patience):
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("tty", "log", "patience", "shown"),
    [
        (True, "text", 0, [r"reading a\x1b[2J, nemo", "gone"]),
        (True, "text", 60, []),
        (False, "text", 0, []),
        (True, "json", 0, []),
    ],
)
def test_what_is_read_is_shown_only_where_somebody_waits(
    monkeypatch: pytest.MonkeyPatch, seen: list[str], tty: bool, log: str, patience: float, shown: list[str]
) -> None:
    """On a terminal, after a moment, and gone in the end; never in a pipe or in a JSON log."""
    monkeypatch.setattr("reconciler.cli.waiting.is_terminal", lambda stream: tty)
    with log_format(log):
        asyncio.run(_read(patience))
    assert seen == shown


def _many(project: Project) -> None:
    for number in range(LONG):
        project.manifest(f"m{number:03}")


def test_a_json_log_has_a_record_for_each_change(project: Project) -> None:
    """Done and total, in the order in which the changes ended; stdout is the report as ever."""
    for number in range(3):
        project.manifest(f"m{number}")
    answer = project.run("apply", "--yes", "--format", "json", "--log-format", "json")
    assert answer.code == 0
    assert answer.json("apply")["summary"]["created"] == 3
    records = [json.loads(line) for line in answer.err.splitlines()]
    ended = [(one["done"], one["total"], one["status"], one["level"]) for one in records if "done" in one]
    assert ended == [(number, 3, "ok", "info") for number in (1, 2, 3)]


@pytest.mark.parametrize(("term", "shown"), [("xterm", True), ("dumb", False)])
def test_a_bar_is_shown_on_a_terminal_that_can(project: Project, term: str, shown: bool) -> None:
    """Long work on a pseudo-terminal has a bar; a dumb one has the same answer without."""
    _many(project)
    with terminal(project, "apply", "--yes", TERM=term, CI="", GITHUB_ACTIONS="") as screen:
        assert screen.end() == 0
    assert ("applying" in screen.seen) is shown
    assert f"{LONG} created" in screen.seen


def test_a_pipe_has_no_bar(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor does FORCE_COLOR bring one."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    _many(project)
    answer = project.run("apply", "--yes")
    assert answer.code == 0
    assert answer.err == ""
