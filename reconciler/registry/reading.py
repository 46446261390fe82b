"""Registries to remote state: all of them read at once, each completely or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from reconciler.core.errors import PermanentError, RegistryError
from reconciler.core.resource import Listing, RegistryFacts, RemoteState, Resource, Unreadable
from reconciler.core.spec import MAX_DEPTH, too_deep
from reconciler.registry.capabilities import capable
from reconciler.registry.protocol import Registry

TOO_DEEP: Final = f"it has more than {MAX_DEPTH} maps and lists inside each other"


async def read_all(registries: Mapping[str, Registry], facts: Mapping[str, RegistryFacts]) -> RemoteState:
    """What every one of these registries holds. Raises RegistryError, which names each registry that could not be read."""
    names = sorted(registries)
    answers = await asyncio.gather(*(registries[name].read() for name in names), return_exceptions=True)
    listings: dict[str, Listing] = {}
    failed: list[tuple[str, RegistryError]] = []
    for name, answer in zip(names, answers, strict=True):
        if isinstance(answer, RegistryError):
            failed.append((name, answer))
        elif isinstance(answer, BaseException):
            raise answer
        else:
            listings[name] = _comparable(answer)
    if failed:
        message = "; ".join(f"{name} could not be read: {error.message}" for name, error in failed)
        raise RegistryError(message, hint=failed[0][1].hint) from failed[0][1]
    return RemoteState(listings, capable(registries, facts))


def checked(found: Resource | None) -> Resource | None:
    """One object as a registry answered it. Raises PermanentError where nothing that compares could follow it to its bottom."""
    if found is not None and too_deep(found.spec):
        raise PermanentError(f"{found.address} cannot be read: {TOO_DEEP}")
    return found


def _comparable(listing: Listing) -> Listing:
    """The listing with the rows that go too deep as what they are: unreadable."""
    deep = [resource for resource in listing.resources if too_deep(resource.spec)]
    if not deep:
        return listing
    unreadable = tuple(Unreadable(TOO_DEEP, found.address.kind, found.address.key) for found in deep)
    left = {id(resource) for resource in deep}
    kept = tuple(resource for resource in listing.resources if id(resource) not in left)
    return listing._replace(resources=kept, unreadable=(*listing.unreadable, *unreadable))
