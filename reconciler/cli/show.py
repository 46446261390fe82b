"""`reconciler show`."""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click

from reconciler.cli.files import check_writable, read_file
from reconciler.cli.options import Command, GlobalOptions, format_option, full_option, output_option
from reconciler.cli.session import Outputs, find_workspace
from reconciler.cli.streams import say, warn
from reconciler.core.errors import ReconcilerError, UsageError
from reconciler.planner.planfile import MAX_BYTES, SavedPlan
from reconciler.planner.planfile_reader import parse
from reconciler.project.plan_remarks import applied_remark, remarks, seal_remark
from reconciler.project.workspace import Workspace
from reconciler.render import PLAN
from reconciler.render.escape import printable


@click.command(
    cls=Command,
    name="show",
    examples={
        "reconciler show plan.json": "what `apply --plan plan.json` would do",
        "reconciler show plan.json --full": "every field of it, nothing cut",
        "reconciler show plan.json --output markdown=plan.md": "as a comment for a pull request",
    },
)
@click.argument("file", type=click.Path(path_type=Path, readable=False), metavar="PLANFILE")
@format_option("text", "json", "markdown", "html")
@output_option
@full_option
@click.pass_obj
def command(options: GlobalOptions, file: Path, output_format: str, outputs: tuple[str, ...], full: bool) -> int:
    """Show a plan that `plan --save` wrote, just as `apply --plan` shows it.

    It needs no registry, no configuration and no secret. A plan that was edited is refused; one that expired or was
    applied is shown, and stderr says so as far as that is known here.
    """
    answers = Outputs.parse(PLAN, output_format, outputs, full=full)
    for path in answers.paths:
        check_writable(path)
        if os.path.realpath(path) == os.path.realpath(file):
            raise UsageError(f"{path} was not written: it is the saved plan", hint="give the file another name")
    saved = parse(read_file(file, MAX_BYTES), str(file))
    _tell(saved, options, str(file))
    answers.write(saved.plan, options)
    return 0


def _tell(saved: SavedPlan, options: GlobalOptions, shown: str) -> None:
    """What is known of the plan beside what is in it. Raises PlanFileError for a wrong seal."""
    workspace = _workspace(saved, options)
    seal = seal_remark(saved, workspace, shown)
    for remark in remarks(saved, datetime.now(UTC)):
        warn(printable(remark))
    if workspace is not None and (applied := asyncio.run(applied_remark(saved.plan, workspace))):
        warn(printable(applied))
    say(printable(seal))


def _workspace(saved: SavedPlan, options: GlobalOptions) -> Workspace | None:
    """The project that the plan may be of, where there is one that can be used: only what it knows of the plan depends on it."""
    with suppress(ReconcilerError):
        return find_workspace(replace(options, env=saved.plan.environment))
    return None
