"""The parts of a manifest's line that must not be quoted.

A quoted line ends up in CI logs, so beside the secrets that were reported, what looks like a secret's value is
hidden even where nothing complained of it. Here too much is better than too little.
"""

from __future__ import annotations

import difflib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final

from reconciler.core.errors import Problem
from reconciler.core.late_pattern import late_pattern
from reconciler.core.problem_json import end_of
from reconciler.core.telling import MASK, is_telling, without_value
from reconciler.render import credentials
from reconciler.render.credentials import Span

SECRET_RULES: Final = frozenset(
    {"literal-secret", "secret-reference", "likely-secret"}
)  # of problems whose place is a secret's value
UNKNOWN_RULE: Final = "unknown-field"  # of problems whose place is a key that nobody knows
LONGEST: Final = 4000  # code points of a line in which the name of a secret is looked for
_NEXT_KEY: Final = late_pattern(
    r"[ \t]*[A-Za-z][A-Za-z0-9_.-]*:(?:[ \t]|$)"
)  # which is no value of a key on the line above
_A_SLIP: Final = 0.8  # how much alike two names are of which the one is the other, mistyped


@dataclass(frozen=True, slots=True)
class Secrets:
    """The parts of some files that hold secrets, as far as problems tell.

    `spans` are, by file and line, those of literal secrets that were reported, and the values behind keys that nobody
    knows, which may be secrets under a wrong name: sorted and apart from each other. `inside` are the lines, from 1, of each
    file that belong to a value which began on an earlier line behind a name such as `api_key` or such a key.
    """

    spans: Mapping[tuple[str, int], Sequence[Span]]
    inside: Mapping[str, frozenset[int]]


def survey(problems: Iterable[Problem], lines: Mapping[str, Sequence[str]]) -> Secrets:
    """Looks for secrets once, so that each line that is quoted need not: all problems of a file may stand on one line."""
    found: dict[tuple[str, int], list[Span]] = {}
    unknown: dict[tuple[str, int], list[int]] = {}
    for problem in problems:
        known = lines.get(problem.file, ())
        if problem.rule in SECRET_RULES:
            for number in range(problem.line, min(end_of(problem)[0], len(known)) + 1):
                span = _reported(problem, number, len(known[number - 1]))
                found.setdefault((problem.file, number), []).append(span)
        elif problem.rule == UNKNOWN_RULE and not _is_plain_slip(problem, known):
            end_line, end_column = end_of(problem)
            end = end_column if end_line == problem.line else problem.column
            unknown.setdefault((problem.file, problem.line), []).append(end - 1)
            found.setdefault((problem.file, problem.line), []).extend(_in_name(problem, known))
    for (file, number), ends in unknown.items():
        line = lines[file][number - 1] if 1 <= number <= len(lines.get(file, ())) else ""
        values = (value for end in ends if (value := credentials.behind(line, end)) is not None)
        found.setdefault((file, number), []).extend(values)
    inside = {file: frozenset(_continued(file, known, unknown)) for file, known in lines.items()}
    return Secrets({place: _joined(spans) for place, spans in found.items()}, inside)


def hidden(file: str, number: int, line: str, secrets: Secrets, window: Span) -> list[Span]:
    """The spans to hide of line `number` (from 1), within `window`, sorted and apart from each other."""
    start, stop = window
    known = secrets.spans.get((file, number), ())
    first, last = bisect_left(known, start, key=itemgetter(1)), bisect_left(known, stop, key=itemgetter(0))
    spans = [*known[first:last], *((begin + start, end + start) for begin, end in credentials.spans(line[start:stop]))]
    if number in secrets.inside.get(file, ()):
        spans.append((_indent(line), len(line)))
    return _joined((max(begin, start), min(end, stop)) for begin, end in spans)


def _joined(spans: Iterable[Span]) -> list[Span]:
    """The spans sorted, with those that touch made one; empty ones left out."""
    joined: list[Span] = []
    for first, last in sorted(spans):
        if first >= last:
            continue
        if joined and first <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(last, joined[-1][1]))
        else:
            joined.append((first, last))
    return joined


def _is_plain_slip(problem: Problem, lines: Sequence[str]) -> bool:
    """True for an unknown key that is a known one, mistyped, and holds no secret: its value is then shown."""
    written = _written(problem, lines).strip("\"'")
    meant = (problem.suggestion or "").rpartition(".")[2]
    if is_telling(meant) or is_telling(written):
        return False
    return difflib.SequenceMatcher(None, written, meant).ratio() >= _A_SLIP


def _written(problem: Problem, lines: Sequence[str]) -> str:
    """The text that a problem marks on its line."""
    line = lines[problem.line - 1] if 1 <= problem.line <= len(lines) else ""
    return line[problem.column - 1 : end_of(problem)[1] - 1]


def _in_name(problem: Problem, lines: Sequence[str]) -> Iterator[Span]:
    """The value within an unknown key, as in `{api_key VALUE}`, whose colon was forgotten."""
    written = _written(problem, lines)
    shown = without_value(written)
    if shown != written:
        start = problem.column - 1
        yield start + len(shown) - len(MASK), start + len(written)


def _reported(problem: Problem, number: int, length: int) -> Span:
    """The part of a line that a reported secret covers: to the line's end where the report names no end."""
    end_line, end_column = end_of(problem)
    point = (end_line, end_column) == (problem.line, problem.column)
    start = problem.column - 1 if number == problem.line else 0
    return start, end_column - 1 if number == end_line and not point else length


def _continued(file: str, lines: Sequence[str], unknown: Mapping[tuple[str, int], Sequence[int]]) -> Iterator[int]:
    """The lines, from 1, that lie deeper than one on which a secret's value begins, and the one after its name."""
    above: list[tuple[int, bool]] = []  # how deep, and whether secret, of the lines that this one may lie below
    dangling, unknown_alone = False, -1  # the depth of a key that nobody knows, alone on the line above; -1 for none
    for number, whole in enumerate(lines, start=1):
        line = whole[:LONGEST].rstrip()
        if not line:
            continue
        indent = _indent(line)
        while above and above[-1][0] >= indent:
            above.pop()
        follows = unknown_alone >= 0 and not (indent <= unknown_alone and _NEXT_KEY.match(line))
        inside = dangling or follows or (bool(above) and above[-1][1])
        if inside:
            yield number
        keys = unknown.get((file, number), ())
        begins = bool(keys) or any(True for _ in credentials.named(line))
        dangling = credentials.dangles(line)
        unknown_alone = indent if any(not line[end:].strip(" \t:") for end in keys) else -1
        above.append((indent, inside or dangling or begins))


def _indent(line: str) -> int:
    """The depth of a line: what follows a dash is as deep as the keys below it."""
    return len(line) - len(line.lstrip(" \t-"))
