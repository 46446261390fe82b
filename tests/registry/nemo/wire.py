"""The server's API spoken directly, for tests that say what it answers. Tests of ours ask through `judge`, which knows more."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Barrier
from typing import Any

import httpx2

SERVICES = {
    "secrets": "secrets",
    "projects": "entities",
    "filesets": "files",
}  # all other kinds are of the service `models`


@dataclass(frozen=True)
class Wire:
    """One workspace. Kinds are plural here, as in the server's paths: `models`, `providers`, `secrets`, …"""

    http: httpx2.Client
    workspace: str

    def path(self, kind: str, name: str = "") -> str:
        rest = f"{kind}/{name}" if name else kind
        return f"/apis/{SERVICES.get(kind, 'models')}/v2/workspaces/{self.workspace}/{rest}"

    def at(self, workspace: str) -> Wire:
        return Wire(self.http, workspace)

    def get(self, kind: str, name: str = "", **query: Any) -> httpx2.Response:
        """One object, or without a name the first page of them."""
        return self.http.get(self.path(kind, name), params=query)

    def post(self, kind: str, name: str, /, **fields: Any) -> httpx2.Response:
        return self.http.post(self.path(kind), json={"name": name, **fields})

    def put(self, kind: str, name: str, /, **fields: Any) -> httpx2.Response:
        return self.http.put(self.path(kind, name), json=fields)

    def patch(self, kind: str, name: str, /, **fields: Any) -> httpx2.Response:
        return self.http.patch(self.path(kind, name), json=fields)

    def delete(self, kind: str, name: str) -> httpx2.Response:
        return self.http.delete(self.path(kind, name))

    def stored(self, kind: str, name: str) -> dict[str, Any]:
        """One object, which has to be there."""
        found: dict[str, Any] = self.get(kind, name).raise_for_status().json()
        return found

    def names(self, kind: str) -> list[str]:
        return [one["name"] for one in self.get(kind).raise_for_status().json()["data"]]

    def raw(self, method: str, entity: str, name: str = "", **what: Any) -> httpx2.Response:
        """The store below the services, which checks nothing. `entity` as in `judge.KINDS`."""
        rest = f"{entity}/{name}" if name else entity
        return self.http.request(method, f"/apis/entities/v2/workspaces/{self.workspace}/entities/{rest}", **what)


@contextmanager
def wire(url: str, workspace: str, headers: dict[str, str] | None = None) -> Iterator[Wire]:
    headers = {
        **(headers or {}),
        "Connection": "close",
    }  # one that idles 5 seconds is closed by the server: perhaps under a call
    with httpx2.Client(base_url=url, headers=headers, trust_env=False, timeout=60) as http:
        yield Wire(http, workspace)


def at_once(call: Any, count: int) -> list[httpx2.Response]:
    """`call(0)` to `call(count - 1)`, all at the same time: none begins before all can."""
    start = Barrier(count)

    def begin(number: int) -> httpx2.Response:
        start.wait()
        answer: httpx2.Response = call(number)
        return answer

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count)))
