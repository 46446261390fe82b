"""A disk that fails at any call: what was stored stays whole, the error is one of ours, nothing half-written is left, and the next run goes on."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from world import World, model

from reconciler.cli.files import write_text
from reconciler.core.errors import InputError, ReconcilerError, RefusedError
from reconciler.core.resource import Address
from reconciler.manifest.cache import ManifestCache
from reconciler.planner.plan import Issue
from reconciler.project.backup import write_backup
from reconciler.project.files import replace_file, rewrite_file, write_new
from reconciler.project.ledger import PlanLedger
from reconciler.project.unfinished import UnfinishedRuns
from reconciler.registry.capabilities import PlanRecord
from reconciler.registry.insidellms import files as run_configs

CALLS: Final = ("open", "fsync", "replace", "link", "mkdir", "fchmod", "rename")
ISSUE: Final = Issue("0" * 32, "2026-11-28T10:00:00Z", "2026-11-29T10:00:00Z")
OLD, NEW = "old\n", "new\n" * 2_000


class Place(NamedTuple):
    """Something that is written: to `file`, in a folder. It raises nothing but `raises`."""

    write: Callable[[Path], Any]
    file: str
    raises: type[Exception]
    old: str | None = OLD


def _cache(folder: Path) -> None:
    cache = ManifestCache(folder, "f", b"k" * 32)
    cache._write(b"")


PLACES: Final = {
    "a new file": Place(lambda folder: write_new(folder / "f", NEW), "f", OSError, None),
    "a file in the place of another": Place(lambda folder: replace_file(folder / "f", NEW), "f", OSError),
    "a manifest that is formatted": Place(lambda folder: rewrite_file(folder / "f", NEW.encode()), "f", OSError),
    "a saved plan": Place(lambda folder: write_text(folder / "f", NEW), "f", InputError),
    "a run config": Place(lambda folder: run_configs.write(folder / "f", NEW), "f", ReconcilerError),
    "the cache": Place(_cache, "f.cache", OSError, None),
    "the record of a plan": Place(
        lambda folder: PlanLedger(folder).begin(ISSUE, "0", "us"), f"{ISSUE.nonce}.json", RefusedError, None
    ),
    "the note of an unfinished run": Place(
        lambda folder: UnfinishedRuns(folder).note("n", {Address("local", "Model", "a"): folder / "a"}),
        f".reconciler/unfinished/n.{os.getpid()}.json",
        RefusedError,
        None,
    ),
}


class Disk:
    """Counts the calls of the system that write, and fails the one of that number."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int, code: int) -> None:
        self.calls, self._number, self._code = 0, number, code
        for name in CALLS:
            monkeypatch.setattr(os, name, self._failing(getattr(os, name)))

    def _failing(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            if self.calls == self._number:
                raise OSError(self._code, os.strerror(self._code))
            return real(*args, **kwargs)

        return call


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC], ids=["EIO", "ENOSPC"])
@pytest.mark.parametrize("name", PLACES)
def test_a_call_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, code: int) -> None:
    """The first, the second ... until none does: the file is as it was, or as it is to be, and writing it again is all it takes."""
    place, number, calls = PLACES[name], 0, 0
    while number <= calls:
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        file = folder / place.file
        if place.old is not None:
            file.write_text(place.old)
        with monkeypatch.context() as patch:
            disk = Disk(patch, number, code)
            failed = _fails(place, folder)
        calls = disk.calls
        there = file.read_text() if file.exists() else None
        assert number <= calls or not failed  # a folder that cannot be made may be there already
        if failed:
            assert there == place.old or (place.old is not None and there == NEW), number
            assert not _fails(place, folder), number
        assert [one.name for one in file.parent.iterdir()] in (
            [file.name],
            [".gitignore", file.name],
            [file.name, ".gitignore"],
        )
    assert number > 1


def _fails(place: Place, folder: Path) -> bool:
    try:
        before = place.write(folder)
    except place.raises:
        return True
    assert not isinstance(before, PlanRecord), "a plan whose record could not be written counts as applied"
    return False


@pytest.mark.parametrize("there", [False, True], ids=["new", "beside-others"])
async def test_of_a_backup_that_cannot_be_written_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    """Neither the files before the one that fails, nor their folders, half a file least of all; what others put there stays."""
    async with World.of() as world:
        await world.apply(model("a"), model("b"))
        stored = (await world.remote()).listings["one"].resources
        number, calls = 0, 0
        while number <= calls:
            number += 1
            folder = tmp_path / str(number) / "kept"
            if there:
                (folder / "one").mkdir(parents=True)
                (folder / "one" / "others").write_text("theirs")
            before = sorted(tmp_path.rglob("*"))
            with monkeypatch.context() as patch:
                disk = Disk(patch, number, errno.EIO)
                failed = _fails(
                    Place(lambda here: write_backup(here, stored, world.entries, tmp_path), "", RefusedError), folder
                )
            calls = disk.calls
            if failed:
                assert sorted(tmp_path.rglob("*")) == before, number
    assert number > 10
