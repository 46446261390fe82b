"""Failing system calls: `python -m campaign.system_calls`. Every nth call of every sort fails in turn, in a real process.

strace makes a call fail, and only one that names a file of the project, so that nothing of Python's own is struck. After each run the promises of
`struck_project` must hold.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from campaign.struck import Ended, Program, Strike
from campaign.struck_project import CASES, Case, Looked, State

# the sorts of calls, and what each fails with, beside EIO
NAMES: Final = ("open", "openat", "stat", "newfstatat", "lstat", "access", "faccessat2", "mkdir", "rename", "link")
NAMES_TOO: Final = ("unlink", "unlinkat", "rmdir", "readlink", "getdents64", "chmod", "fchmod", "fstat", "statx")
CONTENTS: Final = (
    "read",
    "pread64",
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "ftruncate",
    "fallocate",
    "fcntl",
    "mmap",
)
CALLS: Final = (*NAMES, *NAMES_TOO, *CONTENTS)
FULL: Final = frozenset(
    {"open", "openat", "mkdir", "rename", "link", "write", "pwrite64", "fsync", "ftruncate", "fallocate"}
)
FORBIDDEN: Final = frozenset({"open", "openat", "stat", "newfstatat", "lstat", "unlink"})
CUT_SHORT: Final = frozenset({"openat", "read", "pread64", "write", "pwrite64", "ftruncate"})  # and begun again
_CALL: Final = re.compile(r"^(?:\{pid\}|\d+) +(\w+)\((.*)")
_TEXT: Final = re.compile(r'"((?:[^"\\]|\\.)*)"')
_OPEN: Final = re.compile(r"\d+<([^>]*)>")


def errors_of(call: str) -> tuple[str, ...]:
    more = [(FULL, "ENOSPC"), (FORBIDDEN, "EACCES"), (CUT_SHORT, "EINTR")]
    first = "ENOMEM" if call == "mmap" else "EIO"
    return (first, *(error for calls, error in more if call in calls))


@dataclass
class Found:
    """What was run and what was wrong, by case and call."""

    runs: Counter[str] = field(default_factory=Counter)
    codes: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, case: Case, strike: Strike, ended: Ended, wrong: list[str]) -> None:
        self.runs[f"{case.name}: {strike.call}"] += 1
        self.codes[ended.code] += 1
        if wrong:
            self.wrong.append("\n    ".join([f"{case.name}, {strike}", *wrong]))


def targets(log: str, root: Path, only: str = "") -> dict[tuple[str, str], list[str]]:
    """By sort of call and whose files they are, the registry's or others, the paths in the project that the calls of a trace name."""
    named: dict[str, set[str]] = {"registry": set(), "others": set()}
    calls: set[tuple[str, str]] = set()
    for line in log.splitlines():
        match = _CALL.match(line)
        if match is None:
            continue
        call, rest = match.groups()
        texts = [] if call in CONTENTS else [text for text in _TEXT.findall(rest) if text]
        for path in (one for one in (*texts, *_OPEN.findall(rest)) if only in one):
            whole = root / path
            if (whole.is_relative_to(root) and path != ".") or whole == root:
                group = "registry" if "registry.db" in path else "others"
                named[group].add(path.removesuffix(" (deleted)"))
                calls.add((call, group))
    return {(call, group): sorted(named[group]) for call, group in sorted(calls)}


def restore(template: Path, root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(template, root)


@dataclass(frozen=True)
class Bench:
    """One case, ready to be struck again and again."""

    looked: Looked
    program: Program
    template: Path
    root: Path
    sorts: Sequence[Strike]  # the first strike of each

    @classmethod
    def of(cls, case: Case, program: Program, scratch: Path) -> Bench:
        root, template = scratch / "project", scratch / "template"
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        case.build(program, root)
        shutil.rmtree(template, ignore_errors=True)
        root.rename(template)
        restore(template, root)
        before = State.of(root)
        ended, log = program.traced(root, CALLS, *case.words)
        if ended.code != case.code:
            raise RuntimeError(f"{case.name}: {ended}")
        sorts = [
            Strike(call, error, 1, paths)
            for (call, _), paths in targets(log, root, case.only).items()
            for error in errors_of(call)
        ]
        return cls(Looked(case, before, State.of(root)), program, template, root, sorts)

    def struck(self, strike: Strike) -> tuple[Ended, list[str]] | None:
        """How a struck run ended and what is wrong after it; None where there was no such call."""
        restore(self.template, self.root)
        ended, hit = self.program.struck(self.root, strike, *self.looked.case.words)
        if not hit:
            return None
        wrong = self.looked.wrong_after(self.root, ended, strike.call)
        wrong += self.looked.wrong_later(self.program, self.root)
        return ended, [*wrong, *hit, *ended.err.splitlines()[-4:]] if wrong else []


def campaign(
    cases: Sequence[Case], seconds: float, every: int = 1, calls: Sequence[str] = CALLS, *, show: bool = False
) -> Found:
    """All strikes of these cases and calls, or every so-manieth of each sort, until the time is over."""
    found, deadline = Found(), time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder, Program(Path(folder)) as program:
        for case in cases:
            bench = Bench.of(case, program, Path(folder))
            for place, first in enumerate(one for one in bench.sorts if one.call in calls):
                strike = first._replace(number=1 + place % every)
                while time.monotonic() < deadline and (outcome := bench.struck(strike)) is not None:
                    found.add(case, strike, *outcome)
                    if show and outcome[1]:
                        print(found.wrong[-1], flush=True)
                    strike = strike._replace(number=strike.number + every)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="campaign.system_calls", description=__doc__)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--every", type=int, default=1, help="only every so-manieth call of each sort")
    parser.add_argument("--case", action="append", choices=[case.name for case in CASES])
    parser.add_argument("--call", action="append", choices=CALLS)
    given = parser.parse_args()
    cases = [case for case in CASES if not given.case or case.name in given.case]
    found = campaign(cases, given.seconds, given.every, given.call or CALLS, show=True)
    for name, count in sorted(found.runs.items()):
        print(f"  {count:>5}  {name}")
    ends = ", ".join(f"{count} with {code}" for code, count in sorted(found.codes.items()))
    print(f"{found.runs.total()} runs, of which ended {ends}; {len(found.wrong)} broke a promise")
    return min(len(found.wrong), 1)


if __name__ == "__main__":
    sys.exit(main())
