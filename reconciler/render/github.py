"""The result of `validate` as annotations on the lines of a GitHub pull request.

The form is that of workflow commands: `::error file=…,line=…,col=…,endLine=…,endColumn=…,title=…::message`.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

from reconciler.core.errors import Problem, is_error
from reconciler.core.problem_json import end_of
from reconciler.manifest.validation import Validation
from reconciler.render.escape import annotation, annotation_property
from reconciler.render.problem_text import suggestion
from reconciler.render.terminal import Style, count
from reconciler.render.validation_text import judge, summary

MOST_SHOWN: Final = 10  # annotations of one level that GitHub shows of one step


def render(validation: Validation, style: Style) -> str:
    """One annotation for each problem.

    A notice of how many there are, where GitHub hides some; then the counts, for the log.
    """
    judged = judge(validation, style)
    plain = Style(color=False, width=style.width)
    annotations = [_annotation(problem, judged.path(problem.file), plain) for problem in judged.problems]
    return "\n".join([*annotations, *_notice(judged), summary(judged, plain)])


def _annotation(problem: Problem, path: str, style: Style) -> str:
    end_line, end_column = end_of(problem)
    properties = {
        "file": annotation_property(path),
        "line": problem.line,
        "col": problem.column,
        "endLine": end_line,
        "endColumn": end_column,
        "title": annotation_property(problem.rule),
    }
    # the place once more: a log shows nothing but the message
    place = f"{style.safe(path)}:{problem.line}:{problem.column}"
    message = f"{place}: {problem.text}" + (f"\n{suggestion(problem, style)}" if problem.suggestion else "")
    return f"::{_level(problem)} {','.join(f'{name}={value}' for name, value in properties.items())}::{annotation(message)}"


def _level(problem: Problem) -> str:
    return "error" if is_error(problem) else "warning"


def _notice(validation: Validation) -> list[str]:
    """GitHub drops what is above its limits without a word."""
    counts = Counter(map(_level, validation.problems))
    if max(counts.values(), default=0) <= MOST_SHOWN:
        return []
    found = " and ".join(count(counts[level], level) for level in ("error", "warning") if counts[level])
    message = f"{found} in all: GitHub shows the first {MOST_SHOWN} of each, the log of this step has every one"
    return [f"::notice title=reconciler validate::{annotation(message)}"]
