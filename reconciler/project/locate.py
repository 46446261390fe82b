"""The projects and the repository that files belong to, found on disk."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from reconciler.core import presence
from reconciler.manifest.glob import fixed_part
from reconciler.manifest.validation import Repository
from reconciler.project import config_file

# Where runners put the repository, for checkouts without `.git`.
_CHECKOUTS: Final = ("GITHUB_WORKSPACE", "CI_PROJECT_DIR", "BUILD_SOURCESDIRECTORY", "BITBUCKET_CLONE_DIR")


def projects_of(paths: Sequence[str], cwd: Path) -> dict[Path | None, tuple[str, ...]]:
    """The paths by the configuration that is nearest to each, upward from the folder that it names or is in.

    pre-commit and editors name files from the root of a repository, whose projects may lie in folders below.
    """
    found: dict[Path | None, tuple[str, ...]] = {}
    for path in paths:
        file = config_file.find(_folder(path, cwd))
        found[file] = (*found.get(file, ()), path)
    return found


def _folder(path: str, cwd: Path) -> Path:
    whole = Path(os.path.abspath(fixed_part(cwd, path)))
    return whole if presence.is_folder(whole) else whole.parent


def repository_of(folder: Path, cwd: Path, environ: Mapping[str, str]) -> Repository:
    """The repository that a folder is in: the nearest with `.git`, else a runner's checkout, else the working directory."""
    root = next((parent for parent in (folder, *folder.parents) if os.path.lexists(parent / ".git")), None)
    checkouts = (Path(os.path.realpath(environ[name])) for name in _CHECKOUTS if environ.get(name))
    within = (checkout for checkout in checkouts if folder.is_relative_to(checkout))
    root = root or next(within, cwd)
    return Repository(root.as_posix(), cwd.as_posix())


def repository_here() -> Repository | None:
    """The repository that the working directory is in; None where that does not exist any more."""
    try:
        cwd = Path(os.path.realpath(Path.cwd()))
    except FileNotFoundError:
        return None
    return repository_of(cwd, cwd, os.environ)
