"""`reconciler compare`."""

from __future__ import annotations

import asyncio

import click

from reconciler.cli.options import Command, GlobalOptions, format_option, output_option, scope_options
from reconciler.cli.session import Outputs, check_answer_files
from reconciler.core.errors import UsageError
from reconciler.project.comparing import Scope, check_registries, compare_declared, compare_live, open_two
from reconciler.project.selection import parse_selectors
from reconciler.render import COMPARISON


@click.command(
    cls=Command,
    name="compare",
    examples={
        "reconciler compare dev prod": "what the manifests mean in each",
        "reconciler compare dev prod --live": "what the registries of each hold",
        "reconciler compare dev prod --select team=cx --format markdown": "of one team, for a pull request",
    },
)
@click.argument("one", metavar="ENV")
@click.argument("other", metavar="ENV")
@scope_options
@click.option("--live", is_flag=True, help="Compare what the registries hold, and not what the manifests declare.")
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where they differ.")
@format_option("text", "json", "markdown")
@output_option
@click.pass_obj
def command(
    options: GlobalOptions,
    /,
    one: str,
    other: str,
    paths: tuple[str, ...],
    registries: tuple[str, ...],
    selections: tuple[str, ...],
    live: bool,
    detailed_exitcode: bool,
    output_format: str,
    outputs: tuple[str, ...],
) -> int:
    """Show in what two environments differ: by key, field by field. Writes nothing.

    Registries are matched by their names in reconciler.yaml. Owners and marks are not compared; of secrets only the
    references are.
    """
    answers = Outputs.parse(COMPARISON, output_format, outputs)
    check_answer_files(options, answers.paths, paths)
    with answers.reporting_errors("compare"):
        if options.env is not None and "env" not in options.from_variables:
            raise UsageError("--env chooses one environment, and two are given as words already", hint="leave it out")
        parse_selectors(selections)
        if live and (paths or selections):
            what = "PATH" if paths else "--select"
            raise UsageError(
                f"--live compares what registries hold, so it cannot be combined with {what}",
                hint="--registry may be combined",
            )
        both = open_two(options.config, (one, other))
        check_registries(both, registries)
        scope = Scope(paths, registries, selections)
        comparison = asyncio.run(compare_live(both, scope)) if live else compare_declared(both, scope)
    answers.write(comparison, options)
    return 2 if detailed_exitcode and comparison.differs else 0
