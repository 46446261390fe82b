"""The policies of a project: where they are, and what they say of its manifests.

Nothing of them is imported where a project has none.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date

from reconciler.core.errors import Problem
from reconciler.core.schema.findings import Finding
from reconciler.manifest.manifests import Manifest
from reconciler.project.config_file import FILE
from reconciler.project.loaded import LoadedManifests
from reconciler.project.policy_files import policy_files
from reconciler.project.workspace import Workspace


def check_policies(workspace: Workspace, loaded: LoadedManifests, today: date) -> LoadedManifests:
    """The loaded manifests with the problems that policies find in them on a day, in UTC.

    A policy that cannot be read or used is an error: what nobody could check was not checked.
    """
    found = policy_files(workspace.project, workspace.cwd)
    mine = [manifest for manifest in loaded.manifests.manifests if loaded.is_asked_for(manifest)]
    if found is None and not any(manifest.waivers for manifest in mine):
        return loaded
    values = importlib.import_module("reconciler.manifest.policies.policy")
    policies = values.Policies((), (), {}, {})
    if found is not None:
        reader = importlib.import_module("reconciler.manifest.policies.read")
        policies = reader.read_policies(found, values.Names(*policy_names(workspace)), workspace.project.file or FILE)
    checked = importlib.import_module("reconciler.manifest.policies.check").check(
        policies,
        mine,
        loaded.desired.resources,
        workspace.entries,
        environment=workspace.project.environment,
        today=today,
    )
    manifests = loaded.manifests.with_texts(policies.texts)
    used = frozenset(_problems(loaded, checked.waived.used))
    unused = frozenset(_problems(loaded, checked.waived.unused))
    problems = {*loaded.problems, *checked.problems, *_problems(loaded, checked.waived.findings)}
    if not workspace.project.every_environment:  # else another environment may need the waiver
        problems |= unused - used  # a waiver of a template may be one that only some of its Models need
    return replace(
        loaded, manifests=manifests, problems=tuple(sorted(problems)), used_waivers=used, unused_waivers=unused
    )


def _problems(loaded: LoadedManifests, found: Iterable[tuple[Manifest, Finding]]) -> Iterator[Problem]:
    return (loaded.manifests.problem(manifest, finding) for manifest, finding in found)


def policy_names(workspace: Workspace) -> tuple[tuple[str, ...], ...]:
    """The names that policies may mean: of the configuration as a whole, since they are the same in each environment."""
    project = workspace.project
    kinds = {f"{entry.driver.name}/{kind}" for entry in workspace.entries.values() for kind in entry.driver.kinds}
    return (
        ("Model", *sorted(kinds)),
        tuple(sorted({entry.driver.name for entry in workspace.entries.values()})),
        project.every_registry or tuple(sorted(project.registries)),
        project.every_environment,
    )
