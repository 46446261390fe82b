"""What `validate` found, as JUnit XML: one test case for each file with problems, one for all the others."""

from __future__ import annotations

from reconciler.render.escape import xml
from reconciler.render.problem_text import problem_texts
from reconciler.render.terminal import Style, count
from reconciler.render.validation_text import judge
from reconciler.validation import Validation


def render(validation: Validation, style: Style) -> str:
    """A suite whose failures are the files with errors. Files with only warnings pass, with their text as output."""
    judged = judge(validation, style)
    texts: dict[str, list[str]] = {}
    errors: dict[str, int] = {}
    for problem, text in problem_texts(judged, Style(color=False, width=style.width)):
        texts.setdefault(problem.file, []).append(text)
        errors[problem.file] = errors.get(problem.file, 0) + (problem.severity == "error")
    cases = [_case(file, errors[file], "\n\n".join(blocks)) for file, blocks in texts.items()]
    rest = judged.files - len(texts)
    if rest > 0:
        cases.append(f'    <testcase classname="reconciler.validate" name="{count(rest, "file")} without problems"/>')
    failures = sum(number > 0 for number in errors.values())
    return "\n".join(
        [
            '<?xml version="1.0" encoding="UTF-8"?>',
            "<testsuites>",
            f'  <testsuite name="reconciler validate" tests="{len(cases)}" failures="{failures}" errors="0">',
            *cases,
            "  </testsuite>",
            "</testsuites>",
        ]
    )


def _case(file: str, errors: int, text: str) -> str:
    if errors:
        message = count(errors, "error")
        body = f'<failure type="error" message="{message}">{xml(text)}</failure>'
    else:
        body = f"<system-out>{xml(text)}</system-out>"
    name = xml(Style(color=False).safe(file))
    return f'    <testcase classname="reconciler.validate" name="{name}">\n      {body}\n    </testcase>'
