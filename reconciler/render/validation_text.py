"""What `validate` found, for people: place, what is wrong, the line itself, what was probably meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from reconciler.errors import Problem
from reconciler.render.masking import survey
from reconciler.render.quote import quote
from reconciler.render.terminal import Style, count
from reconciler.validation import Validation


def render(validation: Validation, style: Style) -> str:
    """Every problem, in the order given, then one line that counts."""
    judged = judge(validation, style)
    return "\n\n".join([*(text for _, text in problem_texts(judged, style)), summary(judged, style)])


def judge(validation: Validation, style: Style) -> Validation:
    """What was found, with warnings as errors where the style is strict."""
    if not style.strict:
        return validation
    return replace(validation, problems=tuple(replace(problem, severity="error") for problem in validation.problems))


def problem_texts(validation: Validation, style: Style) -> Iterator[tuple[Problem, str]]:
    """Each problem with its text: the headline, the quoted line where it is known, the help."""
    secrets = survey(validation.problems, validation.lines)
    for problem in validation.problems:
        quoted = quote(problem, validation.lines.get(problem.file, ()), secrets, style)
        helped = [f"{style.paint('help:', 'cyan', 'bold')} {suggestion(problem, style)}"] if problem.suggestion else []
        yield problem, "\n".join([headline(problem, style), *quoted, *helped])


def headline(problem: Problem, style: Style) -> str:
    """`file:line:column: error[rule]: message`."""
    colour = "red" if problem.severity == "error" else "yellow"
    place = style.paint(f"{style.safe(problem.file)}:{problem.line}:{problem.column}:", "bold")
    what = style.paint(f"{style.safe(problem.severity)}[{style.safe(problem.rule)}]:", colour, "bold")
    return f"{place} {what} {style.safe(problem.message)}"


def suggestion(problem: Problem, style: Style) -> str:
    """A single word is what was probably meant; a sentence stands for itself."""
    text = style.safe(problem.suggestion or "")
    return text if " " in text else f"did you mean '{text}'?"


def summary(validation: Validation, style: Style) -> str:
    """`2 errors, 1 warning in 3 files`, or that all is well."""
    errors = sum(problem.severity == "error" for problem in validation.problems)
    warnings = len(validation.problems) - errors
    checked = f"{count(validation.documents, 'manifest')} in {count(validation.files, 'file')}"
    counted = [count(errors, "error")] if errors else []
    counted += [count(warnings, "warning")] if warnings else []
    if not errors:
        return ", ".join([f"{checked}: {style.paint('valid', 'green', 'bold')}", *counted])
    places = count(len({problem.file for problem in validation.problems}), "file")
    return f"{style.paint(', '.join(counted), 'red', 'bold')} in {places} ({checked} checked)"
