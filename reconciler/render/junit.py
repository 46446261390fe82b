"""JUnit XML: what `validate` found, with one test case for each file with problems and one for all the others.

And what `test` found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from reconciler.core.errors import is_error
from reconciler.manifest.validation import Validation
from reconciler.render.escape import xml
from reconciler.render.problem_text import problem_texts
from reconciler.render.terminal import Style, count
from reconciler.render.validation_text import judge


def render(validation: Validation, style: Style) -> str:
    """A suite whose failures are the files with errors. Files with only warnings pass, with their text as output."""
    judged = judge(validation, style)
    texts: dict[str, list[str]] = {}
    errors: dict[str, int] = {}
    for problem, text in problem_texts(judged, Style(color=False, width=style.width)):
        texts.setdefault(problem.file, []).append(text)
        errors[problem.file] = errors.get(problem.file, 0) + is_error(problem)
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


def test_suites(results: Sequence[Mapping[str, Any]], style: Style, *, strict: bool) -> str:
    """The answers of `test`: a suite for each model, a case for each check.

    What is degraded is skipped, with `strict` a failure.
    """
    suites = [line for result in results for line in _suite(result, style, strict=strict)]
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>", *suites, "</testsuites>"])


def _suite(result: Mapping[str, Any], style: Style, *, strict: bool) -> list[str]:
    checks = [{**check, "state": _junit_state(check["state"], strict=strict)} for check in result["checks"]]
    name = xml(style.safe(result["address"]))
    failures, skipped = (sum(check["state"] == state for check in checks) for state in ("failed", "degraded"))
    seconds = sum(check["duration_ms"] for check in checks) / 1000
    counts = f'tests="{len(checks)}" failures="{failures}" errors="0" skipped="{skipped}" time="{seconds:.3f}"'
    return [
        f'  <testsuite name="{name}" {counts}>',
        *(_check_case(check, name, style) for check in checks),
        "  </testsuite>",
    ]


def _junit_state(state: str, *, strict: bool) -> str:
    return "failed" if strict and state == "degraded" else state


def _check_case(check: Mapping[str, Any], suite: str, style: Style) -> str:
    message = xml(style.safe(check["message"]))
    body = {
        "ok": f"<system-out>{message}</system-out>",
        "degraded": f'<skipped message="degraded: {message}"/>',
        "failed": f'<failure type="error" message="{message}"/>',
    }[check["state"]]
    case = f'classname="{suite}" name="{xml(style.safe(check["name"]))}" time="{check["duration_ms"] / 1000:.3f}"'
    return f"    <testcase {case}>\n      {body}\n    </testcase>"
