"""`reconciler apply`."""

from __future__ import annotations

import asyncio
import importlib
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import click

from reconciler.applier.report import Report
from reconciler.cli import run_apply, run_plan
from reconciler.cli.files import read_file
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
from reconciler.cli.streams import tell_error, warn
from reconciler.core.errors import InputError, UsageError
from reconciler.planner.planfile import MAX_BYTES, SavedPlan
from reconciler.project.saved_plans import trusted
from reconciler.render import REPORT
from reconciler.render.escape import printable
from reconciler.render.sections import flags
from reconciler.render.terminal import Style


@click.command(
    cls=Command,
    name="apply",
    examples={
        "reconciler apply": "show the plan, ask, apply",
        "reconciler apply --plan plan.json": "exactly what was reviewed, without asking",
        "reconciler apply --select team=cx --yes": "the models of one team, in a script",
    },
)
@scope_options
@changed_since_option
@consent_options
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path, readable=False),
    metavar="FILE",
    help="Apply exactly this saved plan, without asking.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--test",
    "tested",
    is_flag=True,
    help="Test the endpoint of each model first, and leave out those that fail and what depends on them.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 200),
    metavar="N",
    help="At most N changes and connections at once in each registry (16, or as reconciler.yaml says).",
)
@click.option(
    "--backup",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where to write what will be removed or overwritten (.reconciler/backup/<UTC>).",
)
@format_option("text", "json", "markdown", "html")
@output_option
@full_option
@click.pass_obj
def command(
    options: GlobalOptions,
    /,
    plan_file: Path | None,
    yes: bool,
    tested: bool,
    concurrency: int | None,
    backup: Path | None,
    output_format: str,
    outputs: tuple[str, ...],
    full: bool,
    **asked: Any,
) -> int:
    """Make the registries say what the manifests say: show the plan, ask, apply, report.

    PATH is a file, a folder, a quoted glob, or `-` for stdin; without any, the configured manifests.
    """
    answers = Outputs.parse(REPORT, output_format, outputs, full=full)
    check_answer_files(options, answers.paths, asked["paths"])
    with run_apply.reported():
        with answers.reporting_errors("apply", options=options):
            request = Request.of(asked)
            how = _How(output_format, yes, tested, concurrency, backup, full, answers.need_origin())
            report = _run(options, request, plan_file, how)
        return _tell(report, answers, options)


class _How(NamedTuple):
    """The options of a run, apart from those that choose its changes."""

    output_format: str
    yes: bool
    tested: bool
    concurrency: int | None
    backup: Path | None
    full: bool
    with_origin: bool


def _run(options: GlobalOptions, request: Request, plan_file: Path | None, how: _How) -> Report:
    if plan_file is not None:
        _nothing_beside_a_plan(options, request, how)
        return asyncio.run(_saved(options, plan_file, how))
    if "-" in request.paths and not how.yes:
        raise UsageError("manifests on stdin leave nobody to ask", hint="--yes applies without asking")
    return asyncio.run(_direct(options, request, how))


def _tell(report: Report, answers: Outputs, options: GlobalOptions) -> int:
    """The report, and the exit code: also where an answer could not be written any more."""
    said = answers.main == "text" and not report.outcomes  # the plan has said already that there is nothing to do
    try:
        if not said:
            answers.to_stdout(report, options)
        answers.to_files(report)
    except InputError as error:  # too late for 1, which says that nothing was written
        tell_error(error, Style(color=False))
        return report.exit_code or 5
    return report.exit_code


def _nothing_beside_a_plan(options: GlobalOptions, request: Request, how: _How) -> None:
    if how.tested:
        raise UsageError(
            "--test cannot be given with --plan: a saved plan is applied as it was reviewed",
            hint="`reconciler test --all` before it tests the endpoints",
        )
    flag = options.env is not None and "env" not in options.from_variables
    if flag or request != Request():
        raise UsageError(
            "a saved plan says itself what to do: PATH, --env, --registry, --select, --changed-since and consents cannot be given with --plan",
            hint="make another plan with `reconciler plan --save`",
        )


async def _direct(options: GlobalOptions, request: Request, how: _How) -> Report:
    workspace = find_workspace(options, request.paths)
    run_apply.check_backup(workspace, how.backup)
    loaded, desired = run_plan.load(workspace, request, today=datetime.now(UTC).date())
    async with workspace.connect(
        run_plan.names(workspace, request, desired), concurrency=how.concurrency
    ) as registries:
        plan = await run_plan.plan(workspace, request, loaded, desired, registries)
        if how.with_origin:
            plan = run_plan.with_origin(plan, workspace)
        if how.tested:  # loaded by name: nobody else pays for it
            plan = await importlib.import_module("reconciler.cli.test_runs").gated(workspace, loaded, plan)
        run_apply.show(plan, options, how.output_format, full=how.full)
        run_apply.ask(plan, yes=how.yes)
        return await run_apply.carry_out(
            workspace, plan, registries, options, concurrency=how.concurrency, backup=how.backup
        )


async def _saved(options: GlobalOptions, file: Path, how: _How) -> Report:
    reader = importlib.import_module(
        "reconciler.planner.planfile_reader"
    )  # loaded by name: nobody else needs jsonschema
    saved: SavedPlan = reader.parse(read_file(file, MAX_BYTES), str(file))
    _check_environment(options, saved.plan.environment)
    workspace = find_workspace(replace(options, env=saved.plan.environment), env_from=str(file))
    run_apply.check_backup(workspace, how.backup)
    plan = trusted(saved, workspace, str(file), datetime.now(UTC))
    reader.check_kinds(plan, workspace.facts, str(file))
    known = [name for name in plan.registries if name in workspace.entries]
    if saved.seal is None and (lifted := flags(plan.consents)):
        warn(
            f"the plan is not sealed, so its consents may be others than were given: {printable(lifted)} (`fingerprint_key` seals plans)"
        )
    async with workspace.connect(known, concurrency=how.concurrency) as registries:
        run_apply.show(plan, options, how.output_format, full=how.full)
        return await run_apply.carry_out(
            workspace, plan, registries, options, concurrency=how.concurrency, backup=how.backup
        )


def _check_environment(options: GlobalOptions, planned: str | None) -> None:
    """Raises UsageError where RECONCILER_ENV names another environment than the plan: this job was given another's plan."""
    if options.env is not None and options.env != planned:
        made = f"for the environment {planned!r}" if planned else "without an environment"
        raise UsageError(
            f"RECONCILER_ENV is {options.env!r}, and the plan was made {made}",
            hint="unset RECONCILER_ENV to apply this plan, or plan again with it",
        )
