"""Mistakes in policies that only showed when they were used, at their places in the files. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from reconciler.core import document
from reconciler.core import pointer as pointers
from reconciler.core.errors import Problem
from reconciler.core.schema.findings import Finding, nearest
from reconciler.manifest.manifests import Texts
from reconciler.manifest.policies.keywords import KEYWORDS
from reconciler.manifest.policies.policy import Policy
from reconciler.manifest.policies.verdicts import Unusable
from reconciler.manifest.templates import DocumentPlace


def problems_of(unusable: Iterable[tuple[Policy, Unusable]], texts: Mapping[str, str]) -> Iterator[Problem]:
    """The problems of policies that cannot be used."""
    read = Texts(texts)
    for policy, item in unusable:
        file = policy.source.file
        pointer = "/cel" if policy.cel is not None else f"/schema{item.pointer}"
        keyword = nearest(pointers.split(pointer)[-1], KEYWORDS) if item.at_key else None
        finding = Finding("bad-policy", item.message, pointer, item.at_key, item.suggestion or keyword)
        problem = read.problem(DocumentPlace(file, policy.index), finding)
        yield _inside(problem, item, policy.cel, document.lines_of(texts[file])) if item.line else problem


def _inside(problem: Problem, item: Unusable, expression: str | None, lines: list[str]) -> Problem:
    """The problem at the place in the file that a line and column of the expression stands at, as far as that can be told."""
    said = (expression or "").split("\n")
    wanted = said[item.line - 1] if item.line <= len(said) else ""
    text = wanted.strip()
    block = lines[problem.line - 1][problem.column - 1 : problem.column] in ("|", ">")
    line = problem.line + item.line - 1 + block
    begin = lines[line - 1].find(text) if text and line <= len(lines) else -1
    if begin < 0:  # folded over lines, or written with escapes
        return problem
    column = begin + item.column - (len(wanted) - len(wanted.lstrip()))
    return problem._replace(line=line, column=column, end_line=line, end_column=column + 1)
