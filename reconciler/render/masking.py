"""Which parts of a manifest's line must not be quoted.

A quoted line ends up in CI logs, so beside the secrets that were reported, what looks like a secret's value is
hidden even where nothing complained of it. Here too much is better than too little.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.errors import Problem
from reconciler.problemjson import end_of

SECRET_RULE: Final = "literal-secret"  # noqa: S105 -- the name of a rule
LONGEST: Final = 4000  # code points of a line in which the name of a secret is looked for

# Quantifiers are bounded: a line is a stranger's, and no line may take quadratic time.
_NAME: Final = (
    r"(?:(?:api|access|private|secret|signing|encryption|fingerprint)[_-]?key|token(?!i[sz])|secret|passw(?:or)?d"
    r"|passphrase|authorization|cookie|credential)"
    r"""(?P<rest>[\w.-]{0,64})["']?\s{0,64}"""
)
_NAMED: Final = re.compile(_NAME + r"[:=]\s*(?P<value>.*)", re.IGNORECASE)
_DANGLING: Final = re.compile(_NAME + r"[:=]?$", re.IGNORECASE)
_NUMBER: Final = re.compile(r"-?\d{1,9}(?:\.\d+)?\s*(?=$|[,}\]#])")
_HARMLESS: Final = re.compile(r"""(?:(["']?)\$\{[^{}]*\}\1|null|true|false|~)(?=\s*(?:$|[,}\]]|\s#))""")
_QUOTED: Final = re.compile(r""""(?:\\.|[^"\\])*"|'(?:''|[^'])*'""")
_OTHER: Final = re.compile(
    r"(?<=://)[^\s/@]{1,256}:[^\s/@]{1,256}(?=@)|\b(?:bearer|basic)\s{1,8}(?!\$\{)[\w.~+/=-]{6,}", re.IGNORECASE
)

Span = tuple[int, int]  # code points of a line, from 0, the end exclusive


@dataclass(frozen=True, slots=True)
class Secrets:
    """What is known of the secrets in some files.

    `reported` are the literal secrets that were reported, by file and by each line that they touch. `inside` are the
    lines, from 1, of each file that belong to a value which began on an earlier line behind a name such as `api_key`.
    """

    reported: Mapping[tuple[str, int], Sequence[Problem]]
    inside: Mapping[str, frozenset[int]]


def survey(problems: Iterable[Problem], lines: Mapping[str, Sequence[str]]) -> Secrets:
    """Looks for secrets once, so that each line that is quoted need not."""
    reported: dict[tuple[str, int], list[Problem]] = {}
    for problem in problems:
        if problem.rule == SECRET_RULE:
            for line in range(problem.line, end_of(problem)[0] + 1):
                reported.setdefault((problem.file, line), []).append(problem)
    return Secrets(reported, {file: frozenset(_continued(known)) for file, known in lines.items()})


def hidden(file: str, number: int, line: str, secrets: Secrets, window: Span) -> list[Span]:
    """The spans to hide of line `number` (from 1), within `window`, sorted and apart from each other."""
    start, stop = window
    spans = [_reported(problem, number, len(line)) for problem in secrets.reported.get((file, number), ())]
    part = line[start:stop]
    looks_like = [*_named(part), *(found.span() for found in _OTHER.finditer(part))]
    spans.extend((first + start, last + start) for first, last in looks_like)
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


def _reported(problem: Problem, number: int, length: int) -> Span:
    """The part of a line that a reported secret covers: to the line's end where the report names no end."""
    end_line, end_column = end_of(problem)
    point = (end_line, end_column) == (problem.line, problem.column)
    start = problem.column - 1 if number == problem.line else 0
    return start, end_column - 1 if number == end_line and not point else length


def _named(line: str) -> list[Span]:
    """The values on a line that follow a name such as `api_key`, unless they are references."""
    spans = []
    place = 0
    while found := _NAMED.search(line, place):
        start = place = found.start("value")
        value = found["value"].rstrip()
        counted = found["rest"].startswith("s") or not found["rest"]  # max_completion_tokens: 1024 is no secret
        if not value or _HARMLESS.match(value) or (counted and _NUMBER.match(value)):
            continue
        quoted = _QUOTED.match(value)
        place = start + (quoted.end() if quoted else len(value))
        spans.append((start, place))
    return spans


def _continued(lines: Sequence[str]) -> Iterator[int]:
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
        dangling = _DANGLING.search(line) is not None
        above.append((indent, inside or dangling or bool(_named(line))))


def _indent(line: str) -> int:
    """How deep a line is: what follows a dash is as deep as the keys below it."""
    return len(line) - len(line.lstrip(" \t-"))
