"""The optional part of a driver: what it can do beyond `protocol`, each capability by the method that does it.

Nothing is declared: a registry or driver that has the method has the capability. So each is one truth, and none can be claimed without being there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple, Protocol, runtime_checkable

from reconciler.core.resource import Address, RegistryFacts, Resource
from reconciler.registry.protocol import Registry, Write


@runtime_checkable
class Renames(Protocol):
    """An open registry that gives an object another key without deleting it."""

    async def rename(self, write: Write) -> Resource | None: ...


class Revision(NamedTuple):
    """One entry of an object's history, as the registry keeps it. `at` is ISO 8601 in UTC; `plan` the fingerprint of the plan that wrote it."""

    revision: str
    action: str
    key: str
    at: str
    actor: str
    plan: str
    spec: Mapping[str, Any]
    owner: str | None


@runtime_checkable
class KeepsHistory(Protocol):
    """An open registry that tells an object's past, newest first; empty where the object was never there."""

    async def history(self, address: Address) -> tuple[Revision, ...]: ...


class Check(NamedTuple):
    """One step of a test and how it ended. `duration` is in seconds; `message` is for people and holds no secret."""

    name: str
    ok: bool
    message: str
    duration: float


class Tested(NamedTuple):
    """What became of a test: its steps, up to the first that failed, and what the model answered (plain data), if it did."""

    checks: tuple[Check, ...]
    output: Any = None


@runtime_checkable
class Tests(Protocol):
    """An open registry that tries an object out."""

    # `given` is the input, plain JSON data, or None for a default one; InputError where the object needs one of its own.
    # What the model or its endpoint does wrong is a failed Check; RegistryError is for what the registry does wrong
    async def test(self, resource: Resource, given: Any) -> Tested: ...


class CatalogueEntry(NamedTuple):
    """A provider's model that a registry could hold: its name at the provider, the key it would get, and what a manifest would say."""

    model: str
    key: str
    title: str
    spec: Mapping[str, Any]  # fields of the portable Model


class Catalogue(NamedTuple):
    """A provider's catalogue. `note` says what is missing from it, or in the way of using it."""

    provider: str
    offers: tuple[CatalogueEntry, ...]
    note: str = ""


@runtime_checkable
class Catalogues(Protocol):
    """An open registry that lists what a provider offers."""

    # InputError, with the known ones, where the registry knows no provider of that name
    async def catalogue(self, provider: str) -> Catalogue: ...


@runtime_checkable
class Normalizes(Protocol):
    """A driver that knows several spellings of one object: names may lead to one place in two ways (`name`, `workspace/name`)."""

    # `spec` of that kind with one way for both; pure
    def normalize(self, settings: Any, kind: str, spec: Mapping[str, Any]) -> Mapping[str, Any]: ...


@runtime_checkable
class HasContainer(Protocol):
    """A driver whose objects are all in one that must be there first (a workspace)."""

    # its kind and key
    def container(self, settings: Any) -> tuple[str, str]: ...


@runtime_checkable
class HasDefaultOwner(Protocol):
    """A driver that names the owner where the configuration names none; None is as good as having no such attribute."""

    default_owner: str | None


def capable(registries: Mapping[str, Registry], facts: Mapping[str, RegistryFacts]) -> dict[str, RegistryFacts]:
    """The facts of these open registries, with what each can do."""
    return {name: replace(facts[name], renames=isinstance(registry, Renames)) for name, registry in registries.items()}
