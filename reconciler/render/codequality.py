"""The result of `validate` as a Code Quality report, which GitLab shows on the lines of a merge request.

The form is a subset of Code Climate's: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format.
"""

from __future__ import annotations

from typing import Any

from reconciler.core.errors import Problem, is_error
from reconciler.manifest.validation import Validation
from reconciler.render.escape import printable
from reconciler.render.jsontext import dumps
from reconciler.render.problem_identity import identified
from reconciler.render.problem_text import one_line
from reconciler.render.terminal import Style
from reconciler.render.validation_text import judge


def render(validation: Validation, style: Style) -> str:
    """A list with one entry for each problem; without any it is empty. Files are relative to the repository's root."""
    return dumps([_entry(*found) for found in identified(judge(validation, style))])


def _entry(problem: Problem, path: str, identity: str) -> dict[str, Any]:
    return {
        "description": printable(one_line(problem)),
        "check_name": problem.rule,
        "fingerprint": identity,
        "severity": "critical" if is_error(problem) else "minor",
        "location": {"path": path, "lines": {"begin": problem.line}},
    }
