"""Build the workspace of one Registry object: an engine's project of one registry, whose manifests are the objects that go there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple

from reconciler.controller.cluster import CONFIG_MAPS, ObjectKey, key_of
from reconciler.controller.cluster_secrets import ClusterSecrets
from reconciler.controller.copies import Copies, Member
from reconciler.controller.documents import (
    ClusterDocument,
    model_document,
    native_document,
    settings_of,
)
from reconciler.controller.registry_object import RegistryObject
from reconciler.controller.routing import NOWHERE, destinations, route_of, rows_of
from reconciler.controller.status import UNCHANGED
from reconciler.core.errors import ConfigError, Problem
from reconciler.core.resource import Desired, DesiredState, RegistryFacts
from reconciler.core.secret import Resolver
from reconciler.core.url import place_of
from reconciler.manifest.kubernetes_references import SECRET, Named, References, in_a_cluster, variable
from reconciler.project.config import Project
from reconciler.project.registries import load_registries
from reconciler.project.workspace import Workspace
from reconciler.registry.capabilities import KeepsFile, KeepsFolder
from reconciler.registry.entry import RegistryEntry

_KEPT_WHEN_GOING: Final = ("kind", "key", "registry", "previous_keys")


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why an object is left alone: a stable word, and what is wrong in words. `action` is what its row says is to be done."""

    reason: str
    message: str
    action: str = "blocked"


class Placed(NamedTuple):
    """An object as a manifest of one registry. One that does not stay left it, or is about to be deleted.

    `trouble` says why one stays though it goes elsewhere.
    """

    document: ClusterDocument
    stays: bool
    trouble: Trouble | None = None


@dataclass(frozen=True, slots=True)
class Declared:
    """What the objects of one Registry object declare.

    `documents` are those that go there, or stay though they go elsewhere, by the name of their manifest; `going` those
    that left, or are about to be deleted. `desired` has what the good ones want, `absent` what the going ones had;
    `troubles` are those of the others, by the name of their manifest.
    """

    workspace: Workspace
    documents: Mapping[str, ClusterDocument]
    going: Mapping[str, ClusterDocument]
    desired: DesiredState
    absent: DesiredState
    troubles: Mapping[str, Trouble]


