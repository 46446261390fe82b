"""What `validate` found, as annotations on the lines of a GitHub pull request.

The form is that of workflow commands: `::error file=…,line=…,col=…,endLine=…,endColumn=…,title=…::message`.
"""

from __future__ import annotations

from reconciler.core.errors import Problem
from reconciler.core.problem_json import end_of
from reconciler.manifest.validation import Validation
from reconciler.render.escape import annotation, annotation_property
from reconciler.render.problem_text import suggestion
from reconciler.render.terminal import Style
from reconciler.render.validation_text import judge, summary


def render(validation: Validation, style: Style) -> str:
    """One annotation for each problem, then the line that counts, for the log."""
    judged = judge(validation, style)
    plain = Style(color=False, width=style.width)
    return "\n".join([*(_annotation(problem, plain) for problem in judged.problems), summary(judged, plain)])


def _annotation(problem: Problem, style: Style) -> str:
    end_line, end_column = end_of(problem)
    properties = {
        "file": annotation_property(problem.file),
        "line": problem.line,
        "col": problem.column,
        "endLine": end_line,
        "endColumn": end_column,
        "title": annotation_property(problem.rule),
    }
    command = "error" if problem.severity == "error" else "warning"
    message = problem.message + (f"\n{suggestion(problem, style)}" if problem.suggestion else "")
    return f"::{command} {','.join(f'{name}={value}' for name, value in properties.items())}::{annotation(message)}"
