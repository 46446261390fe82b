"""Versions of registered models: the requests that read and write them one by one.

A version is written once and never changes where it comes from. The name that a manifest gives it is in its tags.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from reconciler.registry.driver import (
    Address,
    PermanentError,
    Removal,
    Resource,
    StaleObjectError,
    TemporaryError,
    Write,
    understood,
)
from reconciler.registry.mlflow import wire
from reconciler.registry.mlflow.aliases import Aliases
from reconciler.registry.mlflow.calls import Calls
from reconciler.registry.mlflow.changes import current_of, send_description, send_tags, tag_list
from reconciler.registry.mlflow.forms import is_number
from reconciler.registry.mlflow.marks import KEY, SUPERSEDED
from reconciler.registry.mlflow.rows import VERSIONS, Row, sound_versions, split_key, version_rows
from reconciler.registry.mlflow.tags import own_tags

_CONTENT: Final = ("source", "run_id", "run_link")


class ModelVersions:
    """The versions of all models of one MLflow."""

    def __init__(self, calls: Calls, aliases: Aliases) -> None:
        self._calls = calls
        self._registry = calls.registry
        self._aliases = aliases

    async def get(self, address: Address) -> Resource | None:
        """One version by its name or number, or None."""
        model, name = split_key(address)
        rows = [
            row
            for row in await version_rows(self._calls, model)
            if isinstance(row, Mapping) and row.get("name") == model
        ]
        names = wire.names_of(rows).get(model, {})
        if is_number(name):
            row = next((one for one in rows if one.get("version") == name and name not in names), None)
        else:
            number = next((number for number, given in names.items() if given == name), None)
            row = next((one for one in rows if one.get("version") == number), None) if number is not None else None
        return None if row is None else understood(address, lambda: wire.version_of_row(row, self._registry, names))

    async def create(self, write: Write) -> Resource | None:
        """Creates a version, or takes the one that has this name and content already: there is never a second one of the same.

        Raises StaleObjectError where its model is gone.
        """
        address = write.desired.address
        if is_number(split_key(address)[1]):
            message = f"{address} is not there, and the server numbers versions itself"
            raise PermanentError(message, hint="call the version by a name of your own, and it will be created")
        number = await self._take_name(write, await sound_versions(self._calls, address))
        await self._aliases.settle(address, number)
        return None

    async def update(self, write: Write) -> Resource | None:
        """Sends what differs; another content is another version."""
        address, before = write.desired.address, current_of(write)
        if wire.content_of(before.spec) == wire.content_of(write.desired.spec):
            await self._adjust(write, before)
            return None
        if is_number(split_key(address)[1]):
            message = f"{address} is called by its number, and its {', '.join(_CONTENT)} never change"
            raise PermanentError(message, hint="declare a version with a name of your own")
        rows = await sound_versions(self._calls, address)
        number = await self._take_name(write, rows)
        await self._aliases.move(address, _named(rows, address), number)
        return None

    async def rename(self, write: Write) -> Resource | None:
        """Gives a version another name, within its model."""
        old, new = current_of(write).address, write.desired.address
        if split_key(old)[0] != split_key(new)[0]:
            message = f"{new}: a version never moves to another model"
            raise PermanentError(
                message, hint="create it anew there; when the model itself is renamed, its versions go with it"
            )
        await self._adjust(write, current_of(write))
        return None

    async def delete(self, removal: Removal) -> None:
        """Raises StaleObjectError where an alias names the version by now: the server would delete that, too."""
        current, address = removal.current, removal.current.address
        model = split_key(address)[0]
        answer = await self._calls.find(f"{VERSIONS}/get", {"name": model, "version": str(current.id)})
        row = answer.get("model_version") if answer is not None else None
        if not isinstance(row, Mapping):
            return
        if row.get("aliases"):
            message = f"{address}: an alias names it by now, and would be deleted with it"
            raise StaleObjectError(message, hint="move the alias first")
        if not is_number(split_key(address)[1]):
            for older in _named(await sound_versions(self._calls, address), address):
                if older.get("version") != current.id:
                    await self._supersede(address, older, str(current.id))
        await self._calls.remove(f"{VERSIONS}/delete", {"name": model, "version": str(current.id)}, address)

    async def _take_name(self, write: Write, rows: list[Row]) -> str:
        """Makes the version of the desired content the one that has its name: found, or created. Its number."""
        address = write.desired.address
        content = wire.content_of(write.desired.spec)
        same = _same(rows, address, content)
        number = str(same["version"]) if same is not None else await self._create_once(write, content)
        if same is not None:
            found = understood(address, lambda: wire.version_of_row(same, self._registry, {}))
            if SUPERSEDED in wire.tags_of_row(same):
                await self._untag(address, number, SUPERSEDED)
            if found is not None:
                await self._adjust(write, found)
        for older in _named(rows, address):
            if older.get("version") != number:
                await self._supersede(address, older, number)
        return number

    async def _create_once(self, write: Write, content: tuple[str, str, str]) -> str:
        """Creates a version. Of several that were created at once the first stays, and each creator takes its own back."""
        address = write.desired.address
        model = split_key(address)[0]
        body = {
            **write.whole,
            "name": model,
            "tags": tag_list({**(write.whole.get("tags") or {}), **own_tags(write.desired)}),
        }
        try:
            answer = await self._calls.write("POST", f"{VERSIONS}/create", body, address)
        except TemporaryError:
            made = _same(_named(await sound_versions(self._calls, address), address), address, content)
            if made is None:
                raise
            return str(made["version"])
        made = answer.get("model_version")
        if not isinstance(made, Mapping):
            raise PermanentError(f"{address} cannot be read: the answer is no version")
        number = str(made.get("version"))
        first = _same(_named(await sound_versions(self._calls, address), address), address, content)
        if first is None or wire.number_of(first) >= wire.number_of(made):
            return number
        await self._calls.remove(f"{VERSIONS}/delete", {"name": model, "version": number}, address)
        return str(first["version"])

    async def _adjust(self, write: Write, before: Resource) -> None:
        """Sends what differs of a version's description, tags and mark, the mark last."""
        place = {"name": split_key(before.address)[0], "version": str(before.id)}
        await send_description(self._calls, VERSIONS, place, before.spec, write)
        await send_tags(self._calls, VERSIONS, place, before, write)

    async def _supersede(self, address: Address, row: Row, number: str) -> None:
        body = {"name": row["name"], "version": row["version"], "key": SUPERSEDED, "value": number}
        await self._calls.change("POST", f"{VERSIONS}/set-tag", body, address)

    async def _untag(self, address: Address, number: str, key: str) -> None:
        body = {"name": split_key(address)[0], "version": number, "key": key}
        await self._calls.change("DELETE", f"{VERSIONS}/delete-tag", body, address)


def _named(rows: list[Row], address: Address) -> list[Row]:
    """Of a model's versions, those that have the name of that address, and no newer one has it."""
    name = split_key(address)[1]
    return [row for row in rows if wire.name_of_version(row) == name]


def _same(rows: list[Row], address: Address, content: tuple[str, str, str]) -> Row | None:
    """Of a model's versions, the first of that content that has or had the name of that address."""
    known = [row for row in rows if wire.tags_of_row(row).get(KEY, "").partition("/")[2] == split_key(address)[1]]
    return min((row for row in known if wire.content_of(row) == content), key=wire.number_of, default=None)
