"""Registered models: the requests that read and write them one by one."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Final

from reconciler.registry.driver import (
    Address,
    PermanentError,
    Removal,
    Resource,
    Unreadable,
    Write,
    understood,
    unreadable_row,
)
from reconciler.registry.mlflow import wire
from reconciler.registry.mlflow.aliases import Aliases, by_name
from reconciler.registry.mlflow.calls import Calls
from reconciler.registry.mlflow.changes import current_of, send_description, send_tags, tag_list
from reconciler.registry.mlflow.listing import MODELS, registered_models
from reconciler.registry.mlflow.marks import NAMED, listed
from reconciler.registry.mlflow.rows import model_row, sound_versions
from reconciler.registry.mlflow.tags import own_tags

_FEW: Final = 4  # names that are asked for one by one; of more, the prompts are listed


class RegisteredModels:
    """The registered models of one MLflow."""

    def __init__(self, calls: Calls, aliases: Aliases, *, anonymous: bool) -> None:
        """`anonymous` is how we ask: then nothing is kept from us but what is kept from everybody."""
        self._calls = calls
        self._registry = calls.registry
        self._aliases = aliases
        self._anonymous = anonymous

    async def get(self, address: Address) -> Resource | None:
        """One registered model, or None. Raises PermanentError where a prompt has its name."""
        row = await model_row(self._calls, address)
        if row is None:
            return None
        names: Mapping[str, str] = {}
        if NAMED in wire.tags_of_row(row):
            names = wire.names_of(await sound_versions(self._calls, address)).get(address.key, {})
        return understood(address, lambda: self._aliases.with_waiting(wire.model_of_row(row, self._registry, names)))

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

    async def create(self, write: Write) -> Resource | None:
        address, spec = write.desired.address, write.whole
        tags = {**(spec.get("tags") or {}), **own_tags(write.desired)}
        named = by_name(spec)
        if named:
            tags[NAMED] = listed(named)
        body = {**spec, "name": address.key, "tags": tag_list(tags)}
        body.pop("aliases", None)
        answer = await self._calls.write("POST", f"{MODELS}/create", body, address)
        if not spec.get("aliases"):
            row = answer.get("registered_model")
            return (
                understood(address, lambda: wire.model_of_row(row, self._registry, {}))
                if isinstance(row, Mapping)
                else None
            )
        await self._aliases.change(address, {}, spec["aliases"])
        return None

    async def update(self, write: Write) -> Resource | None:
        """Sends what differs, the mark last."""
        address, current, after = write.desired.address, current_of(write), write.desired.spec
        before, place = current.spec, {"name": address.key}
        await send_description(self._calls, MODELS, place, before, write)
        await self._aliases.change(address, before.get("aliases") or {}, after.get("aliases") or {})
        if by_name(before) != by_name(after):
            tag = {**place, "key": NAMED, "value": listed(by_name(after))}
            await self._calls.change("POST", f"{MODELS}/set-tag", tag, address)
        await send_tags(self._calls, MODELS, place, current, write)
        return None

    async def rename(self, write: Write) -> Resource | None:
        old = current_of(write).address
        body = {"name": old.key, "new_name": write.desired.address.key}
        await self._calls.write("POST", f"{MODELS}/rename", body, write.desired.address)
        return await self.update(write)

    async def delete(self, removal: Removal) -> None:
        address = removal.current.address
        await self._calls.remove(f"{MODELS}/delete", {"name": address.key}, address)
