"""The planning policy of a project: guards, environment, fingerprints.

Apart from `workspace`, which needs no planning.
"""

from __future__ import annotations

from reconciler.core.errors import Problem
from reconciler.core.fingerprint import known_fingerprints
from reconciler.core.resource import DesiredState, RemoteState
from reconciler.planner.plan import Consents
from reconciler.planner.planner import Policy
from reconciler.project.environments import DeclaredElsewhere, declared_elsewhere
from reconciler.project.sources import hidden_keys
from reconciler.project.workspace import Workspace


def policy_of(workspace: Workspace, desired: DesiredState, warnings: tuple[Problem, ...], consents: Consents) -> Policy:
    """Build the policy: the guards and the environment of the configuration, and the fingerprints of known secrets."""
    project = workspace.project
    elsewhere = declared_elsewhere(workspace) if consents.prune else DeclaredElsewhere()
    return Policy(
        consents=consents,
        limits=project.limits,
        environment=project.environment,
        fingerprints=known_fingerprints(desired, workspace.fingerprint_key_if_known(), workspace.resolver),
        problems=warnings,
        declared_elsewhere=elsewhere.addresses,
        unreadable_environments=elsewhere.unreadable,
        perhaps_elsewhere=elsewhere.perhaps,
        hidden_keys=hidden_keys(project, workspace.cwd) if consents.prune else {},
        beside=RemoteState({}, workspace.facts),
    )
