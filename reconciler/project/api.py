"""The Python interface: what the commands do, as functions over values.

::

    project = load()
    async with connect(project) as registries:
        remote = await remote_state(registries)
        plan = make_plan(project.desired, remote, project.policy())
        print(render_plan(plan))
        report = await apply(plan, registries)

`open_project` (in `synchronous`) is the same without async.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from reconciler.applier import apply as applier
from reconciler.applier.report import BugError, Outcome, Report
from reconciler.core.errors import (
    ConfigError,
    ManifestError,
    Problem,
    ReconcilerError,
    RefusedError,
    RegistryError,
    SecretError,
)
from reconciler.core.pointer import MISSING
from reconciler.core.resource import Address, DesiredState, RemoteState, Resource
from reconciler.manifest.validation import Validation
from reconciler.planner.drift import drift_of
from reconciler.planner.plan import Change, Consents, FieldChange, Plan
from reconciler.planner.planner import Policy, make_plan
from reconciler.project.apply_options import apply_options
from reconciler.project.backup import RunBackup
from reconciler.project.environments import validate as validate_environments
from reconciler.project.folders import check_backup_folder
from reconciler.project.planning import plan_changes, plan_deletion, read_remote
from reconciler.project.policy import policy_of
from reconciler.project.policy_checks import check_policies
from reconciler.project.workspace import Workspace, open_workspace
from reconciler.registry.protocol import Registry
from reconciler.render import DRIFT, PLAN
from reconciler.render import load as load_renderer
from reconciler.render.terminal import Style

__all__ = [
    "MISSING",
    "Address",
    "BugError",
    "Change",
    "ConfigError",
    "Consents",
    "DesiredState",
    "FieldChange",
    "LoadedProject",
    "ManifestError",
    "OpenRegistries",
    "Outcome",
    "Plan",
    "Policy",
    "Problem",
    "ReconcilerError",
    "RefusedError",
    "RegistryError",
    "RemoteState",
    "Report",
    "Resource",
    "SecretError",
    "Validation",
    "apply",
    "connect",
    "drift",
    "load",
    "make_plan",
    "plan_delete",
    "remote_state",
    "render_plan",
    "validate",
]


@dataclass(frozen=True, slots=True)
class LoadedProject:
    """A configuration and its manifests, all valid. `warnings` are what `validate` would warn of."""

    workspace: Workspace
    desired: DesiredState
    warnings: tuple[Problem, ...]

    def policy(self, consents: Consents | None = None) -> Policy:
        """Build the planning policy: the configuration's guards, its environment, the fingerprints of known secrets."""
        return policy_of(self.workspace, self.desired, self.warnings, consents or Consents())


@dataclass(frozen=True, slots=True)
class OpenRegistries:
    """The registries of a project, open until `connect` ends. Valid in one event loop."""

    project: LoadedProject
    opened: Mapping[str, Registry]


def load(
    *paths: str, config: str | Path | None = None, environment: str | None = None, cwd: str | Path | None = None
) -> LoadedProject:
    """Load reconciler.yaml and the manifests: those of the configuration, or those under `paths`.

    Raises ConfigError or ManifestError with every problem (`.problems`), each with its file, line and column.
    """
    workspace = open_workspace(
        Path(config) if config is not None else None,
        environment=environment,
        cwd=Path(cwd) if cwd is not None else None,
    )
    loaded = check_policies(workspace, workspace.load(paths), datetime.now(UTC).date())
    return LoadedProject(workspace, loaded.checked(), loaded.warnings)


def validate(
    *paths: str, config: str | Path | None = None, environment: str | None = None, cwd: str | Path | None = None
) -> Validation:
    """Check manifests offline, as `reconciler validate` does: every problem with its place, and how much was read.

    Raises ConfigError for what is wrong with reconciler.yaml itself.
    """
    workspace = open_workspace(
        Path(config) if config is not None else None,
        environment=environment,
        cwd=Path(cwd) if cwd is not None else None,
    )
    return validate_environments(workspace, paths, today=datetime.now(UTC).date())


def render_plan(plan: Plan, output_format: str = "text", *, width: int = 100) -> str:
    """Render a plan, or a drift, as `text`, `json` or `markdown`, as the command line prints it.

    Raises ValueError for another format.
    """
    family = PLAN if plan.pending is None else DRIFT
    if output_format not in family:
        raise ValueError(f"{output_format!r} is no format of a plan: there is {', '.join(family)}")
    text: str = load_renderer(family[output_format])(plan, Style(color=False, width=width))
    return text


@asynccontextmanager
async def connect(project: LoadedProject) -> AsyncIterator[OpenRegistries]:
    """Open the registries of the project. Raises RegistryError where one cannot be opened."""
    async with project.workspace.connect() as opened:
        yield OpenRegistries(project, opened)


async def remote_state(registries: OpenRegistries) -> RemoteState:
    """Read everything that the registries hold.

    Raises RegistryError where one cannot be read, ManifestError where a manifest refers to an object that is nowhere.
    """
    project = registries.project
    return await read_remote(project.workspace, project.desired, registries.opened)


async def plan_project(registries: OpenRegistries, consents: Consents | None = None) -> Plan:
    """Read the registries and compute what has to be done. Writes nothing. Raises what `remote_state` raises."""
    project = registries.project
    return await plan_changes(
        project.workspace,
        project.desired,
        registries.opened,
        warnings=project.warnings,
        consents=consents or Consents(),
    )


async def drift(registries: OpenRegistries) -> Plan:
    """Read the registries and compute the drift: a plan reduced to changes made there.

    Raises what `remote_state` raises.
    """
    return drift_of(await plan_project(registries))


async def plan_delete(key: str, registries: OpenRegistries) -> Plan:
    """Compute the plan that deletes one object, by key or address. What a manifest protects stays.

    Raises InputError where there is none, UsageError where several have the key.
    """
    project = registries.project
    _, planned = await plan_deletion(project.workspace, key, project.desired, registries.opened)
    return planned


async def apply(
    plan: Plan, registries: OpenRegistries, *, concurrency: int | None = None, backup: str | Path | None = None
) -> Report:
    """Carry out a plan, and nothing else. What it removes or overwrites is written to the folder `backup` first.

    Without `backup` the folder is `.reconciler/backup/<UTC>`.

    Raises RefusedError before the first write where a guard tripped or an object moved since the plan was made,
    SecretError where a secret that a write needs has no value. A bug of a driver's in mid-run raises BugError, whose
    `report` has what was done.
    """
    workspace = registries.project.workspace
    folder = Path(backup) if backup is not None else None
    if folder is not None:
        check_backup_folder(folder, workspace.project, workspace.cwd)
    kept = RunBackup(workspace, plan, folder)
    options = apply_options(kept, concurrency=concurrency, actor=os.environ.get("USER", ""))
    report = await applier.apply(plan, registries.opened, workspace.facts, options)
    kept.ended(report)
    return report
