"""The Python interface: what the commands do, as functions over values.

::

    project = load()
    async with connect(project) as registries:
        remote = await remote_state(registries)
        plan = make_plan(project.desired, remote, project.policy())
        report = await apply(plan, registries)
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
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
from reconciler.core.resource import Address, DesiredState, RemoteState, Resource
from reconciler.planner.plan import Change, Consents, Plan
from reconciler.planner.planner import Policy, make_plan
from reconciler.project.apply_options import apply_options
from reconciler.project.backup import back_up
from reconciler.project.policy import policy_of
from reconciler.project.workspace import Workspace, open_workspace
from reconciler.registry.base import Registry
from reconciler.registry.reading import read_all

__all__ = [
    "Address",
    "BugError",
    "Change",
    "ConfigError",
    "Consents",
    "DesiredState",
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
    "apply",
    "connect",
    "load",
    "make_plan",
    "remote_state",
]


@dataclass(frozen=True, slots=True)
class LoadedProject:
    """A configuration and its manifests, all valid. `warnings` are what `validate` would warn of."""

    workspace: Workspace
    desired: DesiredState
    warnings: tuple[Problem, ...]

    def policy(self, consents: Consents | None = None) -> Policy:
        """The policy of the configuration: its guards, its environment, and the fingerprints of the secrets that are there."""
        return policy_of(self.workspace, self.desired, self.warnings, consents or Consents())


@dataclass(frozen=True, slots=True)
class OpenRegistries:
    """The registries of a project, open until `connect` ends. Valid in one event loop."""

    project: LoadedProject
    opened: Mapping[str, Registry]


def load(
    *paths: str, config: str | Path | None = None, environment: str | None = None, cwd: str | Path | None = None
) -> LoadedProject:
    """Reads reconciler.yaml and the manifests: those of the configuration, or those under `paths`.

    Raises ConfigError or ManifestError with every problem (`.problems`), each with its file, line and column.
    """
    workspace = open_workspace(
        Path(config) if config is not None else None,
        environment=environment,
        cwd=Path(cwd) if cwd is not None else None,
    )
    loaded = workspace.load(paths)
    return LoadedProject(workspace, loaded.checked(), loaded.warnings)


@asynccontextmanager
async def connect(project: LoadedProject) -> AsyncIterator[OpenRegistries]:
    """Opens the registries of the project. Raises RegistryError where one cannot be opened."""
    async with project.workspace.connect() as opened:
        yield OpenRegistries(project, opened)


async def remote_state(registries: OpenRegistries) -> RemoteState:
    """All that the registries hold, completely.

    Raises RegistryError where one cannot be read, ManifestError where a manifest refers to an object that is nowhere.
    """
    project = registries.project
    remote = await read_all(registries.opened, project.workspace.facts)
    project.workspace.check_references(project.desired, remote)
    return remote


async def apply(
    plan: Plan, registries: OpenRegistries, *, concurrency: int | None = None, backup: str | Path | None = None
) -> Report:
    """Does what the plan says, and nothing else. What it removes is written to `backup` first (`.reconciler/backup/<UTC>`).

    Raises RefusedError before the first write where a guard tripped or an object moved since the plan was made, SecretError
    where a secret that a write needs has no value. A bug of a driver's in mid-run raises BugError, whose `report` tells what was done.
    """
    workspace = registries.project.workspace
    folder = Path(backup) if backup is not None else None
    options = apply_options(
        workspace,
        plan,
        backup=lambda resources: back_up(folder, resources, workspace.entries, workspace.project.root, workspace.cwd),
        concurrency=concurrency,
        actor=os.environ.get("USER", ""),
    )
    return await applier.apply(plan, registries.opened, workspace.facts, options)
