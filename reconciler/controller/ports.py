"""What the loop asks of the process around it: its right to write, events, and measurements."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from reconciler.controller.cluster import ObjectKey


class Fence(Protocol):
    """This replica's right to write to one registry."""

    def remaining(self) -> float:
        """Seconds for which this replica may still write there; 0 or less: not any more."""
        ...

    def sending(self) -> AbstractContextManager[None]:
        """A write is being sent while this is open: it must not leave this process after the right to it ended."""
        ...


class Recorder(Protocol):
    """Events of the cluster (`kubectl describe`)."""

    def event(self, item: Mapping[str, Any], kind: str, reason: str, message: str) -> None:
        """Tell of an object what was done or met: `kind` is Normal or Warning, `reason` one word in CamelCase."""
        ...


class Observer(Protocol):
    """Measurements."""

    def reconciled(self, key: ObjectKey, seconds: float, result: str, *, failed: bool) -> None:
        """A registry was reconciled: `result` is the reason of its condition Synced. One that `failed` is tried again."""
        ...

    def wrote(self, key: ObjectKey, action: str, status: str) -> None:
        """A change was carried out in a registry, or failed."""
        ...


class Result(NamedTuple):
    """How a reconcile ended: whether it failed, and in how many seconds it is due again. `unreachable` where nobody answered."""

    failed: bool
    after: float
    unreachable: bool = False
