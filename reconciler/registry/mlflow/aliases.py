"""The aliases of registered models: set by a version's number, or by its name, which may still be to be created.

An alias that is declared by a name follows the name to its new version.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from reconciler.registry.driver import Address, Resource
from reconciler.registry.mlflow import wire
from reconciler.registry.mlflow.calls import Calls
from reconciler.registry.mlflow.listing import MODELS
from reconciler.registry.mlflow.marks import NAMED, named_in
from reconciler.registry.mlflow.rows import Row, model_row, sound_versions, split_key


class Aliases:
    """The aliases of all models of one MLflow, and those that wait for their version."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        # by model, the aliases that wait for a version of a name that is still to be created
        self._waiting: dict[str, dict[str, str]] = {}

    def forget(self) -> None:
        """Lets go of what waits: everything is read anew."""
        self._waiting = {}

    def with_waiting(self, model: Resource) -> Resource:
        """A model with the aliases that are set as soon as their version is created, which the same run does."""
        waiting = self._waiting.get(model.address.key)
        if not waiting:
            return model
        aliases = {**model.spec.get("aliases", {}), **{alias: {"version": name} for alias, name in waiting.items()}}
        return replace(model, spec={**model.spec, "aliases": aliases})

    async def change(self, address: Address, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
        """Sends the aliases of a model that differ; those of a version that is not there yet wait for it."""
        waiting = self._waiting.setdefault(address.key, {})
        changed = {alias: target for alias, target in after.items() if before.get(alias) != target}
        named = any(isinstance(target, Mapping) for target in changed.values())
        names = wire.names_of(await sound_versions(self._calls, address)).get(address.key, {}) if named else {}
        numbers = {name: number for number, name in names.items()}
        for alias, target in changed.items():
            name = target.get("version") if isinstance(target, Mapping) else None
            if name is not None and name not in numbers:
                waiting[alias] = str(name)
                continue
            await self._set(address, alias, str(target) if name is None else numbers[name])
        for alias in sorted(before.keys() - after.keys()):
            await self._calls.change("DELETE", f"{MODELS}/alias", {"name": address.key, "alias": alias}, address)

    async def settle(self, version: Address, number: str) -> None:
        """Sets the aliases that waited for a version to be created, now that it is there."""
        model, name = split_key(version)
        waiting = self._waiting.get(model, {})
        for alias in [alias for alias, wanted in waiting.items() if wanted == name]:
            await self._set(version, alias, number)
            del waiting[alias]

    async def move(self, address: Address, older: list[Row], number: str) -> None:
        """The aliases that were declared by a version's name follow the name to its new version."""
        model = address._replace(kind="RegisteredModel", key=split_key(address)[0])
        row = await model_row(self._calls, model)
        left = {str(one.get("version")) for one in older} - {number}
        if row is None:
            return
        following = named_in(wire.tags_of_row(row).get(NAMED))
        for alias, there in wire.aliases_of(row).items():
            if alias in following and there in left:
                await self._set(model, alias, number)

    async def _set(self, address: Address, alias: str, number: str) -> None:
        model, _ = split_key(address)
        body = {"name": model, "alias": alias, "version": number}
        await self._calls.change("POST", f"{MODELS}/alias", body, address)


def by_name(spec: Mapping[str, Any]) -> frozenset[str]:
    """The aliases that a spec declares by a version's name."""
    return frozenset(alias for alias, target in (spec.get("aliases") or {}).items() if isinstance(target, Mapping))
