"""What the emulated AI GO! holds, in plain dicts that a test may read and change."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from registry.aigo.rules import PROVIDERS
from registry.aigo.seeds import BUILT_IN, CATALOGUE, UNREACHABLE

Row = dict[str, Any]

ADAPTED: Final = ("custom_connection", "custom_inference")  # the connection types with an adapter

# The `adapter_id` of a model that has no adapter of its own. It is in no list, so nobody may look it up.
NO_ADAPTER: Final = "00000000-0000-0000-0000-000000000000"


def now() -> int:
    """Unix seconds, as every time in this API."""
    return int(time.time())


class View(NamedTuple):
    """What a read sees."""

    models: Mapping[str, Row]
    adapters: Mapping[str, Row]
    secrets: Mapping[str, Row]


class State:
    """Secrets are in the clear. Rows are replaced and never changed in place, except by tests.

    `models` and `adapters` by key, as they are answered; `secrets` by name: `{"value", "updated_at"}`; `integrations` by provider: what was
    put, or None; `catalogue` by provider: its models as they can be posted; `unreachable`: providers whose catalogue cannot be had;
    `clock` tells the time of what is written.
    """

    def __init__(self, *, seeded: bool = False) -> None:
        self.models: dict[str, Row] = {}
        self.adapters: dict[str, Row] = {}
        self.secrets: dict[str, Row] = {}
        self.integrations: dict[str, Row | None] = dict.fromkeys(PROVIDERS)
        self.catalogue: dict[str, list[Row]] = {name: list(CATALOGUE.get(name, ())) for name in PROVIDERS}
        self.unreachable: set[str] = set(UNREACHABLE)
        self.clock: Callable[[], int] = now
        self.built_in: list[Row] = list(BUILT_IN)
        self._base = uuid.uuid4().int >> 32 << 32  # no two servers give the same ids, as in life
        self._ids = itertools.count(1)
        self._keys: dict[str, str] = {}  # id: the key it was last seen under
        self._before = View({}, {}, {})
        self._lagging = 0
        if seeded:
            for adapter in self.built_in:
                self.put_adapter(adapter)

    # --- rows ------------------------------------------------------------------------------------------------

    def put_model(self, data: Mapping[str, Any], was: Row | None = None) -> Row:
        """Stores a model, in the place of `was`. A custom connection without `adapter_id` gets the identity adapter."""
        config = dict(data["config"])
        if "adapter_id" not in config and config["connection_type"] in ADAPTED:
            config["adapter_id"] = self.identity()["id"]
        row = self._stored(data | {"config": config}, was)
        row["adapter_id"] = config.get("adapter_id", NO_ADAPTER)
        row["usage"] = was["usage"] if was else {"prompt_tokens": 0, "completion_tokens": 0}
        _replace(self.models, row, was)
        return row

    def put_adapter(self, data: Mapping[str, Any], was: Row | None = None) -> Row:
        """Stores an adapter, in the place of `was`."""
        row = {"provider": "user"} | self._stored(data, was)
        del row["created_at"], row["updated_at"]
        _replace(self.adapters, row, was)
        return row

    def put_secret(self, name: str, value: str) -> None:
        self.secrets[name] = {"value": value, "updated_at": self.clock()}

    def identity(self) -> Row:
        """The adapter that changes nothing, stored if it was not."""
        return self.adapters.get("latticeflow$identity") or self.put_adapter(self.built_in[0])

    def model(self, identity: str) -> Row | None:
        """The model of this id."""
        return self.find(self.models, identity)

    def adapter(self, identity: str) -> Row | None:
        """The adapter of this id."""
        return self.find(self.adapters, identity)

    def find(self, rows: Mapping[str, Row], identity: str) -> Row | None:
        """The row of this id."""
        row = rows.get(self._keys.get(identity, ""))
        if row is None or row["id"] != identity:  # a test may have put it elsewhere
            row = next((one for one in rows.values() if one["id"] == identity), None)
        return row

    def _stored(self, data: Mapping[str, Any], was: Row | None) -> Row:
        seconds = self.clock()
        identity = was["id"] if was else str(uuid.UUID(int=self._base | next(self._ids)))
        self._keys[identity] = data["key"]
        created = was.get("created_at", seconds) if was else seconds
        return {**data, "id": identity, "created_at": created, "updated_at": seconds}

    # --- what reads see --------------------------------------------------------------------------------------

    def lag(self, reads: int) -> None:
        """To be called before a write: so many reads after it see what is there now."""
        if reads:
            if not self._lagging:
                self._before = View(dict(self.models), dict(self.adapters), dict(self.secrets))
            self._lagging = reads

    def view(self) -> View:
        """What a read sees; counts it."""
        if self._lagging > 0:
            self._lagging -= 1
            return self._before
        return View(self.models, self.adapters, self.secrets)


def users(models: Mapping[str, Row]) -> dict[str, list[str]]:
    """For each adapter's id the ids of the models that use it."""
    found: dict[str, list[str]] = {}
    for row in models.values():
        found.setdefault(row["adapter_id"], []).append(row["id"])
    return found


def _replace(rows: dict[str, Row], row: Row, was: Row | None) -> None:
    if was is not None and was["key"] != row["key"]:
        rows.pop(was["key"], None)
    rows[row["key"]] = row
