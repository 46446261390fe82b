"""Problems for people: place, what is wrong, the line itself, what was probably meant.

Imported only where there is one.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.errors import Problem, is_error
from reconciler.manifest.validation import Validation
from reconciler.render.masking import survey
from reconciler.render.quote import quote
from reconciler.render.terminal import Style


def problem_texts(validation: Validation, style: Style) -> Iterator[tuple[Problem, str]]:
    """Each problem with its text: the headline, the quoted line where it is known, the help."""
    secrets = survey(validation.problems, validation.lines)
    for problem in validation.problems:
        quoted = quote(problem, validation.lines.get(problem.file, ()), secrets, style)
        helped = [f"{style.paint('help:', 'cyan', 'bold')} {suggestion(problem, style)}"] if problem.suggestion else []
        yield problem, "\n".join([headline(problem, style), *quoted, *helped])


def headline(problem: Problem, style: Style) -> str:
    """`file:line:column: error[rule]: message`."""
    colour = "red" if is_error(problem) else "yellow"
    place = style.paint(f"{style.safe(problem.file)}:{problem.line}:{problem.column}:", "bold")
    what = style.paint(f"{style.safe(problem.severity)}[{style.safe(problem.rule)}]:", colour, "bold")
    return f"{place} {what} {style.safe(problem.text)}"


def one_line(problem: Problem) -> str:
    """The message with its help behind it in brackets. Not yet safe to print."""
    return problem.text + (f" ({suggestion(problem, Style(color=False))})" if problem.suggestion else "")


def suggestion(problem: Problem, style: Style) -> str:
    """The help of a problem: a single word becomes "did you mean", a sentence stays itself."""
    text = style.safe(problem.suggestion or "")
    return text if " " in text else f"did you mean '{text}'?"
