"""Requests of LiteLLM Proxy's lists: what its database holds, what this process of it serves, and whether the one can be asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from reconciler.registry.driver import Client, PermanentError, TemporaryError

ROWS: Final = 1_000_000  # more than any proxy has: pages would lose rows, since an update moves one to the end
EVERY: Final = "%"  # a pattern of the database's, which is in the name of no model: so all of them are asked for there
_MODELS: Final = "/v2/model/info"
_NOT_LITELLM: Final = "check `url` in reconciler.yaml: it is the proxy's address without /v1"


class Requests:
    """The reads of one proxy, whose name messages bear."""

    def __init__(self, client: Client, registry: str) -> None:
        self._client = client
        self._registry = registry

    @staticmethod
    def quoted(key: str) -> str:
        """A key as a part of a path."""
        return quote(key, safe="")

    async def check_database(self) -> None:
        """Raises TemporaryError where the proxy cannot ask its database: its lists are then empty, or old, and look as if they were right."""
        reply = await self._client.call(
            "GET", "/config/list", query={"config_type": "general_settings"}, expected=(200, 500)
        )
        if reply.status != 200:
            raise TemporaryError(
                f"{self._registry}: the proxy cannot ask its database", hint="look at the database, and run again"
            )

    async def stored(self, name: str | None = None) -> list[Any]:
        """The rows of the database: all of them, or those of that name and of names like it."""
        rows = await self._models({"search": EVERY if name is None else _pattern(name), "size": str(ROWS)})
        return [row for row in rows if _flag(row, "db_model")]

    async def served(self) -> list[Any]:
        """The rows that this process serves from memory, those of its config.yaml among them."""
        return await self._models({"size": str(ROWS)})

    async def live(self, key: str) -> Mapping[str, Any] | None:
        """One row as this process serves it, or None where it does not."""
        reply = await self._client.call("GET", "/model/info", query={"litellm_model_id": key}, expected=(200, 400, 404))
        if reply.status != 200:
            return None
        rows = self._rows(reply.data, "data")
        return next((row for row in rows if isinstance(row, Mapping)), None)

    async def credentials(self) -> list[Any]:
        """The rows of the credentials."""
        reply = await self._client.call("GET", "/credentials")
        return self._rows(reply.data, "credentials")

    async def credential(self, name: str) -> Mapping[str, Any] | None:
        """One of them, or None."""
        reply = await self._client.call("GET", f"/credentials/by_name/{self.quoted(name)}", expected=(200, 404))
        return reply.data if reply.status == 200 and isinstance(reply.data, Mapping) else None

    async def prices(self) -> Mapping[str, Any]:
        """The price list of the running proxy: what it knows of each model by its name."""
        reply = await self._client.call("GET", "/public/litellm_model_cost_map")
        if not isinstance(reply.data, Mapping):
            raise PermanentError(f"{self._registry}: the price list is no map", hint=_NOT_LITELLM)
        return reply.data

    async def _models(self, query: Mapping[str, str]) -> list[Any]:
        reply = await self._client.call("GET", _MODELS, query=query)
        rows = self._rows(reply.data, "data")
        total = reply.data.get("total_count")
        if total != len(rows):
            message = f"{self._registry}: the list of models is not whole: {len(rows)} rows came, and it says {str(total)[:20]}"
            raise PermanentError(message, hint=_NOT_LITELLM)
        return rows

    def _rows(self, data: Any, name: str) -> list[Any]:
        rows = data.get(name) if isinstance(data, Mapping) else None
        if not isinstance(rows, list):
            raise PermanentError(
                f"{self._registry}: an answer has no list of `{name}`: this is not LiteLLM's API", hint=_NOT_LITELLM
            )
        return rows


def _pattern(name: str) -> str:
    """A pattern of the database's that finds a name, and that is in no name itself."""
    return name.replace("\\", "_") + EVERY


def _flag(row: Any, name: str) -> bool:
    info = row.get("model_info") if isinstance(row, Mapping) else None
    return not isinstance(info, Mapping) or info.get(name) is True
