"""The result of `validate` as JSON for machines."""

from __future__ import annotations

from reconciler.core.problem_json import FORMAT_VERSION, problem_to_json
from reconciler.manifest.validation import Validation
from reconciler.render.jsontext import dumps
from reconciler.render.terminal import Style
from reconciler.render.validation_text import judge


def render(validation: Validation, style: Style) -> str:
    """The contract's `validate` object. Every problem has all its keys."""
    judged = judge(validation, style)
    return dumps(
        {
            "format_version": FORMAT_VERSION,
            "valid": judged.valid,
            "files": judged.files,
            "documents": judged.documents,
            "problems": [problem_to_json(problem) for problem in judged.problems],
        }
    )
