"""Which parts of a manifest's line must not be quoted.

A quoted line ends up in CI logs, so beside the secrets that were reported, what looks like a secret's value is
hidden even where nothing complained of it. Here too much is better than too little.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.core.errors import Problem
from reconciler.core.problem_json import end_of
from reconciler.render import credentials
from reconciler.render.credentials import Span

SECRET_RULES: Final = frozenset(
    {"literal-secret", "secret-reference", "likely-secret"}
)  # of problems whose place is a secret's value
UNKNOWN_RULE: Final = "unknown-field"  # of problems whose place is a key that nobody knows
LONGEST: Final = 4000  # code points of a line in which the name of a secret is looked for
_A_SLIP: Final = 0.8  # how much alike two names are of which the one is the other, mistyped


@dataclass(frozen=True, slots=True)
class Secrets:
    """What is known of the secrets in some files.

    `reported` are the literal secrets that were reported, by file and by each line that they touch. `unknown` is where
    on a line, by file and line, the keys end that nobody knows: what stands behind them may be a secret under a wrong
    name. `inside` are the lines, from 1, of each file that belong to a value which began on an earlier line behind a
    name such as `api_key` or such a key.
    """

    reported: Mapping[tuple[str, int], Sequence[Problem]]
    unknown: Mapping[tuple[str, int], Sequence[int]]
    inside: Mapping[str, frozenset[int]]


def survey(problems: Iterable[Problem], lines: Mapping[str, Sequence[str]]) -> Secrets:
    """Looks for secrets once, so that each line that is quoted need not."""
    reported: dict[tuple[str, int], list[Problem]] = {}
    unknown: dict[tuple[str, int], list[int]] = {}
    for problem in problems:
        if problem.rule in SECRET_RULES:
            for line in range(problem.line, end_of(problem)[0] + 1):
                reported.setdefault((problem.file, line), []).append(problem)
        elif problem.rule == UNKNOWN_RULE and not _is_plain_slip(problem, lines.get(problem.file, ())):
            end_line, end_column = end_of(problem)
            end = end_column if end_line == problem.line else problem.column
            unknown.setdefault((problem.file, problem.line), []).append(end - 1)
    inside = {file: frozenset(_continued(file, known, unknown)) for file, known in lines.items()}
    return Secrets(reported, unknown, inside)


def hidden(file: str, number: int, line: str, secrets: Secrets, window: Span) -> list[Span]:
    """The spans to hide of line `number` (from 1), within `window`, sorted and apart from each other."""
    start, stop = window
    spans = [_reported(problem, number, len(line)) for problem in secrets.reported.get((file, number), ())]
    spans.extend((first + start, last + start) for first, last in credentials.spans(line[start:stop]))
    spans.extend(span for end in secrets.unknown.get((file, number), ()) if (span := credentials.behind(line, end)))
    if number in secrets.inside.get(file, ()):
        spans.append((_indent(line), len(line)))
    joined: list[Span] = []
    for first, last in sorted((max(first, start), min(last, stop)) for first, last in spans):
        if first >= last:
            continue
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined


def _is_plain_slip(problem: Problem, lines: Sequence[str]) -> bool:
    """Whether an unknown key is a known one, mistyped, which holds no secret: its value is then shown."""
    line = lines[problem.line - 1] if 1 <= problem.line <= len(lines) else ""
    written = line[problem.column - 1 : end_of(problem)[1] - 1].strip("\"'")
    meant = (problem.suggestion or "").rpartition(".")[2]
    if credentials.is_telling(meant) or credentials.is_telling(written):
        return False
    return difflib.SequenceMatcher(None, written, meant).ratio() >= _A_SLIP


def _reported(problem: Problem, number: int, length: int) -> Span:
    """The part of a line that a reported secret covers: to the line's end where the report names no end."""
    end_line, end_column = end_of(problem)
    point = (end_line, end_column) == (problem.line, problem.column)
    start = problem.column - 1 if number == problem.line else 0
    return start, end_column - 1 if number == end_line and not point else length


def _continued(file: str, lines: Sequence[str], unknown: Mapping[tuple[str, int], Sequence[int]]) -> Iterator[int]:
    """The lines, from 1, that lie deeper than one on which a secret's value begins, and the one after its name."""
    above: list[tuple[int, bool]] = []  # how deep, and whether secret, of the lines that this one may lie below
    dangling = False
    for number, whole in enumerate(lines, start=1):
        line = whole[:LONGEST].rstrip()
        if not line:
            continue
        indent = _indent(line)
        while above and above[-1][0] >= indent:
            above.pop()
        inside = dangling or (bool(above) and above[-1][1])
        if inside:
            yield number
        keys = unknown.get((file, number), ())
        begins = bool(keys) or any(True for _ in credentials.named(line))
        dangling = credentials.dangles(line) or any(not line[end:].strip(" \t:") for end in keys)
        above.append((indent, inside or dangling or begins))


def _indent(line: str) -> int:
    """How deep a line is: what follows a dash is as deep as the keys below it."""
    return len(line) - len(line.lstrip(" \t-"))
