"""The open registry: one workspace of NeMo Platform 0.3 over HTTP.

Lists come in pages, sorted by name, and are read completely or not at all. A model is patched with what changed; providers and prompts are
replaced whole. There is no ETag: every write is preceded by a read (`execute`), and a 500 to an update may mean that another one won.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any, Final
from urllib.parse import quote

from reconciler.registry.driver import (
    Address,
    Client,
    Listing,
    Opening,
    Page,
    PermanentError,
    RegistryError,
    Removal,
    Resource,
    Response,
    Secret,
    Sweep,
    Target,
    TemporaryError,
    TestResult,
    Unreadable,
    Write,
    bearer,
    checked_url,
    open_client,
    raise_for_write,
    read_or_unreadable,
    resolved_url,
    target_of,
    understood,
)
from reconciler.registry.nemo import test_run, wire
from reconciler.registry.nemo.derived import model_of
from reconciler.registry.nemo.kinds import KINDS
from reconciler.registry.nemo.settings import Settings, workspace_of

VERBOSE: Final = {"verbose": "true"}  # or else the linear layers of a checkpoint are left out
FILESETS: Final = "100"  # of a page of filesets: the most that the server takes
PAGE: Final = 1000  # the most that the server takes; more is a 500
SWEEPS: Final = 3  # of a list that changes while it is read
HINTS: Final = {
    401: "check the token: `token` in reconciler.yaml",
    403: "the token may not do that, or the platform allows it to nobody: trust_remote_code needs the permission "
    "models.trust-remote-code.set, a tool_call_plugin the platform's setting models.tool_call_plugin.enabled",
    404: "check `url` in reconciler.yaml: it is the address without /apis",
}
_PATCHED: Final = frozenset({"Model", "Secret", "Adapter"})


class Store:
    """A `Registry`: one workspace. It also `RunsTests` and `FindsExternal`."""

    def __init__(self, client: Client, registry: str, workspace: str, target: Target) -> None:
        self._client = client
        self._target = target
        self._registry = registry
        self._workspace = workspace
        self._serving: dict[str, set[str]] = {}  # the providers of a model, as the last read saw them
        self._adapters: frozenset[str] = frozenset()  # those that the last read saw: what a plan knows of
        place = quote(workspace, safe="")
        models = f"/apis/models/v2/workspaces/{place}"
        self._paths = {
            "Model": f"{models}/models",
            "Provider": f"{models}/providers",
            "Adapter": f"{models}/adapters",
            "Prompt": f"{models}/prompts",
            "Secret": f"/apis/secrets/v2/workspaces/{place}/secrets",
            "Project": f"/apis/entities/v2/workspaces/{place}/projects",
            "Workspace": "/apis/entities/v2/workspaces",
        }

    # --- reading ------------------------------------------------------------------------------------------------

    async def read(self) -> Listing:
        # first: in a workspace that is not there some lists answer 500, and others are empty
        workspaces = await self._rows("Workspace")
        found = self._understood("Workspace", workspaces, ())
        if any(isinstance(row, Mapping) and row.get("name") == self._workspace for row in workspaces):
            others = [kind for kind in KINDS if kind != "Workspace"]
            rows = dict(zip(others, await asyncio.gather(*map(self._rows, others)), strict=True))
            models = [str(row.get("name")) for row in rows["Model"] if isinstance(row, Mapping)]
            self._serving = {}
            for row in rows["Provider"]:
                for model in wire.served(row, self._workspace):
                    self._serving.setdefault(model, set()).add(str(row.get("name")))
            self._adapters = frozenset(str(row.get("name")) for row in rows["Adapter"] if isinstance(row, Mapping))
            for kind in others:
                found += self._understood(kind, rows[kind], models)
        return Listing.of(found)

    async def get(self, address: Address) -> Resource | None:
        reply = await self._client.call("GET", self._path(address), query=_query(address.kind), expected=(200, 404))
        if reply.status == 404:
            return None
        return self._stored(address, reply)

    async def _own_workspace(self) -> list[Any]:
        """Our own workspace alone, for a token that may not list them: that takes a right on the whole platform."""
        own = Address(self._registry, "Workspace", self._workspace)
        reply = await self._client.call("GET", self._path(own), expected=(200, 404))
        return [] if reply.status == 404 else [reply.data]

    async def _rows(self, kind: str) -> list[Any]:
        """Every row of a kind. Read again where pages do not fit together: somebody wrote meanwhile."""
        for _ in range(SWEEPS):
            try:
                rows = await self._sweep(kind)
            except TemporaryError as error:
                hint = (
                    f"where this stays so: one {kind} that the server itself cannot read makes it refuse the whole list"
                )
                raise TemporaryError(error.message, hint=error.hint or hint) from error
            if rows is not None:
                return rows
        raise TemporaryError(f"{self._registry}: the {kind}s changed each time that they were read", hint="run again")

    async def _sweep(self, kind: str) -> list[Any] | None:
        sweep = Sweep(f"{self._registry}: the list of {kind}s")
        while sweep.wants_more:
            query = {"page": str(sweep.page), "page_size": str(PAGE), "sort": "name"}
            if kind == "Model":
                query |= VERBOSE
            expected = (200, 403) if kind == "Workspace" else (200,)
            reply = await self._client.call("GET", self._paths[kind], query=query, expected=expected)
            if reply.status == 403:
                return await self._own_workspace()
            sweep.add(self._page(kind, reply.data))
        return sweep.rows if sweep.is_whole else None

    def _page(self, kind: str, data: Any) -> Page:
        rows = data.get("data") if isinstance(data, Mapping) else None
        pagination = data.get("pagination") if isinstance(data, Mapping) else None
        pages = pagination.get("total_pages") if isinstance(pagination, Mapping) else None
        count = pagination.get("total_results") if isinstance(pagination, Mapping) else None
        if not isinstance(rows, list) or not isinstance(pages, int) or not isinstance(count, int):
            message = f"{self._registry}: the list of {kind}s is not NeMo's: it says not how many pages it has"
            raise PermanentError(message, hint=HINTS[404])
        return Page(rows, pages, count)

    def _understood(self, kind: str, rows: list[Any], models: Any) -> list[Resource | Unreadable | None]:
        return [self._one(kind, row, models) for row in rows]

    def _one(self, kind: str, row: Any, models: Any) -> Resource | Unreadable | None:
        def unreadable(why: str) -> Unreadable:
            return wire.unreadable_of(kind, row, self._registry, self._workspace, why)

        return read_or_unreadable(row, lambda known: self._resource(kind, known, models), unreadable)

    def _resource(self, kind: str, row: Mapping[str, Any], models: Any = ()) -> Resource:
        key = model_of(kind, str(row.get("name")), models) if kind in ("Secret", "Provider") else None
        parent = None if key is None else Address(self._registry, "Model", key)
        serving = self._serving.get(str(row.get("name")), ()) if kind == "Model" else ()
        return wire.resource_of(kind, row, self._registry, self._workspace, parent, serving)

    def _stored(self, address: Address, reply: Response) -> Resource | None:
        if not isinstance(reply.data, Mapping):
            raise PermanentError(f"{address}: the answer is no object: this is not NeMo's API", hint=HINTS[404])
        row = reply.data
        return understood(address, lambda: self._resource(address.kind, row))

    def _path(self, address: Address) -> str:
        return f"{self._paths[address.kind]}/{quote(address.key, safe='')}"

    async def missing(self, named: frozenset[Address]) -> frozenset[Address]:
        """Those of these filesets that are not there. None where the service that keeps them is absent or does not answer."""
        try:
            reply = await self._client.call(
                "GET", self._fileset(""), query={"page_size": FILESETS}, expected=(200, 403, 404)
            )
            rows = reply.data.get("data") if reply.status == 200 and isinstance(reply.data, Mapping) else None
            if not isinstance(rows, list):
                return frozenset()
            listed = {row.get("name") for row in rows if isinstance(row, Mapping)}
            asked = sorted(address for address in named if address.key not in listed)
            gone = await asyncio.gather(*map(self._is_gone, asked))
        except RegistryError:
            return frozenset()
        return frozenset(address for address, is_gone in zip(asked, gone, strict=True) if is_gone)

    async def _is_gone(self, address: Address) -> bool:
        reply = await self._client.call("GET", self._fileset(address.key), expected=(200, 403, 404))
        return reply.status == 404

    def _fileset(self, name: str) -> str:
        """The path of a fileset, `name` or `workspace/name`; of the list of our workspace without a name."""
        workspace, slash, rest = name.partition("/")
        place, own = (workspace, rest) if slash else (self._workspace, name)
        filesets = f"/apis/files/v2/workspaces/{quote(place, safe='')}/filesets"
        return f"{filesets}/{quote(own, safe='')}" if own else filesets

    # --- writing ------------------------------------------------------------------------------------------------

    async def create(self, write: Write) -> Resource | None:
        address = write.desired.address
        _check_name(address)
        body = wire.created(write, self._workspace)
        reply = await self._client.call("POST", self._paths[address.kind], body=body, expected=(200, 201, 409, 422))
        raise_for_write(write, reply, body)
        return self._stored(address, reply)

    async def update(self, write: Write) -> Resource | None:
        address = write.desired.address
        patch = address.kind in _PATCHED
        if patch:
            body = wire.patched(write, self._workspace, self._serving.get(address.key, ()))
            if not body:
                return None
        else:
            body = wire.replaced(write, self._workspace)
        reply = await self._client.call(
            "PATCH" if patch else "PUT",
            self._path(address),
            query=_query(address.kind),
            body=body,
            expected=(200, 404, 409, 422),
        )
        raise_for_write(write, reply, body)
        return self._stored(address, reply)

    async def delete(self, removal: Removal) -> None:
        address = removal.current.address
        if address.kind == "Workspace":
            raise PermanentError(f"{address}: {KINDS[address.kind].not_deletable_reason}")
        if address.kind == "Model":
            await self._check_no_adapters(address)
        await self._client.call("DELETE", self._path(address), expected=(200, 202, 204, 404))

    # --- trying out ---------------------------------------------------------------------------------------------

    async def test(self, resource: Resource, given: Any) -> TestResult:
        gateway = f"/apis/inference-gateway/v2/workspaces/{quote(self._workspace, safe='')}"
        return await test_run.run(self, self._client, gateway, resource, given)

    async def provider(self, name: str) -> Mapping[str, Any] | None:
        """The stored provider of that name, or None."""
        reply = await self._client.call("GET", self._path(Address("", "Provider", name)), expected=(200, 404))
        return reply.data if reply.status == 200 and isinstance(reply.data, Mapping) else None

    async def secret(self, name: str) -> Secret | None:
        """The value of a secret, for a test alone, or None where it may not be read."""
        path = f"{self._path(Address('', 'Secret', name))}/access"
        reply = await self._client.call("GET", path, expected=(200, 403, 404))
        value = reply.data.get("value") if isinstance(reply.data, Mapping) else None
        return Secret(value) if reply.status == 200 and isinstance(value, str) else None

    def outside(self, url: str, headers: Mapping[str, str | Secret]) -> AbstractAsyncContextManager[Client]:
        """A client for an address outside the platform, with nothing of the platform's own credentials."""
        return open_client(replace(self._target, url=url, headers=headers, hints={}, attempts=1))

    async def _check_no_adapters(self, address: Address) -> None:
        """The server deletes a model's adapters with it, in other workspaces too, and says nothing: only those that the plan knew of may go."""
        reply = await self._client.call("GET", self._path(address), expected=(200, 404))
        adapters = reply.data.get("adapters") if isinstance(reply.data, Mapping) else None
        strange = [
            f"{one.get('workspace')}/{one.get('name')}"
            for one in adapters or ()
            if isinstance(one, Mapping)
            and (one.get("workspace") != self._workspace or one.get("name") not in self._adapters)
        ]
        if strange:
            message = f"{address} has adapters, which would be deleted with it: {', '.join(strange)}"
            raise PermanentError(message, hint="delete them first")


def _query(kind: str) -> Mapping[str, str] | None:
    return VERBOSE if kind == "Model" else None


def _check_name(address: Address) -> None:
    """Some names are stored and answered with 400, and then make every list of the workspace fail: they are never sent."""
    refused = KINDS[address.kind].check_key(address.key)
    if refused is not None:
        raise PermanentError(f"{address}: the name cannot be taken: {refused}")


@asynccontextmanager
async def connect(settings: Settings, opening: Opening) -> AsyncIterator[Store]:
    """Makes no request. Raises ConfigError or SecretError where an address or a token is missing."""
    url = checked_url(resolved_url(settings.url, opening.resolver), "NeMo: its url")
    target = target_of(settings, opening, url=url, headers=bearer(settings.token, opening.resolver), hints=HINTS)
    async with open_client(target) as client:
        yield Store(client, opening.name, workspace_of(settings), target)
