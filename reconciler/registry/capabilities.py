"""The optional part of a driver: what it can do beyond `protocol`, each capability by the method that does it.

Nothing is declared: a registry or driver that has the method has the capability. So each is one truth, and none can be claimed without being there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

from reconciler.core.resource import Address, Mark, RegistryFacts, Resource, Unreadable
from reconciler.core.secret import Resolver
from reconciler.registry.protocol import Driver, Native, Registry, Write


@runtime_checkable
class Renames(Protocol):
    """An open registry that gives an object another key without deleting it."""

    async def rename(self, write: Write) -> Resource | None: ...


class Revision(NamedTuple):
    """One entry of an object's history, as the registry keeps it. `at` is ISO 8601 in UTC; `plan` the fingerprint of the plan that wrote it.

    `id` is the object's own, which stays through renames: a key may have been that of several objects, one after the other. `unreadable` says in
    words why `spec` is empty though the object was not.
    """

    revision: str
    action: str
    key: str
    at: str
    actor: str
    plan: str
    spec: Mapping[str, Any]
    mark: Mark | None = None
    id: str = ""
    unreadable: str = ""

    @property
    def owner(self) -> str | None:
        return self.mark.owner if self.mark is not None else None


@runtime_checkable
class KeepsHistory(Protocol):
    """An open registry that tells an object's past, newest first; empty where the object was never there."""

    async def history(self, address: Address) -> tuple[Revision, ...]: ...


class PlanRecord(NamedTuple):
    """That a saved plan was applied: when it was begun, when it ended (None: it did not), and by whom. Times are ISO 8601 in UTC."""

    begun: str
    ended: str | None = None
    actor: str = ""


@runtime_checkable
class RecordsPlans(Protocol):
    """An open registry that knows the saved plans that were applied here, so that none is applied twice."""

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
    """An open registry that tests an object."""

    # `given` is the input, plain JSON data, or None for a default one; InputError where the object needs one of its own.
    # What the model or its endpoint does wrong is a failed Check; RegistryError is for what the registry does wrong
    async def test(self, resource: Resource, given: Any) -> TestResult: ...


@runtime_checkable
class FindsExternal(Protocol):
    """An open registry that looks up what manifests name and none can declare (`ExternalRef`): a fileset of its platform."""

    # those of `named` that are not there. What cannot be told, since nobody answers for them or they may not be seen, is left
    # out: whoever writes hears of it
    async def missing(self, named: frozenset[Address]) -> frozenset[Address]: ...


@runtime_checkable
class RevealsHidden(Protocol):
    """An open registry whose list leaves out what the user may not see, or what is of another kind under the same names."""

    # of `named`, none of which was in the list, those keys that are taken all the same, each with why
    async def hidden(self, named: frozenset[Address]) -> tuple[Unreadable, ...]: ...


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
    """A driver whose registry has I/O adapters."""

    adapters: AdapterForm


class ModelFacts(NamedTuple):
    """Facts of a model in a document, in the portable Model's terms. None is what it does not say.

    `url` is the address of its endpoint; `task` and `format` are as in a Model. `tags` and `labels` are handed on as the object has them:
    what is no list of texts, or no map of them, is left out by whoever reads them.
    """

    name: str | None = None
    provider: str | None = None
    model: str | None = None
    task: str | None = None
    format: str | None = None
    url: str | None = None
    max_answer_tokens: int | None = None
    context_length: int | None = None
    tags: Any = None
    labels: Any = None


@runtime_checkable
class DescribesModels(Protocol):
    """A driver that tells what its native objects say of models."""

    # of any of the driver's kinds; pure
    def describe(self, kind: str, key: str, spec: Mapping[str, Any]) -> ModelFacts: ...


class CatalogueEntry(NamedTuple):
    """A provider's model that a registry could hold: its name at the provider, the key it would get, and what a manifest would say."""

    model: str
    key: str
    title: str
    spec: Mapping[str, Any]  # fields of the portable Model


class Catalogue(NamedTuple):
    """A provider's catalogue. `note` says what is missing from it, or in the way of using it.

    `credentials` is the native object that would give the registry the provider's credentials, each secret in it as PRESENT; None where it
    has them, or needs none.
    """

    provider: str
    offers: tuple[CatalogueEntry, ...]
    note: str = ""
    credentials: Native | None = None


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
class Configurable(Protocol):
    """A driver whose kinds depend on what entries in reconciler.yaml say."""

    # the driver as these entries have it, each by its checked settings; pure
    def configured(self, settings: Sequence[Any]) -> Driver: ...


@runtime_checkable
class NamesProviders(Protocol):
    """A driver whose registry has providers that no other has."""

    providers: frozenset[str]


@runtime_checkable
class NamesFiles(Protocol):
    """A driver whose objects name files that others read: `validate` warns of those that are not there."""

    # the pointers of their names in an object's spec, each with the file; pure
    def files(self, settings: Any, resolver: Resolver, spec: Mapping[str, Any]) -> Iterable[tuple[str, Path]]: ...

    # the members of a spec that the settings say for every object
    def shared(self, settings: Any) -> Mapping[str, Any]: ...


@runtime_checkable
class KeepsFile(Protocol):
    """A driver whose registry is one file on this machine."""

    # the absolute path of the file; pure
    def file(self, settings: Any, resolver: Resolver) -> Path: ...


@runtime_checkable
class KeepsFolder(Protocol):
    """A driver whose registry is a folder of YAML or JSON files: it must lie apart from the manifests."""

    # the absolute path of the folder; pure
    def folder(self, settings: Any, resolver: Resolver) -> Path: ...


@runtime_checkable
class HasDefaultOwner(Protocol):
    """A driver that names the owner where the configuration names none; None is as good as having no such attribute."""

    default_owner: str | None


def capable(registries: Mapping[str, Registry], facts: Mapping[str, RegistryFacts]) -> dict[str, RegistryFacts]:
    """The facts of these open registries, with what each can do."""
    return {name: replace(facts[name], renames=isinstance(registry, Renames)) for name, registry in registries.items()}
