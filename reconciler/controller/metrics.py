"""Prometheus metrics of one controller process, in a registry of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from reconciler.controller.cluster import ObjectKey

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0)


class Metrics:
    """See `ports.Observer`; and what the process says of itself. `clock` gives seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._changed: dict[ObjectKey, float] = {}
        self._since: dict[ObjectKey, float] = {}
        self.registry = CollectorRegistry(auto_describe=True)
        self._reconciles = self._counter("reconciles", "Reconciles of a Registry object, by how they ended.", "result")
        self._duration = self._histogram("reconcile_duration_seconds", "How long a reconcile took.")
        self._latency = self._histogram(
            "change_to_write_seconds", "From the first change that was seen until a write that it led to was done."
        )
        self._writes = self._counter("writes", "Changes carried out in registries.", "action", "status")
        self._bugs = self._counter("bugs", "Reconciles that ended in a fault of the controller itself.")
        self._events = self._counter("events", "Events of the cluster, by what became of them.", "outcome")
        self._terms = self._counter("lease_terms", "How often this replica's lease was taken up anew.")

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"reconciler_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str) -> Histogram:
        return Histogram(f"reconciler_{name}", text, registry=self.registry, buckets=_SECONDS)

    def gauge(self, name: str, text: str, value: Callable[[], float]) -> None:
        """A value that is asked for whenever the metrics are."""
        Gauge(f"reconciler_{name}", text, registry=self.registry).set_function(value)

    def registries(self, objects: Callable[[], Iterator[Mapping[str, Any]]]) -> None:
        """The conditions of these Registry objects, asked for whenever the metrics are."""
        self.registry.register(_Conditions(objects))

    # --- what is measured ----------------------------------------------------------------------------------

    def changed(self, key: ObjectKey) -> None:
        """A change was seen that concerns a registry."""
        self._changed.setdefault(key, self._clock())

    def began(self, key: ObjectKey) -> None:
        """A reconcile begins: it takes up all changes until now."""
        since = self._changed.pop(key, None)
        if since is not None:
            self._since[key] = since

    def ended(self, key: ObjectKey) -> None:
        """A reconcile ended, or will not be begun here."""
        self._since.pop(key, None)

    def passed(self, key: ObjectKey) -> None:
        """A registry that changed is another replica's."""
        self._changed.pop(key, None)

    def reconciled(self, key: ObjectKey, seconds: float, result: str, *, failed: bool) -> None:
        self._reconciles.labels(result).inc()
        self._duration.observe(seconds)

    def wrote(self, key: ObjectKey, action: str, status: str) -> None:
        self._writes.labels(action, status).inc()
        if status == "ok" and key in self._since:
            self._latency.observe(self._clock() - self._since[key])

    def failed_itself(self) -> None:
        """A reconcile ended in a fault of ours."""
        self._bugs.inc()

    def event(self, outcome: str) -> None:
        """An event of the cluster was written, counted into an earlier one, or dropped."""
        self._events.labels(outcome).inc()

    def new_term(self) -> None:
        """This replica's lease was taken up anew."""
        self._terms.inc()

    def text(self) -> bytes:
        """All metrics, in Prometheus' text format."""
        return generate_latest(self.registry)


class _Conditions(Collector):
    """Conditions of Registry objects: 1 where True, 0 where not."""

    def __init__(self, objects: Callable[[], Iterator[Mapping[str, Any]]]) -> None:
        self._objects = objects

    def describe(self) -> Iterator[GaugeMetricFamily]:
        return iter(self._families())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        families = self._families()
        for item in self._objects():
            where = [str(item["metadata"].get("namespace", "")), str(item["metadata"]["name"])]
            found = (item.get("status") or {}).get("conditions") or ()
            states = {one["type"]: one["status"] == "True" for one in found}
            for family, kind in zip(families, ("Ready", "Synced"), strict=True):
                family.add_metric(where, float(states.get(kind, False)))
        return iter(families)

    def _families(self) -> tuple[GaugeMetricFamily, GaugeMetricFamily]:
        labels = ["namespace", "registry"]
        return (
            GaugeMetricFamily("reconciler_registry_ready", "The registry was read completely.", labels=labels),
            GaugeMetricFamily("reconciler_registry_synced", "Nothing is left to do in the registry.", labels=labels),
        )
