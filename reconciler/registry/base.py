"""What a driver is. It translates and never decides.

A driver has two halves. `Driver` is the offline half: the kinds it knows with their field rules, and how a portable
Model becomes native objects; `validate` uses no more than that, so its module imports nothing that speaks to a registry. `Registry` is the open connection.
Both grow by the frozen values passed (`Write`, `Removal`), never by new parameters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

from pydantic import BaseModel

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
    `changed` are the pointers of the fields that differ. `plan` and `actor` are for the registry's own history.
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
    """One delete, of `current` as read just before: an object that moved since must not be deleted (StaleObjectError)."""

    current: Resource
    plan: str = ""
    actor: str = ""


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


@runtime_checkable
class Renames(Protocol):
    """The optional capability to give an object another key without deleting it."""

    async def rename(self, write: Write) -> Resource | None: ...


@runtime_checkable
class KeepsHistory(Protocol):
    """The optional capability to tell an object's past, newest first; empty where the object was never there."""

    async def history(self, address: Address) -> tuple[Revision, ...]: ...


class PlanRecord(NamedTuple):
    """That a saved plan was applied: when it was begun, when it ended (None: it did not), and by whom. Times are ISO 8601 in UTC."""

    begun: str
    ended: str | None = None
    actor: str = ""


@runtime_checkable
class RecordsPlans(Protocol):
    """The optional capability to know the saved plans that were applied here, so that none is applied twice."""

    # the record of the plan of that number, or None
    async def plan_record(self, nonce: str) -> PlanRecord | None: ...

    # records that it begins; where it is recorded already, nothing is written and that record returned. One of two who call
    # this at once gets None
    async def begin_plan(self, nonce: str, fingerprint: str, actor: str) -> PlanRecord | None: ...

    # records that it came to its end
    async def end_plan(self, nonce: str) -> None: ...


class Check(NamedTuple):
    """One step of a test and how it ended. `duration` is in seconds; `message` is for people and holds no secret.

    `degraded` marks what passed though the model cannot do all that it might, or that its manifest says: it does not stream, or refuses a parameter.
    """

    name: str
    ok: bool
    message: str
    duration: float
    degraded: bool = False

    @property
    def state(self) -> str:
        """`ok`, `failed` or `degraded`."""
        return "failed" if not self.ok else "degraded" if self.degraded else "ok"


class Step(NamedTuple):
    """Output of one step of a test, as text: a transformed input, an answer with its status, a transformed output. `template` is the source that made it."""

    name: str
    text: str
    template: str | None = None
    status: int | None = None


@dataclass(frozen=True, slots=True)
class TestResult:
    """Result of a test: its checks, and all that was learnt on the way. No secret is in it.

    `output` is what the model answered, plain data. `capabilities` say of a parameter `accepted`, `ignored`, `refused` or `unknown`. `figures` are
    latency_ms, tokens_per_second and time_to_first_token_ms, as far as they are known.
    """

    __test__: ClassVar[bool] = False  # pytest takes it for no class of tests

    checks: tuple[Check, ...]
    output: Any = None
    steps: tuple[Step, ...] = ()
    capabilities: Mapping[str, str] = field(default_factory=dict)
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return all(check.ok for check in self.checks)

    @property
    def state(self) -> str:
        """The worst state of a check."""
        states = {check.state for check in self.checks}
        return next((state for state in ("failed", "degraded") if state in states), "ok")

    @property
    def trouble(self) -> str:
        """`check: message` of the first check of the worst state, or nothing where all is well."""
        worst = self.state
        found = (f"{check.name}: {check.message}" for check in self.checks if check.state == worst)
        return next(found, "") if worst != "ok" else ""


@runtime_checkable
class RunsTests(Protocol):
    """The optional capability to have an object tested by the registry."""

    # `given` is the input, plain JSON data, or None for a default one; InputError where the object needs one of its own.
    # What the model or its endpoint does wrong is a failed Check; RegistryError is for what the registry does wrong
    async def test(self, resource: Resource, given: Any) -> TestResult: ...


class AdapterForm(NamedTuple):
    """Form of the I/O adapters of a driver's registry: templates between the standard form and an endpoint's own.

    `kind` is the native kind that holds them; `templates` takes the one for the request and the one for the answer out of its spec. The keys of those that come
    with the platform begin with `builtin`; the one called `identity` changes nothing. `platform` is the platform's name for people.
    """

    kind: str
    templates: Callable[[Mapping[str, Any]], tuple[str, str]]
    builtin: str
    identity: str
    platform: str


@runtime_checkable
class HasAdapters(Protocol):
    """The optional capability of a driver whose registry has I/O adapters."""

    adapters: AdapterForm


class ModelFacts(NamedTuple):
    """Facts of a model in a document, in the portable Model's terms. None is what it does not say.

    `url` is the address of its endpoint; `task` and `format` are as in a Model.
    """

    name: str | None = None
    provider: str | None = None
    model: str | None = None
    task: str | None = None
    format: str | None = None
    url: str | None = None
    max_answer_tokens: int | None = None
    context_length: int | None = None


@runtime_checkable
class DescribesModels(Protocol):
    """The optional capability of a driver to tell what its native objects say of models."""

    # of any of the driver's kinds; pure
    def describe(self, kind: str, key: str, spec: Mapping[str, Any]) -> ModelFacts: ...


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
    """The optional capability to tell what a provider offers."""

    # InputError, with the known ones, where the registry knows no provider of that name
    async def catalogue(self, provider: str) -> Catalogue: ...


@runtime_checkable
class Normalizes(Protocol):
    """The optional capability of a driver whose names may lead to the registry's own place in two ways (`name`, `workspace/name`)."""

    # `spec` of that kind with one way for both; pure
    def normalize(self, settings: Any, kind: str, spec: Mapping[str, Any]) -> Mapping[str, Any]: ...


@runtime_checkable
class HasContainer(Protocol):
    """The optional capability of a driver whose objects are all in one that must be there first (a workspace)."""

    # its kind and key
    def container(self, settings: Any) -> tuple[str, str]: ...


@runtime_checkable
class KeepsFolder(Protocol):
    """The optional capability of a driver whose registry is a folder of YAML or JSON files: it must lie apart from the manifests."""

    # the absolute path of the folder; pure
    def folder(self, settings: Any, resolver: Resolver) -> Path: ...


class Driver(Protocol):
    """The offline half of a driver. Importing its module must be cheap: no HTTP, no database."""

    name: str
    kinds: Mapping[str, Kind]
    settings: type[BaseModel]  # what an entry in reconciler.yaml may say, beside `driver`, `default` and `owns`
    default_owner: str | None  # the owner where the configuration names none
    renames: bool  # the open registry is a `Renames`

    # where the entry leads: canonical, without credentials; two entries with one location are an error. A reference in it is
    # resolved where it has a value, and stays as it is where it has none: `validate` needs no environment
    def location(self, settings: Any, resolver: Resolver) -> str: ...

    # pure: the same model gives the same objects
    def compile(self, model: Model, key: str) -> Compiled: ...

    # opens the registry; the addresses of all it returns begin with `opening.name`
    def connect(self, settings: Any, opening: Opening) -> AbstractAsyncContextManager[Registry]: ...
