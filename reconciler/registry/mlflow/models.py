"""Registered models and their versions: the requests that read and write them.

A version is written once and never changes where it comes from. The name that a manifest gives it is in its tags; the aliases that a manifest
declares by such a name follow it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import Any, Final

from reconciler.registry.driver import (
    Address,
    PermanentError,
    Resource,
    StaleObjectError,
    TemporaryError,
    Unreadable,
    Write,
    read_or_unreadable,
    understood,
    unreadable_row,
)
from reconciler.registry.mlflow import wire
from reconciler.registry.mlflow.calls import Calls, rows_in
from reconciler.registry.mlflow.forms import is_number
from reconciler.registry.mlflow.listing import MODELS, registered_models
from reconciler.registry.mlflow.marks import KEY, NAMED, SUPERSEDED, listed, named_in
from reconciler.registry.mlflow.tags import own_tags, tag_changes

VERSIONS: Final = "/api/2.0/mlflow/model-versions"
MOST_VERSIONS: Final = "200000"  # of one answer, as many as the server gives
_FEW: Final = 4  # names that are asked for one by one; of more, the prompts are listed
_CONTENT: Final = ("source", "run_id", "run_link")

Row = Mapping[str, Any]
Found = list[Resource | Unreadable | None]


class Models:
    """The model registry of one MLflow."""

    def __init__(self, calls: Calls, *, anonymous: bool) -> None:
        """`anonymous` is how we ask: then nothing is kept from us but what is kept from everybody."""
        self._calls = calls
        self._anonymous = anonymous
        self._registry = calls.registry
        # by model, the aliases that wait for a version of a name that is still to be created
        self._waiting: dict[str, dict[str, str]] = {}

    # --- reading ------------------------------------------------------------------------------------------------

    async def read(self) -> Found:
        """All registered models but prompts, and all of their versions."""
        models, versions = await asyncio.gather(registered_models(self._calls), self._versions())
        names = wire.names_of(row for row in versions if isinstance(row, Mapping))
        counts: dict[Any, int] = {}
        for row in versions:
            of = row.get("name") if isinstance(row, Mapping) else None
            counts[of] = counts.get(of, 0) + 1

        def model(row: Row) -> Resource:
            name = str(row.get("name"))
            return wire.model_of_row(row, self._registry, names.get(name, {}), counts.get(name, 0))

        def version(row: Row) -> Resource:
            return wire.version_of_row(row, self._registry, names.get(str(row.get("name")), {}))

        def version_key(row: Row) -> str | None:
            return wire.key_of_version(row, names.get(str(row.get("name")), {}))

        self._waiting = {}
        found: Found = [self._one("RegisteredModel", row, model, lambda row: row.get("name")) for row in models]
        return found + [self._one("ModelVersion", row, version, version_key) for row in versions]

    def _one(
        self, kind: str, row: Any, read: Callable[[Row], Resource], key: Callable[[Row], Any]
    ) -> Resource | Unreadable | None:
        def unreadable(why: str) -> Unreadable:
            return unreadable_row(self._registry, kind, key(row) if isinstance(row, Mapping) else None, why)

        return read_or_unreadable(row, read, unreadable)

    async def _versions(self, model: str | None = None) -> list[Any]:
        """The rows of all versions, or of one model's. Raises PermanentError where there are more than one answer holds."""
        query = {"max_results": MOST_VERSIONS}
        if model is not None and not ("'" in model and '"' in model):  # else no filter can say it
            query["filter"] = f"name = {_quoted(model)}"
        answer = await self._calls.read(f"{VERSIONS}/search", query)
        if answer.get("next_page_token"):
            message = (
                f"{self._registry}: there are more than {MOST_VERSIONS} versions, which this version does not read"
            )
            raise PermanentError(message)
        return rows_in(answer, "model_versions", self._registry)

    async def get_model(self, address: Address) -> Resource | None:
        """One registered model, or None. Raises PermanentError where a prompt has its name."""
        row = await self._model_row(address)
        if row is None:
            return None
        names: Mapping[str, str] = {}
        if NAMED in wire.tags_of_row(row):
            names = wire.names_of(await self._rows_of(address)).get(address.key, {})
        return understood(address, lambda: self._with_waiting(wire.model_of_row(row, self._registry, names)))

    async def hidden(self, named: Collection[Address]) -> tuple[Unreadable, ...]:
        """Those names that are taken by prompts, or by models that the user may not read: the search leaves both out."""
        if self._anonymous and len(named) > _FEW:
            prompts = await registered_models(self._calls, f"tags.`{wire.PROMPT}` = 'true'")
            taken = {row.get("name") for row in prompts if isinstance(row, Mapping)}
            return tuple(self._prompt(address) for address in named if address.key in taken)
        found = await asyncio.gather(*map(self._hidden, named))
        return tuple(one for one in found if one is not None)

    async def _hidden(self, address: Address) -> Unreadable | None:
        path, query = f"{MODELS}/get", {"name": address.key}
        try:
            answer = await self._calls.find(path, query)
        except PermanentError:
            if not await self._calls.is_forbidden(path, query):
                raise
            why = "it is there, and this user may not read it"
        else:
            row = answer.get("registered_model") if answer is not None else None
            if not isinstance(row, Mapping) or not wire.is_prompt(row):
                return None
            return self._prompt(address)
        return unreadable_row(self._registry, address.kind, address.key, why)

    def _prompt(self, address: Address) -> Unreadable:
        why = "a prompt has this name, and MLflow keeps prompts among its models: choose another key"
        return unreadable_row(self._registry, address.kind, address.key, why)

    async def _model_row(self, address: Address) -> Row | None:
        answer = await self._calls.find(f"{MODELS}/get", {"name": address.key})
        row = answer.get("registered_model") if answer is not None else None
        if row is None:
            return None
        if not isinstance(row, Mapping):
            raise PermanentError(f"{address} cannot be read: it is no map")
        if wire.is_prompt(row):
            message = f"{address} is a prompt, and MLflow keeps prompts among its models"
            raise PermanentError(message, hint="choose another key")
        return row

    def _with_waiting(self, model: Resource) -> Resource:
        """A model with the aliases that are set as soon as their version is created, which the same run does."""
        waiting = self._waiting.get(model.address.key)
        if not waiting:
            return model
        aliases = {**model.spec.get("aliases", {}), **{alias: {"version": name} for alias, name in waiting.items()}}
        return replace(model, spec={**model.spec, "aliases": aliases})

    async def get_version(self, address: Address) -> Resource | None:
        """One version by its name or number, or None."""
        model, _, name = address.key.partition("/")
        rows = [row for row in await self._versions(model) if isinstance(row, Mapping) and row.get("name") == model]
        names = wire.names_of(rows).get(model, {})
        if is_number(name):
            row = next((one for one in rows if one.get("version") == name and name not in names), None)
        else:
            number = next((number for number, given in names.items() if given == name), None)
            row = next((one for one in rows if one.get("version") == number), None) if number is not None else None
        return None if row is None else understood(address, lambda: wire.version_of_row(row, self._registry, names))

    async def _rows_of(self, address: Address) -> list[Row]:
        """The versions of a model, or of the model of a version, as far as they can be understood."""
        model = address.key.partition("/")[0]
        return [row for row in await self._versions(model) if wire.is_sound(row) and row["name"] == model]

    # --- registered models --------------------------------------------------------------------------------------

    async def create_model(self, write: Write) -> Resource | None:
        address, spec = write.desired.address, write.whole
        tags = {**(spec.get("tags") or {}), **own_tags(write.desired)}
        by_name = _by_name(spec)
        if by_name:
            tags[NAMED] = listed(by_name)
        body = {**spec, "name": address.key, "tags": _pairs(tags)}
        body.pop("aliases", None)
        answer = await self._calls.write("POST", f"{MODELS}/create", body, address)
        if not spec.get("aliases"):
            row = answer.get("registered_model")
            return (
                understood(address, lambda: wire.model_of_row(row, self._registry, {}))
                if isinstance(row, Mapping)
                else None
            )
        await self._set_aliases(address, {}, spec["aliases"])
        return None

    async def update_model(self, write: Write) -> Resource | None:
        """Sends what differs, the mark last."""
        address, before, after = write.desired.address, _spec(write.current), write.desired.spec
        if (before.get("description") or "") != (after.get("description") or ""):
            # always sent: left out, it would be erased by the next request that does without
            body = {"name": address.key, "description": after.get("description") or ""}
            await self._calls.change("PATCH", f"{MODELS}/update", body, address)
        await self._set_aliases(address, before.get("aliases") or {}, after.get("aliases") or {})
        if _by_name(before) != _by_name(after):
            tag = {"name": address.key, "key": NAMED, "value": listed(_by_name(after))}
            await self._calls.change("POST", f"{MODELS}/set-tag", tag, address)
        await self._set_tags(MODELS, {"name": address.key}, write, _current(write))
        return None

    async def rename_model(self, write: Write) -> Resource | None:
        old = _current(write).address
        body = {"name": old.key, "new_name": write.desired.address.key}
        await self._calls.write("POST", f"{MODELS}/rename", body, write.desired.address)
        return await self.update_model(write)

    async def delete_model(self, current: Resource) -> None:
        await self._calls.remove(f"{MODELS}/delete", {"name": current.address.key}, current.address)

    async def _set_aliases(self, address: Address, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        waiting = self._waiting.setdefault(address.key, {})
        changed = {alias: target for alias, target in after.items() if before.get(alias) != target}
        named = any(isinstance(target, Mapping) for target in changed.values())
        names = wire.names_of(await self._rows_of(address)).get(address.key, {}) if named else {}
        numbers = {name: number for number, name in names.items()}
        for alias, target in changed.items():
            name = target.get("version") if isinstance(target, Mapping) else None
            if name is not None and name not in numbers:
                waiting[alias] = str(name)
                continue
            await self._set_alias(address, alias, str(target) if name is None else numbers[name])
        for alias in sorted(before.keys() - after.keys()):
            await self._calls.change("DELETE", f"{MODELS}/alias", {"name": address.key, "alias": alias}, address)

    async def _set_alias(self, address: Address, alias: str, number: str) -> None:
        model = address.key.partition("/")[0]
        body = {"name": model, "alias": alias, "version": number}
        await self._calls.change("POST", f"{MODELS}/alias", body, address)

    # --- versions -----------------------------------------------------------------------------------------------

    async def create_version(self, write: Write) -> Resource | None:
        """Creates a version, or takes the one that has this name and content already: there is never a second one of the same.

        Raises StaleObjectError where its model is gone.
        """
        address = write.desired.address
        if is_number(address.key.partition("/")[2]):
            message = f"{address} is not there, and the server numbers versions itself"
            raise PermanentError(message, hint="call the version by a name of your own, and it will be created")
        await self._take_name(write, await self._rows_of(address))
        await self._settle(address)
        return None

    async def update_version(self, write: Write) -> Resource | None:
        """Sends what differs; another content is another version."""
        address, before = write.desired.address, _current(write)
        if wire.content_of(before.spec) == wire.content_of(write.desired.spec):
            await self._adjust(write, before)
            return None
        if is_number(address.key.partition("/")[2]):
            message = f"{address} is called by its number, and its {', '.join(_CONTENT)} never change"
            raise PermanentError(message, hint="declare a version with a name of your own")
        rows = await self._rows_of(address)
        number = await self._take_name(write, rows)
        await self._move_aliases(address, _named(rows, address), number)
        return None

    async def rename_version(self, write: Write) -> Resource | None:
        """Gives a version another name, within its model."""
        old, new = _current(write).address, write.desired.address
        if old.key.partition("/")[0] != new.key.partition("/")[0]:
            message = f"{new}: a version never moves to another model"
            raise PermanentError(
                message, hint="create it anew there; when the model itself is renamed, its versions go with it"
            )
        await self._adjust(write, _current(write))
        return None

    async def delete_version(self, current: Resource) -> None:
        """Raises StaleObjectError where an alias names the version by now: the server would delete that, too."""
        address = current.address
        model = address.key.partition("/")[0]
        answer = await self._calls.find(f"{VERSIONS}/get", {"name": model, "version": str(current.id)})
        row = answer.get("model_version") if answer is not None else None
        if not isinstance(row, Mapping):
            return
        if row.get("aliases"):
            message = f"{address}: an alias names it by now, and would be deleted with it"
            raise StaleObjectError(message, hint="move the alias first")
        if not is_number(address.key.partition("/")[2]):
            for older in _named(await self._rows_of(address), address):
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
        model = address.key.partition("/")[0]
        body = {
            **write.whole,
            "name": model,
            "tags": _pairs({**(write.whole.get("tags") or {}), **own_tags(write.desired)}),
        }
        try:
            answer = await self._calls.write("POST", f"{VERSIONS}/create", body, address)
        except TemporaryError:
            made = _same(_named(await self._rows_of(address), address), address, content)
            if made is None:
                raise
            return str(made["version"])
        made = answer.get("model_version")
        if not isinstance(made, Mapping):
            raise PermanentError(f"{address} cannot be read: the answer is no version")
        number = str(made.get("version"))
        first = _same(_named(await self._rows_of(address), address), address, content)
        if first is None or wire.number_of(first) >= wire.number_of(made):
            return number
        await self._calls.remove(f"{VERSIONS}/delete", {"name": model, "version": number}, address)
        return str(first["version"])

    async def _adjust(self, write: Write, before: Resource) -> None:
        """Sends what differs of a version's description, tags and mark, the mark last."""
        address, after = write.desired.address, write.desired.spec
        place = {"name": before.address.key.partition("/")[0], "version": str(before.id)}
        if (before.spec.get("description") or "") != (after.get("description") or ""):
            body = {**place, "description": after.get("description") or ""}
            await self._calls.change("PATCH", f"{VERSIONS}/update", body, address)
        await self._set_tags(VERSIONS, place, write, before)

    async def _supersede(self, address: Address, row: Row, number: str) -> None:
        body = {"name": row["name"], "version": row["version"], "key": SUPERSEDED, "value": number}
        await self._calls.change("POST", f"{VERSIONS}/set-tag", body, address)

    async def _untag(self, address: Address, number: str, key: str) -> None:
        body = {"name": address.key.partition("/")[0], "version": number, "key": key}
        await self._calls.change("DELETE", f"{VERSIONS}/delete-tag", body, address)

    async def _settle(self, address: Address) -> None:
        """Sets the aliases that waited for a version."""
        model, _, name = address.key.partition("/")
        waiting = self._waiting.get(model, {})
        due = [alias for alias, wanted in waiting.items() if wanted == name]
        if not due:
            return
        found = await self.get_version(address)
        for alias in due if found is not None else ():
            await self._set_alias(address, alias, str(found.id))  # type: ignore[union-attr]
            del waiting[alias]

    async def _move_aliases(self, address: Address, older: list[Row], number: str) -> None:
        """The aliases that were declared by a version's name follow the name to its new version."""
        model = address._replace(kind="RegisteredModel", key=address.key.partition("/")[0])
        row = await self._model_row(model)
        left = {str(one.get("version")) for one in older} - {number}
        if row is None:
            return
        by_name = named_in(wire.tags_of_row(row).get(NAMED))
        for alias, there in wire.aliases_of(row).items():
            if alias in by_name and there in left:
                await self._set_alias(model, alias, number)

    async def _set_tags(self, path: str, place: Mapping[str, str], write: Write, before: Resource) -> None:
        for tag in tag_changes(before, write.desired):
            await self._calls.change(tag.method, f"{path}/{tag.verb}", {**place, **tag.body}, write.desired.address)


def _quoted(name: str) -> str:
    """A text in a filter, which knows no escapes: in whichever quotes are not in it."""
    return f"'{name}'" if '"' in name else f'"{name}"'


def _pairs(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"key": key, "value": value} for key, value in tags.items()]


def _by_name(spec: Mapping[str, Any]) -> frozenset[str]:
    """The aliases that a spec declares by a version's name."""
    return frozenset(alias for alias, target in (spec.get("aliases") or {}).items() if isinstance(target, Mapping))


def _current(write: Write) -> Resource:
    if write.current is None:
        raise ValueError(f"an update of {write.desired.address} without the object as it was read")
    return write.current


def _spec(current: Resource | None) -> Mapping[str, Any]:
    return current.spec if current is not None else {}


def _named(rows: list[Row], address: Address) -> list[Row]:
    """Of a model's versions, those that have the name of that address, and no newer one has it."""
    name = address.key.partition("/")[2]
    return [row for row in rows if wire.name_of_version(row) == name]


def _same(rows: list[Row], address: Address, content: tuple[str, str, str]) -> Row | None:
    """Of a model's versions, the first of that content that has or had the name of that address."""
    known = [
        row for row in rows if wire.tags_of_row(row).get(KEY, "").partition("/")[2] == address.key.partition("/")[2]
    ]
    return min((row for row in known if wire.content_of(row) == content), key=wire.number_of, default=None)
