"""A project in memory with open registries, for tests of drivers: it is planned and applied through the functions that the commands use.

async with World.of(one={"driver": "toy", "url": server.url}) as world:
    await world.apply(model("chat"))
    plan = await world.plan(model("chat"))
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar, Final, Self

from pydantic import ValidationError

from reconciler.applier.apply import apply
from reconciler.applier.options import Backup, Options
from reconciler.applier.report import Report
from reconciler.core.fingerprint import known_fingerprints
from reconciler.core.model import Model
from reconciler.core.resource import DesiredState, RegistryFacts, RemoteState, Resource, Source
from reconciler.core.secret import Resolver, Secret
from reconciler.manifest.compile import compile_manifests
from reconciler.manifest.manifests import Manifest
from reconciler.manifest.native import check_native
from reconciler.planner.guards import Limits
from reconciler.planner.plan import Change, Consents, Plan
from reconciler.planner.planner import Policy, make_plan
from reconciler.project.config import Project
from reconciler.project.registries import load_registries, native_kinds
from reconciler.registry.connecting import open_registry
from reconciler.registry.entry import RegistryEntry
from reconciler.registry.protocol import Opening, Registry
from reconciler.registry.reading import read_all, with_hidden

Document = dict[str, Any]
ENVIRON: Final = {"KEY": "s3cret-key", "TOKEN": "s3cret-token"}


def model(key: str, **fields: Any) -> Document:
    """A portable Model behind an endpoint without secrets, unless `fields` say otherwise; None leaves a field out."""
    document = {"kind": "Model", "key": key, "endpoint": {"url": "https://llm.example.com/v1", "model": "m"}} | fields
    return {name: value for name, value in document.items() if value is not None}


def project(root: Path, registries: Mapping[str, Mapping[str, Any]], owner: str | None) -> Project:
    return Project(root, None, None, owner, ("manifests",), {}, None, registries)


@dataclass
class World:
    """Registries of one owner. `environ` holds the values of `${env:…}`; `fingerprint_key` is None for no fingerprints.

    `removed` is what runs removed, as their backup saw it.
    """

    root: Path
    entries: Mapping[str, RegistryEntry]
    registries: Mapping[str, Registry]
    environ: dict[str, str] = field(default_factory=lambda: dict(ENVIRON))
    fingerprint_key: Secret | None = None
    limits: Limits = field(default_factory=Limits)
    removed: list[Resource] = field(default_factory=list)

    DEFAULT: ClassVar[Mapping[str, Mapping[str, Any]]] = {}

    @classmethod
    @asynccontextmanager
    async def of(
        cls, owner: str | None = "us", /, *, root: Path | None = None, **registries: Mapping[str, Any]
    ) -> AsyncIterator[Self]:
        """A world of these registries, each with its entry in reconciler.yaml; it is opened, and closed again."""
        with tempfile.TemporaryDirectory() as folder:
            entries = {name: cls.entry(name, entry) for name, entry in (registries or cls.DEFAULT).items()}
            found = load_registries(project(root or Path(folder), entries, owner), Resolver(root or Path(folder)))
            async with AsyncExitStack() as stack:
                opened = {}
                for name, entry in found.items():
                    opening = Opening(name, Resolver(root or Path(folder), ENVIRON))
                    opened[name] = await stack.enter_async_context(open_registry(entry, opening))
                yield cls(root or Path(folder), found, opened)

    @classmethod
    def entry(cls, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """An entry in reconciler.yaml. Every registry of the world is one that a Model goes to."""
        return {"default": True, **given}

    @property
    def facts(self) -> dict[str, RegistryFacts]:
        return {name: entry.facts for name, entry in self.entries.items()}

    def as_owner(self, owner: str | None) -> Self:
        """The same registries as another owner sees them."""
        entries = {
            name: replace(entry, facts=replace(entry.facts, owner=owner)) for name, entry in self.entries.items()
        }
        return replace(self, entries=entries)

    # --- the four steps --------------------------------------------------------------------------------------

    def desired(self, *documents: Document, complete: bool = True) -> DesiredState:
        """Compiled by the public function. Fails the test where a document is wrong."""
        kinds = native_kinds(self.entries)
        manifests = [_manifest(document, line, kinds) for line, document in enumerate(documents, 1)]
        compiled = compile_manifests(manifests, self.entries)
        wrong = [finding for _, finding in compiled.findings if finding.severity == "error"]
        if wrong:
            raise AssertionError(wrong)
        return replace(compiled.state, complete=complete)

    async def remote(self) -> RemoteState:
        return await read_all(self.registries, self.facts)

    def policy(self, desired: DesiredState, **how: Any) -> Policy:
        named = how.pop("named", frozenset())
        return Policy(
            Consents(**how),
            self.limits,
            fingerprints=known_fingerprints(desired, self.fingerprint_key, Resolver(self.root, self.environ)),
            named=named,
        )

    async def plan(self, *documents: Document, complete: bool = True, **how: Any) -> Plan:
        """`how` are consents (`prune=True`)."""
        desired = self.desired(*documents, complete=complete)
        return make_plan(
            desired, await with_hidden(await self.remote(), self.registries, desired), self.policy(desired, **how)
        )

    def options(self, **how: Any) -> Options:
        settings = {
            "resolver": Resolver(self.root, self.environ),
            "fingerprint_key": self.fingerprint_key,
            "backup": self.back_up,
            "limits": self.limits,
            "settle": 0.3,
        } | how
        return Options(**settings)

    def back_up(self, resources: tuple[Resource, ...]) -> str:
        """Keeps what is removed in `removed`."""
        self.removed.extend(resources)
        return "removed"

    async def carry_out(self, plan: Plan, **how: Any) -> Report:
        """`how` are options of apply (`settle=1`)."""
        return await apply(plan, self.registries, self.facts, self.options(**how))

    async def apply(
        self, *documents: Document, backup: Backup | None = None, complete: bool = True, **how: Any
    ) -> Report:
        """Plans and applies at once."""
        plan = await self.plan(*documents, complete=complete, **how)
        return await self.carry_out(plan, backup=backup or self.back_up)

    async def settled(self, *documents: Document, **how: Any) -> bool:
        """Whether a new plan has nothing to do."""
        return not (await self.plan(*documents, **how)).changes


def _manifest(document: Document, line: int, kinds: Mapping[str, Any]) -> Manifest:
    source = Source("test.yaml", line)
    if document["kind"] == "Model":
        return Manifest(source, line, "Model", document["key"], model=Model.model_validate(document))
    checked, findings = check_native(kinds[document["kind"]], document)
    if checked is None:
        raise AssertionError(findings)
    return Manifest(source, line, document["kind"], document["key"], native=checked)


def valid(world: World, *documents: Document) -> bool:
    """Whether nothing is wrong with documents."""
    try:
        world.desired(*documents)
    except (AssertionError, ValidationError):
        return False
    return True


def actions(changes: Plan | Iterable[Change]) -> dict[str, str]:
    """`{"Model/chat": "create new"}`: what is planned, without the registry's name."""
    given = changes.changes if isinstance(changes, Plan) else changes
    return {f"{change.address.kind}/{change.address.key}": f"{change.action} {change.reason}" for change in given}


def statuses(report: Report) -> dict[str, str]:
    """`{"Model/chat": "ok"}`."""
    return {f"{outcome.address.kind}/{outcome.address.key}": outcome.status for outcome in report.outcomes}


def paths(plan: Plan, key: str) -> list[str]:
    """The pointers of the fields that the plan changes in the one object of that key."""
    changes = [change for change in plan.changes if change.address.key == key]
    return [found.path for change in changes for found in change.fields]
