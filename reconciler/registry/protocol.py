"""The required part of a driver: the protocols `Driver` and `Registry`, and the frozen values that they pass.

A driver translates and never decides. It has two halves. `Driver` is the offline half: the kinds it knows with their field rules, and how a
portable Model becomes native objects; `validate` uses no more than that, so its module imports nothing that speaks to a registry. `Registry`
is the open connection. Both grow by the frozen values passed (`Write`, `Removal`), never by new parameters. What a driver may offer beyond
that is in `capabilities`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from reconciler.core.kind import Kind
from reconciler.core.model import Model
from reconciler.core.resource import Address, Listing, Resource
from reconciler.core.secret import Resolver, Secret
from reconciler.core.unmanaged import combined


@dataclass(frozen=True, slots=True)
class Native:
    """A native object compiled from a portable Model. `origins` maps native pointers to the manifest's, for messages."""

    kind: str
    key: str
    spec: Mapping[str, Any]
    origins: Mapping[str, str] = field(default_factory=dict)


class Inexpressible(NamedTuple):
    """A portable field that a registry cannot hold. `fatal` ones are errors: leaving them out would change what the model does."""

    pointer: str
    message: str
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class Compiled:
    """`model` is the model itself; `derived` are what stands beside it, in the order in which they must exist."""

    model: Native
    derived: tuple[Native, ...] = ()
    inexpressible: tuple[Inexpressible, ...] = ()


@dataclass(frozen=True, slots=True)
class Write:
    """One create, update or rename.

    `desired` is what to store: address, spec with references in the place of secrets, unmanaged members, and the mark; `whole` is all of
    it in one, which a write that replaces the object must send. `current` is the object as read
    just before (None for a create; under its old address for a rename). `secrets` maps the pointers of secrets to their values.
    `changed` are the pointers of the fields that differ, as the plan shows them: of a map that an update merges (`Kind.merge_depth`) those of its
    members, though the whole map came or went. `plan` and `actor` are for the registry's own history.
    """

    desired: Resource
    current: Resource | None = None
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    changed: tuple[str, ...] = ()
    plan: str = ""
    actor: str = ""

    @property
    def whole(self) -> dict[str, Any]:
        """All that is to be stored: the spec and, beside it, the unmanaged members as they were read. What a write that replaces sends."""
        sent: dict[str, Any] = dict(combined(self.desired.spec, self.desired.unmanaged))
        return sent


class Removal(NamedTuple):
    """One delete, of `current` as read just before: an object that moved since must not be deleted (StaleObjectError).

    With `recreates` the object is created again right after, under the same key: what refers to it stays, and is to refer to the new one.
    """

    current: Resource
    plan: str = ""
    actor: str = ""
    recreates: bool = False


class Opening(NamedTuple):
    """What a driver needs to open a registry, beside its settings: the name that addresses bear, and the resolver of references.

    Relative paths in the settings are relative to `resolver.root`, the project root. `concurrency` bounds the requests at one time,
    instead of what the settings say.
    """

    name: str
    resolver: Resolver
    concurrency: int | None = None


class Registry(Protocol):
    """An open registry. Every method raises RegistryError, and nothing else, for what the registry does wrong."""

    # every object of the driver's kinds, completely, or an error: half a listing would make the rest look deleted
    async def read(self) -> Listing: ...

    # one object as it is now, or None where there is none; PermanentError where it cannot be understood, or several objects
    # bear the key: whoever looks up a key before or after a write must never take one of two for the only one
    async def get(self, address: Address) -> Resource | None: ...

    # what the registry stored, where its reply is the full stored object; None where the reply does not tell
    async def create(self, write: Write) -> Resource | None: ...

    # the same; StaleObjectError where the object is no longer `write.current` and the registry can tell
    async def update(self, write: Write) -> Resource | None: ...

    # already gone is success
    async def delete(self, removal: Removal) -> None: ...


class Driver(Protocol):
    """The offline half of a driver. Importing its module must be cheap: no HTTP, no database."""

    name: str
    kinds: Mapping[str, Kind]
    settings: type[Any]  # what an entry in reconciler.yaml may say, beside `driver`, `default` and `owns`

    # where the entry leads: canonical, without credentials; two entries with one location are an error. A reference in it is
    # resolved where it has a value, and stays as it is where it has none: `validate` needs no environment
    def location(self, settings: Any, resolver: Resolver) -> str: ...

    # pure: the same model gives the same objects
    def compile(self, model: Model, key: str) -> Compiled: ...

    # opens the registry; the addresses of all it returns begin with `opening.name`
    def connect(self, settings: Any, opening: Opening) -> AbstractAsyncContextManager[Registry]: ...
