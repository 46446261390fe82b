"""`reconciler delete`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from reconciler.applier.report import Report
from reconciler.cli import run_apply
from reconciler.cli.options import Command, GlobalOptions, format_option
from reconciler.cli.session import Outputs
from reconciler.cli.stored import all_declared, find_workspace_to_read, registries_of
from reconciler.cli.streams import warn
from reconciler.core.resource import Desired
from reconciler.planner.plan import Plan
from reconciler.project.planning import plan_deletion
from reconciler.render import REPORT
from reconciler.render.escape import printable


@click.command(
    cls=Command,
    name="delete",
    examples={
        "reconciler delete local/Model/chat": "show what goes, ask, delete",
    },
)
@click.argument("key")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--backup",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where to write what will be removed (.reconciler/backup/<UTC>).",
)
@format_option("text", "json")
@click.pass_obj
def command(options: GlobalOptions, key: str, yes: bool, backup: Path | None, output_format: str) -> int:
    """Delete one object. KEY is a key or an address.

    Another owner's object, a protected one, and one that others refer to are left alone, and so is every object while
    a manifest has a mistake: it may be the one that protects. What is deleted is written down first; a manifest that
    still declares it brings it back.
    """
    with run_apply.reported():
        report = asyncio.run(_delete(options, key, yes, backup, output_format))
        Outputs(REPORT, output_format, (), full=True).write(report, options)
        return report.exit_code


async def _delete(options: GlobalOptions, key: str, yes: bool, backup: Path | None, output_format: str) -> Report:
    workspace = find_workspace_to_read(options)
    run_apply.check_backup(workspace, backup)
    async with workspace.connect(registries_of(workspace, [key])) as registries:
        desired = all_declared(workspace.load())
        resource, plan = await plan_deletion(workspace, key, desired, registries)
        run_apply.show(plan, options, output_format, full=True)
        _warn_if_declared(plan, desired.find(resource.address))
        run_apply.ask(plan, yes=yes)
        return await run_apply.carry_out(workspace, plan, registries, options, concurrency=1, backup=backup)


def _warn_if_declared(plan: Plan, item: Desired | None) -> None:
    """Nothing is said of what stays: it is not created again."""
    source = item.resource.source if item is not None else None
    if item is None or source is None:
        return
    if any((change.address, change.action) == (item.address, "delete") for change in plan.changes):
        warn(f"{printable(source.file)}:{source.line} still declares it, so the next apply creates it again")
