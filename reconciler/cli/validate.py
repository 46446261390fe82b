"""`reconciler validate`."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from reconciler.cli.options import NOT_EMPTY, Command, GlobalOptions, changed_since_option, format_option, output_option
from reconciler.cli.session import Outputs, check_answer_files, find_workspaces, stdin_bytes, tell_excluded
from reconciler.manifest.validation import Validation, merge
from reconciler.project.environments import validate
from reconciler.project.locate import repository_here
from reconciler.project.registries import check_environments
from reconciler.render import VALIDATION, load


@click.command(
    cls=Command,
    name="validate",
    examples={
        "reconciler validate": "everything that is configured",
        "reconciler validate manifests/chat.yaml --strict": "one file; warnings count as errors",
        "reconciler validate --format sarif > problems.sarif": "for GitHub's code scanning",
    },
)
@click.argument("paths", type=NOT_EMPTY, nargs=-1, metavar="[PATH]...")
@click.option("--strict", is_flag=True, help="Warnings are errors.")
@changed_since_option
@format_option("text", "json", "github", "sarif", "junit", "codequality", "html")
@output_option
@click.pass_obj
def command(
    options: GlobalOptions,
    paths: tuple[str, ...],
    strict: bool,
    changed_since: str | None,
    output_format: str,
    outputs: tuple[str, ...],
) -> int:
    """Check manifests and reconciler.yaml with all its environments, without any registry.

    PATH is a file, a folder, a quoted glob, or `-` for stdin; without any, the configured manifests. Names of some
    files are enough: checks across files still look at all of them. Where no reconciler.yaml is found from the working
    directory upward, each file is checked in the project that it lies in.
    """
    answers = Outputs.parse(VALIDATION, output_format, outputs)
    check_answer_files(options, answers.paths, paths)
    with answers.reporting_errors("validate", repository_here()):
        result = _validate(options, paths, changed_since)
    tell_excluded(result.excluded)
    answers.write(result, options, strict=strict)
    return 0 if result.valid and not (strict and result.problems) else 1


def _validate(options: GlobalOptions, paths: tuple[str, ...], since: str | None) -> Validation:
    results = []
    for workspace, own_paths in find_workspaces(options, paths):
        check_environments(workspace.project, workspace.resolver)
        today = datetime.now(UTC).date()
        if since is None:
            results.append(validate(workspace, own_paths, stdin_bytes, today=today))
        else:  # by name: who does not ask for it does not pay for it
            results.append(load("reconciler.cli.changed:validated")(workspace, since, own_paths, today))
    return merge(results)
