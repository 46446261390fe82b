"""Registries to remote state: all of them read at once, each completely or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from reconciler.errors import RegistryError
from reconciler.registry.base import Registry
from reconciler.state import Listing, RegistryFacts, RemoteState


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
            listings[name] = answer
    if failed:
        message = "; ".join(f"{name} could not be read: {error.message}" for name, error in failed)
        raise RegistryError(message, hint=failed[0][1].hint) from failed[0][1]
    return RemoteState(listings, {name: facts[name] for name in names})
