"""The AI Gateway: secrets, model definitions and endpoints, found by name and written by id.

There are no pages. A secret or definition has no tags; who wrote it last is where our mark is, so every update says that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from reconciler.core import pointer as pointers
from reconciler.registry.driver import (
    Address,
    PermanentError,
    RegistryError,
    Removal,
    Resource,
    StaleObjectError,
    Unreadable,
    Write,
    only,
    read_or_unreadable,
    unreadable_row,
)
from reconciler.registry.mlflow import wire
from reconciler.registry.mlflow.calls import Calls, rows_in
from reconciler.registry.mlflow.changes import send_tags
from reconciler.registry.mlflow.derived import model_of
from reconciler.registry.mlflow.marks import signature_of

GATEWAY: Final = "/api/3.0/mlflow/gateway"


class Place(NamedTuple):
    """Where the objects of one kind are: the path, the member of a list that holds them, and those of a row with its name and id."""

    path: str
    rows: str
    name: str
    row_id: str


PLACES: Final = {
    "Secret": Place(f"{GATEWAY}/secrets", "secrets", "secret_name", "secret_id"),
    "ModelDefinition": Place(f"{GATEWAY}/model-definitions", "model_definitions", "name", "model_definition_id"),
    "Endpoint": Place(f"{GATEWAY}/endpoints", "endpoints", "name", "endpoint_id"),
}
_ABSENT: Final = (404, 501)  # a server before version 3, and one with its gateway turned off

Row = Mapping[str, Any]
Found = list[Resource | Unreadable | None]


class Gateway:
    """The gateway of one MLflow."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._registry = calls.registry
        self._endpoints: frozenset[str] = frozenset()  # by name, as the last read saw them
        # by the name of a secret that was deleted to be created again, the definitions that lost it
        self._bereft: dict[str, list[str]] = {}

    # --- reading ------------------------------------------------------------------------------------------------

    async def read(self) -> Found:
        """All secrets, definitions and endpoints; none where the server has no gateway."""
        lists = await asyncio.gather(*map(self._rows, PLACES))
        rows = dict(zip(PLACES, lists, strict=True))
        names = (row.get("name") for row in rows["Endpoint"] if isinstance(row, Mapping))
        self._endpoints = frozenset(name for name in names if isinstance(name, str))
        return [self._one(kind, row) for kind in PLACES for row in rows[kind]]

    async def _rows(self, kind: str) -> list[Any]:
        path = f"{PLACES[kind].path}/list"
        try:
            answer = await self._calls.read(path)
        except PermanentError:
            if await self._is_absent(path):
                return []
            raise
        return rows_in(answer, PLACES[kind].rows, self._registry)

    async def _is_absent(self, path: str) -> bool:
        """True where the server has no such list. Believed only beside the model registry's, which is at the same address."""
        try:
            reply = await self._calls.client.exchange("GET", path, expected=(200, *_ABSENT), repeatable=True)
        except RegistryError:
            return False
        return reply.status in _ABSENT

    def _one(self, kind: str, row: Any) -> Resource | Unreadable | None:
        def unreadable(why: str) -> Unreadable:
            known = row if isinstance(row, Mapping) else {}
            return unreadable_row(self._registry, kind, known.get(PLACES[kind].name), why, self._named(kind, known))

        return read_or_unreadable(row, lambda known: self._resource(kind, known), unreadable)

    def _named(self, kind: str, row: Row) -> tuple[Address, ...]:
        """What a row that cannot be understood refers to, as far as that can be told: it is in use."""
        if kind == "ModelDefinition" and isinstance(row.get("secret_name"), str):
            return (Address(self._registry, "Secret", row["secret_name"]),)
        mappings = row.get("model_mappings") if kind == "Endpoint" else None
        found = []
        for one in mappings if isinstance(mappings, list) else ():
            definition = one.get("model_definition") if isinstance(one, Mapping) else None
            name = definition.get("name") if isinstance(definition, Mapping) else None
            if isinstance(name, str):
                found.append(Address(self._registry, "ModelDefinition", name))
        return tuple(found)

    def _resource(self, kind: str, row: Row) -> Resource:
        if kind == "Endpoint":
            return wire.endpoint_of_row(row, self._registry)
        key = model_of(str(row.get(PLACES[kind].name)), self._endpoints)
        parent = None if key is None else Address(self._registry, "Endpoint", key)
        read = wire.secret_of_row if kind == "Secret" else wire.definition_of_row
        return read(row, self._registry, parent)

    async def get(self, address: Address) -> Resource | None:
        """One object by its name, or None."""
        rows = await self._found(address.kind, address.key)
        return only(address, rows, lambda row: self._resource(address.kind, row))

    async def _found(self, kind: str, name: str) -> list[Row]:
        place = PLACES[kind]
        if kind == "Endpoint":
            answer = await self._calls.find(f"{place.path}/get", {"name": name})
            row = answer.get("endpoint") if answer is not None else None
            return [row] if isinstance(row, Mapping) else []
        rows = await self._rows(kind)
        return [row for row in rows if isinstance(row, Mapping) and row.get(place.name) == name]

    async def _id(self, kind: str, name: str, needed_by: Address) -> str:
        """The id of an object that another names. Raises StaleObjectError where it is gone."""
        for row in await self._found(kind, name):
            found = row.get(PLACES[kind].row_id)
            if isinstance(found, str) and found:
                return found
        raise StaleObjectError(f"{needed_by}: there is no {kind} {name!r}", hint=f"declare a mlflow/{kind} of that key")

    # --- writing ------------------------------------------------------------------------------------------------

    async def create(self, write: Write) -> Resource | None:
        """Creates an object; the tags of an endpoint come after it, the mark last, so that what is cut short is nobody's yet."""
        address = write.desired.address
        place = PLACES[address.kind]
        body = {**await self._members(write, frozenset(write.whole)), place.name: address.key}
        answer = await self._calls.write(
            "POST", f"{place.path}/create", {**body, **_signed(write, "created_by")}, address
        )
        if address.kind == "Endpoint":
            row = answer.get("endpoint")
            number = row.get("endpoint_id") if isinstance(row, Mapping) else None
            if not isinstance(number, str):
                raise PermanentError(f"{address} cannot be read: the answer is no endpoint")
            await self._set_tags(write, number)
        elif address.kind == "Secret" and self._bereft.get(address.key):
            await self._give_back(address)
        return None

    async def _give_back(self, address: Address) -> None:
        """Lets the definitions that lost a secret use the one that took its place."""
        number, place = await self._id("Secret", address.key, address), PLACES["ModelDefinition"]
        for definition in self._bereft.pop(address.key):
            body = {place.row_id: definition, "secret_id": number}
            await self._calls.change("POST", f"{place.path}/update", body, address)

    async def update(self, write: Write) -> Resource | None:
        """Sends the members that change; those that the server replaces whole are whole in it."""
        return await self._update(write, {})

    async def rename(self, write: Write) -> Resource | None:
        """Renames an endpoint or a definition; a secret keeps its name for ever."""
        address = write.desired.address
        return await self._update(write, {PLACES[address.kind].name: address.key})

    async def _update(self, write: Write, more: Mapping[str, str]) -> Resource | None:
        address, current = write.desired.address, write.current
        if current is None or current.id is None:
            raise ValueError(f"an update of {address} without the object as it was read")
        place = PLACES[address.kind]
        changed = frozenset(pointers.split(pointer)[0] for pointer in write.changed if pointer)
        body = {**await self._members(write, changed - {"tags"}), **more}
        if address.kind == "Endpoint" and changed & {"fallback_config", "models"}:
            # null keeps the old one, and without it new model_configs erase it
            body["fallback_config"] = write.whole.get("fallback_config") or {}
        body |= _signed(write, "updated_by")
        if body:
            await self._calls.change("POST", f"{place.path}/update", {place.row_id: current.id, **body}, address)
        if address.kind == "Endpoint":
            await self._set_tags(write, current.id)
        return None

    async def delete(self, removal: Removal) -> None:
        """Raises StaleObjectError where a definition uses a secret by now: the server would delete it all the same, and break that."""
        current, address = removal.current, removal.current.address
        place = PLACES[address.kind]
        if address.kind == "Secret":
            users = await self._users(current)
            if users and not removal.recreates:
                message = f"{address}: a model definition uses it by now, and would lose it"
                raise StaleObjectError(message, hint="nothing was deleted: plan again")
            self._bereft[address.key] = users
        await self._calls.remove(f"{place.path}/delete", {place.row_id: current.id}, address)

    async def _users(self, secret: Resource) -> list[str]:
        """The ids of the model definitions that use a secret."""
        place = PLACES["ModelDefinition"]
        rows = [row for row in await self._rows("ModelDefinition") if isinstance(row, Mapping)]
        return [str(row.get(place.row_id)) for row in rows if row.get("secret_id") == secret.id]

    async def _members(self, write: Write, wanted: frozenset[str]) -> dict[str, Any]:
        """Some members of an object as the server takes them: ids in the place of names, values in the place of secrets."""
        address = write.desired.address
        body = {name: value for name, value in write.whole.items() if name in wanted}
        if address.kind == "Secret" and ("secret_value" in body or write.current is None):
            body["secret_value"] = _revealed(write)
        elif address.kind == "ModelDefinition" and "secret" in body:
            body["secret_id"] = await self._id("Secret", body.pop("secret"), address)
        elif address.kind == "Endpoint":
            body.pop("tags", None)
            if "models" in body:
                body["model_configs"] = [await self._config(one, address) for one in body.pop("models")]
        return body

    async def _config(self, model: Mapping[str, Any], address: Address) -> dict[str, Any]:
        """One model of an endpoint as the server takes it."""
        config = {name: value for name, value in model.items() if name not in ("definition", "linkage")}
        config["model_definition_id"] = await self._id("ModelDefinition", model["definition"], address)
        return {**config, "linkage_type": model["linkage"]}

    async def _set_tags(self, write: Write, number: str) -> None:
        await send_tags(self._calls, PLACES["Endpoint"].path, {"endpoint_id": number}, write.current, write)


def _signed(write: Write, field: str) -> dict[str, str]:
    """Our mark as the name of who writes, of objects that have no tags."""
    address, mark = write.desired.address, write.desired.mark
    return {} if mark is None or address.kind == "Endpoint" else {field: signature_of(mark, address.key)}


def _revealed(write: Write) -> dict[str, Any]:
    """All members of a secret with their values: the server replaces them all. Raises PermanentError where one is not known."""
    names = write.desired.spec.get("secret_value") or {}
    known = {name: write.secrets.get(pointers.join(("secret_value", name))) for name in names}
    missing = sorted(name for name, value in known.items() if value is None)
    if missing:
        message = f"{write.desired.address}: a secret is written whole, and {', '.join(missing)} has no value here"
        raise PermanentError(message, hint="set what its reference names, and run again")
    return known
