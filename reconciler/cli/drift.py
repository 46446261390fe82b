"""`reconciler drift`."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import click

from reconciler.cli import run_plan
from reconciler.cli.options import Command, GlobalOptions, format_option, output_option, scope_options
from reconciler.cli.run_plan import Request
from reconciler.cli.session import Outputs
from reconciler.planner.plan import Change, Plan
from reconciler.render import DRIFT


@click.command(cls=Command, name="drift")
@scope_options
@format_option("text", "json", "markdown")
@output_option
@click.pass_obj
def command(options: GlobalOptions, /, output_format: str, outputs: tuple[str, ...], **asked: Any) -> int:
    """Show what changed in the registries behind our back. Writes nothing.

    Shown are declared objects that were changed since the last apply (drifted), that differ and were never ours
    (differs), and that are not there (missing). Exits with 2 where there are any.
    """
    answers = Outputs.parse(DRIFT, output_format, outputs)
    with answers.told("drift"):
        drift = _as_found(asyncio.run(run_plan.read(options, Request.of(asked))))
    answers.write(drift, options)
    return run_plan.exit_code(drift, detailed=True)


def _as_found(plan: Plan) -> Plan:
    """The part of a plan that tells of the registries and not of the manifests."""
    changes = tuple(drifted for change in plan.changes if (drifted := _as_drift(change)) is not None)
    pending = len(plan.changes) - len(changes)
    return replace(plan, changes=changes, orphans=(), guards=(), unchanged=plan.unchanged + pending)


def _as_drift(change: Change) -> Change | None:
    """A planned change in the words of drift; None where the manifest changed and not the registry."""
    if change.action in ("create", "rename"):
        return replace(change, reason="missing")
    if change.action in ("conflict", "blocked") or change.reason in ("drifted", "differs"):
        return change
    if change.reason == "adopt" and change.fields:
        return replace(change, reason="differs")
    return None
