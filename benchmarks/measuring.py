"""What every benchmark here does: runs programs, takes the least of some rounds, and prints one table.

A figure is the least of its rounds: on a shared machine the least is what the work costs, all above it is what others did
meanwhile. CPU seconds are user + system of the process and its children; memory is the highest resident set.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CACHE = ROOT / ".cache" / "bench"
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@dataclass(frozen=True)
class Figure:
    """The least of some rounds: seconds of wall clock, seconds of CPU, and megabytes."""

    wall: float
    cpu: float
    memory: float


@dataclass(frozen=True)
class Row:
    """One line of the table. Without a `bar` it is only told."""

    what: str
    ours: str
    peer: str
    bar: str = ""
    holds: bool = True


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def busy() -> str:
    """How busy the machine is: its load, which counts us too."""
    return f"load {', '.join(f'{load:.1f}' for load in os.getloadavg())} on {os.cpu_count()} cores"


def least(figures: Iterable[Figure]) -> Figure:
    """The least of each."""
    walls, cpus, memories = zip(*((one.wall, one.cpu, one.memory) for one in figures), strict=True)
    return Figure(min(walls), min(cpus), min(memories))


def measure(
    command: Sequence[str | Path],
    folder: Path,
    rounds: int = 1,
    *,
    before: Callable[[], object] = lambda: None,
    environment: Mapping[str, str] = ENVIRONMENT,
) -> Figure:
    """Runs a command some times, `before` ahead of each. Raises SystemExit where it fails."""
    figures = []
    for _ in range(rounds):
        before()
        started = time.perf_counter()
        process = subprocess.Popen(list(map(str, command)), cwd=folder, env=environment, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            raise SystemExit(f"{' '.join(map(str, command))} exited with {process.returncode}")
        figures.append(Figure(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024))
    return least(figures)


def compile_ours() -> Path:
    """The folder of our programs, our bytecode compiled."""
    subprocess.run([sys.executable, "-m", "compileall", "-q", ROOT / "reconciler"], check=True, env=ENVIRONMENT)
    return Path(sys.executable).parent


def virtual_environment(name: str, packages: Sequence[str]) -> Path:
    """The folder of the programs of a virtual environment that holds these packages, bytecode compiled."""
    folder = CACHE / name
    python = folder / "bin" / "python"
    if not python.exists():
        say(f"installing {' '.join(packages)}")
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True, env=ENVIRONMENT)
        subprocess.run([python, "-m", "compileall", "-q", folder / "lib"], check=False, env=ENVIRONMENT)
    return folder / "bin"


def table(rows: Iterable[Row]) -> bool:
    """Prints the rows. Whether every bar holds."""
    rows = list(rows)
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}\n")
    print("| what | reconciler | peer, same run | bar |  |\n|---|---|---|---|---|")
    for row in rows:
        verdict = ("holds" if row.holds else "**missed**") if row.bar else ""
        print(f"| {row.what} | {row.ours} | {row.peer} | {row.bar} | {verdict} |")
    return all(row.holds for row in rows)
