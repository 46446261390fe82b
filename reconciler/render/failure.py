"""Render an error in an answer's formats, for the files that `--output` names. Imported only on failure.

A file then never holds an older run's answer, and a bot finds the same comment as ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.core.errors import FileError, Problem, ReconcilerError, RefusedError
from reconciler.manifest.validation import Repository, Validation
from reconciler.render import REPORTS, VALIDATION, load
from reconciler.render.error import error_json, error_text
from reconciler.render.escape import markdown, markdown_code
from reconciler.render.jsontext import dumps
from reconciler.render.plan_markdown import DRIFT_MARKER, MARKER
from reconciler.render.problem_text import problem_texts
from reconciler.render.report_markdown import MARKER as REPORT_MARKER
from reconciler.render.terminal import Style, count
from reconciler.render.width import ELLIPSIS

MOST_LISTED: Final = 50  # problems in a comment
MOST_WORDS: Final = 2_000  # characters of one text in a comment, which GitHub refuses from 65,536 on
_BUDGET: Final = 50_000  # characters of all problems
_MARKERS: Final = {"plan": MARKER, "drift": DRIFT_MARKER, "apply": REPORT_MARKER}


def render(output_format: str, error: ReconcilerError, command: str, repository: Repository | None = None) -> str:
    """The error of a command in one of the formats of its answers, without a last newline.

    Raises KeyError for another command.
    """
    if output_format == "json":
        return dumps(error_json(error))
    if output_format == "markdown":
        return "\n\n".join(_markdown(error, command))
    if output_format == "html":  # by name: a template engine that nobody else needs
        return str(load("reconciler.render.html.validation:failure")(error, command))
    if output_format in REPORTS:
        return str(load(VALIDATION[output_format])(_validation(error, repository), Style(color=False)))
    return "\n\n".join(_text(error))


def _validation(error: ReconcilerError, repository: Repository | None) -> Validation:
    """An error as the result of `validate`, for the formats that hold nothing but problems."""
    if isinstance(error, FileError) and error.problems:
        return Validation(0, 0, error.problems, error.lines, repository)
    problem = Problem("reconciler.yaml", 1, 1, error.code, error.message, suggestion=error.hint)
    return Validation(0, 0, (problem,), repository=repository)


def _text(error: ReconcilerError) -> Iterator[str]:
    style = Style(color=False)
    if isinstance(error, FileError):
        yield from (text for _, text in problem_texts(Validation(0, 0, error.problems, error.lines), style))
    yield error_text(error, style)


def _markdown(error: ReconcilerError, command: str) -> Iterator[str]:
    yield _MARKERS[command]
    yield f"### {command.capitalize()}: {'refused' if isinstance(error, RefusedError) else 'failed'}"
    lines = ["> [!CAUTION]", f"> {markdown(_short(error.message))}"]
    if error.hint:
        lines.extend([">", f"> **Hint:** {markdown(_short(error.hint))}"])
    yield "\n".join(lines)
    if isinstance(error, FileError) and error.problems:
        yield "\n".join(_problems(error.problems))


def _problems(problems: tuple[Problem, ...]) -> Iterator[str]:
    room = _BUDGET
    for place, problem in enumerate(problems):
        line = _line(problem)
        room -= len(line) + 1
        if room < 0 or place == MOST_LISTED:
            yield f"- {ELLIPSIS} and {count(len(problems) - place, 'more problem')}"
            return
        yield line


def _line(problem: Problem) -> str:
    place = markdown_code(f"{problem.file}:{problem.line}:{problem.column}")
    return f"- {place} {problem.severity}: {markdown(_short(problem.text))} ({markdown(problem.rule)})"


def _short(text: str) -> str:
    return text if len(text) <= MOST_WORDS else text[:MOST_WORDS] + ELLIPSIS
