"""A process of our own that is bounded in time and memory: for work whose cost another's text decides.

It has neither our environment nor our secrets. The parent starts it with `command` and `environment`; the process itself calls `bound`.
"""

from __future__ import annotations

import os
import sys
from typing import Final

if sys.platform != "win32":
    import resource

_KEPT: Final = ("SYSTEMROOT", "LD_LIBRARY_PATH")  # what Python itself may not start without


def command(module: str) -> tuple[str, ...]:
    """The command line that runs a module of ours. With -P nothing is imported from the working directory."""
    return (sys.executable, "-P", "-m", module)


def environment() -> dict[str, str]:
    """The environment of the process: where Python finds its modules, and nothing else, so that no credential is in its reach."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}


def bound(*, seconds: int, memory: int) -> None:
    """Limit this process, where the system has limits, to seconds of work and bytes of memory: what goes beyond is killed, or gets a MemoryError."""
    if sys.platform == "win32":
        return
    limits = [(resource.RLIMIT_CPU, seconds), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_CORE, 0)]
    if sys.platform == "linux":  # elsewhere the address space is much larger than the memory that is used
        limits.append((resource.RLIMIT_AS, memory))
    for kind, most in limits:
        hard = resource.getrlimit(kind)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (least, least))
