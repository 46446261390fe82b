"""Check the hosts that manifests send variables of the environment, and what commands print, to against `secrets.allow` of reconciler.yaml.

What counts are the objects as they are sent, whichever field of a manifest they come from: a portable endpoint, an override, a native kind,
`x-unmanaged`. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from reconciler.core import pointer as pointers
from reconciler.core.destinations import Allowed, host_of
from reconciler.core.resource import Address, Desired, Source
from reconciler.core.rules import WriteOnly
from reconciler.core.schema.findings import Finding
from reconciler.core.spec import source_of
from reconciler.core.unmanaged import combined, revealed
from reconciler.core.url import public_url
from reconciler.manifest.manifests import Manifest
from reconciler.manifest.sent_addresses import SentAddress, addresses_in
from reconciler.registry.entry import RegistryEntry

RULE: Final = "secret-destination"


class _Object(NamedTuple):
    """An object as it is sent: the sources of its secrets, and the addresses in it."""

    item: Desired
    secrets: frozenset[str]
    addresses: tuple[SentAddress, ...]


def destinations(
    manifests: Iterable[Manifest],
    desired: Iterable[Desired],
    entries: Mapping[str, RegistryEntry],
    allowed: Allowed,
) -> Iterator[tuple[Manifest, Finding]]:
    """Find variables that the manifests would send to a forbidden host: that of a model, or of a registry.

    `desired` are the objects of these manifests and of all others: one may hold the secret, and another say where it goes.
    """
    mine = {manifest.source: manifest for manifest in manifests}
    objects = {item.address: _object(item, entries[item.address.registry]) for item in desired if not item.absent}
    found: dict[tuple[Source, Finding], None] = {}
    for holder, other, address in _meetings(objects):
        for variable in sorted(holder.secrets):
            if not allowed.permits(variable, address.url):
                found |= dict.fromkeys(_findings(variable, address, holder, other, mine))
    for one in objects.values():
        url = getattr(entries[one.item.address.registry].settings, "url", None)
        source = one.item.resource.source
        if url is None or "${" in url or source not in mine:
            continue  # a file, or known only to whoever opens it, who asks again
        for variable in sorted(_written(one.item, entries[one.item.address.registry])):
            if not allowed.permits(variable, url):
                found |= dict.fromkeys((source, item) for item in _at_reference(mine[source], variable, url))
    for source, manifest in mine.items():
        for variable, url in _tested(manifest):
            if not allowed.permits(variable, url):
                found |= dict.fromkeys((source, item) for item in _at_reference(manifest, variable, url))
    for source, finding in found:
        yield mine[source], finding


def _tested(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """The secrets that a test sends to a model's endpoint, whatever a registry makes of it."""
    endpoint = manifest.model.endpoint if manifest.model is not None else None
    if endpoint is not None:
        held = endpoint.model_dump(include={"api_key", "headers"}, exclude_none=True)
        yield from ((source, endpoint.url) for _, text in pointers.texts_in(held) if (source := source_of(text)))


def _object(item: Desired, entry: RegistryEntry) -> _Object:
    kind = entry.facts.kinds[item.address.kind]
    secrets = frozenset(source for reference in item.secrets.values() if (source := source_of(reference)))
    sent = combined(item.resource.spec, revealed(item.resource.unmanaged))
    return _Object(item, secrets, tuple(addresses_in(sent, kind)))


def _meetings(objects: Mapping[Address, _Object]) -> Iterator[tuple[_Object, _Object, SentAddress]]:
    """Each object with a secret, with each address that is in it, in one that it names, or in one that names it."""
    names: dict[Address, set[Address]] = {}
    named_by: dict[Address, set[Address]] = {}
    for address, one in objects.items():
        below = set(one.item.references.values())
        for other in below & objects.keys():
            names.setdefault(address, set()).add(other)
            named_by.setdefault(other, set()).add(address)
        parent = one.item.resource.parent
        if parent in objects and parent is not None:
            names.setdefault(parent, set()).add(address)
            named_by.setdefault(address, set()).add(parent)
    for address, one in objects.items():
        if one.secrets:
            for other in sorted(_reached(address, names) | _reached(address, named_by)):
                yield from ((one, objects[other], sent) for sent in objects[other].addresses)


def _reached(start: Address, edges: Mapping[Address, set[Address]]) -> set[Address]:
    """An object and all to which the edges lead from it."""
    reached, waiting = {start}, [start]
    while waiting:
        new = edges.get(waiting.pop(), set()) - reached
        reached |= new
        waiting.extend(new)
    return reached


def _findings(
    variable: str, address: SentAddress, holder: _Object, other: _Object, mine: Mapping[Source, Manifest]
) -> Iterator[tuple[Source, Finding]]:
    """The finding where the secret is named; where another manifest says the address, that is the one to mend."""
    secret, place = holder.item.resource.source, other.item.resource.source
    if place != secret and place is not None and place in mine:
        yield place, Finding(RULE, _refusal(variable, address.url), _pointer_of(mine[place], address))
    elif secret is not None and secret in mine:
        yield from ((secret, item) for item in _at_reference(mine[secret], variable, address.url))


def _at_reference(manifest: Manifest, variable: str, url: str) -> Iterator[Finding]:
    places = [pointer for pointer, value in pointers.texts_in(_data(manifest)) if source_of(value) == variable]
    return (Finding(RULE, _refusal(variable, url), pointer) for pointer in places or ("",))


def _pointer_of(manifest: Manifest, address: SentAddress) -> str:
    """Where a manifest says an address: at the same pointer where it is native, else wherever the same text is."""
    places = [pointer for pointer, value in pointers.texts_in(_data(manifest)) if value == address.text]
    return next((pointer for pointer in places if pointer.endswith(address.pointer)), next(iter(places), ""))


def _refusal(variable: str, url: str) -> str:
    host = host_of(url)
    where = str(host) if host is not None else public_url(url)
    return f"{variable} may not be sent to {where}: `secrets.allow` in reconciler.yaml does not list it"


def _written(item: Desired, entry: RegistryEntry) -> Iterator[str]:
    """The sources of the secrets that are sent to the registry itself."""
    root = entry.facts.kinds[item.address.kind].root
    for pointer, reference in item.secrets.items():
        node = root.find(pointers.split(pointer))
        rule = node.rule(WriteOnly) if node is not None else None
        if (source := source_of(reference)) and (rule is None or rule.keeps != "reference"):
            yield source


def _data(manifest: Manifest) -> Any:
    """What a manifest says, for finding a text in it."""
    if manifest.model is not None:
        return manifest.model.model_dump(by_alias=True, exclude_none=True)
    if manifest.native is None:
        return None
    return {**manifest.native.spec, "x-unmanaged": manifest.native.common.unmanaged or {}}
