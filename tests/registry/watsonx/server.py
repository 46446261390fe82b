"""An emulator of IBM watsonx Orchestrate's API for virtual models on loopback, which IBM's own client takes for the real one.

with orchestrate() as server:
    server.url, server.token                       where it is, with the prefix, and the token that it wants
    server.state.models                            what it holds (state.py)
    server.behaviour.secrets = "echo"              how it behaves from now on (behaviour.py)
    server.requests, server.writes                 what it was asked

No real server can be had: what is known is from seed 003, from IBM's client, and from what others saw of it; what nobody knows is a behaviour.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from urllib.parse import unquote

from aiohttp import web
from registry.running import in_thread, listening
from registry.watsonx.behaviour import Behaviour
from registry.watsonx.rules import NEWER, RefusedError
from registry.watsonx.state import Row, State

TOKEN: Final = "watsonx-token-of-the-tests"
PREFIX: Final = "/api/v1"
APPS_PREFIX: Final = "/api/v1/orchestrate"  # where IBM's client looks for connections


class Received(NamedTuple):
    """One request as it arrived. `path` is below the prefix, with its query; `body` as JSON, None if empty."""

    method: str
    path: str
    body: Any


class Answer(NamedTuple):
    status: int
    body: Any = None


@dataclass
class Server:
    """A running emulator. All but `url` may be changed at any time; `requests` and `headers` go together."""

    token: str = TOKEN
    prefix: str = PREFIX
    state: State = field(default_factory=State)
    behaviour: Behaviour = field(default_factory=Behaviour)
    requests: list[Received] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    origin: str = ""

    @property
    def url(self) -> str:
        return self.origin + self.prefix

    @property
    def apps_url(self) -> str:
        """Connections are here too."""
        return self.origin + APPS_PREFIX

    @property
    def writes(self) -> list[Received]:
        """The requests that would change something, refused ones too."""
        return [one for one in self.requests if one.method != "GET"]

    def forget(self) -> None:
        self.requests, self.headers = [], []

    # --- one request -----------------------------------------------------------------------------------------

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        raw = await request.read()
        body = json.loads(raw) if raw else None
        path, _, query = request.raw_path.partition("?")
        below = self._below(path)
        self.requests.append(Received(request.method, (below or path) + (f"?{query}" if query else ""), body))
        self.headers.append(request.headers)
        await asyncio.sleep(self.behaviour.latency)
        fault = self.behaviour.closes() if request.method != "GET" else ""
        answer = self._judged(request, below, body) if fault not in ("before", "refuse") else Answer(500)
        if fault in ("before", "after"):
            if request.transport is not None:
                request.transport.close()
            return web.Response()
        if answer.status == 204 or answer.body is Ellipsis:
            return web.Response(status=answer.status)
        raw = json.dumps(answer.body).encode()
        return web.Response(status=answer.status, body=raw, content_type="application/json")

    def _below(self, path: str) -> str | None:
        """The path below a prefix, or None."""
        prefixes = sorted((self.prefix, APPS_PREFIX), key=len, reverse=True)
        return next((path.removeprefix(prefix) for prefix in prefixes if path.startswith(prefix + "/")), None)

    def _judged(self, request: web.BaseRequest, below: str | None, body: Any) -> Answer:
        status = self.behaviour.fails()
        if status:
            return Answer(status, {"detail": "Not now."})
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return Answer(401, {"detail": "Could not validate credentials"})
        if below is None or self.behaviour.whole_list_404:
            return Answer(404, {"detail": "Not Found"})
        parts = tuple(map(unquote, below.strip("/").split("/")))
        try:
            return self._operate(request.method, parts, request, body)
        except RefusedError as error:
            return Answer(422, {"detail": error.detail})

    def _operate(self, method: str, parts: tuple[str, ...], request: web.BaseRequest, body: Any) -> Answer:
        if parts[0] == "connections" and parts[1:2] == ("applications",):
            return self._connections(method, parts[2:], request, body)
        if parts == ("models", "list") and method == "GET":
            listed = [{"id": row["name"], "label": row["name"]} for row in self.state.models.values()]
            return Answer(200, {"resources": [{"id": "watsonx/ibm/granite", "tags": ["recommended"]}, *listed]})
        if parts[0] in ("models", "model_policy") and len(parts) <= 2:
            return self._objects(method, parts, request, body)
        return Answer(404, {"detail": "Not Found"})

    # --- models and policies ---------------------------------------------------------------------------------

    def _objects(self, method: str, parts: tuple[str, ...], request: web.BaseRequest, body: Any) -> Answer:
        models = parts[0] == "models"
        rows = self.state.models if models else self.state.policies
        if len(parts) == 1 and method == "GET":
            return self._list(rows, models, request)
        if len(parts) == 1 and method == "POST":
            return self._posted(self._put(models, None, body))
        if len(parts) == 2 and method in ("PUT", "DELETE"):
            if parts[1] not in rows:
                return Answer(404, {"detail": "Model not found"})
            if method == "DELETE":
                del rows[parts[1]]
                return Answer(200, {})
            self._put(models, parts[1], body)
            return Answer(200, None)
        return Answer(405, {"detail": "Method Not Allowed"})

    def _put(self, models: bool, number: str | None, body: Any) -> Row:
        if models:
            return self.state.put_model(number, body, self.behaviour)
        return self.state.put_policy(number, body)

    def _list(self, rows: Mapping[str, Row], models: bool, request: web.BaseRequest) -> Answer:
        if self.behaviour.list_answer is not None:
            return Answer(200, self.behaviour.list_answer)
        answered = self.state.answered_model if models else self.state.answered_policy
        found = [answered(row, self.behaviour) for row in rows.values()]
        names = request.query.getall("name", [])
        if names and self.behaviour.filters:
            found = [row for row in found if row["name"] in names]
        if not found and self.behaviour.empty_is_404:
            return Answer(404, {"detail": "Not Found"})
        return Answer(200, {"models" if models else "model_policies": found} if self.behaviour.envelope else found)

    def _posted(self, row: Row) -> Answer:
        kind = self.behaviour.post_answers
        return Answer(200, {"nothing": ..., "null": None, "text": "created", "row": {"id": row["id"]}}[kind])

    # --- connections -----------------------------------------------------------------------------------------

    def _connections(self, method: str, parts: tuple[str, ...], request: web.BaseRequest, body: Any) -> Answer:
        apps = self.state.apps
        if not parts and method == "GET":
            return self._listed_apps(request)
        if not parts and method == "POST":
            if body["app_id"] in apps:
                return Answer(409, {"detail": "Connection exists"})
            apps[body["app_id"]] = {"connection_id": self.state.new_id(), "environments": {}}
            return Answer(200, {"connection_id": "see the list"})
        app = apps.get(parts[0])
        if app is None:
            return Answer(404, {"detail": "Connection not found"})
        if len(parts) == 1 and method == "DELETE":
            del apps[parts[0]]
            return Answer(204)
        if parts[1] == "configurations":
            return self._configured(method, app["environments"], parts[2:], body)
        if parts[1] == "configs" and len(parts) == 4:
            return self._entered(method, app["environments"].get(parts[2]), parts[3], body)
        return Answer(404, {"detail": "Not Found"})

    def _listed_apps(self, request: web.BaseRequest) -> Answer:
        apps = self.state.apps
        if "app_id" in request.query:
            name = request.query["app_id"]
            if name not in apps:
                return Answer(404, {"detail": "Connection not found"})
            number = apps[name]["connection_id"]
            return Answer(200, {"connection_id": number, "app_id": name, "tenant_id": "tenant", "resource": {}})
        if request.query.get("include_details") != "true":
            return Answer(422, {"detail": [{"loc": ["query"], "msg": "app_id or include_details"}]})
        rows = self.state.answered_apps(self.behaviour)
        if "connectionIds" in request.query and self.behaviour.filters:
            wanted = request.query["connectionIds"].split(",")
            rows = [row for row in rows if row["connection_id"] in wanted]
        if not rows and self.behaviour.empty_is_404:
            return Answer(404, {"detail": "Not Found"})
        return Answer(200, {"applications": rows})

    def _configured(self, method: str, environments: Row, parts: tuple[str, ...], body: Any) -> Answer:
        name = parts[0] if parts else body["environment"]
        if method == "POST" and not parts and name not in environments:
            environments[name] = {
                key: body.get(key) for key in ("security_scheme", "auth_type", "preference")
            } | _newer(body)
            return Answer(200, {})
        if method == "PATCH" and parts and name in environments:
            known = {key: body[key] for key in ("security_scheme", "auth_type", "preference") if key in body}
            old = {key: value for key, value in environments[name].items() if not key.startswith(NEWER)}
            environments[name] = old | known | _newer(body)  # a configuration is replaced, its credentials stay
            return Answer(200, {})
        return Answer(404 if method != "POST" else 409, {"detail": "No such configuration, or one too many"})

    def _entered(self, method: str, environment: Row | None, kind: str, body: Any) -> Answer:
        if environment is None:
            return Answer(404, {"detail": "No such configuration"})
        oauth = environment["security_scheme"] == "oauth2"
        wanted, member = ("credentials", "app_credentials") if oauth else ("runtime_credentials", "runtime_credentials")
        if kind != wanted:
            return Answer(422, {"detail": [{"loc": ["path"], "msg": "Credentials of another kind"}]})
        if method == "DELETE":
            environment.pop("credentials", None)
            return Answer(200, {})
        there = bool(environment.get("credentials"))
        if (method == "PATCH") != there:
            return Answer(400, {"detail": "Credentials are there already, or not yet"})
        environment["credentials"] = {**(environment.get("credentials") or {}), **body[member]}
        return Answer(200, {})


def _newer(body: Row) -> Row:
    return {name: value for name, value in body.items() if name.startswith(NEWER)}


# --- running it ----------------------------------------------------------------------------------------------


@asynccontextmanager
async def serving(server: Server, port: int = 0) -> AsyncIterator[None]:
    """Serves on loopback, in this event loop."""
    http = web.Server(server.answer, access_log=None)
    async with listening(http, port) as server.origin:
        yield


@contextmanager
def orchestrate(behaviour: Behaviour | None = None, *, prefix: str = PREFIX) -> Iterator[Server]:
    """A server in a thread of its own."""
    server = Server(prefix=prefix, behaviour=behaviour or Behaviour())
    with in_thread("watsonx", lambda: serving(server)):
        yield server
