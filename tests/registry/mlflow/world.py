"""A world of one MLflow registry, for tests of the driver `mlflow` on the real server, and what they say in short."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from world import Document, World

SOURCE: Final = "s3://models/churn"


@asynccontextmanager
async def connected(url: str, workspace: str | None = None, /, **entry: Any) -> AsyncIterator[World]:
    """A world with one registry `mlflow`: that workspace of that server."""
    settings = {"driver": "mlflow", "url": url} | ({} if workspace is None else {"workspace": workspace}) | entry
    async with World.of(mlflow=settings) as world:
        yield world


def registered(key: str, **fields: Any) -> Document:
    return {"kind": "mlflow/RegisteredModel", "key": key, **fields}


def version(key: str, source: str = SOURCE, **fields: Any) -> Document:
    return {"kind": "mlflow/ModelVersion", "key": key, "source": source, **fields}


def served(name: str, **fields: Any) -> tuple[Document, Document, Document]:
    """A secret, a model definition and an endpoint of one name; `fields` are the endpoint's."""
    value = {"api_key": "${env:KEY}"}
    return (
        {"kind": "mlflow/Secret", "key": name, "provider": "openai", "secret_value": value},
        {"kind": "mlflow/ModelDefinition", "key": name, "provider": "openai", "model_name": "gpt", "secret": name},
        {"kind": "mlflow/Endpoint", "key": name, "models": [{"definition": name}], **fields},
    )


def absent(*documents: Document) -> list[Document]:
    return [{"kind": one["kind"], "key": one["key"], "state": "absent"} for one in documents]