@dataclass(frozen=True, slots=True)
class Composer:
    """Composes what the objects of a namespace declare for one Registry object. `folder` is where registries that are files live."""

    copies: Copies
    folder: Path
    _facts: dict[ObjectKey, tuple[Any, RegistryFacts | None]] = field(default_factory=dict, repr=False, compare=False)

    def placed(self, registry: RegistryObject, members: Iterable[Member]) -> tuple[Placed, ...]:
        """These objects as manifests of a Registry object."""
        return tuple(self._placed(registry.key, member) for member in members)

    def _placed(self, registry: ObjectKey, member: Member) -> Placed:
        return Placed(_document(member, registry.name), *self._stays(member, registry))

    def leaves(self, member: Member, registry: ObjectKey) -> bool:
        """True where an object is to be gone from a registry: it is about to be deleted, or goes elsewhere."""
        return not self._stays(member, registry)[0]

    def _stays(self, member: Member, registry: ObjectKey) -> tuple[bool, Trouble | None]:
        """Whether an object is to be in a registry, and why it stays there though it goes elsewhere.

        A typo in the name of a Registry deletes nothing; nor does a move, before the object is where it goes.
        """
        if "deletionTimestamp" in member.item["metadata"]:
            return False, None
        goes_to = self.goes_to(member, registry.namespace)
        if registry.name in goes_to:
            return True, None
        missing = sorted(name for name in goes_to if self.copies.registry(ObjectKey(registry.namespace, name)) is None)
        if missing:
            found = unplaced(missing[0])
            return True, replace(found, message=f"{found.message}; what it declared here is left alone meanwhile")
        trouble = self._moving(member, registry, goes_to)
        return trouble is not None, trouble

    def _moving(self, member: Member, registry: ObjectKey, goes_to: frozenset[str]) -> Trouble | None:
        """Why an object is not deleted yet in a registry that it left."""
        spec = (self.copies.registry(registry) or {}).get("spec") or {}
        if not spec.get("prune"):
            return None
        generation = member.item["metadata"].get("generation")
        rows = rows_of(member.item)
        late = sorted(name for name in goes_to if not _is_in_sync(rows.get(name), generation))
        if not late:
            return None
        return Trouble("moving", f"it is deleted here once it is in sync in {', '.join(late)}", "delete")

    def workspace(self, registry: RegistryObject, secrets: ClusterSecrets, placed: Iterable[Placed]) -> Workspace:
        """The workspace of a Registry object. Raises ConfigError where its settings are wrong."""
        settings, _ = registry_settings(registry)
        root = self.folder / registry.key.namespace
        texts = self._texts(registry.key.namespace, (one.document for one in placed))
        project = _project(root, registry, settings, texts)
        resolver = Resolver(root, {}, None, commands=secrets)
        loaded = load_registries(project, replace(resolver, commands=None))
        entry = loaded[registry.key.name]
        self._refuse_same_place(registry, entry)
        _make_folder(entry, root)
        return Workspace(project, loaded, root, resolver)

    def _refuse_same_place(self, registry: RegistryObject, entry: RegistryEntry) -> None:
        """Raise ConfigError where another Registry object of the namespace leads to the same place: they would fight over it."""
        for item in self.copies.registries(registry.key.namespace):
            facts = self.facts_of(item) if key_of(item) != registry.key else None
            if facts is not None and place_of_facts(facts) == place_of_facts(entry.facts):
                raise ConfigError(
                    f"it leads to the same place as the Registry {key_of(item).name}: each would be pruned of what goes to the other",
                    hint="keep one of them",
                )

    def facts_of(self, item: Mapping[str, Any]) -> RegistryFacts | None:
        """The facts of another Registry object, None where its settings are wrong."""
        key, version = key_of(item), (item["metadata"].get("uid"), item["metadata"].get("generation"))
        known = self._facts.get(key)
        if known is None or known[0] != version:
            self._facts[key] = known = version, self._found_facts(RegistryObject.of(item, ""))
        return known[1]

    def _found_facts(self, registry: RegistryObject) -> RegistryFacts | None:
        try:
            settings, _ = registry_settings(registry)
            project = _project(self.folder / registry.key.namespace, registry, settings, {})
            return load_registries(project, Resolver(project.root, {}))[registry.key.name].facts
        except ConfigError:
            return None

    def declared(self, workspace: Workspace, placed: Iterable[Placed]) -> Declared:
        """What these objects declare. Never raises for what they hold."""
        live: dict[str, ClusterDocument] = {}
        going: dict[str, ClusterDocument] = {}
        troubles: dict[str, Trouble] = {}
        for one, stays, held in placed:
            (live if stays else going)[one.file] = one if stays else _as_absent(one)
            trouble = (held or self._trouble(one)) if stays else None
            if trouble is not None:
                troubles[one.file] = trouble
        loaded = workspace.load_texts({file: _text(one) for file, one in live.items() if file not in troubles})
        problems: dict[str, list[Problem]] = {}
        for problem in loaded.errors:
            problems.setdefault(problem.file, []).append(problem)
        troubles |= {file: _told(found) for file, found in problems.items() if file in live}
        good = tuple(item for item in loaded.desired.resources if file_of(item) not in troubles)
        desired = replace(loaded.desired, resources=good, complete=not troubles, documents=len(live))
        gone = workspace.load_texts({file: _text(one) for file, one in going.items()}).desired
        absent = tuple(item for item in gone.resources if item.address not in desired.declared)
        return Declared(workspace, live, going, desired, replace(gone, resources=absent), troubles)

    def goes_to(self, member: Member, namespace: str) -> frozenset[str]:
        """The names of the Registry objects that an object goes to."""
        return destinations(route_of(member.item, member.driver), lambda: self.copies.registries(namespace))

    def _trouble(self, one: ClusterDocument) -> Trouble | None:
        """What of an object's references leads nowhere, or is refused."""
        if one.refusals:
            return Trouble(
                "refused-reference", "; ".join(f"{found.pointer}: {found.message}" for found in one.refusals)
            )
        missing = list(self.missing(one.key.namespace, one.named))
        if not missing:
            return None
        return Trouble("missing-reference", "; ".join(missing))

    def missing(self, namespace: str, named: Iterable[Named]) -> Iterator[str]:
        """What is not there of the values that are named, in words."""
        for one in sorted(named):
            key = ObjectKey(namespace, one.name)
            if one.kind == SECRET:
                there: Any = self.copies.secret_keys(key) if self.copies.secret_version(key) is not None else None
                what = "Secret"
            else:
                there, what = self.copies.config_map(key), CONFIG_MAPS.kind
            if there is None:
                yield f"there is no {what} {one.name}"
            elif one.key not in there:
                yield f"the {what} {one.name} has no key {one.key}"

    def _texts(self, namespace: str, documents: Iterable[ClusterDocument]) -> dict[str, str]:
        """The values of ConfigMaps that the objects name, as variables."""
        named = {named for one in documents for named in one.named if named.kind != SECRET}
        maps = {name: self.copies.config_map(ObjectKey(namespace, name)) or {} for name in {one.name for one in named}}
        return {variable(one.name, one.key): maps[one.name][one.key] for one in named if one.key in maps[one.name]}


