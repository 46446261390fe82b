"""Judges cases by policies, as a process of its own: `python -m reconciler.manifest.policies.process`.

A request as JSON on stdin; on stdout one JSON value a line, see `bounded`, which reads them. A regular expression of a
schema or a concatenation in an expression may take any time and memory, and what they work on comes with a pull
request: so the process is bounded, each judgement by itself.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from typing import Any, Final

from reconciler.core.bounded_process import bound
from reconciler.manifest.policies.verdicts import Failed, Unusable

SECONDS: Final = 2  # of work for one judgement
ALL_SECONDS: Final = 300  # of work for all
KINDS: Final = {"cel": "reconciler.manifest.policies.cel", "schema": "reconciler.manifest.policies.json_schemas"}
_MISSING: Final = (
    "a policy with `{kind}` needs the package {name}, which is not installed here: use a Python that it has a wheel for"
)
MEMORY: Final = 2 * 1024 * 1024 * 1024  # bytes


def main() -> None:
    """One request, one run."""
    request = json.load(sys.stdin.buffer)
    bound(seconds=ALL_SECONDS, memory=MEMORY)
    for number, rule in enumerate(request["rules"]):
        _judge(number, rule, request["cases"], request["work"][number])
    _say(["end"])


def _judge(number: int, rule: Mapping[str, Any], cases: list[Any], work: list[int]) -> None:
    """Compile one rule and judge its cases. Before each it says which, in case it is the last thing it says."""
    _say(["begin", number, None])
    (kind, text), *_ = rule.items()
    try:
        library = importlib.import_module(KINDS[kind])  # by name: the other kind's is not needed
    except ModuleNotFoundError as error:  # a Python that is newer than the library's wheels
        _say(["unusable", number, Unusable(_MISSING.format(kind=kind, name=error.name))._asdict()])
        return
    _limit(SECONDS)
    usable = library.compiled(text)
    if isinstance(usable, list):
        for item in usable:
            _say(["unusable", number, item._asdict()])
        work = []
    for case in work:
        _say(["begin", number, case])
        _limit(SECONDS)
        broken = usable.broken(cases[case])
        if isinstance(broken, Failed):
            _say(["failed", number, case, broken._asdict()])
        elif broken is not None:
            _say(["broken", number, case, broken])
    _limit(0)


def _limit(seconds: float) -> None:
    """Kill this process after that much more work; 0 lifts it. Where a system has no such timer, the parent's patience is the limit."""
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _say(line: list[Any]) -> None:
    data = json.dumps(line).encode("ascii") + b"\n"
    while data:
        data = data[os.write(1, data) :]


if __name__ == "__main__":
    main()
