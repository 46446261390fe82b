"""The policies of a project by themselves: read and compiled, for what is made of them. No manifest is read."""

from __future__ import annotations

from datetime import date

from reconciler.core import document
from reconciler.core.errors import ManifestError
from reconciler.manifest.policies.check import check
from reconciler.manifest.policies.policy import Names, Policy
from reconciler.manifest.policies.read import read_policies
from reconciler.project.config_file import FILE
from reconciler.project.policy_checks import policy_names
from reconciler.project.policy_files import policy_files
from reconciler.project.workspace import Workspace


def usable_policies(workspace: Workspace) -> tuple[Policy, ...]:
    """The policies of a project, none where it has none. Raises ManifestError where one cannot be used."""
    found = policy_files(workspace.project, workspace.cwd)
    if found is None:
        return ()
    policies = read_policies(found, Names(*policy_names(workspace)), workspace.project.file or FILE)
    problems = check(policies, (), (), workspace.entries, environment=None, today=date.min).problems
    if problems:
        lines = {file: document.lines_of(text) for file, text in policies.texts.items()}
        raise ManifestError("the policies cannot be used", tuple(sorted(problems)), lines)
    return policies.policies
