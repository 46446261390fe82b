"""The options of apply, as a project sets them: for the commands and for Python alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from reconciler.applier.options import Options
from reconciler.project.backup import RunBackup
from reconciler.project.ledger import PlanLedger
from reconciler.project.unfinished import recovered
from reconciler.project.workspace import Workspace


def plans_folder(workspace: Workspace) -> Path:
    """The folder with a record of each saved plan that was applied."""
    return workspace.project.root / ".reconciler" / "plans"


def apply_options(backup: RunBackup, **how: Any) -> Options:
    """The options for applying the plan of that backup.

    `how` are those that only the caller knows: the actor, whom to tell.
    """
    workspace, plan = backup.workspace, backup.plan
    return Options(
        backup=backup.back_up,
        on_read=backup.on_read,
        recovered=recovered(plan, workspace),
        resolver=workspace.resolver,
        fingerprint_key=workspace.fingerprint_key() if plan.writes else None,
        ledger=PlanLedger(plans_folder(workspace)),
        limits=workspace.project.limits,
        locate=workspace.locate,
        **how,
    )
