"""`reconciler drift`."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import click

from reconciler.cli import run_plan
from reconciler.cli.options import Command, GlobalOptions, format_option, full_option, output_option, scope_options
from reconciler.cli.run_plan import Request
from reconciler.cli.session import Outputs, check_answer_files, find_workspace
from reconciler.core import observing
from reconciler.planner.drift import drift_of
from reconciler.render import DRIFT


@click.command(
    cls=Command,
    name="drift",
    examples={
        "reconciler drift": "exit code 2 where somebody changed something",
        "reconciler drift --registry local --format json": "one registry, for a program",
    },
)
@scope_options
@format_option("text", "json", "markdown", "html")
@output_option
@full_option
@click.pass_obj
def command(options: GlobalOptions, /, output_format: str, outputs: tuple[str, ...], full: bool, **asked: Any) -> int:
    """Show what changed in the registries behind our back. Writes nothing.

    Shown are declared objects that were changed since the last apply (drifted), that differ and were never ours
    (differs), and that are not there (missing). Exits with 2 where there are any. Objects that are as we wrote them and
    whose manifest changed since are counted: they wait for apply.
    """
    answers = Outputs.parse(DRIFT, output_format, outputs, full=full)
    check_answer_files(options, answers.paths, asked["paths"])
    with answers.reporting_errors("drift", options=options):
        request = Request.of(asked)
        workspace = find_workspace(options, request.paths)
        drift = drift_of(asyncio.run(run_plan.read_in(workspace, request)))
        if answers.need_origin():
            drift = run_plan.with_origin(drift, workspace)
    found = Counter(change.address.registry for change in drift.changes if change.action != "unchanged")
    for registry in sorted(drift.registries):
        observing.value("drift", found[registry], registry=registry)
    answers.write(drift, options)
    return run_plan.exit_code(drift, detailed=True)
