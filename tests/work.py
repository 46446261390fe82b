"""Work measured so that neither a slow machine nor a busy one changes the verdict: CPU time, and only beside other CPU time."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from typing import Final

ROUNDS: Final = 3
IN_PROPORTION: Final = 24.0  # `growth` is 8 where the work grows as its size, 64 where it grows as the square


def cpu(work: Callable[[], object]) -> float:
    """The CPU seconds of this process for some work: the least of three rounds, the rest being what others did meanwhile."""
    return min(_once(work) for _ in range(ROUNDS))


def growth(work: Callable[[int], object], size: int) -> float:
    """How many times the CPU time of `work(size)` the work on eight times that size takes."""
    return cpu(lambda: work(8 * size)) / cpu(lambda: work(size))


def _once(work: Callable[[], object]) -> float:
    gc.collect()
    began = time.process_time()
    work()
    return time.process_time() - began
