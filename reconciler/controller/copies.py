"""Copies of what the cluster holds and the loop needs: Registry, Model and native objects, and what they name.

Of a Secret only its version and the names of its keys are kept, never a value.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, Protocol

from reconciler.controller.cluster import (
    CONFIG_MAPS,
    SECRETS,
    Cluster,
    ClusterError,
    Data,
    ObjectKey,
    ResourceType,
    key_of,
    version_of,
)
from reconciler.controller.crds import MODEL, REGISTRY
from reconciler.controller.documents import names_in
from reconciler.controller.finalizers import is_held
from reconciler.controller.informer import Informer
from reconciler.controller.routing import NOWHERE, destinations, route_from, route_of, rows_of
from reconciler.manifest.kubernetes_references import Named

ANNOTATIONS: Final = "models.reconciler.dev/"  # the prefix of those that concern us
BACKUP: Final = "models.reconciler.dev/backup"  # the label of ConfigMaps that hold backups
Said = tuple[Any, ...] | None  # what of an object concerns us


class Concerned(Protocol):
    """Is told the key of a Registry object that a change may concern. `deleted`: a Model or native object is going, or gone."""

    def __call__(self, key: ObjectKey, /, *, deleted: bool = False) -> None: ...


class Member(NamedTuple):
    """A Model or native object. `kind` is `<driver>/<Kind>` of a native one, None of a Model."""

    resource: ResourceType
    kind: str | None
    item: Mapping[str, Any]

    @property
    def driver(self) -> str | None:
        return _driver_of(self.kind)


def _driver_of(kind: str | None) -> str | None:
    """The driver of a native type; None of the Model, which goes to any."""
    return None if kind is None else kind.partition("/")[0]


class _Id(NamedTuple):
    """An object among those of all types."""

    resource: ResourceType
    key: ObjectKey


class Copies:
    """Informers of all types, in one namespace or in all.

    `types` are the native ones by `<driver>/<Kind>`. `concerned` is told the key of each Registry object that a change
    may concern; those of our own making (status, finalizers) are none.
    """

    def __init__(
        self, cluster: Cluster, namespace: str | None, types: Mapping[str, ResourceType], concerned: Concerned
    ) -> None:
        self.complete = asyncio.Event()
        self._cluster = cluster
        self._concerned = concerned
        self._kinds: dict[ResourceType, str | None] = {MODEL: None, **{where: kind for kind, where in types.items()}}
        self._routes = _Index()
        self._uses = _Index()
        self._held_and_going: set[_Id] = set()
        self._doubting: set[ObjectKey] = set()

        def informer(resource: ResourceType, changed: Any, trim: Any) -> Informer:
            return Informer(cluster, resource, namespace, changed, trim, self._recovered)

        self._registries = informer(REGISTRY, self._registry_changed, _trimmed)
        self._members = {
            resource: informer(resource, self._member_changed(resource), _trimmed) for resource in self._kinds
        }
        self._secrets = informer(SECRETS, self._value_changed("secret"), _keys_only)
        self._config_maps = informer(CONFIG_MAPS, self._value_changed("configMap"), _without_backups)

    async def run(self) -> None:
        """Follow all types until cancelled."""
        informers = [self._registries, *self._members.values(), self._secrets, self._config_maps]
        async with asyncio.TaskGroup() as tasks:
            for one in informers:
                tasks.create_task(one.run())
            for one in informers:
                await one.listed.wait()
            self.complete.set()

    def registry(self, key: ObjectKey) -> Mapping[str, Any] | None:
        """One Registry object, or None."""
        return self._registries.get(key)

    def registries(self, namespace: str) -> Iterator[Mapping[str, Any]]:
        """The Registry objects of a namespace, by name."""
        return self._registries.within(namespace)

    def registry_keys(self) -> list[ObjectKey]:
        """The keys of all that is to be reconciled: the Registry objects, and those that are named and not there."""
        named = {ObjectKey(namespace, word) for namespace, word in self._routes.places() if not word.startswith("*")}
        nowhere = {ObjectKey(namespace, NOWHERE) for namespace, _ in self._routes.places()}
        return sorted({*self._registries.keys(), *named, *nowhere})

    def models(self, namespace: str) -> Iterator[Mapping[str, Any]]:
        """The Model objects of a namespace, by name."""
        return self._members[MODEL].within(namespace)

    def natives(self, namespace: str) -> Iterator[Member]:
        """The native objects of a namespace, by type and name."""
        for resource, kind in self._kinds.items():
            if kind is not None:
                for item in self._members[resource].within(namespace):
                    yield Member(resource, kind, item)

    def members(self, key: ObjectKey) -> list[Member]:
        """The objects that concern one Registry object: they go there, or did. Sorted by type and name."""
        registry = self._registries.get(key)
        words = {key.name} if registry is None else {*route_from(registry)}
        if key.name == NOWHERE:
            words |= {f"*{_driver_of(kind) or ''}" for kind in self._kinds.values()}
        found = {one for word in words for one in self._routes.of((key.namespace, word))}
        ordered = sorted(found, key=lambda one: (one.resource.name, one.key))
        there = ((one, self._members[one.resource].get(one.key)) for one in ordered)
        return [Member(one.resource, self._kinds[one.resource], item) for one, item in there if item is not None]

    def held_and_going(self) -> list[Member]:
        """The objects that are about to go, and wait for what they declared in a registry to be gone."""
        there = ((one, self._members[one.resource].get(one.key)) for one in sorted(self._held_and_going))
        return [Member(one.resource, self._kinds[one.resource], item) for one, item in there if item is not None]

    def member(self, resource: ResourceType, key: ObjectKey) -> Mapping[str, Any] | None:
        """One Model or native object as it is now, or None."""
        return self._members[resource].get(key)

    def wrote(self, resource: ResourceType, data: Data) -> None:
        """Take over a Registry, Model or native object as this process wrote it: no watch need tell of it first."""
        informer = self._registries if resource == REGISTRY else self._members[resource]
        informer.wrote(data)

    def kind_of(self, resource: ResourceType) -> str | None:
        """`<driver>/<Kind>` of a native type, None of the Model."""
        return self._kinds[resource]

    def said_by_registries(self, namespace: str) -> dict[ObjectKey, Said]:
        """What the Registry objects of a namespace say now."""
        return {key_of(item): _says(item) for item in self.registries(namespace)}

    async def is_now(self, registry: Mapping[str, Any]) -> bool:
        """True where a Registry object of now says what this one does. Raises ClusterError."""
        try:
            found = await self._cluster.get(REGISTRY, key_of(registry))
        except ClusterError as error:
            if not error.gone:
                raise
            return False
        return _says(_trimmed(found)) == _says(registry)

    async def agree(
        self, registry: ObjectKey, driver: str, registries: Mapping[ObjectKey, Said], members: Iterable[Member]
    ) -> bool:
        """True where lists of now say what these say, and hold nothing else that goes to a registry. Raises ClusterError.

        Asked for Registry objects, Models and the native objects of one driver. Copies of two types lag apart: what was
        changed first may be told last.
        """
        listed = (await self._cluster.list(REGISTRY, registry.namespace)).items
        if {key_of(item): _says(_trimmed(item)) for item in listed} != registries:
            return False
        known = {_Id(one.resource, key_of(one.item)): _says(one.item) for one in members}
        for one in self._of_driver(driver):
            listing = await self._cluster.list(one.resource, registry.namespace) if one.served else None
            for item in listing.items if listing is not None else ():
                said = known.get(_Id(one.resource, key_of(item)))
                is_new = said is None and registry.name in self._destinations(one.resource, item, listed)
                if is_new or (said is not None and said != _says(_trimmed(item))):
                    return False
        return True

    def _destinations(self, resource: ResourceType, item: Data, registries: list[Data]) -> frozenset[str]:
        """The names of those of these Registry objects that an object goes to; none where it is about to be deleted."""
        if "deletionTimestamp" in item["metadata"]:
            return frozenset()
        return destinations(route_of(item, _driver_of(self._kinds[resource])), lambda: registries)

    def secret_version(self, key: ObjectKey) -> str | None:
        """The version of a Secret, or None where there is none."""
        found = self._secrets.get(key)
        return None if found is None else version_of(found)

    def secret_keys(self, key: ObjectKey) -> frozenset[str]:
        """The names of the values that a Secret holds."""
        found = self._secrets.get(key)
        return frozenset(found["data"]) if found is not None else frozenset()

    def config_map(self, key: ObjectKey) -> Mapping[str, str] | None:
        """The texts that a ConfigMap holds, or None where there is none."""
        found = self._config_maps.get(key)
        return None if found is None else {name: str(text) for name, text in (found.get("data") or {}).items()}

    def doubtful(self, registry: ObjectKey, driver: str) -> tuple[str, ...]:
        """The types of which it is not known that the copy is what the cluster holds: nothing may be taken for removed.

        Those that a registry of this driver may hold, each with why. The Registry object that asks is concerned as soon
        as one of them is known again.
        """
        found = tuple(f"{one.resource.name}: {one.doubt}" for one in self._of_driver(driver) if one.doubt)
        if found:
            self._doubting.add(registry)
        return found

    def _recovered(self) -> None:
        waiting, self._doubting = sorted(self._doubting), set()
        for registry in waiting:
            self._concerned(registry)

    def _of_driver(self, driver: str) -> list[Informer]:
        """The informers of Models, and of the native objects of a driver."""
        return [one for one in self._members.values() if _driver_of(self._kinds[one.resource]) in (None, driver)]

    # --- changes --------------------------------------------------------------------------------------------

    def _registry_changed(self, key: ObjectKey, before: Any, after: Any) -> None:
        here = _Id(REGISTRY, key)
        self._uses.put(here, () if after is None else _uses(key.namespace, after))
        if _says(before) != _says(after):
            self._concerned(key)
            self._concerned(ObjectKey(key.namespace, NOWHERE))

    def _member_changed(self, resource: ResourceType) -> Callable[[ObjectKey, Any, Any], None]:
        kind = self._kinds[resource]
        driver = _driver_of(kind)

        def changed(key: ObjectKey, before: Any, after: Any) -> None:
            here = _Id(resource, key)
            old = self._routes.by(here)
            words = set() if after is None else {*route_of(after, driver), *rows_of(after)}
            self._routes.put(here, {(key.namespace, word) for word in words})
            self._uses.put(here, () if after is None else _uses(key.namespace, after))
            if after is not None and "deletionTimestamp" in after["metadata"] and is_held(after):
                self._held_and_going.add(here)
            else:
                self._held_and_going.discard(here)
            if _says(before) != _says(after):
                deleted = after is None or ("deletionTimestamp" in after["metadata"] and before is not None)
                self._mark(key.namespace, {word for _, word in old} | words, deleted=deleted)
            elif after is not None:
                self._mark_left(key.namespace, route_of(after, driver), before, after)

        return changed

    def _mark_left(self, namespace: str, route: frozenset[str], before: Any, after: Mapping[str, Any]) -> None:
        """Where a row says something else of where an object goes, those are concerned that it left: they may delete it now."""
        rows, were = rows_of(after), rows_of(before or {})
        if len(rows) < 2:
            return
        goes_to = destinations(route, lambda: self._registries.within(namespace))
        if any(rows.get(name) != were.get(name) for name in goes_to):
            for name in rows.keys() - goes_to:
                self._concerned(ObjectKey(namespace, name))

    def _value_changed(self, scheme: str) -> Callable[..., None]:
        def changed(key: ObjectKey, *_: Any) -> None:
            for user in self._uses.of((scheme, key)):
                if user.resource == REGISTRY:
                    self._concerned(user.key)
                else:
                    self._mark(key.namespace, {word for _, word in self._routes.by(user)})

        return changed

    def _mark(self, namespace: str, words: set[str], *, deleted: bool = False) -> None:
        for name in destinations(words, lambda: self._registries.within(namespace)):
            self._concerned(ObjectKey(namespace, name), deleted=deleted)


class _Index:
    """Objects by what they are filed under, both ways."""

    def __init__(self) -> None:
        self._places: dict[_Id, frozenset[Any]] = {}
        self._objects: dict[Any, set[_Id]] = {}

    def put(self, one: _Id, places: Any) -> None:
        """File an object under these places, and no others."""
        before, after = self._places.get(one, frozenset()), frozenset(places)
        for place in before - after:
            self._objects[place].discard(one)
            if not self._objects[place]:
                del self._objects[place]
        for place in after - before:
            self._objects.setdefault(place, set()).add(one)
        if after:
            self._places[one] = after
        else:
            self._places.pop(one, None)

    def places(self) -> Iterator[Any]:
        """All places of objects."""
        return iter(self._objects)

    def by(self, one: _Id) -> frozenset[Any]:
        """The places of an object."""
        return self._places.get(one, frozenset())

    def of(self, place: Any) -> frozenset[_Id]:
        """The objects of a place."""
        return frozenset(self._objects.get(place, ()))


def _uses(namespace: str, item: Mapping[str, Any]) -> set[tuple[str, ObjectKey]]:
    """The Secrets and ConfigMaps that an object names."""
    named: frozenset[Named] = names_in(item.get("spec") or {})
    return {(one.kind, ObjectKey(namespace, one.name)) for one in named}


def _says(item: Mapping[str, Any] | None) -> Said:
    """What of an object concerns us: all but its status, its finalizers and what others note in it."""
    if item is None:
        return None
    metadata = item["metadata"]
    return (
        metadata.get("uid"),
        metadata.get("generation"),
        metadata.get("annotations"),
        "deletionTimestamp" in metadata,
    )


def _trimmed(data: Data) -> Data:
    """An object without what others note in it: who wrote which field, and the whole of it once more."""
    metadata = {name: value for name, value in data["metadata"].items() if name not in ("managedFields", "annotations")}
    annotations = data["metadata"].get("annotations") or {}
    ours = {name: value for name, value in annotations.items() if name.startswith(ANNOTATIONS)}
    return {**data, "metadata": metadata | ({"annotations": ours} if ours else {})}


def _keys_only(data: Data) -> Data:
    """A Secret without its values."""
    return {"metadata": _identity(data), "data": dict.fromkeys(data.get("data") or {})}


def _without_backups(data: Data) -> Data:
    """A ConfigMap; one that holds a backup of ours without it."""
    is_backup = BACKUP in (data["metadata"].get("labels") or {})
    return {"metadata": _identity(data), "data": {} if is_backup else data.get("data") or {}}


def _identity(data: Data) -> Data:
    return {name: data["metadata"].get(name, "") for name in ("namespace", "name", "resourceVersion")}
