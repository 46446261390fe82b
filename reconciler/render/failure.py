"""Render an error in an answer's formats, for the files that `--output` names. Imported only on failure.

A file then never holds an older run's answer, and a bot finds the same comment as ever.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.core.errors import FileError, Problem, ReconcilerError, RefusedError
from reconciler.manifest.validation import Repository, Validation
from reconciler.render import REPORTS, VALIDATION, load
from reconciler.render.error import error_json, error_text, hint_of, message_of
from reconciler.render.escape import markdown, markdown_code
from reconciler.render.jsontext import dumps
from reconciler.render.marker import COMMENTED, marker
from reconciler.render.problem_text import problem_texts
from reconciler.render.room import BUDGET, fitting, size_of
from reconciler.render.terminal import Style, count
from reconciler.render.width import ELLIPSIS

MOST_LISTED: Final = 50  # problems in a comment
MOST_WORDS: Final = 2_000  # characters of one text in a comment
_RESERVE: Final = 100  # bytes for the line that says how many problems were left out


def render(
    output_format: str,
    error: ReconcilerError,
    command: str,
    repository: Repository | None = None,
    project: str = "",
    environment: str | None = None,
) -> str:
    """The error of a command in one of the formats of its answers, without a last newline.

    `project` and `environment` are those that the command is about, as far as they are known: a comment bears its marker.
    """
    if output_format == "json":
        return dumps(error_json(error))
    if output_format == "markdown":
        first = [marker(command, project, environment)] if command in COMMENTED else []
        return "\n\n".join(_markdown(error, command, first))
    if output_format == "html":  # by name: a template engine that nobody else needs
        return str(load("reconciler.render.html.validation:failure")(error, command))
    if output_format in REPORTS:
        return str(load(VALIDATION[output_format])(_validation(error, repository), Style(color=False)))
    return "\n\n".join(_text(error))


def _validation(error: ReconcilerError, repository: Repository | None) -> Validation:
    """An error as the result of `validate`, for the formats that hold nothing but problems."""
    if isinstance(error, FileError) and error.problems:
        return Validation(0, 0, error.problems, error.lines, repository)
    problem = Problem("reconciler.yaml", 1, 1, error.code, message_of(error), suggestion=hint_of(error))
    return Validation(0, 0, (problem,), repository=repository)


def _text(error: ReconcilerError) -> Iterator[str]:
    style = Style(color=False)
    if isinstance(error, FileError):
        yield from (text for _, text in problem_texts(Validation(0, 0, error.problems, error.lines), style))
    yield error_text(error, style)


def _markdown(error: ReconcilerError, command: str, first: Sequence[str]) -> Iterator[str]:
    lines = ["> [!CAUTION]", f"> {markdown(_short(message_of(error)))}"]
    if hint := hint_of(error):
        lines.extend([">", f"> **Hint:** {markdown(_short(hint))}"])
    title = f"### {command.capitalize()}: {'refused' if isinstance(error, RefusedError) else 'failed'}"
    head = [*first, title, "\n".join(lines)]
    yield from head
    if isinstance(error, FileError) and error.problems:
        yield "\n".join(_problems(error.problems, BUDGET - size_of(head) - _RESERVE))


def _problems(problems: tuple[Problem, ...], room: int) -> Iterator[str]:
    kept = fitting([_line(problem) for problem in problems[:MOST_LISTED]], room)
    yield from kept
    rest = len(problems) - len(kept)
    if rest:
        yield f"- {ELLIPSIS} and {count(rest, 'more problem')}"


def _line(problem: Problem) -> str:
    place = markdown_code(f"{_short(problem.file)}:{problem.line}:{problem.column}")
    return f"- {place} {problem.severity}: {markdown(_short(problem.text))} ({markdown(problem.rule)})"


def _short(text: str) -> str:
    return text if len(text) <= MOST_WORDS else text[:MOST_WORDS] + ELLIPSIS
