"""`--changed-since REF`: the part of the manifests that git says has changed, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from reconciler.cli.streams import say, warn
from reconciler.core.resource import DesiredState
from reconciler.manifest.validation import Validation
from reconciler.project.changed_since import Changes, changes_since
from reconciler.project.environments import validate
from reconciler.project.loaded import LoadedManifests
from reconciler.project.workspace import Workspace
from reconciler.render.escape import printable
from reconciler.render.terminal import count


def validated(workspace: Workspace, since: str, paths: Sequence[str], today: date) -> Validation:
    """The problems of the manifests that changed; all others are read as well, for what holds across documents."""
    changes = changes_since(workspace, since, paths)
    _tell(changes, since)
    if changes.everything:
        return validate(workspace, paths, today=today)
    return validate(workspace, changes.files, today=today) if changes.files else Validation(0, 0, ())


def load(workspace: Workspace, since: str, paths: Sequence[str]) -> LoadedManifests | None:
    """The manifests that changed, all others read as well; None where none did."""
    changes = changes_since(workspace, since, paths)
    _tell(changes, since)
    if changes.everything:
        return workspace.load(paths)
    return workspace.load(changes.files) if changes.files else None


def nothing(workspace: Workspace) -> tuple[LoadedManifests, DesiredState]:
    """The manifests and what they want where none changed: all are declared, and nothing is to be done."""
    loaded = replace(workspace.load(), problems=())
    return loaded, replace(loaded.desired, resources=(), complete=False)


def without_deletions(desired: DesiredState) -> DesiredState:
    """What manifests want, without what they want absent, which is told; of orphans nothing is said."""
    for item in desired.resources:
        if item.absent:
            source = item.resource.source
            place = f" ({source.file}:{source.line})" if source is not None else ""
            warn(f"{printable(str(item.address))}{printable(place)} is to be absent: --changed-since deletes nothing")
    present = tuple(item for item in desired.resources if not item.absent)
    return replace(desired, resources=present, complete=False)


def _tell(changes: Changes, since: str) -> None:
    what = "reconciler.yaml changed, so all manifests count" if changes.everything else _counted(changes)
    say(f"since {printable(since)}: {what}")
    for file in changes.gone:
        warn(f"{printable(file)} is gone: --changed-since deletes nothing")


def _counted(changes: Changes) -> str:
    return f"{count(len(changes.files), 'manifest file')} changed" if changes.files else "no manifest changed"
