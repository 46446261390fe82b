"""Back up what a run is about to remove or overwrite, as manifests. Applying the folder restores it."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reconciler.applier.report import Report
from reconciler.core.errors import RefusedError
from reconciler.core.resource import Address, RemoteState, Resource
from reconciler.manifest.discover import shown
from reconciler.manifest.export import path_of, text_of
from reconciler.planner.plan import Plan
from reconciler.project.files import PRIVATE_FILE, PRIVATE_FOLDER, make_folder, missing_folders, write_new
from reconciler.project.unfinished import UnfinishedRuns
from reconciler.project.workspace import Workspace
from reconciler.registry.entry import RegistryEntry


@dataclass
class RunBackup:
    """The backup of one run, and a note of what it deletes to create it again.

    It is written to `folder`, or to `.reconciler/backup/<UTC>`. The note is there until the run has created it: a run that is killed in between leaves it to the next one.
    """

    workspace: Workspace
    plan: Plan
    folder: Path | None = None
    shown: str | None = None
    _present: frozenset[Address] = frozenset()
    _note: Path | None = None

    def back_up(self, resources: tuple[Resource, ...]) -> str:
        """Write down each of these objects.

        Returns the folder as shown. Raises RefusedError where that fails: then nothing may be written.
        """
        workspace = self.workspace
        stamp = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H-%M-%S-%fZ")
        root = workspace.project.root
        target = self.folder if self.folder is not None else root / ".reconciler" / "backup" / stamp
        target = workspace.cwd / target
        write_backup(target, resources, workspace.entries, root)
        replaced = {
            change.address for change in self.plan.writes if change.action == "replace" and change.previous is None
        }
        files = {one.address: target / path_of(one) for one in resources if one.address in replaced}
        if files:
            self._note = UnfinishedRuns(root).note(stamp, files)
        self.shown = shown(str(target), workspace.cwd)
        return self.shown

    def on_read(self, remote: RemoteState) -> None:
        """Remember what is there before the first write."""
        self._present = frozenset(resource.address for resource in remote.resources())

    def ended(self, report: Report) -> None:
        """Forget the notes, of this run and of earlier ones, whose objects are all there."""
        runs = UnfinishedRuns(self.workspace.project.root)
        lost = {
            outcome.address
            for outcome in report.outcomes
            if outcome.action == "replace" and outcome.status != "ok" and outcome.reason != "put-back"
        }
        created = {one.address for one in report.outcomes if one.action == "create" and one.status == "ok"}
        if self._note is not None and not lost:
            with suppress(OSError):
                self._note.unlink()
        runs.forget((self._present | created) - lost)


def write_backup(folder: Path, resources: Iterable[Resource], entries: Mapping[str, RegistryEntry], root: Path) -> Path:
    """Write each resource below `folder`, which is made.

    Raises RefusedError where that fails: then nothing may be removed, and nothing of half a backup is left.
    """
    written: list[Path] = []
    made: list[Path] = []
    try:
        for resource in resources:
            path = folder / path_of(resource)
            made = [*missing_folders(path.parent), *made]
            make_folder(path.parent, PRIVATE_FOLDER)
            below = shown(str(path.parent), root)
            text = text_of(resource, entries[resource.address.registry], below)
            write_new(path, f"{_heading(resource)}{text}", PRIVATE_FILE)
            written.append(path)
    except OSError as error:
        for file in written:
            with suppress(OSError):
                file.unlink()
        for empty in made:
            with suppress(OSError):  # somebody put something there
                empty.rmdir()
        reason = f"{error.strerror or error}: {error.filename or folder}"
        message = (
            f"the backup of what would be removed or overwritten cannot be written ({reason}), so nothing was removed"
        )
        raise RefusedError(message, hint="name a folder that can be written with --backup DIR") from error
    return folder


def _heading(resource: Resource) -> str:
    """A comment with the object's owner: a manifest has no field for that, and applying it makes it ours."""
    owner = "nobody" if resource.mark is None else json.dumps(resource.mark.owner)
    return f"# {json.dumps(str(resource.address))} as it was before reconciler wrote there. Owner: {owner}.\n"
