"""Folders that must lie apart: what we write as files that read like manifests, and the manifests themselves."""

from __future__ import annotations

import os
from pathlib import Path

from reconciler.core.errors import UsageError
from reconciler.manifest.glob import fixed_part
from reconciler.project.config import Project


def check_backup_folder(folder: Path, project: Project, cwd: Path) -> None:
    """Raise UsageError for a backup among the manifests: the next run would read what was removed as declared."""
    clash = overlap(cwd / folder, project)
    if clash is not None:
        raise UsageError(
            f"--backup {folder}: {clash}, so the next run would read the backup as manifests",
            hint="name a folder apart from the manifests; without --backup it is .reconciler/backup/<UTC>",
        )


def overlap(folder: Path, project: Project) -> str | None:
    """The overlap of a folder and the configured manifests, in words, wherever links lead; or None."""
    real = Path(os.path.realpath(folder))
    for path in project.manifests:
        top = Path(os.path.realpath(fixed_part(project.root, path)))
        if top == real or (top in real.parents and not _hidden(real, top)):
            return f"it is inside {path}, where manifests are read from"
        if real in top.parents:
            return f"{path}, where manifests are read from, is inside it"
    return None


def _hidden(path: Path, top: Path) -> bool:
    """True where a folder on the way from `top` is hidden: no manifest is read from there."""
    return any(part.startswith(".") for part in path.relative_to(top).parts)
