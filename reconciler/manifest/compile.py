"""Compile manifests into desired state: each document into the resources of each registry it goes to. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from reconciler.core import merge_patch as patch
from reconciler.core import pointer as json_pointer
from reconciler.core.kind import Kind
from reconciler.core.model import SPEC_FIELDS, Model
from reconciler.core.resource import Address, Desired, DesiredState, Resource, Source
from reconciler.core.schema.findings import Finding, formed, nearest
from reconciler.core.spec import is_reference, references_in, secrets_in, with_defaults, without_nulls
from reconciler.manifest.cache import ManifestCache
from reconciler.manifest.cached_manifests import CachedManifest
from reconciler.manifest.clashes import DUPLICATE, clashing_old_keys, duplicates, key_pointer, own_old_keys
from reconciler.manifest.doubts import (
    SOURCES,
    doubted_key,
    doubts,
    portable_doubts,
    sourceless,
    still_doubtful,
    url_with_path,
)
from reconciler.manifest.keys import key_refusal, near_key
from reconciler.manifest.manifests import Manifest
from reconciler.manifest.native_check import (
    Destination,
    ignored_pointers,
    limits,
    misplaced,
    validate_native,
)
from reconciler.manifest.normalize import container, holder, normalize, normalize_pointer
from reconciler.registry.capabilities import Configurable
from reconciler.registry.entry import RegistryEntry
from reconciler.registry.protocol import Native

_SPEC_FIELDS: Final = set(SPEC_FIELDS)


class CompiledManifests(NamedTuple):
    """The desired state of some manifests, and what is wrong with them beyond their form, each with its manifest.

    `every` are the objects of all manifests, those too that were not selected.
    """

    state: DesiredState
    findings: tuple[tuple[Manifest, Finding], ...]
    every: tuple[Desired, ...] = ()

    @property
    def clashes(self) -> dict[Address, tuple[Source, ...]]:
        """The addresses that several documents have, each with all of these."""
        if not any(finding.rule == DUPLICATE for _, finding in self.findings):
            return {}
        found: dict[Address, dict[Source, None]] = {}
        for item in self.every:
            if item.resource.source is not None:
                found.setdefault(item.address, {})[item.resource.source] = None
        return {address: tuple(sorted(sources)) for address, sources in found.items() if len(sources) > 1}


def compile_manifests(
    manifests: Iterable[Manifest],
    registries: Mapping[str, RegistryEntry],
    *,
    selected: frozenset[str] | None = None,
    cache: ManifestCache | None = None,
) -> CompiledManifests:
    """The desired state. `selected` are the files to plan, and with a template's the Models that extend it; the others only take part in the
    checks across documents.

    The findings are those of the selected manifests, except that a clash of two documents is found at either. `cache` is told what each compiles to.
    """
    findings: list[tuple[Manifest, Finding]] = []
    owners: dict[Address, Manifest] = {}
    chosen: dict[Address, Desired] = {}
    every: list[Desired] = []
    documents = 0
    for manifest in manifests:
        mine = selected is None or manifest.is_in(selected)
        documents += mine
        for item in _items(manifest, registries, cache):
            if isinstance(item, Finding):
                findings.append((manifest, item))
                continue
            every.append(item)
            other = owners.setdefault(item.address, manifest)
            if other is not manifest:
                findings.extend(duplicates(item.address, other, manifest))
            elif mine:
                chosen[item.address] = item
    findings.extend(clashing_old_keys(chosen.values(), owners))
    mine_only = tuple(pair for pair in findings if selected is None or pair[0].is_in(selected))
    ordered = tuple(chosen[address] for address in sorted(chosen))
    return CompiledManifests(
        DesiredState(ordered, frozenset(owners), selected is None, documents), mine_only, tuple(every)
    )


def _items(
    manifest: Manifest, registries: Mapping[str, RegistryEntry], cache: ManifestCache | None
) -> Iterable[Desired | Finding]:
    if isinstance(manifest, CachedManifest):
        return manifest.items
    if cache is None:
        return _compile(manifest, registries)
    items = tuple(_compile(manifest, registries))
    cache.keep(manifest, items)
    return items


def _compile(manifest: Manifest, registries: Mapping[str, RegistryEntry]) -> Iterator[Desired | Finding]:
    """The resources of one manifest, and the findings in it."""
    if manifest.model is not None:
        yield from _compile_model(manifest, manifest.model, registries)
        return
    entry = _native_entry(manifest, registries)
    if isinstance(entry, Finding):
        yield entry
    else:
        yield from _native(manifest, entry)


def _compile_model(
    manifest: Manifest, model: Model, registries: Mapping[str, RegistryEntry]
) -> Iterator[Desired | Finding]:
    roots: list[Desired] = []
    found: list[Finding] = []
    spec = {} if model.state == "absent" else model.model_dump(include=_SPEC_FIELDS, by_alias=True, exclude_none=True)
    targets = list(_destinations(model, registries))
    doubted = list(portable_doubts(spec, _own_providers(targets)))
    said = {(item.rule, item.pointer) for item in (*doubted, *url_with_path(spec))}
    for target in targets:
        if isinstance(target, Finding):
            yield target
            continue
        for item in _model(manifest, model, target):
            if isinstance(item, Desired):
                yield item
                if item.resource.parent is None:
                    roots.append(item)
            elif (item.rule, item.pointer) not in said:  # a doubt is told once, and not of each registry
                found.append(item)
    yield from found
    yield from still_doubtful(doubted, found, roots)
    yield from sourceless(model, found)
    yield from own_old_keys(model, roots)


def _own_providers(targets: Iterable[Destination | Finding]) -> frozenset[str]:
    """The providers that only these registries have."""
    entries = (target.entry for target in targets if isinstance(target, Destination))
    return frozenset(name for entry in entries for name in entry.own_providers)


def _previous(old_keys: Iterable[str] | None, address: Address) -> tuple[Address, ...]:
    """The addresses that an object may have had before. A key that it still has in this registry is none of them."""
    return tuple(old for key in old_keys or () if (old := address._replace(key=key)) != address)


def _destinations(model: Model, registries: Mapping[str, RegistryEntry]) -> Iterator[Destination | Finding]:
    shared = tuple((pointer, f"/ignore/{index}") for index, pointer in enumerate(model.ignore or ()))
    if model.registries is None:
        defaults = [entry for entry in registries.values() if entry.default]
        if not defaults:
            message = "it goes to no registry: say which under `registries`, or mark one in reconciler.yaml with `default: true`"
            yield Finding("no-registry", message, "/key")
        for entry in defaults:
            yield Destination(entry, model.key, {}, shared)
        return
    for name, override in model.registries.items():
        entry_named = registries.get(name)
        if entry_named is None:
            message = f"there is no registry {name!r} in reconciler.yaml"
            pointer = json_pointer.join(("registries", name))
            yield Finding("unknown-registry", message, pointer, at_key=True, suggestion=nearest(name, registries))
            continue
        terms = dict(override.model_extra or {}) if override is not None else {}
        key = override.key if override is not None and override.key else model.key
        own = (override.ignore or ()) if override is not None else ()
        pointers = tuple(
            (pointer, json_pointer.join(("registries", name, "ignore", index))) for index, pointer in enumerate(own)
        )
        yield Destination(entry_named, key, terms, (*shared, *pointers))


def _model(manifest: Manifest, model: Model, target: Destination) -> Iterator[Desired | Finding]:
    entry, kind, source = target.entry, target.entry.portable, manifest.source
    if model.state == "absent":
        if not _names_itself(model, entry, kind):  # then it is found by the key in its mark
            yield from _bad_key(target.key, model, entry, kind)
        address = Address(entry.name, kind.name, target.key)
        yield Desired(
            Resource(address, {}, source=source),
            model.key,
            absent=True,
            previous=_previous(model.previous_keys, address),
            labels=model.labels or {},
        )
        return
    yield from _unprotected(model.protected, kind, entry)
    compiled = entry.driver.compile(model, target.key)
    for lost in compiled.inexpressible:
        severity = "error" if lost.fatal else "warning"
        message = f"{entry.name} cannot hold this: {lost.message}"
        yield Finding("not-expressible", message, lost.pointer, at_key=True, severity=severity)
    # where names follow from other fields, the driver's name stands unless the manifest gives one for this registry
    key = compiled.model.key if _names_itself(model, entry, kind) else target.key
    yield from _bad_key(key, model, entry, kind)
    if key == target.key:  # else it is made of other fields, which have doubts of their own
        yield from doubted_key(key, kind, key_pointer(model, entry.name))
    address = Address(entry.name, kind.name, key)
    spec = compiled.model.spec
    if target.override:
        spec = without_nulls(patch.merge(spec, normalize(entry, kind, target.override)), kind.root)
    native = Native(kind.name, key, spec, compiled.model.origins)
    if target.override or not kind.portable:
        spec, errors = validate_native(native, kind, target)
        yield from (_explained(error, model) for error in errors)
    ignore, unknown = _ignored(target, kind)
    yield from unknown
    previous = _previous(model.previous_keys, address)
    yield _desired(manifest, entry, kind, native, spec, previous, ignore, model.protected, model.labels or {})
    for derived in compiled.derived:
        below = entry.driver.kinds[derived.kind]
        for item in limits(derived.spec, below.root):
            pointer = derived.origins.get(item.pointer, "")
            yield item._replace(message=f"{entry.name}, {below.name}: {item.message}", pointer=pointer)
        part = _desired(manifest, entry, below, derived, derived.spec, (), (), model.protected, model.labels or {})
        yield replace(part, resource=replace(part.resource, parent=address))


def _names_itself(model: Model, entry: RegistryEntry, kind: Kind) -> bool:
    """True where the registry derives the object's name from other fields, and the manifest gives no other."""
    return kind.found_by_mark and key_pointer(model, entry.name) == "/key"


