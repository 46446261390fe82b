"""A repository that offers our pre-commit hooks: what is being worked on, committed, since pre-commit clones what is committed."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from programs import ROOT, run

# What pip needs to install the hooks, and the offer itself.
SOURCES: Final = ("reconciler", "pyproject.toml", "README.md", "LICENSE", ".pre-commit-hooks.yaml")


def committed(folder: Path, env: Mapping[str, str]) -> Path:
    """A folder, as a git repository with one commit."""
    run("git", "init", "--quiet", cwd=folder, env=env)
    run("git", "add", "--all", cwd=folder, env=env)
    run("git", "commit", "--quiet", "--message", "x", cwd=folder, env=env)
    return folder


def hook_repository(folder: Path, env: Mapping[str, str]) -> Path:
    """The repository, in an empty folder."""
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder)
    return committed(folder, env)
