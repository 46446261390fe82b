"""A driver whose registry is in memory, and whose kinds need every rule that a field can have.

It shows what a driver looks like, it is loaded through the entry point group as an installed one would be, and it proves the
engine against every misbehaviour of `memory_server`. `memory` has no rename of its own and compares nothing on a write; `memory-exact` has and does.
"""

from __future__ import annotations

import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field
from registry.memory_server import Data, Server

from reconciler.core import pointer as pointers
from reconciler.core.errors import InputError, PermanentError
from reconciler.core.kind import Kind
from reconciler.core.model import Model as PortableModel
from reconciler.core.resource import Address, Listing, Mark, Resource, Unreadable
from reconciler.core.rules import (
    CannotClear,
    Constraint,
    Immutable,
    Node,
    Normalized,
    Ref,
    ServerDefault,
    ServerOwned,
    Unordered,
    WriteOnly,
)
from reconciler.core.schema.types import SecretText
from reconciler.core.secret import Resolver
from reconciler.core.spec import PRESENT, hide_secrets, secrets_in
from reconciler.core.unmanaged import revealed
from reconciler.registry.capabilities import Catalogue, CatalogueEntry, Check, TestResult
from reconciler.registry.protocol import Compiled, Driver, Inexpressible, Native, Opening, Registry, Removal, Write

SERVERS: Final[dict[str, Server]] = {}
_LINES: Final = logging.getLogger("reconciler.http.memory")  # what the HTTP client would say
_NOISE: Final = logging.getLogger("memory")  # what a library would


def server(url: str) -> Server:
    """The server at that address; it is there as soon as somebody asks."""
    return SERVERS.setdefault(url, Server())


def with_slash(url: Any) -> Any:
    return url.rstrip("/") + "/" if isinstance(url, str) else url


def _short(text: Any) -> str | None:
    return f"must have at most 20 characters, and has {len(text)}" if len(text) > 20 else None


