"""Find the policy files of a project."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from reconciler.core import presence
from reconciler.manifest.discover import FoundFiles, discover
from reconciler.project.config import Project

FOLDER: Final = "policies"  # where they are looked for if reconciler.yaml does not say


def policy_files(project: Project, cwd: Path) -> FoundFiles | None:
    """The files of policies, shown relative to `cwd`, or None where the project has none.

    A folder `policies` that the configuration does not name counts only where it holds a file that may be one of them.
    """
    if project.policies is not None:
        return discover(project.policies, project.root, cwd) if project.policies else None
    if not presence.is_folder(project.root / FOLDER):
        return None
    found = discover((FOLDER,), project.root, cwd)
    said = [problem for problem in (*found.problems, *found.silent) if problem.rule != "no-document"]
    return found if found.files or said else None


def without_policies(found: FoundFiles, policies: FoundFiles | None) -> FoundFiles:
    """Found manifests without the files that are policies: a folder of manifests may hold that of the policies."""
    if policies is None:
        return found
    known = {file.real for file in policies.files}
    return found._replace(files=tuple(file for file in found.files if file.real not in known))
