"""Registries that are files, spoilt: the rows and the bytes of the embedded registry, and the folder of insideLLMs."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from typing import Any, Final

from campaign.answers import one_run
from campaign.readers import Reader, folder
from registry import insidellms_samples
from world import Document, World, model

from reconciler.core.errors import ReconcilerError
from reconciler.core.resource import Address
from reconciler.registry.capabilities import KeepsHistory

DOCUMENTS: Final = (
    model("chat", description="Answers.", labels={"team": "cx"}, metadata={"a": [1, None, {"b": 2.5}]}),
    model("judge", task="rerank", parameters={"temperature": 0.2}),
)
CHANGED: Final = (DOCUMENTS[0] | {"description": "Answers more."}, model("other", previous_keys=["judge"]))
GONE: Final = tuple({"kind": "Model", "key": key, "state": "absent"} for key in ("chat", "judge", "other"))
RUNS: Final[Sequence[Sequence[Document]]] = (CHANGED, GONE)
COLUMNS: Final = tuple(
    (table, column)
    for table, columns in {
        "object": "kind key revision deleted_at",
        "revision": "object_id revision action key spec mark at actor plan",
    }.items()
    for column in columns.split()
)


async def _fill(root: Path, entry: Mapping[str, Any], documents: Sequence[Document]) -> None:
    async with World.of(root=root, one=entry) as world:
        await world.apply(*documents)


async def _runs(root: Path, entry: Mapping[str, Any], runs: Sequence[Sequence[Document]]) -> None:
    async with World.of(root=root, one=entry) as world:
        for documents in runs:
            with suppress(ReconcilerError):
                await one_run(world, documents)
        registry = world.registries["one"]
        if isinstance(registry, KeepsHistory):
            for key in ("chat", "judge", "other"):
                with suppress(ReconcilerError):
                    await registry.history(Address("one", "Model", key))


# --- the embedded registry ------------------------------------------------------------------------------------

LOCAL: Final = {"driver": "local", "path": "registry.db"}


@cache
def database() -> bytes:
    """A registry with two objects, as it lies on the disk."""
    with folder() as root:
        asyncio.run(_fill(root, LOCAL, DOCUMENTS))
        return (root / "registry.db").read_bytes()


@cache
def _values() -> list[bytes]:
    with folder() as root:
        (root / "registry.db").write_bytes(database())
        with closing(sqlite3.connect(root / "registry.db")) as connection:
            connection.text_factory = bytes
            rows = [row for table in ("object", "revision") for row in connection.execute(f"SELECT * FROM {table}")]
    return [b"\0\0" + value for row in rows for value in row if isinstance(value, bytes)]


def _rows(data: bytes) -> None:
    """One value of one column is another, of a type that is not the column's own."""
    head, value = data[:2].ljust(2, b"\0"), data[2:]
    table, column = COLUMNS[head[0] % len(COLUMNS)]
    how = ("CAST(? AS TEXT)", "?", "CAST(? AS REAL)", "CAST(? AS INTEGER)", "NULL")[head[1] % 5]
    with folder() as root:
        (root / "registry.db").write_bytes(database())
        with closing(sqlite3.connect(root / "registry.db")) as connection, suppress(sqlite3.IntegrityError), connection:
            values = (value,) * how.count("?")
            connection.execute(f"UPDATE {table} SET {column} = {how} WHERE rowid = 1", values)
        asyncio.run(_runs(root, LOCAL, RUNS))


def _bytes(data: bytes) -> None:
    """Some bytes of the file, or of the log beside it, are others."""
    head, noise = data[:3].ljust(3, b"\0"), data[3:]
    whole = bytearray(database())
    start = int.from_bytes(head[:2], "big") * 4 % len(whole)
    size = 1 + head[2] % 64
    whole[start : start + size] = noise[:size].ljust(size, b"\0")
    with folder() as root:
        (root / "registry.db").write_bytes(whole if head[2] < 192 else database())
        if head[2] >= 192:
            (root / "registry.db-wal").write_bytes(noise)
        asyncio.run(_runs(root, LOCAL, RUNS))


# --- the folder of insideLLMs ---------------------------------------------------------------------------------

RUNS_OF_FILES: Final = {"driver": "insidellms", "path": "runs"}
SAMPLES: Final = tuple(sample.document for sample in insidellms_samples.SAMPLES)


@cache
def files() -> Mapping[str, bytes]:
    """A folder with a run config of each form and the harness over them."""
    with folder() as root:
        asyncio.run(_fill(root, RUNS_OF_FILES, SAMPLES))
        return {file.name: file.read_bytes() for file in sorted((root / "runs").iterdir())}


def _file(data: bytes) -> None:
    """One of the files is another."""
    names = [*files(), "new.yaml"]
    changed = [one | {"protected": False, "description": "x"} if one["kind"] == "Model" else one for one in SAMPLES]
    gone = [{"kind": one["kind"], "key": one["key"], "state": "absent"} for one in SAMPLES]
    with folder() as root:
        (root / "runs").mkdir()
        for name, text in {**files(), names[(data[0] if data else 0) % len(names)]: data[1:]}.items():
            (root / "runs" / name).write_bytes(text)
        asyncio.run(_runs(root, RUNS_OF_FILES, (changed, gone)))


STORES: Final[Mapping[str, Reader]] = {
    "local-rows": Reader(_rows, _values, 2),
    "local-bytes": Reader(_bytes, lambda: [b"\0\0\0" + database()[:4_000]], 3),
    "insidellms": Reader(_file, lambda: [b"\0" + text for text in files().values()], 1),
}
