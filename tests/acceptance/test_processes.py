"""Several processes, signals and terminals: nothing is lost, whoever loses is told, and the next apply finishes."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
from cli.project import Project, argv
from cli.terminal import terminal
from programs import HANGS

MANY = 3000  # what a signal must find unfinished
AT_ONCE = (
    16  # changes under way in one registry, of which a run that ends at once does not know: RegistryFacts.concurrency
)
_numbers = itertools.count()


def many(project: Project, count: int, **fields: str) -> None:
    lines = "".join(f"{name}: {value}\n" for name, value in fields.items())
    project.write(
        "manifests/many.yaml", "---\n".join(f"kind: Model\nkey: m{number:05}\n{lines}" for number in range(count))
    )


def wait_for_writes(project: Project, process: subprocess.Popen[bytes]) -> None:
    """Until the process has written something."""
    deadline = time.monotonic() + HANGS
    while process.poll() is None and time.monotonic() < deadline:
        if (project.root / "registry.db").exists():
            try:
                if project.sql("SELECT count(*) FROM object")[0][0] > 5:
                    return
            except Exception:  # noqa: BLE001  # the file is being made this very moment
                pass
        time.sleep(0.005)
    raise AssertionError("nothing was written in time")


@dataclass
class Started:
    """A process that writes to files, so that a full pipe does not hold it up."""

    process: subprocess.Popen[bytes]
    files: tuple[Path, Path]

    def end(self) -> tuple[str, str]:
        self.process.wait(timeout=HANGS)
        out, err = (file.read_text() for file in self.files)
        return out, err


def start(project: Project, *words: str) -> Started:
    number = next(_numbers)
    files = (project.root / f"out{number}", project.root / f"err{number}")
    with files[0].open("wb") as out, files[1].open("wb") as err:
        return Started(subprocess.Popen(argv(*words), cwd=project.root, stdout=out, stderr=err), files)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("saved", [False, True], ids=["direct", "saved"])
def test_a_signal_in_mid_apply_ends_it_in_order(project: Project, number: signal.Signals, saved: bool) -> None:
    """130, with a report of what was done and what was not; the next apply finishes the work."""
    many(project, MANY)
    if saved:
        project.ok("plan", "--save", "plan.json")
    started = start(project, "apply", "--yes", "--format", "json", *(["--plan", "plan.json"] if saved else []))
    wait_for_writes(project, started.process)
    started.process.send_signal(number)
    out, err = started.end()
    assert started.process.returncode == 130, err[-2000:]
    report = json.loads(out)
    assert report["interrupted"] is True
    assert 0 < report["summary"]["created"] < MANY
    assert report["summary"]["created"] + report["summary"]["skipped"] == MANY
    assert len(project.keys()) == report["summary"]["created"]
    assert "Traceback" not in err
    project.apply()
    assert len(project.keys()) == MANY
    assert project.plan() == {}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_it_at_once_with_a_report(project: Project, number: signal.Signals) -> None:
    """Who presses Ctrl-C twice still learns what was done."""
    many(project, MANY // 2)
    started = start(project, "apply", "--yes", "--format", "json")
    wait_for_writes(project, started.process)
    for _ in range(3):
        started.process.send_signal(number)
        time.sleep(0.002)
    out, err = started.end()
    assert started.process.returncode == 130, err[-2000:]
    assert "Traceback" not in err
    report = json.loads(out)
    assert report["summary"]["created"] <= len(project.keys()) <= report["summary"]["created"] + AT_ONCE
    project.apply()
    assert project.plan() == {}


def test_kill_9_in_mid_apply_leaves_a_sound_file(project: Project) -> None:
    """Whatever moment it dies at, the file is intact and the next apply finishes."""
    many(project, MANY // 2)
    started = start(project, "apply", "--yes")
    wait_for_writes(project, started.process)
    started.process.kill()
    started.end()
    assert project.sql("PRAGMA integrity_check") == [("ok",)]
    stored = len(project.keys())
    assert 0 < stored < MANY // 2
    assert project.run("plan", "--format", "json").json("plan")["summary"] | {"create": 0} == project_summary(
        unchanged=stored
    )
    project.apply()
    assert len(project.keys()) == MANY // 2


def project_summary(**counts: int) -> dict[str, int]:
    return (
        dict.fromkeys(("create", "update", "rename", "replace", "delete", "unchanged", "conflict", "blocked"), 0)
        | counts
    )


def test_two_applies_at_once_lose_nothing(project: Project) -> None:
    """Both want to write the same objects: each is written once, and whoever came second is told or had nothing to do."""
    many(project, 400)
    first, second = (
        start(project, "apply", "--yes", "--format", "json"),
        start(project, "apply", "--yes", "--format", "json"),
    )
    answers = [started.end() for started in (first, second)]
    codes = sorted(started.process.returncode for started in (first, second))
    assert set(codes) <= {0, 4, 5}, answers
    assert "Traceback" not in answers[0][1] + answers[1][1]
    assert len(project.keys()) == 400
    assert project.sql("SELECT count(*) FROM revision") == [(400,)]
    created = 0
    for out, _ in answers:
        report = json.loads(out)
        if "summary" in report:
            created += report["summary"]["created"]
            assert report["summary"]["created"] + report["summary"]["unchanged"] + report["summary"]["failed"] == 400
            assert all(outcome["status"] in ("ok", "failed") for outcome in report["outcomes"])
    assert created == 400
    assert project.plan() == {}


def test_two_writers_of_one_object_are_told_apart(project: Project) -> None:
    """A plan that another process overtook overwrites nothing."""
    project.manifest("a", description="one")
    project.apply()
    project.manifest("a", description="two")
    project.ok("plan", "--save", "plan.json")
    project.manifest("a", description="three")
    project.apply()
    assert project.command("apply", "--plan", "plan.json").returncode == 4
    assert project.stored()["local/Model/a"]["description"] == "three"


# --- pipes ------------------------------------------------------------------------------------------------------------


def test_a_closed_pipe_is_no_error(project: Project) -> None:
    """`| head -1` of any command: no traceback, nothing on stderr."""
    many(project, 2000, description="x")
    for command in ("plan", "plan --format json", "validate --format json", "list", "--help", "export --all"):
        if command == "export --all":
            project.apply()
        shell = f'{" ".join(argv())} {command} | head -c 1 >/dev/null; exit "${{PIPESTATUS[0]}}"'
        ran = subprocess.run(["bash", "-c", shell], cwd=project.root, capture_output=True, text=True, timeout=HANGS)
        assert (ran.returncode, ran.stderr) == (0, ""), command


def test_apply_works_on_when_its_reader_goes_away(project: Project) -> None:
    """`apply | head -1` shows less; it does not do less."""
    many(project, 2000, description="x" * 60)
    shell = f'{" ".join(argv())} apply --yes | head -c 1 >/dev/null; exit "${{PIPESTATUS[0]}}"'
    ran = subprocess.run(["bash", "-c", shell], cwd=project.root, capture_output=True, text=True, timeout=HANGS)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert len(project.keys()) == 2000


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_bug(project: Project, closed: str) -> None:
    """Some schedulers start programs without stdin, stdout or stderr."""
    project.manifest("a")
    for command, code in (
        ("validate", 0),
        ("plan --format json", 0),
        ("apply", 64),
        ("get nope", 1),
        ("apply --yes", 0),
    ):
        ran = subprocess.run(
            ["bash", "-c", f"{' '.join(argv())} {command} {closed}"],
            cwd=project.root,
            capture_output=True,
            timeout=HANGS,
        )
        assert ran.returncode == code, (command, ran.stderr)
    assert project.keys() == ["a"]


# --- the question, on a terminal -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "code", "keys"),
    [("y\n", 0, ["a"]), ("yes\n", 0, ["a"]), ("n\n", 4, []), ("\n", 4, []), ("\x03", 130, []), ("\x04", 130, [])],
)
def test_apply_asks_on_a_terminal(project: Project, typed: str, code: int, keys: list[str]) -> None:
    """yes applies; no, Enter, Ctrl-C and Ctrl-D write nothing, each with its exit code."""
    project.manifest("a")
    with terminal(project, "apply") as screen:
        screen.wait_for("Apply this change?")
        screen.type(typed)
        assert screen.end() == code, screen.seen
    assert "Traceback" not in screen.seen
    assert project.keys() == keys
    assert ("nothing was written" in screen.seen) == (code != 0)


def test_a_ctrl_c_at_any_moment_of_the_question_ends_it(project: Project) -> None:
    """Also one that comes after the question is shown and before it is waited for: nothing is lost between the two."""
    project.manifest("a")
    for pause in (0, 0.0002, 0.0005, 0.001, 0.002):
        with terminal(project, "apply") as screen:
            screen.wait_for("Apply this change?")
            time.sleep(pause)
            screen.type("\x03")
            assert screen.end() == 130, screen.seen
        assert "nothing was written" in screen.seen
    assert project.keys() == []


def test_an_answer_in_no_encoding_is_a_no(project: Project) -> None:
    """Whatever keys are pressed, only yes is yes."""
    project.manifest("a")
    for typed in (b"\xff\xfe\n", "ÿes\n".encode(), b"y y\n", b" YES \n"):
        with terminal(project, "apply") as screen:
            screen.wait_for("Apply this change?")
            os.write(screen.master, typed)
            assert screen.end() == (0 if typed == b" YES \n" else 4), screen.seen
    assert project.keys() == ["a"]


def test_nothing_to_do_asks_nothing(project: Project) -> None:
    """Neither on a terminal nor without one."""
    project.manifest("a")
    project.apply()
    with terminal(project, "apply") as screen:
        assert screen.end() == 0
    assert "?" not in screen.seen
    assert project.command("apply", stdin=subprocess.DEVNULL).returncode == 0


def test_delete_asks_too(project: Project) -> None:
    """One deletion is shown and asked for."""
    project.manifest("a")
    project.apply()
    with terminal(project, "delete", "a") as screen:
        screen.wait_for("?")
        screen.type("n\n")
        assert screen.end() == 4
    assert project.keys() == ["a"]
    assert project.command("delete", "a", stdin=subprocess.DEVNULL).returncode == 64


def test_no_terminal_and_no_yes_is_64(project: Project) -> None:
    """A pipeline that forgot --yes learns it before anything is written, in JSON too."""
    project.manifest("a")
    ran = project.command("apply", "--format", "json", stdin=subprocess.DEVNULL)
    assert ran.returncode == 64
    assert "--yes" in json.loads(ran.stdout)["error"]["hint"]
    assert not (project.root / "registry.db").exists()


def test_colour_only_on_a_terminal_and_only_if_wanted(project: Project) -> None:
    """Colour on a terminal; none in a pipe, with NO_COLOR, or with --no-color before or after the command."""
    project.manifest("a")
    for words, variables, coloured in (
        (("plan",), {}, True),
        (("plan",), {"NO_COLOR": "1"}, False),
        (("plan",), {"NO_COLOR": ""}, True),
        (("--no-color", "plan"), {}, False),
        (("plan", "--no-color"), {}, False),
        (("get", "nope"), {}, True),
        (("--no-color", "get", "nope"), {}, False),
    ):
        with terminal(project, *words, **variables) as screen:
            screen.end()
        assert ("\x1b[" in screen.seen) == coloured, (words, variables, screen.seen)
    assert "\x1b[" not in project.command("plan").stdout


def test_long_work_shows_progress_on_a_terminal(project: Project) -> None:
    """Work that takes a while says how far it is, on stderr, and leaves no trace of it behind."""
    many(project, 300)
    with terminal(project, "apply", "--yes") as screen:
        assert screen.end() == 0
    assert "applying" in screen.seen
    assert "300 created" in screen.seen


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
def test_data_is_utf_8_whatever_the_locale(project: Project, encoding: str) -> None:
    """A pipe on an old machine gets the same bytes, and nothing is a bug."""
    project.manifest("a", description="Modèle 模型 → …")
    variables = {**os.environ, "PYTHONIOENCODING": encoding}
    for output in ("text", "json", "markdown"):
        ran = subprocess.run(argv("plan", "--format", output), cwd=project.root, capture_output=True, env=variables)
        assert (ran.returncode, ran.stderr) == (0, b"")
        assert "模型" in ran.stdout.decode("utf-8")
