"""Notes of runs that ended between the delete and the create of a replace, and the backups of what they removed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from reconciler.core import presence
from reconciler.core.errors import InputError, Problem, ReconcilerError, RefusedError
from reconciler.core.resource import Address, RemoteState, Resource
from reconciler.manifest.discover import shown
from reconciler.planner.plan import Plan
from reconciler.project.files import make_folder, write_new
from reconciler.project.workspace import Workspace

RULE: Final = "unfinished-replace"


class _Note(NamedTuple):
    path: Path
    files: Mapping[Address, Path]


@dataclass(frozen=True, slots=True)
class UnfinishedRuns:
    """The notes in one project (`.reconciler/unfinished`).

    Each is made before a run deletes, and goes when it has created again.
    """

    root: Path

    @property
    def _folder(self) -> Path:
        return self.root / ".reconciler" / "unfinished"

    def note(self, stamp: str, files: Mapping[Address, Path]) -> Path:
        """Note that a run is about to delete these objects to create them again.

        Raises RefusedError where that fails.
        """
        path = self._folder / f"{stamp}.{os.getpid()}.json"
        try:
            make_folder(self._folder)
            last = max((name for name in os.listdir(self._folder) if name.endswith(".json")), default="")
            if path.name <= last:  # the clock went back: by its name this one is the newest all the same
                path = path.with_name(f"{last.partition('.')[0]}_.{os.getpid()}.json")
            write_new(path, json.dumps({str(address): os.path.abspath(file) for address, file in files.items()}))
        except OSError as error:
            raise RefusedError(
                f"{path} cannot be written ({error.strerror}), so nothing was removed",
                hint="make room there: a run that dies half-way leaves a note in it",
            ) from error
        return path

    def backups(self) -> dict[Address, Path]:
        """The newest backup of each object that a run may have left deleted."""
        return {
            address: file for note in self._notes() for address, file in note.files.items() if presence.is_file(file)
        }

    def forget(self, there: frozenset[Address]) -> None:
        """Remove the notes whose objects are all there again; those of a run that is under way are its own.

        One that cannot be removed, or read, is left to the next run: what this one did is to be told.
        """
        with suppress(OSError, InputError):
            for note in self._notes():
                if there.issuperset(note.files) and not _is_alive(note.path):
                    note.path.unlink()

    def _notes(self) -> Iterator[_Note]:
        try:
            names = sorted(os.listdir(self._folder))
            texts = {path: _text(path) for path in (self._folder / name for name in names if name.endswith(".json"))}
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise presence.unknowable(error.filename or self._folder, error) from error
        for path, text in texts.items():
            try:
                data: Any = json.loads(text)
                files = {Address.parse(address): Path(file) for address, file in data.items()}
            except (ValueError, AttributeError, TypeError, RecursionError):
                continue  # cut short while it was written: then nothing was deleted yet
            yield _Note(path, files)


def _text(note: Path) -> bytes:
    """A note's text; none of one that another run removed meanwhile."""
    try:
        return note.read_bytes()
    except FileNotFoundError:
        return b""


def _is_alive(note: Path) -> bool:
    """True where the process that wrote the note, by the number in its name, is another one that still runs."""
    number = note.stem.rpartition(".")[2]
    if not number.isdecimal() or int(number) == os.getpid():
        return False
    try:
        os.kill(int(number), 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


def with_warnings(plan: Plan, remote: RemoteState, workspace: Workspace) -> Plan:
    """The plan with a warning for each object that it creates and that an earlier run had deleted to create it again.

    Notes of what is there after all are removed: a later create would be given values of long ago.
    """
    runs = UnfinishedRuns(workspace.project.root)
    runs.forget(frozenset(resource.address for resource in remote.resources()))
    backups = runs.backups()
    told = {
        Problem(
            shown(str(backups[change.address]), workspace.cwd),
            1,
            1,
            RULE,
            f"{change.address} was deleted to be created again, and that run did not get to it; this backup holds it as it was: "
            "what its manifest ignores is taken from there",
            severity="warning",
        )
        for change in plan.writes
        if change.action == "create" and change.address in backups
    }
    return replace(plan, problems=tuple(sorted({*plan.problems, *told}))) if told else plan


def recovered(plan: Plan, workspace: Workspace) -> dict[Address, Resource]:
    """Read from backups the objects that the plan creates and that an earlier run deleted to create again."""
    backups = UnfinishedRuns(workspace.project.root).backups()
    found: dict[Address, Resource] = {}
    for change in plan.writes:
        if change.action == "create" and change.address in backups:
            with suppress(
                ReconcilerError
            ):  # a backup that cannot be read is told by the plan, and is for a person then
                state = workspace.load((str(backups[change.address]),), everything=True).checked()
                found |= {item.address: item.resource for item in state.resources if item.address == change.address}
    return found