def _bad_key(key: str, model: Model, entry: RegistryEntry, kind: Kind) -> Iterator[Finding]:
    refused = key_refusal(kind.check_key, key)
    if refused is not None:
        pointer = key_pointer(model, entry.name)
        key_there = near_key(kind.check_key, key) or "..."
        other = f"`registries: {{{entry.name}: {{key: {key_there}}}}}` gives it another one there"
        yield Finding(
            "bad-key",
            f"{entry.name} cannot take the key {key!r}: {refused}",
            pointer,
            suggestion=other if pointer == "/key" else near_key(kind.check_key, key),
        )


def _explained(finding: Finding, model: Model) -> Finding:
    """Translate a finding about a missing native field into the manifest's terms."""
    if finding.rule == "missing-field" and model.endpoint is None and model.provider is None:
        return finding._replace(suggestion=SOURCES)
    return finding


def _unprotected(protected: bool | None, kind: Kind, entry: RegistryEntry) -> Iterator[Finding]:
    """Warn of a protection that ends with its manifest, since the registry has no room for a mark."""
    if protected and not kind.markable:
        message = f"{entry.name} has no room to keep this: it protects only as long as this manifest is there"
        yield Finding("protection-not-kept", message, "/protected", at_key=True, severity="warning")


def _ignored(target: Destination, kind: Kind) -> tuple[tuple[str, ...], list[Finding]]:
    """The normalized pointers under `ignore`, and the findings of those that are no field."""
    pointers = list(ignored_pointers(target, kind))
    known = (pointer for pointer in pointers if isinstance(pointer, str))
    unknown = [pointer for pointer in pointers if isinstance(pointer, Finding)]
    return tuple(normalize_pointer(target.entry, kind, pointer) for pointer in known), unknown


