"""Events of the cluster (events.k8s.io/v1, `kubectl describe`): repeated ones are counted, and their rate is bounded.

Recording never waits and never fails: the loop does not depend on who reads along. A message is the caller's, and holds no
secret; it is cut, and stripped of what a terminal obeys and of what looks like a credential.
"""

from __future__ import annotations

import asyncio
import datetime
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from reconciler.controller.cluster import EVENTS, Cluster, ClusterError, Data, ObjectKey, micro_time
from reconciler.core.telling import masked

CONTROLLER: Final = "models.reconciler.dev/controller"
ACTION: Final = "Reconcile"
WAITING: Final = 1000  # events that wait to be written; more are dropped
REMEMBERED: Final = 4000  # events into which a repeated one is counted
RATE: Final = 10.0  # events a second, in the long run
BURST: Final = 100.0  # events at once
AGAIN: Final = 300.0  # seconds between two writes of one event that is repeated
_NOTE: Final = 1024  # bytes that the API server takes
_NAME: Final = 200  # of the object, in an event's own name


class _Id(NamedTuple):
    """What makes two events one: the object, and what is said of it."""

    uid: str
    kind: str
    reason: str
    note: str


@dataclass
class _Series:
    """An event that was told: where it is, how often it happened, and when it was written last. No key: it is not written yet."""

    regarding: Data
    count: int = 1
    key: ObjectKey | None = None
    written: float = 0.0
    waits: bool = True


@dataclass
class EventRecorder:
    """See `ports.Recorder`. `run` writes what was recorded. `instance` is the replica's name; `counted` is told what became of each."""

    cluster: Cluster
    instance: str
    clock: Callable[[], float]
    counted: Callable[[str], None] = lambda outcome: None
    now: Callable[[], datetime.datetime] = lambda: datetime.datetime.now(datetime.UTC)
    _known: OrderedDict[_Id, _Series] = field(default_factory=OrderedDict)
    _waiting: deque[_Id] = field(default_factory=deque)
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def event(self, item: Mapping[str, Any], kind: str, reason: str, message: str) -> None:
        """Tell of an object what was done or met."""
        one = _Id(str(item["metadata"].get("uid", "")), kind, reason, _note(message))
        series = self._known.get(one)
        if series is None:
            if len(self._waiting) >= WAITING:
                self.counted("dropped")
                return
            self._known[one] = _Series(_regarding(item))
            self._forget_oldest()
            self._wait(one)
            return
        self._known.move_to_end(one)
        series.count += 1
        if series.waits or self.clock() - series.written < AGAIN:
            self.counted("merged")
            return
        series.waits = True
        self._wait(one)

    async def run(self) -> None:
        """Write what is recorded until cancelled."""
        tokens, refilled = BURST, self.clock()
        while True:
            while not self._waiting:
                self._more.clear()
                await self._more.wait()
            now = self.clock()
            tokens, refilled = min(BURST, tokens + (now - refilled) * RATE), now
            if tokens < 1:
                await asyncio.sleep((1 - tokens) / RATE)
                continue
            tokens -= 1
            await self._write(self._waiting.popleft())

    def _wait(self, one: _Id) -> None:
        self._waiting.append(one)
        self._more.set()

    def _forget_oldest(self) -> None:
        for one in [*self._known][: max(0, len(self._known) - REMEMBERED)]:
            if not self._known[one].waits:
                del self._known[one]

    async def _write(self, one: _Id) -> None:
        series = self._known[one]
        series.waits = False
        series.written = self.clock()
        try:
            if series.key is not None and await self._counted_into(series, series.key):
                self.counted("merged")
                return
            data = self._new(one, series)
            key = ObjectKey(data["metadata"]["namespace"], data["metadata"]["name"])
            await self.cluster.create(EVENTS, key.namespace, data)
            series.key, series.count = key, 1
            self.counted("written")
        except ClusterError as error:
            self._known.pop(one, None)  # the next one is a new one
            self.counted("dropped")
            await asyncio.sleep(error.retry_after or 0.0)

    async def _counted_into(self, series: _Series, key: ObjectKey) -> bool:
        """Write how often an event happened. False where it is not there any more: they go after an hour."""
        told = {"series": {"count": series.count, "lastObservedTime": micro_time(self.now())}}
        try:
            await self.cluster.patch(EVENTS, key, told)
        except ClusterError as error:
            if error.gone:
                return False
            raise
        return True

    def _new(self, one: _Id, series: _Series) -> Data:
        regarding = series.regarding
        name = f"{regarding['name'][:_NAME]}.{secrets.token_hex(6)}"
        return {
            "apiVersion": EVENTS.api_version,
            "kind": EVENTS.kind,
            "metadata": {"name": name, "namespace": regarding["namespace"]},
            "eventTime": micro_time(self.now()),
            "reportingController": CONTROLLER,
            "reportingInstance": self.instance,
            "action": ACTION,
            "reason": one.reason,
            "type": one.kind,
            "note": one.note,
            "regarding": regarding,
        }


def _regarding(item: Mapping[str, Any]) -> Data:
    """The object that an event is about."""
    metadata = item["metadata"]
    named = {name: item.get(name, "") for name in ("apiVersion", "kind")}
    of = {name: str(metadata.get(name, "")) for name in ("namespace", "name", "uid", "resourceVersion")}
    return {name: value for name, value in {**named, **of}.items() if value}


def _note(message: str) -> str:
    """A message that can be shown anywhere, cut to what the API server takes, without what looks like a credential."""
    plain = "".join(char if char.isprintable() else " " for char in masked(message))
    raw = plain.encode()
    return plain if len(raw) <= _NOTE else raw[: _NOTE - 3].decode(errors="ignore") + "…"
