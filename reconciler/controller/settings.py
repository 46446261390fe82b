"""The settings of one controller process, as its command line gives them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

NAME: Final = "model-reconciler"  # what the controller calls itself, in the cluster and in registries
LEASE_DURATION: Final = 15.0  # seconds
SHORTEST_LEASE: Final = 5.0  # beneath it, a busy machine would lose its lease again and again
CONCURRENCY: Final = 8
PORT: Final = 8080


class Log(Protocol):
    """Where the process tells what it does: one line for people, with `facts` beside it for machines."""

    def __call__(self, text: str, level: str = "info", **facts: object) -> None: ...


@dataclass(frozen=True, slots=True)
class Settings:
    """`namespace` is the only one that is looked at; None for that of the process itself, unless it is `everywhere`.

    With `shares`, all replicas share the registries; without, one of them has all, and the others wait to take over.
    Backups are kept in ConfigMaps, or in `backup_dir`.
    """

    namespace: str | None = None
    everywhere: bool = False
    shares: bool = False
    concurrency: int = CONCURRENCY
    host: str = ""
    port: int = PORT
    lease_duration: float = LEASE_DURATION
    backup_dir: Path | None = None