class Settings(BaseModel):
    """What an entry in reconciler.yaml may say."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    url: str = Field(pattern=r"^memory://[a-z0-9-]+$", description="Where the registry is.", examples=["memory://one"])
    token: Annotated[SecretText | None, WriteOnly()] = Field(
        None, description="The credential.", examples=["${env:TOKEN}"]
    )


class _Native(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Limits(_Native):
    """What callers may ask of the model."""

    rate: int | None = Field(None, description="Requests per minute.", examples=[60])
    burst: Annotated[int | None, ServerDefault("10 where nobody says")] = Field(
        None, description="Requests at once.", examples=[5]
    )


class Model(_Native):
    """A model."""

    display_name: str | None = Field(None, description="The name that people see.", examples=["Chat"])
    description: Annotated[str | None, Constraint(_short, "longer ones are cut")] = Field(
        None, description="What it is for.", examples=["Chat."]
    )
    served: str | None = Field(None, description="The model's name at its provider.", examples=["m"])
    provider: Annotated[str | None, Ref("Provider")] = Field(None, description="Its provider.", examples=["p"])
    adapter: Annotated[str | None, Ref("Adapter")] = Field(None, description="Its adapter.", examples=["a"])
    temperature: float | None = Field(None, description="Sampling temperature.", examples=[0.2])
    tags: Annotated[list[str] | None, Unordered("the server sorts them")] = Field(
        None, description="Words to find it by.", examples=[["a"]]
    )
    project: Annotated[str | None, Immutable("set on create")] = Field(
        None, description="Its project.", examples=["cx"]
    )
    finetuning: Annotated[str | None, CannotClear("the server keeps the last value")] = Field(
        None, description="How it was tuned.", examples=["lora"]
    )
    visibility: Annotated[str | None, ServerDefault("private where nobody says")] = Field(
        None, description="Who sees it.", examples=["public"]
    )
    limits: Limits | None = Field(None, description="What callers may ask.")
    metadata: dict[str, Any] | None = Field(None, description="Anything.", examples=[{"a": 1}])
    status: Annotated[str | None, ServerOwned("set by the server")] = Field(
        None, description="Its state.", examples=["ready"]
    )


class Provider(_Native):
    """Where models come from."""

    url: Annotated[str, Normalized(with_slash, "the server appends a slash")] = Field(
        description="Its address.", examples=["https://llm.example.com"]
    )
    region: Annotated[str | None, Immutable("set on create")] = Field(None, description="Where it is.", examples=["eu"])
    secret: Annotated[str | None, Ref("Secret")] = Field(None, description="Its secret.", examples=["s"])
    password: Annotated[SecretText | None, WriteOnly("a secret", keeps="presence")] = Field(
        None, description="Its password.", examples=["${env:PASSWORD}"]
    )
    headers: (
        dict[str, Annotated[str, WriteOnly("a secret where it is a reference", keeps="presence", only_references=True)]]
        | None
    ) = Field(None, description="Headers.", examples=[{"X-Tenant": "acme"}])
    timeout: Annotated[int | None, ServerDefault("30 where nobody says")] = Field(
        None, description="Seconds.", examples=[10]
    )
    status: Annotated[str | None, ServerOwned("set by the server")] = Field(
        None, description="Its state.", examples=["ready"]
    )


class SecretValue(_Native):
    """A secret. The registry has no room for a mark beside it."""

    value: Annotated[SecretText, WriteOnly("a secret")] = Field(description="The secret.", examples=["${env:KEY}"])


class Adapter(_Native):
    """An adapter. Several may have one name."""

    code: str = Field(description="Its source.", examples=["x = 1"])


class Workspace(_Native):
    """A workspace, which stays for ever."""

    title: str | None = Field(None, description="Its title.", examples=["Support"])


class Note(_Native):
    """A model-like object without room for a mark."""

    text: str | None = Field(None, description="What it says.", examples=["hello"])


def _check_key(key: str) -> str | None:
    return None if re.fullmatch(r"[A-Za-z0-9._-]{1,60}", key) else "must be 1 to 60 letters, digits, '.', '_' or '-'"


def _kinds(*, exact: bool) -> dict[str, Kind]:
    """The kinds; `exact` ones have a revision that moves with writes alone."""
    models: dict[str, tuple[type[BaseModel], dict[str, bool]]] = {
        "Model": (Model, {}),
        "Provider": (Provider, {"counts_in_guards": False}),
        "Secret": (SecretValue, {"counts_in_guards": False, "markable": False}),
        "Adapter": (Adapter, {"counts_in_guards": False, "unique": False}),
        "Workspace": (Workspace, {"counts_in_guards": False, "deletable": False}),
        "Note": (Note, {"markable": False}),
    }
    return {
        name: Kind(model, f"A {name}.", name=name, check_key=_check_key, revision_is_etag=exact, **traits)
        for name, (model, traits) in models.items()
    }


@dataclass(eq=False)  # the protocol's members are variables
class MemoryDriver:
    """The offline half."""

    name: str
    kinds: Mapping[str, Kind]
    renaming: bool  # its registry has a rename
    settings: type[BaseModel] = Settings

    def location(self, settings: Settings, resolver: Resolver) -> str:
        return settings.url

    def compile(self, model: PortableModel, key: str) -> Compiled:
        """A model behind an endpoint becomes a secret, a provider and a model."""
        spec: Data = {
            "display_name": model.display_name,
            "description": model.description,
            "tags": model.tags,
            "metadata": model.metadata,
        }
        derived: list[Native] = []
        cannot = [Inexpressible("/labels", "labels")] if model.labels else []
        if model.task not in (None, "chat_completion"):
            cannot.append(Inexpressible("/task", f"a task other than chat_completion: {model.task}", fatal=True))
        if model.endpoint is not None:
            provider: Data = {"url": model.endpoint.url}
            if model.endpoint.api_key is not None:
                derived.append(Native("Secret", f"reconciler-{key}-api-key", {"value": model.endpoint.api_key}))
                provider["secret"] = f"reconciler-{key}-api-key"
            if model.endpoint.headers:
                provider["headers"] = dict(model.endpoint.headers)
            derived.append(Native("Provider", f"reconciler-{key}", provider))
            spec |= {"provider": f"reconciler-{key}", "served": model.endpoint.model, "adapter": model.endpoint.adapter}
        if model.provider is not None:
            spec |= {"provider": model.provider.name, "served": model.provider.model}
        if model.parameters is not None:
            spec["temperature"] = model.parameters.temperature
        if model.limits is not None:
            spec["limits"] = {"rate": model.limits.requests_per_minute}
        kept = {name: value for name, value in spec.items() if value is not None}
        return Compiled(
            Native("Model", key, kept, {f"/{name}": f"/{name}" for name in kept}), tuple(derived), tuple(cannot)
        )

    def connect(self, settings: Settings, opening: Opening) -> AbstractAsyncContextManager[Registry]:
        return _connect(settings, opening, self)


@asynccontextmanager
async def _connect(settings: Settings, opening: Opening, driver: MemoryDriver) -> AsyncIterator[Registry]:
    if settings.token is not None:
        opening.resolver.resolve(settings.token)
    yield (RenamingMemory if driver.renaming else Memory)(server(settings.url), driver, opening.name)


@dataclass(frozen=True)
class Memory:
    """The open registry."""

    place: Server
    driver: MemoryDriver
    name: str

    async def read(self) -> Listing:
        _LINES.debug("GET %s", self.name)
        _NOISE.debug("somebody else's line")
        found = [self._understood(answer) for answer in self.place.everything()]
        resources = tuple(item for item in found if isinstance(item, Resource))
        return Listing(resources, tuple(item for item in found if isinstance(item, Unreadable)))

    async def get(self, address: Address) -> Resource | None:
        found = [self._understood(answer) for answer in self.place.find(address.kind, address.key)]
        if not found:
            return None
        if len(found) > 1:
            raise PermanentError(f"there are {len(found)} of {address}")
        if isinstance(found[0], Unreadable):
            raise PermanentError(f"{address} cannot be read: {found[0].message}")
        return found[0]

    async def create(self, write: Write) -> Resource | None:
        address = write.desired.address
        return self._reply(self.place.create(address.kind, address.key, self._data(write), self._mark(write)))

    async def update(self, write: Write) -> Resource | None:
        current, address = write.current, write.desired.address
        if current is None or current.id is None:
            raise ValueError(f"an update of {address} without the object as it was read")
        revision = int(current.revision or 0) if self.driver.kinds[address.kind].revision_is_etag else None
        return self._reply(
            self.place.update(int(current.id), address.key, self._data(write), self._mark(write), revision)
        )

    async def delete(self, removal: Removal) -> None:
        current = removal.current
        exact = self.driver.kinds[current.address.kind].revision_is_etag
        self.place.delete(int(current.id or 0), int(current.revision or 0) if exact else None)

    async def test(self, resource: Resource, given: Any) -> TestResult:
        _LINES.debug("POST %s/test", resource.address)
        if resource.address.kind != "Model" and given is None:
            raise InputError(f"{resource.address} needs an input of its own", hint="--input FILE")
        question = {"messages": [{"role": "user", "content": "Hello!"}]} if given is None else given
        answer = self.place.try_out(resource.address.kind, resource.address.key, question)
        steps = answer["steps"]
        return TestResult(
            tuple(Check(name, not wrong, wrong or "", time) for name, wrong, time in steps), answer["answer"]
        )

    async def catalogue(self, provider: str) -> Catalogue:
        found = self.place.catalogue(provider)
        if found is None:
            known = ", ".join(sorted(self.place.catalogues))
            raise InputError(f"{self.name} knows no provider {provider!r}", hint=f"there is: {known}")
        credentials = Native("Secret", provider, self.place.credentials) if self.place.credentials else None
        return Catalogue(provider, tuple(_offer(provider, model) for model in found), self.place.notice, credentials)

    # --- translation -----------------------------------------------------------------------------------------

    def _reply(self, answer: Data) -> Resource | None:
        understood = self._understood(answer)
        return understood if self.place.behaviour.replies and isinstance(understood, Resource) else None

    def _mark(self, write: Write) -> Data | None:
        mark = write.desired.mark
        if mark is not None and not self.driver.kinds[write.desired.address.kind].markable:
            raise AssertionError("a mark for a kind that has no room for one")
        return mark.to_json() if mark is not None else None

    def _data(self, write: Write) -> Data:
        """The spec as the server takes it: without what it owns, with the values of secrets; a secret that is to stay stays."""
        kind = self.driver.kinds[write.desired.address.kind]
        data: Data = _sent(revealed(write.whole), kind.root)
        stored = (
            self.place.rows.get(int(write.current.id))
            if write.current is not None and write.current.id is not None
            else None
        )
        if stored is not None:  # what is never read back is kept where nothing else is sent
            unreadable_secrets = {
                name: value for name, value in stored.data.items() if _silent(kind.root.child(name) or kind.root)
            }
            data = unreadable_secrets | data
        for place, value in list(secrets_in(write.desired.spec, kind.root)):
            if place in write.secrets:
                data = pointers.put(data, place, {"secret": write.secrets[place].reveal()})
            elif value == PRESENT and stored is not None:
                data = pointers.put(data, place, pointers.get(stored.data, place))
            else:
                raise PermanentError(f"{write.desired.address} {place}: there is no value to send")
        return data

    def _understood(self, answer: Data) -> Resource | Unreadable:
        if "key" not in answer:
            return Unreadable("a row without a key")
        name, key, data = answer["kind"], answer["key"], answer["data"]
        if "garbage" in data:
            return Unreadable("a row that makes no sense", name, key)
        address = Address(self.name, name, key)
        root = self.driver.kinds[name].root
        spec = hide_secrets(_known(data, root), root)
        mark = Mark.from_json(answer["mark"]) if answer["mark"] is not None else None
        return Resource(address, spec, mark, str(answer["revision"]), str(answer["id"]), parent=_parent(address))


class RenamingMemory(Memory):
    """One that can give an object another key."""

    async def rename(self, write: Write) -> Resource | None:
        return await self.update(write)


def _offer(provider: str, model: Data) -> CatalogueEntry:
    spec = {"display_name": model["title"], "description": model.get("about")}
    spec |= {
        "provider": {"name": provider, "model": model["name"]},
        "limits": model.get("limits"),
        "tags": model.get("tags"),
    }
    key = model.get("key") or f"{provider}.{model['name'].rpartition('/')[2]}"
    return CatalogueEntry(model["name"], key, model["title"], spec)


def _sent(value: Any, node: Node) -> Any:
    """Without what the server owns, and without nulls that mean nothing."""
    if not isinstance(value, Mapping) or not node.declared:
        return value
    below = {name: node.child(name) or node for name in value}
    return {name: _sent(item, below[name]) for name, item in value.items() if below[name].rule(ServerOwned) is None}


def _known(value: Any, node: Node) -> Any:
    """All fields, also those that nobody declares, which are the engine's to set apart; of secrets, only that they are there, or not even that."""
    if isinstance(value, Mapping) and set(value) == {"secret"}:
        return PRESENT
    if not isinstance(value, Mapping) or not (node.declared or node.each):
        return value
    return {
        name: item if (below := node.child(name)) is None else _known(item, below)
        for name, item in value.items()
        if (below := node.child(name)) is None or not _silent(below)
    }


def _silent(node: Node) -> bool:
    rule = node.rule(WriteOnly)
    return rule is not None and rule.keeps == "nothing"


def _parent(address: Address) -> Address | None:
    """The model that a derived resource belongs to, by its name."""
    match = re.fullmatch(
        {"Provider": r"reconciler-(.+)", "Secret": r"reconciler-(.+)-api-key"}.get(address.kind, r"$."), address.key
    )
    return address._replace(kind="Model", key=match[1]) if match is not None else None


DRIVER: Final[Driver] = MemoryDriver("memory", _kinds(exact=False), renaming=False)
EXACT: Final[Driver] = MemoryDriver("memory-exact", _kinds(exact=True), renaming=True)
