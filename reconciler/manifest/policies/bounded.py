"""Has policies judge cases, in a process that is bounded in time and memory."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from reconciler.core import bounded_process
from reconciler.core.errors import InputError
from reconciler.manifest.policies.policy import Policy
from reconciler.manifest.policies.verdicts import TOO_MUCH, Failed, Unusable

PATIENCE: Final = 600  # seconds; the process has bounds of its own, of work
_PROGRAM: Final = "reconciler.manifest.policies.process"


class Verdict(NamedTuple):
    """One policy and one case, by their numbers: the pointers at which it is broken, or why it has no verdict."""

    policy: int
    case: int
    pointers: tuple[str, ...] = ()
    failed: Failed | None = None


@dataclass
class Verdicts:
    """What was said. `unusable` are mistakes in policies, each with the policy's number."""

    broken: list[Verdict] = field(default_factory=list)
    unusable: list[tuple[int, Unusable]] = field(default_factory=list)


def judge(policies: Sequence[Policy], cases: Sequence[Mapping[str, Any]], work: Sequence[Sequence[int]]) -> Verdicts:
    """Judge cases: of each policy those whose numbers `work` has, and the policy itself even where that is none.

    A policy that goes beyond the bounds is told, and the others still speak, in another process. Raises InputError
    where there can be none.
    """
    verdicts = Verdicts()
    first = 0
    while first < len(policies):
        reached, case, ended = _run(policies[first:], cases, work[first:], first, verdicts)
        if ended:
            break
        if case is None:
            verdicts.unusable.append((reached, Unusable(TOO_MUCH)))
        else:
            verdicts.broken.append(Verdict(reached, case, failed=Failed(TOO_MUCH)))
        first = reached + 1
    return verdicts


def _run(
    policies: Sequence[Policy],
    cases: Sequence[Mapping[str, Any]],
    work: Sequence[Sequence[int]],
    first: int,
    verdicts: Verdicts,
) -> tuple[int, int | None, bool]:
    """Run one process. Notes what it says, and returns the policy and the case that it came to, and whether it came to the end."""
    rules = [{"cel": policy.cel} if policy.cel is not None else {"schema": policy.schema} for policy in policies]
    request = json.dumps({"rules": rules, "cases": cases, "work": work}).encode("ascii")
    reached, at = first, None
    said = _said(request)
    if not said:
        raise InputError(
            "the process that judges policies ended before it began", hint="see whether the machine is short of memory"
        )
    for line in said:
        what, *rest = line
        if what == "end":
            return reached, at, True
        reached = rest[0] + first
        if what == "begin":
            at = rest[1]
        elif what == "unusable":
            verdicts.unusable.append((reached, Unusable(**rest[1])))
        elif what == "failed":
            verdicts.broken.append(Verdict(reached, rest[1], failed=Failed(**rest[2])))
        else:
            verdicts.broken.append(Verdict(reached, rest[1], tuple(rest[2])))
    return reached, at, False


def _said(request: bytes) -> list[list[Any]]:
    """The whole lines that the process wrote, however it ended."""
    try:
        ran = subprocess.run(  # noqa: S603  # a module of ours
            bounded_process.command(_PROGRAM),
            input=request,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=bounded_process.environment(),
            timeout=PATIENCE,
            check=False,
        )
        output = ran.stdout
    except subprocess.TimeoutExpired as error:
        output = error.stdout or b""
    *whole, _ = output.split(b"\n")
    return [json.loads(line) for line in whole]
