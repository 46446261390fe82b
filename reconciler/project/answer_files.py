"""The files that answers, saved plans and exports are written to: never one that the project lives on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from reconciler.core import presence
from reconciler.core.errors import UsageError
from reconciler.manifest.glob import is_manifest
from reconciler.project import config_file
from reconciler.project.folders import overlap
from reconciler.project.workspace import Workspace

_CONFIGURATION: Final = "it is the configuration"


def check_answer_file(file: Path, workspace: Workspace, paths: Sequence[str] = ()) -> None:
    """Raise UsageError for an answer that would take the place of the configuration, a registry or a manifest.

    `paths` are those of the run: what they name are manifests, too.
    """
    clash = _stored_there(file, workspace) or _manifest_there(file, workspace, paths)
    if clash is not None:
        raise _refused(file, clash)


def check_export_file(file: Path, workspace: Workspace) -> None:
    """Raise UsageError for an export that would take the place of the configuration or a registry, also with --force."""
    clash = _stored_there(file, workspace)
    if clash is not None:
        raise _refused(file, clash)


def check_beside_broken(file: Path, configuration: Path | None) -> None:
    """Raise UsageError for an answer that would take the place of a configuration that cannot be used.

    `configuration` is the one that the command names; any other goes by its name.
    """
    named = configuration is not None and os.path.realpath(file) == os.path.realpath(configuration)
    if named or os.path.basename(os.path.realpath(file)) == config_file.FILE:
        raise _refused(file, _CONFIGURATION)


def _refused(file: Path, why: str) -> UsageError:
    return UsageError(f"{file} was not written: {why}", hint="give the file another name, or another folder")


def _stored_there(file: Path, workspace: Workspace) -> str | None:
    """The configuration or the registry that the file belongs to, in words; or None."""
    real = Path(os.path.realpath(workspace.cwd / file))
    configuration = workspace.project.file
    if configuration is not None and real == Path(os.path.realpath(workspace.cwd / configuration)):
        return _CONFIGURATION
    for name, entry in workspace.entries.items():
        location = entry.facts.identity["location"]
        if os.path.isabs(location):
            place = Path(os.path.realpath(location))
            log = real.parent == place.parent and real.name.startswith(
                f"{place.name}-"
            )  # SQLite's, beside the database
            if real == place or place in real.parents or log:
                return f"it belongs to the registry {name!r}"
    return None


def _manifest_there(file: Path, workspace: Workspace, paths: Sequence[str]) -> str | None:
    """The manifests among which the file is, in words; or None."""
    if not is_manifest(file.name):
        return None
    real = Path(os.path.realpath(workspace.cwd / file))
    for path in paths:
        asked = Path(os.path.realpath(workspace.cwd / path))
        if presence.is_there(real) and (asked == real or asked in real.parents):
            return f"it is among the manifests of this run ({path})"
    return overlap(real, workspace.project)
