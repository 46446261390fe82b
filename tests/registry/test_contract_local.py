"""The driver contract, kept by the local registry."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Final

import pytest_asyncio
from world import World

from reconciler.core.resource import Address
from reconciler.registry.local import DRIVER
from reconciler.testing.contract import DriverContract
from reconciler.testing.hostile_rows import Alter
from reconciler.testing.sample import Sample
from reconciler.testing.unmanaged import Planted, found_in, put_in

SAMPLE: Final = Sample(
    {
        "kind": "Model",
        "key": "support-chat",
        "display_name": "Support chat",
        "description": "Answers questions.",
        "task": "completion",
        "endpoint": {
            "url": "https://llm.example.com/v1",
            "model": "gpt-oss-120b",
            "format": "custom",
            "adapter": "mine",
            "api_key": "${env:KEY}",
            "headers": {"X-Tenant": "acme", "X-Token": "${env:TOKEN}"},
            "tls": {"verify": True},
            "timeout": 30,
        },
        "parameters": {"temperature": 0.2, "n": 1, "stop": ["a", "b"]},
        "limits": {"requests_per_minute": 60},
        "tags": ["support", "prod"],
        "labels": {"team": "cx"},
        "metadata": {"cost_centre": 42, "nothing": None},
    },
    {
        "/display_name": ("Support",),
        "/description": ("Answers.",),
        "/task": ("custom",),
        "/endpoint/url": ("https://llm.example.com/v2",),
        "/endpoint/model": ("other",),
        "/endpoint/format": ("anthropic",),
        "/endpoint/adapter": ("other",),
        "/endpoint/api_key": ("${env:TOKEN}",),
        "/endpoint/headers/X-Tenant": ("other", "${env:KEY}"),
        "/endpoint/headers/X-Token": ("${env:KEY}",),
        "/endpoint/tls/verify": (False,),
        "/endpoint/timeout": (31, 30.5),
        "/parameters/temperature": (0, 1),
        "/parameters/stop": (["b", "a"], "a"),
        "/parameters/n": (2,),
        "/limits/requests_per_minute": (61,),
        "/tags": (["support"], []),
        "/labels/team": ("other",),
        "/labels/tier": ("gold",),
        "/metadata/cost_centre": (43, None),
        "/metadata/nothing": ({"deep": None},),
    },
    required=("/endpoint/url", "/labels/tier"),
)


class TestLocal(DriverContract):
    """One SQLite file."""

    driver = DRIVER
    samples = (SAMPLE,)
    cannot: ClassVar[Mapping[str, str]] = {
        "lose_reply": "a transaction is done or not, and whoever asked is told in the same process",
        "add_unknown_field": "a row has no fields but those that were written",
    }

    @pytest_asyncio.fixture
    async def world(self, tmp_path: Path) -> AsyncIterator[World]:
        async with World.of(root=tmp_path, one={"driver": "local", "path": "registry.db"}) as world:
            yield world

    def alter_row(self, world: World, address: Address, alter: Alter) -> None:
        with sqlite3.connect(world.root / "registry.db") as connection:
            if not hasattr(self, "first"):
                ((text,),) = connection.execute("SELECT spec FROM revision WHERE key = ?", (address.key,))
                self.first = json.loads(text)
            text = json.dumps(alter(self.first))
            connection.execute("UPDATE revision SET spec = ? WHERE key = ?", (text, address.key))
        connection.close()

    def break_row(self, world: World, address: Address) -> None:
        with sqlite3.connect(world.root / "registry.db") as connection:
            connection.execute("UPDATE revision SET spec = '{' WHERE key = ?", (address.key,))
        connection.close()

    def plant(self, world: World, address: Address, planted: Planted) -> None:
        """As a newer version writes it."""
        with self._database(world) as database:
            number, text = self._newest(database, address)
            new = json.dumps(put_in(json.loads(text), planted))
            database.execute("UPDATE revision SET spec = ? WHERE rowid = ?", (new, number))

    def planted(self, world: World, address: Address, container: str, name: str) -> Any:
        with self._database(world) as database:
            return found_in(json.loads(self._newest(database, address)[1]), container, name)

    def _database(self, world: World) -> sqlite3.Connection:
        return sqlite3.connect(next(iter(world.facts.values())).identity["location"])

    def _newest(self, database: sqlite3.Connection, address: Address) -> tuple[int, str]:
        query = """
            SELECT r.rowid, r.spec FROM object o JOIN revision r ON r.object_id = o.id AND r.revision = o.revision
            WHERE o.kind = ? AND o.key = ? AND o.deleted_at IS NULL
        """
        (row,) = database.execute(query, (address.kind, address.key)).fetchall()
        return int(row[0]), str(row[1])
