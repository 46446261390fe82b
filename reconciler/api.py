"""The Python interface: what the commands do, as functions over values.

::

    project = load()
    async with connect(project) as registries:
        remote = await remote_state(registries)
        plan = make_plan(project.desired, remote, project.policy())
        report = await apply(plan, registries)
"""

from __future__ import annotations

import datetime
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from reconciler import applier
from reconciler.applier import Options
from reconciler.backup import write_backup
from reconciler.errors import ManifestError, Problem, ReconcilerError, RefusedError, RegistryError
from reconciler.fingerprints import known_fingerprints
from reconciler.guards import Limits
from reconciler.plan import Change, Consents, Plan
from reconciler.planner import Policy, make_plan
from reconciler.registry.base import Registry
from reconciler.remote import read_all
from reconciler.report import Outcome, Report
from reconciler.state import Address, DesiredState, RemoteState, Resource
from reconciler.workspace import Workspace, open_workspace

__all__ = [
    "Address",
    "Change",
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
        project = self.workspace.project
        return Policy(
            consents=consents or Consents(),
            limits=Limits(project.max_deletes, project.max_delete_percent),
            environment=project.environment,
            fingerprints=known_fingerprints(
                self.desired, self.workspace.fingerprint_key_if_known(), self.workspace.resolver
            ),
            problems=self.warnings,
        )


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
    """All that the registries hold, completely. Raises RegistryError where one cannot be read."""
    return await read_all(registries.opened, registries.project.workspace.facts)


async def apply(
    plan: Plan, registries: OpenRegistries, *, concurrency: int = 8, backup: str | Path | None = None
) -> Report:
    """Does what the plan says, and nothing else. What it removes is written to `backup` first (`.reconciler/backup/<UTC>`).

    Raises RefusedError before the first write where a guard tripped or an object moved since the plan was made, SecretError
    where a secret that a write needs has no value.
    """
    workspace = registries.project.workspace

    def back_up(resources: tuple[Resource, ...]) -> str:
        root = workspace.project.root
        stamp = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H-%M-%S-%fZ")
        folder = Path(backup) if backup is not None else root / ".reconciler" / "backup" / stamp
        written = write_backup(folder, resources, workspace.entries, root)
        return os.path.relpath(written, workspace.cwd).replace(os.sep, "/")

    key = workspace.fingerprint_key() if plan.writes else None
    options = Options(
        resolver=workspace.resolver,
        fingerprint_key=key,
        backup=back_up,
        concurrency=concurrency,
        actor=os.environ.get("USER", ""),
    )
    return await applier.apply(plan, registries.opened, workspace.facts, options)
