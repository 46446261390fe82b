"""Turn stored objects into manifests that `validate` accepts, whatever the registry holds.

A registry may hold what no manifest can say: a value of another form than this version knows, a reference to what is
gone, a key that its own rule forbids. A field like that is left out of the manifest and listed under `ignore`, so that
it stays as it is; an object that cannot do without it is not exported at all. Both are reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from reconciler.core import pointer as json_pointer
from reconciler.core.document.dump import dump_yaml
from reconciler.core.errors import is_error
from reconciler.core.resource import Address, Desired, Resource
from reconciler.core.rules import Ref
from reconciler.core.spec import canonical_json, left_to_server, normalized, secrets_in
from reconciler.manifest.compile import compile_manifests
from reconciler.manifest.export import manifest_of
from reconciler.manifest.load import Reader
from reconciler.manifest.native import COMMON_FIELDS, NativeKind
from reconciler.registry.entry import RegistryEntry

Exists = Callable[[Address], bool]

_IDENTITY: Final = frozenset({*COMMON_FIELDS, "registries"})  # of a document, what is not the registry's


class Omitted(NamedTuple):
    """One field that the manifest leaves out: its pointer in the native object, and why."""

    pointer: str
    reason: str


class Undeclarable(NamedTuple):
    """An object that no manifest can declare, and why."""

    resource: Resource
    reason: str


@dataclass(frozen=True)
class Declared:
    """A manifest that `validate` accepts, and that changes nothing of the object but its mark."""

    resource: Resource
    manifest: Mapping[str, Any] = field(repr=False)
    omitted: tuple[Omitted, ...] = ()


class _Fault(NamedTuple):
    """One thing that keeps a manifest from being the object's.

    What is missing is a fault of the map that it is missing in.

    `declared` is False where the field is not the manifest's: it need not go, and is only to be ignored.
    """

    pointer: str
    message: str
    declared: bool = True


def declare(
    resource: Resource, entry: RegistryEntry, root: Path, folder: str, exists: Exists = lambda address: True
) -> Declared | Undeclarable:
    """The manifest of a stored object.

    `folder` is the manifest's, relative to the project `root`; `exists` is true of the addresses of objects that are
    there. What nobody can write through the registry has none: its plan would be a conflict.
    """
    if resource.read_only:
        return Undeclarable(resource, resource.read_only)
    rules = entry.driver.kinds[resource.address.kind].root
    manifest: Mapping[str, Any] = manifest_of(resource, entry, folder)
    omitted: dict[str, str] = {}
    while faults := list(_faults(manifest, resource, entry, (root, folder), exists)):
        reasons: dict[str, str] = {}
        for fault in faults:
            place = _removable(manifest, fault.pointer) if fault.declared else fault.pointer
            reasons.setdefault(place, fault.message)
        if "" in reasons or reasons.keys() <= omitted.keys():
            # what is missing now may be what an earlier round took away: that is the cause
            return Undeclarable(resource, next(iter(omitted.values()), reasons[""]))
        manifest = json_pointer.remove_all(manifest, reasons)
        # a field that no rule knows is compared with nothing, so there is nothing to ignore
        omitted |= {place: why for place, why in reasons.items() if rules.find(json_pointer.split(place)) is not None}
        omitted = {place: why for place, why in omitted.items() if not _is_below(place, omitted)}
        manifest = {**manifest, **({"ignore": sorted(omitted)} if omitted else {})}
    return Declared(resource, manifest, tuple(Omitted(place, omitted[place]) for place in sorted(omitted)))


def _is_below(place: str, others: Iterable[str]) -> bool:
    return any(place.startswith(f"{other}/") for other in others)


def _removable(manifest: Mapping[str, Any], pointer: str) -> str:
    """The pointer of the member that has to go with what is at `pointer`, or "" for the whole object.

    A list stays or goes whole.
    """
    parts = json_pointer.split(pointer)
    if not parts or parts[0] in _IDENTITY or json_pointer.get(manifest, pointer) is json_pointer.MISSING:
        return ""
    heads = (json_pointer.join(parts[:end]) for end in range(1, len(parts)))
    return next((head for head in heads if isinstance(json_pointer.get(manifest, head), list)), pointer)


def _faults(
    manifest: Mapping[str, Any], resource: Resource, entry: RegistryEntry, where: tuple[Path, str], exists: Exists
) -> Iterator[_Fault]:
    """Find the fields that `validate` would refuse in the manifest, and those that `plan` would change or miss."""
    root, folder = where
    natives = {
        f"{entry.driver.name}/{kind.name}": NativeKind.of(entry.driver.name, kind)
        for kind in entry.driver.kinds.values()
        if not kind.portable
    }
    reader = Reader(root, {}, natives, {entry.name: entry.override})
    text = dump_yaml(manifest).encode(errors="surrogatepass")
    read = reader.read_stdin(text, root / folder)
    for problem in read.problems:
        if is_error(problem):
            yield _Fault(problem.pointer, problem.message)
    compiled = compile_manifests(read.manifests, {entry.name: entry})
    for _, finding in compiled.findings:
        if finding.severity == "error":
            yield _Fault(finding.pointer, finding.message)
    for item in compiled.state.resources:
        if item.address == resource.address:
            yield from _dangling(item, entry, exists)
            yield from _differences(item, resource, entry)


def _dangling(item: Desired, entry: RegistryEntry, exists: Exists) -> Iterator[_Fault]:
    node = entry.driver.kinds[item.address.kind].root
    for place, target in item.references.items():
        found = node.find(json_pointer.split(place))
        rule = found.rule(Ref) if found is not None else None
        if (rule is None or rule.must_exist) and target != item.address and not exists(target):
            yield _Fault(place, f"it refers to {target}, which is not there")


def _differences(item: Desired, resource: Resource, entry: RegistryEntry) -> Iterator[_Fault]:
    """Find the fields that the manifest would change: by the registry's settings, or by a default."""
    node = entry.driver.kinds[item.address.kind].root
    secrets = {place for spec in (item.resource.spec, resource.spec) for place, _ in secrets_in(spec, node)}
    aside = (*item.ignore, *left_to_server(item.resource.spec, node), *sorted(secrets))
    before, after = normalized(resource.spec, node, aside), normalized(item.resource.spec, node, aside)
    known = (place for place in _differing(before, after, ()) if node.find(json_pointer.split(place)) is not None)
    for place in known:
        yield _Fault(place, "a manifest would change it", declared=False)


def _differing(before: Any, after: Any, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            yield from _differing(
                before.get(name, json_pointer.MISSING), after.get(name, json_pointer.MISSING), (*path, name)
            )
    elif (
        before is json_pointer.MISSING
        or after is json_pointer.MISSING
        or canonical_json(before) != canonical_json(after)
    ):
        yield json_pointer.join(path)
