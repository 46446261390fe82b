"""Report an error on stderr, and as JSON on stdout where that was asked for. Imported only when there is one."""

from __future__ import annotations

import sys

from reconciler.cli.streams import echo_data_if_possible, tell_error, tell_problem
from reconciler.cli.terminal import wants_color
from reconciler.core.errors import FileError, ReconcilerError
from reconciler.manifest.validation import Validation
from reconciler.render.error import error_json, hint_of, message_of
from reconciler.render.jsontext import dumps
from reconciler.render.problem_text import problem_texts
from reconciler.render.terminal import Style


def report(error: ReconcilerError, *, as_json: bool, no_color: bool) -> int:
    """Print an error: what is wrong, where, and what to do next. Returns the exit code."""
    if as_json:
        echo_data_if_possible(dumps(error_json(error)))
    style = Style(wants_color(sys.stderr, no_color=no_color))
    told = False
    if isinstance(error, FileError) and not as_json:
        for problem, text in problem_texts(Validation(0, 0, error.problems, error.lines), style):
            tell_problem(problem, text)
        told = _told_already(error)
    if not told:
        tell_error(error, style)
    return error.exit_code


def _told_already(error: FileError) -> bool:
    """True where the message and the hint are those of the only problem once more."""
    if len(error.problems) != 1:
        return False
    (problem,) = error.problems
    return message_of(error).endswith(problem.message) and hint_of(error) in (None, problem.suggestion)
