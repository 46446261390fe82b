"""What a process takes of the machine, from /proc, and whether that stays as it is."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Final

KIB: Final = 1024
HISTORY: Final = (".db", ".db-wal", ".db-shm")  # what the embedded registry keeps on purpose, with its journal


@dataclass(frozen=True)
class Footprint:
    """At one moment, between two runs. `disk` is what the project takes beside manifests, history and backups, which grow on purpose."""

    descriptors: int
    connections: int
    threads: int
    memory: int  # resident, in KiB
    disk: int  # bytes
    journal: int  # bytes, of the embedded registry


# how much more the last quarter may take than the second one did: so much, and a share of it
BOUNDS: Final[Mapping[str, tuple[float, float]]] = {
    "descriptors": (2, 0.0),
    "connections": (1, 0.0),
    "threads": (1, 0.0),
    "memory": (4 * KIB, 0.05),
    "disk": (64 * KIB, 0.0),
    "journal": (4 * KIB * KIB, 0.0),  # SQLite moves it into the file from 4 MB on
}


def footprint(pid: int, project: Path) -> Footprint:
    """Of a process that works on a project."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines())
    opened = [_target(file) for file in Path(f"/proc/{pid}/fd").iterdir()]
    return Footprint(
        descriptors=len(opened),
        connections=sum(1 for what in opened if what.startswith("socket:")),
        threads=int(status["Threads"]),
        memory=int(status["VmRSS"].split()[0]),
        disk=_disk(project),
        journal=sum(file.stat().st_size for file in project.glob("*.db-wal")),
    )


def _target(file: Path) -> str:
    try:
        return os.readlink(file)
    except FileNotFoundError:  # closed since
        return ""


def _disk(project: Path) -> int:
    files = [file for file in project.rglob("*") if file.is_file() and file.suffix not in HISTORY]
    own = [file for file in files if not {"manifests", "backup"} & set(file.relative_to(project).parts)]
    return sum(file.stat().st_size for file in own)


def medians(found: Sequence[Footprint]) -> dict[str, tuple[float, float]]:
    """Of each measure, the medians of the second and of the last quarter."""
    quarter = len(found) // 4
    second, last = found[quarter : 2 * quarter], found[-quarter:]
    return {
        name: (median(asdict(one)[name] for one in second), median(asdict(one)[name] for one in last))
        for name in BOUNDS
    }


def grown(found: Sequence[Footprint]) -> list[str]:
    """The measures that do not stay as they are, with their medians."""
    return [
        f"{name}: {before:g} in the second quarter, {after:g} in the last"
        for name, (before, after) in medians(found).items()
        if after > before + max(BOUNDS[name][0], before * BOUNDS[name][1])
    ]
