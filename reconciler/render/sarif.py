"""The result of `validate` as SARIF 2.1.0 for code scanning."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

import reconciler
from reconciler.core.errors import Problem, is_error
from reconciler.core.problem_json import end_of
from reconciler.core.problem_rules import RULES, help_uri
from reconciler.manifest.validation import Validation
from reconciler.render.escape import printable
from reconciler.render.jsontext import dumps
from reconciler.render.problem_identity import identified
from reconciler.render.problem_text import one_line
from reconciler.render.terminal import Style
from reconciler.render.validation_text import judge

_ROOT: Final = "%SRCROOT%"  # the name under which viewers know the repository's root
SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def render(validation: Validation, style: Style) -> str:
    """One run with one result for each problem; columns are code points, files relative to the repository's root."""
    judged = judge(validation, style)
    rules = sorted({problem.rule for problem in judged.problems})
    places = {rule: place for place, rule in enumerate(rules)}
    results = [_result(problem, path, places[problem.rule], identity) for problem, path, identity in identified(judged)]
    driver = {"name": "reconciler", "version": reconciler.__version__, "rules": [_rule(rule) for rule in rules]}
    run: dict[str, Any] = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    if judged.repository is not None:
        run["originalUriBaseIds"] = {_ROOT: {"uri": _folder_uri(judged.repository.root)}}
    return dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _rule(rule: str) -> dict[str, Any]:
    short = {"id": rule, "shortDescription": {"text": printable(rule.replace("-", " "))}}
    known = RULES.get(rule)
    if known is None:  # a driver of another package has rules of its own, and so has a team, as policies
        uri = help_uri(rule)
        return short if uri is None else short | {"helpUri": uri}
    help_text = f"{known.meaning} {known.remedy}"
    return short | {"fullDescription": {"text": known.meaning}, "help": {"text": help_text}, "helpUri": help_uri(rule)}


def _result(problem: Problem, path: str, rule_index: int, identity: str) -> dict[str, Any]:
    message = one_line(problem)
    end_line, end_column = end_of(problem)
    region = {
        "startLine": problem.line,
        "startColumn": problem.column,
        "endLine": end_line,
        "endColumn": end_column,
    }
    location = {"artifactLocation": _artifact(path), "region": region}
    return {
        "ruleId": problem.rule,
        "ruleIndex": rule_index,
        "level": "error" if is_error(problem) else "warning",
        # `[text](target)` in a message is a link to viewers
        "message": {"text": printable(message).replace("](", "] (")},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"primaryLocationLineHash": identity},
    }


def _artifact(file: str) -> dict[str, str]:
    path = quote(file.encode("utf-8", "surrogatepass"))
    return {"uri": f"file://{path}"} if file.startswith("/") else {"uri": path, "uriBaseId": _ROOT}


def _folder_uri(folder: str) -> str:
    return f"file://{quote(folder.rstrip('/').encode('utf-8', 'surrogatepass'))}/"
