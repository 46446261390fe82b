"""Folders that must lie apart: what we write as files that read like manifests, and the manifests themselves."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from reconciler.core.errors import UsageError
from reconciler.project.config import Project

_MAGIC: Final = re.compile(r"[*?\[]")


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
    real = folder.resolve()
    for path in project.manifests:
        top = _fixed_part(project.root, path).resolve()
        if top == real or (top in real.parents and not _hidden(real, top)):
            return f"it is inside {path}, where manifests are read from"
        if real in top.parents:
            return f"{path}, where manifests are read from, is inside it"
    return None


def _fixed_part(root: Path, path: str) -> Path:
    """The folder or file that a configured path means, and of a glob the folder below which it may match anything."""
    if (root / path).exists() or not _MAGIC.search(path):
        return root / path
    parts = path.split("/")
    return root.joinpath(*parts[: next(place for place, part in enumerate(parts) if _MAGIC.search(part))])


def _hidden(path: Path, top: Path) -> bool:
    """True where a folder on the way from `top` is hidden: no manifest is read from there."""
    return any(part.startswith(".") for part in path.relative_to(top).parts)
