"""The short form of the failing system calls: every so-manieth of each sort; and that each broken promise is seen."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from campaign.struck import Ended, Program
from campaign.struck_project import CASES, Looked, State, damage
from campaign.system_calls import CALLS, campaign, targets

EVERY: Final = 31
FORBIDDEN: Final = "apply that a policy forbids"  # each of its runs starts another process, and takes a second
SORTS: Final = {"openat", "newfstatat", "pwrite64", "pread64", "fcntl"}  # of which each case has many


def test_a_system_call_that_fails_breaks_no_promise() -> None:
    """A first apply, a second one, a migration, a plan, a saved plan: one in so many calls of each sort fails."""
    cases = [case for case in CASES if case.name != FORBIDDEN]
    found = campaign(cases, float("inf"), EVERY)
    assert found.wrong == []
    assert {name.partition(": ")[0] for name in found.runs} == {case.name for case in cases}
    assert {name.partition(": ")[2] for name in found.runs} >= SORTS
    assert found.codes[0] > 0
    assert found.codes[1] > 0


def test_a_policy_is_not_passed_by_where_its_folder_cannot_be_looked_up() -> None:
    """What cannot be told is not taken for absent."""
    found = campaign([case for case in CASES if case.name == FORBIDDEN], float("inf"), 2, ["newfstatat"])
    assert found.wrong == []
    assert found.runs.total() > 4
    assert found.codes.keys() == {1}


# --- that what is wrong is seen ----------------------------------------------------------------------------------

QUIET: Final = Ended(0, '{"outcomes": []}', "")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Looked, Path]]:
    """The second apply, carried out."""
    scratch = tmp_path_factory.mktemp("struck")
    root = scratch / "project"
    root.mkdir()
    case = next(case for case in CASES if case.name == "second apply")
    with Program(scratch) as program:
        case.build(program, root)
        before = State.of(root)
        assert program.run(root, *case.words).code == 0
        yield Looked(case, before, State.of(root)), root


def outcome(key: str) -> str:
    return json.dumps({"outcomes": [{"address": f"local/Model/{key}", "status": "ok"}]})


@pytest.mark.parametrize(
    ("change", "ended", "seen"),
    [
        ({"files": {"saved/local/Model/two.yaml": b"kin"}}, Ended(5, "", "registry.db"), "half of a backup"),
        ({"files": {"manifests/one.json": b""}}, QUIET, "is not as it was"),
        ({"files": {".registry.db.1/new": b""}}, QUIET, "is left"),
        ({"files": {}}, Ended(4, "", "refused: saved"), "a backup is left"),
        ({"objects": {"theirs": ("Ours.", "them")}}, QUIET, "theirs is"),
        ({"objects": {"kept": None}}, QUIET, "kept is None"),
        ({"objects": {"three": ("Three.", "us")}}, QUIET, "none or two"),
        ({"objects": {"one": ("One.", "us")}}, QUIET, "it says that it is done"),
        ({"objects": {"one": ("One.", "us")}}, Ended(5, outcome("one"), ""), "the report says that one is done"),
        ({}, Ended(3, "", "a bug of ours"), "exited with 3"),
        ({}, Ended(1, "", "Traceback (most recent call last)"), "traceback"),
        ({}, Ended(1, "", "input/output error"), "does not say where"),
    ],
)
def test_a_broken_promise_is_seen(
    done: tuple[Looked, Path], monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], ended: Ended, seen: str
) -> None:
    """Each of them."""
    looked, root = done
    objects = {**looked.after.objects, **change.get("objects", {})}
    now = replace(
        looked.after,
        objects={key: value for key, value in objects.items() if value is not None},
        files={**looked.after.files, **change.get("files", {})},
    )
    assert looked.wrong_after(root, QUIET, "write") == []
    monkeypatch.setattr(State, "of", lambda _: now)
    assert any(seen in line for line in looked.wrong_after(root, ended, "write"))


def test_damage_is_seen(done: tuple[Looked, Path], tmp_path: Path) -> None:
    """A history with a gap at its end, and pages that are not SQLite's."""
    data = (done[1] / "registry.db").read_bytes()
    (tmp_path / "registry.db").write_bytes(data)
    assert damage(tmp_path) == []
    with closing(sqlite3.connect(tmp_path / "registry.db", isolation_level=None)) as connection:
        connection.execute(
            "DELETE FROM revision WHERE (object_id, revision) = (SELECT id, revision FROM object LIMIT 1)"
        )
    assert "the history of object" in damage(tmp_path)[0]
    (tmp_path / "registry.db").write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
    assert "malformed" in damage(tmp_path)[0]


def test_only_calls_that_name_a_file_of_the_project_are_struck(tmp_path: Path) -> None:
    """By an absolute path, a relative one, or an open file; what is written is no name."""
    log = "\n".join(
        (
            '{pid} openat(AT_FDCWD</p>, "/usr/lib/python3.py", O_RDONLY) = 3</usr/lib/python3.py>',
            f'{{pid}} openat(AT_FDCWD</p>, "{tmp_path}/reconciler.yaml", O_RDONLY) = 3',
            f'12 pwrite64(4<{tmp_path}/registry.db-wal>, "/etc/x", 6, 0) = 6',
            f'12 unlink("{tmp_path}/registry.db-journal") = 0',
        )
    )
    assert targets(log, tmp_path) == {
        ("openat", "others"): [f"{tmp_path}/reconciler.yaml"],
        ("pwrite64", "registry"): [f"{tmp_path}/registry.db-journal", f"{tmp_path}/registry.db-wal"],
        ("unlink", "registry"): [f"{tmp_path}/registry.db-journal", f"{tmp_path}/registry.db-wal"],
    }
    assert {call for call, _ in targets(log, tmp_path)} <= set(CALLS)
