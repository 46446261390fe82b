"""What processes cost: CPU seconds and resident memory, as /proc tells them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Cost:
    """CPU seconds so far, and MB resident now."""

    cpu: float
    memory: float


def cost(process: int) -> Cost:
    """That of one process."""
    words = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    resident = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return Cost((int(words[11]) + int(words[12])) / _TICKS, resident * _PAGE / 1e6)


def costs(processes: Iterable[int]) -> Cost:
    """That of some together."""
    every = [cost(one) for one in processes]
    return Cost(sum(one.cpu for one in every), sum(one.memory for one in every))


def servers(folder: Path) -> dict[str, int]:
    """The processes of the API server whose data is in a folder, by name."""
    found = {}
    for process, words in _commands():
        if words[0].endswith("/kubetest") and any(str(folder) in word for word in words):
            found[words[1]] = process
    return found


def _commands() -> Iterator[tuple[int, list[str]]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_text().split("\0")
            except OSError:
                continue
            if len(words) > 1:
                yield int(entry.name), words
