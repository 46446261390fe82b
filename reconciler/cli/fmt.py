"""`reconciler fmt`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

import click

from reconciler import render
from reconciler.cli.options import NOT_EMPTY, Command, GlobalOptions
from reconciler.cli.session import find_workspaces, stdin_bytes, style
from reconciler.cli.streams import echo_data, say, tell_problem
from reconciler.core import document
from reconciler.core.errors import Problem, UsageError
from reconciler.manifest.formatting import CANNOT_FORMAT, FormattedFile
from reconciler.manifest.validation import Validation
from reconciler.project.formatting import format_files, format_text, write
from reconciler.project.workspace import STDIN
from reconciler.render.escape import printable
from reconciler.render.terminal import count

_BUG = 3  # the exit code where a file was left alone because its canonical form would not say the same
_FAILED = 1


@click.command(
    cls=Command,
    name="fmt",
    examples={
        "reconciler fmt": "everything that is configured",
        "reconciler fmt --check --diff": "in CI: what would change, and exit code 1",
        "reconciler fmt - < chat.yaml": "a filter, for editors",
    },
)
@click.argument("paths", type=NOT_EMPTY, nargs=-1, metavar="[PATH]...")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 where a file is not formatted, and name it.")
@click.option("--diff", "as_diff", is_flag=True, help="Write nothing; show what would change, and exit with 1 then.")
@click.pass_obj
def command(options: GlobalOptions, paths: tuple[str, ...], check: bool, as_diff: bool) -> int:
    """Bring manifests into canonical form: the order of keys, quotes, two-space indentation.

    Comments, anchors and all data stay as they are. PATH is a file, a folder, a quoted glob, or `-`, which reads stdin
    and writes stdout; without any, the configured manifests. The names of the files that change go to stdout.
    """
    is_filter = STDIN in paths
    if is_filter and len(paths) > 1:
        raise UsageError("`-` stands for standard input alone: it cannot be combined with other paths")
    files = _formatted(options, paths, is_filter=is_filter)
    changed = [file for file in files if file.changes]
    failed = [problem for file in files for problem in file.problems]
    writes = not (check or as_diff)
    unwritten: list[Problem] = []
    if as_diff:
        _show_diffs(changed, options)
    elif is_filter and writes and not failed:
        echo_data(files[0].after.decode(), exact=True, end="")
    elif not is_filter:
        unwritten = [problem for file in changed if (problem := write(file))] if writes else []
        failed += unwritten
        names = {problem.file for problem in unwritten}
        _name(file.shown for file in changed if file.shown not in names)
    _tell(files, failed, options)
    if not is_filter:
        there = sum(1 for file in files if file.real)  # the others are problems of paths
        if there or not failed:
            say(_summary(there, len(changed) - len(unwritten), writes=writes))
    if any(problem.rule == CANNOT_FORMAT for problem in failed):
        return _BUG
    return _FAILED if failed or (changed and not writes) else 0


def _formatted(options: GlobalOptions, paths: tuple[str, ...], *, is_filter: bool) -> list[FormattedFile]:
    workspaces = find_workspaces(options, () if is_filter else paths)
    if is_filter:
        return [format_text(workspaces[0][0], stdin_bytes(), "<stdin>")]
    return [file for workspace, own in workspaces for file in format_files(workspace, own)]


def _show_diffs(files: Iterable[FormattedFile], options: GlobalOptions) -> None:
    diff = render.load("reconciler.render.diff_text:diff")
    texts = [diff(file.text, file.result, file.shown, style(options)) for file in files]
    shown = "\n".join(text for text in texts if text)
    if shown:
        echo_data(shown)


def _name(files: Iterable[str]) -> None:
    names = [printable(file) for file in files]
    if names:
        echo_data("\n".join(names))


def _tell(files: Sequence[FormattedFile], problems: Sequence[Problem], options: GlobalOptions) -> None:
    """Tell what is wrong, on stderr."""
    if not problems:
        return
    lines = {file.shown: document.lines_of(file.text) for file in files if file.problems and file.text}
    texts = render.load("reconciler.render.problem_text:problem_texts")
    validation = Validation(len(files), 0, tuple(sorted(problems)), lines)
    for problem, text in texts(validation, style(options, sys.stderr)):
        tell_problem(problem, text)


def _summary(files: int, changed: int, *, writes: bool) -> str:
    done = "formatted" if writes else "would be formatted"
    rest = files - changed
    left = f"{count(rest, 'file')} left as {'it is' if rest == 1 else 'they are'}"
    return f"{count(changed, 'file')} {done}, {left}" if changed else left