def unplaced(name: str) -> Trouble:
    """Why an object is left alone that goes to a Registry object which is not there, or to none (`NOWHERE`)."""
    if name == NOWHERE:
        message = "it goes to no Registry: name one, or mark one of its namespace with `default: true`"
        return Trouble("no-registry", message)
    return Trouble("registry-missing", f"there is no Registry {name} in its namespace")


def _is_in_sync(row: Mapping[str, Any] | None, generation: int | None) -> bool:
    """True where a row says that nothing is left to do with the present generation of its object."""
    return row is not None and row["action"] == UNCHANGED and row.get("generation") == generation


def _project(root: Path, registry: RegistryObject, settings: Mapping[str, Any], texts: Mapping[str, str]) -> Project:
    """A Registry object as the engine's configuration. `texts` are the values of ConfigMaps."""
    entries = {registry.key.name: settings}
    return Project(
        root=root,
        file=f"Registry {registry.key}",
        environment=None,
        owner=registry.owner,
        manifests=(registry.key.namespace,),
        variables={**registry.variables, **texts},
        fingerprint_key=None,
        registries=entries,
        limits=registry.limits,
        secret_commands={SECRET: ()},
        text=json.dumps({"registries": entries}, indent=1),
    )


def place_of_facts(facts: RegistryFacts) -> tuple[str, ...]:
    """The identity of a registry's place, however its address is spelt."""
    return facts.identity["driver"], place_of(facts.identity["location"])


def _make_folder(entry: RegistryEntry, root: Path) -> None:
    """Make the folder of registries that are files. Raises ConfigError where that fails."""
    if isinstance(entry.driver, KeepsFile | KeepsFolder):
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"the controller cannot write to its folder {root} ({error.strerror}), where registries of the driver "
                f"{entry.driver.name} are",
                hint="mount a volume there",
            ) from error


def registry_settings(registry: RegistryObject) -> tuple[dict[str, Any], frozenset[Named]]:
    """A Registry object's settings as an entry of reconciler.yaml has them, and the Secrets that it names.

    Raises ConfigError where it would lead to the controller's own environment, files or commands.
    """
    references = References(in_a_cluster)
    references.translate(dict(registry.entry))
    wrong = [f"{one.pointer}: {one.message}" for one in references.refusals]
    wrong += [f"{pointer}: it is for the fields of Models" for pointer in _plain_references(registry.entry)]
    path = registry.entry.get("path")
    if isinstance(path, str) and (PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts):
        wrong.append("/path: it leads out of the controller's folder: name one below it")
    if wrong:
        raise ConfigError("; ".join(wrong))
    return settings_of(registry.entry, frozenset())


def _plain_references(entry: Mapping[str, Any]) -> Iterator[str]:
    for name, value in entry.items():
        if isinstance(value, str) and ("${secret:" in value or "${configMap:" in value):
            yield f"/{name}"


def _document(member: Member, registry: str) -> ClusterDocument:
    if member.kind is None:
        return model_document(member.item, member.resource, registry)
    return native_document(member.item, member.resource, member.kind, registry)


def _as_absent(one: ClusterDocument) -> ClusterDocument:
    """The manifest that says of an object that it is to go. It names no values."""
    data = {name: one.data[name] for name in _KEPT_WHEN_GOING if name in one.data}
    key = ((one.data.get("registries") or {}).get(next(iter(one.data.get("registries") or {}), "")) or {}).get("key")
    if "registries" in one.data:
        data["registries"] = {name: {"key": key} if key else None for name in one.data["registries"]}
    return replace(one, data={**data, "state": "absent"}, named=frozenset(), refusals=())


def _text(one: ClusterDocument) -> str:
    return json.dumps(one.data, ensure_ascii=False, indent=1)


def file_of(item: Desired) -> str:
    """The name of the manifest that an object comes from."""
    return item.resource.source.file if item.resource.source is not None else ""


def _told(problems: list[Problem]) -> Trouble:
    """The problems of one object, by what they say and at which field, without places in a text that nobody has."""
    worst = "duplicate-address" if any(one.rule == "duplicate-address" for one in problems) else problems[0].rule
    lines = (f"{one.pointer}: {one.message}" if one.pointer else one.message for one in problems)
    return Trouble(worst, "; ".join(dict.fromkeys(lines)))
