"""The result of `validate`, or the error of a command, as one HTML file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from reconciler.core.errors import FileError, Problem, ReconcilerError, RefusedError, is_error
from reconciler.manifest.validation import Validation
from reconciler.render.error import hint_of, message_of
from reconciler.render.html.changes import chunked
from reconciler.render.html.facets import Facet, facets
from reconciler.render.html.page import render as page
from reconciler.render.html.plan import Tile
from reconciler.render.masking import survey
from reconciler.render.problem_text import suggestion
from reconciler.render.quote import quote
from reconciler.render.terminal import Style
from reconciler.render.validation_text import judge, summary

FACETS: Final = ("severity", "rule", "file")
_PLAIN: Final = Style(color=False)


@dataclass(frozen=True, slots=True)
class Row:
    """One problem. `quoted` are the line itself and what is underlined of it, secrets masked."""

    name: str
    problem: Problem
    sign: str
    quoted: tuple[str, ...]
    help: str
    values: str


@dataclass(frozen=True, slots=True)
class File:
    """The problems of one file, in chunks."""

    name: str
    chunks: tuple[tuple[Row, ...], ...]
    size: int


def render(validation: Validation, style: Style) -> str:
    """Render the result of `validate` as a page."""
    judged = judge(validation, style)
    files, found = _files(judged)
    return page(
        "validation.html.j2",
        command="validate",
        title=f"Validate: {summary(judged, _PLAIN)}",
        heading="Valid" if judged.valid else "Not valid",
        tiles=list(_tiles(judged)),
        size=len(judged.problems),
        files=files,
        facets=found,
    )


def failure(error: ReconcilerError, command: str) -> str:
    """Render the error that ended a command as a page."""
    files: list[File] = []
    if isinstance(error, FileError):
        files, _ = _files(Validation(0, 0, error.problems, error.lines))
    refused = isinstance(error, RefusedError)
    heading = f"{command.capitalize()}: {'refused' if refused else 'failed'}"
    return page(
        "failure.html.j2",
        command=command,
        title=heading,
        heading=heading,
        refused=refused,
        message=message_of(error).split("\n"),
        hint=hint_of(error) or "",
        files=files,
    )


def _tiles(validation: Validation) -> Iterator[Tile]:
    errors = sum(map(is_error, validation.problems))
    warnings = len(validation.problems) - errors
    if errors:
        yield Tile(errors, "error" if errors == 1 else "errors", "error")
    if warnings:
        yield Tile(warnings, "warning" if warnings == 1 else "warnings", "warning")
    yield Tile(validation.documents, "manifest" if validation.documents == 1 else "manifests", "unchanged")
    yield Tile(validation.files, "file" if validation.files == 1 else "files", "unchanged")


def _files(validation: Validation) -> tuple[list[File], tuple[Facet, ...]]:
    problems = validation.problems
    found, numbers = facets(
        [{"severity": [one.severity], "rule": [one.rule], "file": [one.file]} for one in problems], FACETS
    )
    secrets = survey(problems, validation.lines)
    names: Counter[str] = Counter()
    files: dict[str, list[Row]] = {}
    for problem, values in zip(problems, numbers, strict=True):
        name = f"{problem.file}:{problem.line}:{problem.column}"
        names[name] += 1
        files.setdefault(problem.file, []).append(
            Row(
                name=name if names[name] == 1 else f"{name}~{names[name]}",
                problem=problem,
                sign="\u00d7" if is_error(problem) else "!",
                quoted=tuple(quote(problem, validation.lines.get(problem.file, ()), secrets, _PLAIN)),
                help=suggestion(problem, _PLAIN) if problem.suggestion else "",
                values=values,
            )
        )
    return [File(name, chunked(rows), len(rows)) for name, rows in files.items()], found
