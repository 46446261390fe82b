"""Look up stored objects by key or address: exactly one, or an error that says what there is."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Final

from reconciler.core.errors import InputError, RegistryError, UsageError
from reconciler.core.resource import Address, RemoteState, Resource
from reconciler.core.schema.findings import ALIKE, NEAR_MISS, did_you_mean

LISTED: Final = "`reconciler list` shows what there is"  # what to do where there is no such object


def matching(key: str, resources: Iterable[Resource], declared: Container[Address] = ()) -> list[Resource]:
    """The stored objects that a key or an address names.

    `declared` are where manifests of that key lead, whatever the key is there.
    """
    every = list(resources)
    exact = [resource for resource in every if str(resource.address) == key]
    named = [resource for resource in every if key == resource.address.key or resource.address in declared]
    # where names have a form of their own, the manifest's key is in the mark
    return exact or named or [resource for resource in every if resource.mark is not None and resource.mark.key == key]


def one_object(key: str, remote: RemoteState, likeness: float = ALIKE) -> Resource:
    """The one of them. `likeness` is what `suggested` asks of a name that may have been meant.

    Raises InputError for none, RegistryError where it may be there and cannot be read, UsageError for several.
    """
    found = matching(key, remote.resources())
    if not found:
        check_readable(key, remote)
    return only(key, found, [resource.address for resource in remote.resources()], likeness)


def only(key: str, found: Sequence[Resource], known: Iterable[Address] = (), likeness: float = ALIKE) -> Resource:
    """The one object that a key or an address was found to name; `known` are those that may have been meant.

    Raises InputError for none, UsageError for several.
    """
    if not found:
        raise InputError(f"no registry holds {key!r}", hint=suggested(key, known, likeness=likeness))
    if len(found) > 1:
        differ = len({resource.address for resource in found}) > 1
        raise UsageError(
            f"{key!r} names {len(found)} objects: {_listed(resource.address for resource in found)}",
            hint="give the address" if differ else f"remove all but one of them in {found[0].address.registry}",
        )
    return found[0]


def suggested(key: str, known: Iterable[Address], otherwise: str = LISTED, *, likeness: float = ALIKE) -> str:
    """The hint for a key or an address that names nothing: the nearest key, or address where one was given.

    Of the addresses, those of the same registry and kind; of others only where it has none, and never for a near miss.
    """
    addresses = list(known)
    if key.count("/") < 2:
        return did_you_mean(key, [address.key for address in addresses], otherwise, likeness)
    place = tuple(key.split("/", 2)[:2])
    beside = [str(address) for address in addresses if address[:2] == place]
    elsewhere = [str(address) for address in addresses] if not beside and likeness < NEAR_MISS else []
    keys = [address.key for address in addresses if address.key.count("/") > 1]  # as long as an address
    return did_you_mean(key, [*(beside or elsewhere), *keys], otherwise, likeness)


def check_readable(key: str, remote: RemoteState, declared: Container[Address] = ()) -> None:
    """Raise RegistryError where a registry holds an unreadable row that the key or address names or may name."""
    rows = [(name, row) for name, listing in sorted(remote.listings.items()) for row in listing.unreadable]
    for name, row in rows:
        if row.key is None:
            continue
        kinds = (row.kind,) if row.kind is not None else remote.registries[name].kinds
        addresses = [Address(name, kind, row.key) for kind in kinds]
        if row.key == key or any(str(address) == key or address in declared for address in addresses):
            message = f"{name} holds {row.key!r} in a form that cannot be read: {row.message}"
            raise RegistryError(message, hint=f"mend it in {name}, or delete it there")
    for name, row in rows:
        if row.key is None:
            message = f"{name} holds something that cannot be read and may be {key!r}: {row.message}"
            raise RegistryError(message, hint=f"mend it in {name}, or delete it there")


def _listed(addresses: Iterable[Address]) -> str:
    return ", ".join(sorted(map(str, addresses)))
