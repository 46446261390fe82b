"""`--changed-since REF`: the part of the manifests that git says has changed, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reconciler.cli.streams import say, warn
from reconciler.core.resource import DesiredState
from reconciler.manifest.validation import Validation
from reconciler.project.changed_since import Changes, changes_since
from reconciler.project.environments import validate
from reconciler.project.workspace import LoadedManifests, Workspace
from reconciler.render.escape import printable
from reconciler.render.terminal import count


def validated(workspace: Workspace, since: str, paths: Sequence[str]) -> Validation:
    """The problems of the manifests that changed; all others are read as well, for what holds across documents."""
    changes = changes_since(workspace, since, paths)
    _tell(changes, since)
    if changes.everything:
        return validate(workspace, paths)
    return validate(workspace, changes.files) if changes.files else Validation(0, 0, ())


def load(workspace: Workspace, since: str, paths: Sequence[str]) -> tuple[LoadedManifests, DesiredState]:
    """The manifests, of which those that changed are valid, and what these want, deletions left out."""
    changes = changes_since(workspace, since, paths)
    _tell(changes, since)
    loaded = workspace.load(paths if changes.everything else changes.files)
    if not changes.everything and not changes.files:
        loaded = replace(loaded, problems=())
        return loaded, replace(loaded.desired, resources=(), complete=False)
    desired = loaded.checked()
    for item in desired.resources:
        if item.absent:
            source = item.resource.source
            place = f" ({source.file}:{source.line})" if source is not None else ""
            warn(f"{printable(str(item.address))}{printable(place)} is to be absent: --changed-since deletes nothing")
    present = tuple(item for item in desired.resources if not item.absent)
    return loaded, replace(desired, resources=present, complete=False)


def _tell(changes: Changes, since: str) -> None:
    what = "reconciler.yaml changed, so all manifests count" if changes.everything else _counted(changes)
    say(f"since {printable(since)}: {what}")
    for file in changes.gone:
        warn(f"{printable(file)} is gone: --changed-since deletes nothing")


def _counted(changes: Changes) -> str:
    return f"{count(len(changes.files), 'manifest file')} changed" if changes.files else "no manifest changed"
