"""`reconciler plan`."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from reconciler.cli import run_plan
from reconciler.cli.files import write_text
from reconciler.cli.options import (
    Command,
    GlobalOptions,
    changed_since_option,
    consent_options,
    format_option,
    full_option,
    output_option,
    scope_options,
)
from reconciler.cli.run_plan import Request
from reconciler.cli.session import Outputs, check_answer_files, find_workspace
from reconciler.cli.streams import say, warn
from reconciler.planner.plan import Plan
from reconciler.planner.planfile import dump
from reconciler.project.saved_plans import issue, sealer
from reconciler.project.workspace import Workspace
from reconciler.render import PLAN
from reconciler.render.escape import printable


@click.command(
    cls=Command,
    name="plan",
    examples={
        "reconciler plan": "what apply would do",
        "reconciler plan --select team=cx --registry local": "the models of one team, in one registry",
        "reconciler plan --prune --save plan.json": "save it, for review and `apply --plan`",
        "reconciler plan --output markdown=plan.md": "the same plan as a comment for a pull request",
    },
)
@scope_options
@changed_since_option
@consent_options
@click.option("--save", type=click.Path(path_type=Path), metavar="FILE", help="Save the plan, for `apply --plan FILE`.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where changes are pending.")
@format_option("text", "json", "markdown", "html")
@output_option
@full_option
@click.pass_obj
def command(
    options: GlobalOptions,
    /,
    save: Path | None,
    detailed_exitcode: bool,
    output_format: str,
    outputs: tuple[str, ...],
    full: bool,
    **asked: Any,
) -> int:
    """Show what apply would do. Writes nothing.

    PATH is a file, a folder, a quoted glob, or `-` for stdin; without any, the configured manifests.
    """
    answers = Outputs.parse(PLAN, output_format, outputs, full=full)
    check_answer_files(options, answers.paths, asked["paths"])
    with answers.reporting_errors("plan", options=options):
        check_answer_files(options, () if save is None else (save,), asked["paths"])
        request = Request.of(asked)
        workspace = find_workspace(options, request.paths)
        plan = asyncio.run(run_plan.read_in(workspace, request, today=datetime.now(UTC).date()))
        if save is not None or answers.need_origin():
            plan = run_plan.with_origin(plan, workspace)
        if save is not None:  # before the answer: where it fails, stdout holds the error alone
            _save(save, plan, workspace)
    answers.write(plan, options)
    return run_plan.exit_code(plan, detailed=detailed_exitcode)


def _save(file: Path, plan: Plan, workspace: Workspace) -> None:
    seal = sealer(workspace)
    issued = issue(workspace, datetime.now(UTC))
    write_text(file, dump(replace(plan, issued=issued), seal))
    say(f"saved: {printable(str(file))}")
    if seal is None and workspace.project.fingerprint_key is not None:
        warn("the plan is not sealed, since `fingerprint_key` has no value here: apply will refuse it")
