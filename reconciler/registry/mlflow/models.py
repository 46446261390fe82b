"""The model registry of one MLflow: all that it holds, read at once. Single objects: `registered_models` and `versions`."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from reconciler.registry.driver import Resource, Unreadable, read_or_unreadable, unreadable_row
from reconciler.registry.mlflow import wire
from reconciler.registry.mlflow.calls import Calls
from reconciler.registry.mlflow.listing import registered_models
from reconciler.registry.mlflow.rows import Row, version_rows

Found = list[Resource | Unreadable | None]


async def read_models(calls: Calls) -> Found:
    """All registered models but prompts, and all of their versions."""
    models, versions = await asyncio.gather(registered_models(calls), version_rows(calls))
    names = wire.names_of(row for row in versions if isinstance(row, Mapping))
    counts = Counter(row.get("name") for row in versions if isinstance(row, Mapping))

    def model(row: Row) -> Resource:
        name = str(row.get("name"))
        return wire.model_of_row(row, calls.registry, names.get(name, {}), counts[name])

    def version(row: Row) -> Resource:
        return wire.version_of_row(row, calls.registry, names.get(str(row.get("name")), {}))

    def version_key(row: Row) -> str | None:
        return wire.key_of_version(row, names.get(str(row.get("name")), {}))

    found: Found = [_one(calls.registry, "RegisteredModel", row, model, lambda row: row.get("name")) for row in models]
    return found + [_one(calls.registry, "ModelVersion", row, version, version_key) for row in versions]


def _one(
    registry: str, kind: str, row: Any, read: Callable[[Row], Resource], key: Callable[[Row], Any]
) -> Resource | Unreadable | None:
    def unreadable(why: str) -> Unreadable:
        return unreadable_row(registry, kind, key(row) if isinstance(row, Mapping) else None, why)

    return read_or_unreadable(row, read, unreadable)