def _native_entry(manifest: Manifest, registries: Mapping[str, RegistryEntry]) -> RegistryEntry | Finding:
    """The registry of a native document: the one it names, or the only one of its driver."""
    driver = manifest.kind.partition("/")[0]
    candidates = {name: entry for name, entry in registries.items() if entry.driver.name == driver}
    name = manifest.native.common.registry if manifest.native is not None else None
    if name is None and len(candidates) == 1:
        return next(iter(candidates.values()))
    if name in candidates:
        return candidates[name]
    known = ", ".join(sorted(candidates))
    if name is None:
        message = f"'registry' is missing: several registries use the driver {driver!r}: {known}"
        return Finding("missing-field", message)
    message = f"{name!r} is no registry with the driver {driver!r}: there is {known}"
    return Finding("unknown-registry", message, "/registry", suggestion=nearest(name, candidates))


def _native(manifest: Manifest, entry: RegistryEntry) -> Iterator[Desired | Finding]:
    document = manifest.native
    if document is None:
        return
    common, kind = document.common, entry.driver.kinds[manifest.kind.partition("/")[2]]
    address = Address(entry.name, kind.name, common.key)
    if common.state == "absent":
        previous = _previous(common.previous_keys, address)
        yield Desired(Resource(address, {}, source=manifest.source), common.key, absent=True, previous=previous)
        return
    yield from _unprotected(common.protected, kind, entry)
    target = Destination(
        entry, common.key, {}, tuple((pointer, f"/ignore/{index}") for index, pointer in enumerate(common.ignore or ()))
    )
    spec = without_nulls(document.spec, kind.root)
    if isinstance(entry.driver, Configurable):  # its document was read as all entries of the driver together have it
        yield from formed(kind.model, spec, kind.hints)[1]
    yield from limits(spec, kind.root)
    yield from doubts(spec, kind.root)
    yield from doubted_key(common.key, kind, "/key")
    if common.key in (common.previous_keys or ()):
        index = (common.previous_keys or []).index(common.key)
        message = f"{common.key!r} is still declared, by this manifest: it cannot be an old key"
        yield Finding("previous-key-declared", message, f"/previous_keys/{index}")
    previous = _previous(common.previous_keys, address)
    native = Native(kind.name, common.key, spec)
    ignore, unknown = _ignored(target, kind)
    yield from unknown
    yield from misplaced(common.unmanaged or {}, spec, kind)
    item = _desired(manifest, entry, kind, native, spec, previous, ignore, common.protected, {})
    yield replace(item, resource=replace(item.resource, unmanaged=common.unmanaged or {}))


