"""The result of `validate` for people: place, what is wrong, the line itself, what was probably meant."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from reconciler.core.errors import is_error
from reconciler.manifest.validation import Validation
from reconciler.render import load
from reconciler.render.terminal import Style, count

_TEXTS: Final = "reconciler.render.problem_text:problem_texts"  # by name: where all is well nothing of it is needed


def render(validation: Validation, style: Style) -> str:
    """Every problem, in the order given, then one line that counts."""
    judged = judge(validation, style)
    texts = [text for _, text in load(_TEXTS)(judged, style)] if judged.problems else []
    return "\n\n".join([*texts, summary(judged, style)])


def judge(validation: Validation, style: Style) -> Validation:
    """The result with warnings as errors where the style is strict."""
    if not style.strict:
        return validation
    return replace(validation, problems=tuple(problem._replace(severity="error") for problem in validation.problems))


def summary(validation: Validation, style: Style) -> str:
    """`2 errors, 1 warning in 3 files`, or that all is well."""
    errors = sum(map(is_error, validation.problems))
    warnings = len(validation.problems) - errors
    checked = f"{count(validation.documents, 'manifest')} in {count(validation.files, 'file')}"
    counted = [count(errors, "error")] if errors else []
    counted += [count(warnings, "warning")] if warnings else []
    if not errors:
        return ", ".join([f"{checked}: {style.paint('valid', 'green', 'bold')}", *counted])
    places = count(len({problem.file for problem in validation.problems}), "file")
    return f"{style.paint(', '.join(counted), 'red', 'bold')} in {places} ({checked} checked)"
