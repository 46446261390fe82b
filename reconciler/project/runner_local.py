"""Registries that are a file or a folder on the runner of a pipeline, and go with it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from reconciler.core import pointer as json_pointer
from reconciler.core.errors import Problem
from reconciler.core.schema.findings import Finding
from reconciler.project.git import ask
from reconciler.project.locate import repository_of
from reconciler.project.pull_request import in_pipeline
from reconciler.project.workspace import Workspace
from reconciler.registry.capabilities import KeepsFile, KeepsFolder
from reconciler.registry.entry import RegistryEntry

RULE: Final = "registry-not-kept"
_GIT_SECONDS: Final = 10.0


def registries_not_kept(workspace: Workspace, names: Iterable[str] | None = None) -> tuple[Problem, ...]:
    """A warning for each registry, of these names or of all, that a pipeline would write for nobody.

    That is one whose file was not there when the command began, or lies in the checkout and is not in git: an earlier
    command of the same run made it.
    """
    if not in_pipeline(workspace.resolver.environ):
        return ()
    return workspace.project.problems(_findings(workspace, sorted(workspace.entries if names is None else names)))


def _findings(workspace: Workspace, names: Iterable[str]) -> Iterator[Finding]:
    checkout = Path(repository_of(workspace.project.root, workspace.cwd, workspace.resolver.environ).root)
    for name in names:
        path = _place(workspace.entries[name], workspace)
        if path is None or (
            os.path.exists(path) and not (path.is_relative_to(checkout) and _untracked(path, checkout))
        ):
            continue
        shown = path.relative_to(checkout).as_posix() if path.is_relative_to(checkout) else path.name
        message = f"registry {name}: {shown} was not in the checkout, so what is written to it goes with this runner"
        pointer = json_pointer.join(("registries", name))
        yield Finding(RULE, message, pointer, at_key=True, severity="warning")


def _place(entry: RegistryEntry, workspace: Workspace) -> Path | None:
    driver = entry.driver
    if isinstance(driver, KeepsFile):
        return driver.file(entry.settings, workspace.resolver)
    return driver.folder(entry.settings, workspace.resolver) if isinstance(driver, KeepsFolder) else None


def _untracked(path: Path, checkout: Path) -> bool:
    """True where git says that it does not have the file. Where nobody can tell, nothing is said against it."""
    try:
        found = ask(checkout, ("ls-files", "--error-unmatch", "--", str(path)), os.environ, _GIT_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return found.returncode == 1
