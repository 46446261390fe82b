"""Lists as the server answers them: a bare array, or an envelope; and when an answer that looks empty is believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.registry.driver import Client, PermanentError, check_whole

ELSEWHERE: Final = "check `url` in reconciler.yaml: it ends in the prefix, /api/v1 or /v1/orchestrate"
APPS_ELSEWHERE: Final = (
    "check `connections_url` in reconciler.yaml: it ends in the prefix, for example /api/v1/orchestrate"
)


class Place:
    """One base address. A 404 from it means that there is nothing only once something else below it was found: else the address may be wrong.

    `probes` are paths of which one is there on every server.
    """

    def __init__(self, client: Client, registry: str, probes: tuple[str, ...], hint: str) -> None:
        self.client = client
        self._registry = registry
        self._probes = probes
        self._hint = hint
        self._found = False

    async def rows(self, path: str, names: tuple[str, ...], query: Mapping[str, str] | None = None) -> list[Any]:
        """The list at `path`, whole. `names` are those that it may have in an envelope. Raises PermanentError where the answer is no list."""
        data = await self.answer(path, query)
        if data is None:
            return []
        if isinstance(data, list):
            return data
        name = next((name for name in names if isinstance(data.get(name), list)), None) if _is_map(data) else None
        if name is None:
            message = f"{self._registry}: GET {path} answered without a list of {names[0]}: this is not the API of watsonx Orchestrate"
            raise PermanentError(message, hint=self._hint)
        rows: list[Any] = data[name]
        check_whole(f"{self._registry}: GET {path}", data, rows, self._hint)
        return rows

    async def answer(self, path: str, query: Mapping[str, str] | None = None) -> Any:
        """What `path` answers, or None where there is nothing, and that can be believed."""
        reply = await self.client.call("GET", path, query=query, expected=(200, 404))
        if reply.status == 200:
            if not isinstance(reply.data, list | Mapping):
                message = f"{self._registry}: GET {path} answered neither a list nor a map"
                raise PermanentError(message, hint=self._hint)
            self._found = True
            return reply.data
        if not self._found:
            await self._look(path)
        return None

    async def _look(self, path: str) -> None:
        """Raises PermanentError unless something else below the address is there."""
        for probe in self._probes:
            if not self._found and probe != path:
                reply = await self.client.call("GET", probe, expected=(200, 404))
                self._found = self._found or (reply.status == 200 and isinstance(reply.data, list | Mapping))
        if not self._found:
            message = f"{self._registry}: GET {path} answered 404, and nothing else was found at that address: it may be a wrong one"
            raise PermanentError(message, hint=self._hint)


def _is_map(data: Any) -> bool:
    return isinstance(data, Mapping)
