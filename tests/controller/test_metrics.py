"""Metrics: what is measured is told in Prometheus' format, and nothing of a cluster's objects but their names."""

from __future__ import annotations

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from reconciler.controller.cluster import ObjectKey
from reconciler.controller.metrics import Metrics

STORE = ObjectKey("team", "store")


def values(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    """Every sample by its name and the values of its labels."""
    families = text_string_to_metric_families(metrics.text().decode())
    return {(one.name, tuple(one.labels.values())): one.value for family in families for one in family.samples}


def registry(name: str, **conditions: str) -> dict[str, Any]:
    told = [{"type": kind, "status": status} for kind, status in conditions.items()]
    return {"metadata": {"namespace": "team", "name": name}, "status": {"conditions": told}}


def test_reconciles_and_writes_are_counted_by_how_they_ended() -> None:
    """A result, an action and a status each have a row of their own."""
    metrics = Metrics(lambda: 0.0)
    metrics.reconciled(STORE, 0.2, "in-sync", failed=False)
    metrics.reconciled(STORE, 0.2, "in-sync", failed=False)
    metrics.reconciled(STORE, 0.4, "registry-temporary", failed=True)
    metrics.wrote(STORE, "create", "ok")
    metrics.failed_itself()
    found = values(metrics)
    assert found["reconciler_reconciles_total", ("in-sync",)] == 2
    assert found["reconciler_reconciles_total", ("registry-temporary",)] == 1
    assert found["reconciler_reconcile_duration_seconds_count", ()] == 3
    assert found["reconciler_writes_total", ("create", "ok")] == 1
    assert found["reconciler_bugs_total", ()] == 1


def test_the_time_from_a_change_to_its_write_begins_with_the_first_change() -> None:
    """Later changes of the same reconcile do not make it shorter; one that comes while it runs belongs to the next."""
    now = [10.0]
    metrics = Metrics(lambda: now[0])
    metrics.changed(STORE)
    now[0] = 11.0
    metrics.changed(STORE)
    metrics.began(STORE)
    now[0] = 12.0
    metrics.changed(STORE)
    metrics.wrote(STORE, "update", "failed")
    metrics.wrote(STORE, "update", "ok")
    metrics.ended(STORE)
    assert values(metrics)["reconciler_change_to_write_seconds_sum", ()] == 2.0
    metrics.began(STORE)
    now[0] = 15.0
    metrics.wrote(STORE, "update", "ok")
    assert values(metrics)["reconciler_change_to_write_seconds_sum", ()] == 5.0


def test_a_resync_is_no_change() -> None:
    """A write that heals drift came of no change that was seen, nor does one of another replica's registry."""
    metrics = Metrics(lambda: 0.0)
    metrics.began(STORE)
    metrics.wrote(STORE, "update", "ok")
    metrics.ended(STORE)
    metrics.changed(STORE)
    metrics.passed(STORE)
    metrics.began(STORE)
    metrics.wrote(STORE, "update", "ok")
    assert values(metrics)["reconciler_change_to_write_seconds_count", ()] == 0


def test_registries_are_told_as_they_are_now() -> None:
    """A condition is 1 or 0, one without conditions is 0, and one that is gone is not told any more."""
    metrics = Metrics(lambda: 0.0)
    there = [registry("a", Ready="True", Synced="False"), registry("b")]
    metrics.registries(lambda: iter(there))
    found = values(metrics)
    assert found["reconciler_registry_ready", ("team", "a")] == 1
    assert found["reconciler_registry_synced", ("team", "a")] == 0
    assert found["reconciler_registry_ready", ("team", "b")] == 0
    there.pop()
    assert ("reconciler_registry_ready", ("team", "b")) not in values(metrics)


def test_a_gauge_is_asked_for_when_it_is_read() -> None:
    """Nothing is kept up to date for nobody."""
    metrics = Metrics(lambda: 0.0)
    depth = [1]
    metrics.gauge("queue_depth", "…", lambda: depth[0])
    depth[0] = 5
    assert values(metrics)["reconciler_queue_depth", ()] == 5
