"""`reconciler plan`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import click

from reconciler import planfile
from reconciler.cli import planning
from reconciler.cli.options import Command, Globals, consent_options, format_option, output_option, scope_options
from reconciler.cli.planning import Request
from reconciler.cli.session import Outputs, say, workspace, write_text
from reconciler.plan import Plan
from reconciler.render import PLAN


@click.command(cls=Command, name="plan")
@scope_options
@consent_options
@click.option("--save", type=click.Path(path_type=Path), metavar="FILE", help="Save the plan, for `apply --plan FILE`.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where changes are pending.")
@format_option("text", "json", "markdown")
@output_option
@click.pass_obj
def command(options: Globals, /, save: Path | None, detailed_exitcode: bool, output_format: str, outputs: tuple[str, ...], **asked: Any) -> int:
    """Show what apply would do. Writes nothing.

    PATH is a file, a folder, a quoted glob, or `-` for stdin; without any, the configured manifests.
    """
    answers = Outputs.parse(PLAN, output_format, outputs)
    plan = asyncio.run(_plan(options, Request.of(asked)))
    answers.write(plan, options)
    if save is not None:
        write_text(save, planfile.dump(plan))
        say(f"saved: {save}")
    return planning.exit_code(plan, detailed=detailed_exitcode)


async def _plan(options: Globals, request: Request) -> Plan:
    here = workspace(options)
    loaded, desired = planning.load(here, request)
    async with here.connect(planning.names(here, request, desired)) as registries:
        return await planning.plan(here, request, loaded, desired, registries)
