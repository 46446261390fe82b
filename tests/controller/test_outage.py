"""A registry that is away for an hour of fake time: it is tried with growing waits, the cluster is not written full, and it is healed."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

from controller.loop import NAMESPACE, a_cluster, a_model, key, loop_on

from reconciler.controller.cluster import ObjectKey
from reconciler.controller.queue import WorkQueue

HOUR = 3600.0
MODELS = 5


def test_an_hour_without_the_registry(tmp_path: Path) -> None:
    """Some twenty attempts, one status for each object, nothing else written; afterwards each change is made once."""

    async def run() -> None:
        cluster = a_cluster(*(a_model(f"m{number}") for number in range(MODELS)), prune=True)
        in_the_way = tmp_path / NAMESPACE / "first.db"
        in_the_way.mkdir(parents=True)
        async with loop_on(cluster, tmp_path) as one:
            queue = WorkQueue[ObjectKey](jitter=lambda: 0.5)
            gone = attempts = 0
            while gone < HOUR:
                assert (await one.reconcile()).failed
                wait = queue.failed(key("first"))
                gone, attempts = gone + wait, attempts + 1
                one.later = timedelta(seconds=gone)
            assert 10 < attempts < 25
            assert one.registry_condition(kind="Ready")[0] == "False"
            assert len(cluster.writes()) == MODELS + 1
            assert one.told.writes == []
            in_the_way.rmdir()
            assert not (await one.reconcile()).failed
            assert set(one.stored()) == {f"m{number}" for number in range(MODELS)}
            assert one.told.writes == [("create", "ok")] * MODELS
            assert {one.condition(f"m{number}")[0] for number in range(MODELS)} == {"True"}

    asyncio.run(run())