def _desired(
    manifest: Manifest,
    entry: RegistryEntry,
    kind: Kind,
    native: Native,
    spec: Mapping[str, Any],
    previous: tuple[Address, ...],
    ignore: tuple[str, ...],
    protected: bool | None,
    labels: Mapping[str, str],
) -> Desired:
    root = kind.root
    if kind.key_field and spec.get(kind.key_field) is None:
        spec = {**spec, kind.key_field: native.key}
    spec = with_defaults(normalize(entry, kind, spec), root)
    secrets = {pointer: value for pointer, value in secrets_in(spec, root) if is_reference(value)}
    references = {
        pointer: Address(entry.name, name, key) for pointer, name, key in references_in(spec, root, native.key)
    }
    address = Address(entry.name, kind.name, native.key)
    resource = Resource(address, spec, source=manifest.source)
    return Desired(
        resource,
        manifest.key,
        protected=protected,
        previous=previous,
        ignore=ignore,
        secrets=secrets,
        references=references,
        labels=labels,
        prerequisites=(*container(entry, kind), *holder(entry, kind, native.key)),
        origins={**_secret_origins(manifest, secrets), **native.origins},
    )


def _secret_origins(manifest: Manifest, secrets: Mapping[str, str]) -> dict[str, str]:
    """The pointers in a portable Model of the secrets that a registry keeps elsewhere, such as in an object of their own."""
    endpoint = manifest.model.endpoint if manifest.model is not None else None
    if endpoint is None or not secrets:
        return {}
    written: dict[str | None, str] = {endpoint.api_key: "/endpoint/api_key"}
    for name, value in (endpoint.headers or {}).items():
        written.setdefault(value, json_pointer.join(("endpoint", "headers", name)))
    found = {pointer: written[reference] for pointer, reference in secrets.items() if reference in written}
    return {pointer: origin for pointer, origin in found.items() if pointer != origin}
