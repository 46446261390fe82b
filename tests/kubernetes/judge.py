"""The embedded registry, judged by what SQLite holds: it keeps every write that there ever was."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple


class Written(NamedTuple):
    """One write. `action` is create, update, rename or delete; `owner` is whose mark the object bore after it."""

    action: str
    key: str
    owner: str | None


class Judge:
    """The file of one registry; it need not be there yet."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def specs(self) -> dict[str, dict[str, Any]]:
        """What is stored, by key."""
        found = self._rows(
            "SELECT object.key, spec FROM object JOIN revision ON object_id = id AND revision.revision = object.revision"
            " WHERE deleted_at IS NULL"
        )
        return {key: json.loads(spec) for key, spec in found}

    def names(self) -> dict[str, str]:
        """The display names of what is stored, by key."""
        return {key: str(spec.get("display_name", "")) for key, spec in self.specs().items()}

    def history(self) -> list[Written]:
        """Every write, in the order in which they came."""
        rows = self._rows("SELECT action, key, mark FROM revision ORDER BY rowid")
        return [Written(action, key, json.loads(mark)["owner"] if mark else None) for action, key, mark in rows]

    def counts(self) -> Counter[str]:
        """The number of writes by action."""
        return Counter(write.action for write in self.history())

    def change(self, key: str, **members: Any) -> None:
        """Changes an object behind everybody's back."""
        spec = self.specs()[key] | members
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.execute(
                "UPDATE revision SET spec = ? WHERE (object_id, revision) ="
                " (SELECT id, revision FROM object WHERE key = ? AND deleted_at IS NULL)",
                (json.dumps(spec), key),
            )

    def _rows(self, query: str) -> list[Any]:
        if not self.path.exists():
            return []
        with closing(sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=60)) as connection:
            return connection.execute(query).fetchall()
