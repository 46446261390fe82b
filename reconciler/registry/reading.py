"""Registries to remote state: all of them read at once, each completely or not at all.

Whatever a driver returns is held against the kind's own model here, so that no rule ever meets a value of another type: a driver need not look,
and one that forgets to does no harm.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple, TypeVar

from reconciler.core.errors import DeadlineError, PermanentError, ReconcilerError, RegistryError
from reconciler.core.kind import Kind
from reconciler.core.observing import span
from reconciler.core.resource import Address, DesiredState, Listing, RegistryFacts, RemoteState, Resource, Unreadable
from reconciler.core.shape import ANYTHING, MAPS, fits, wrong_type
from reconciler.core.spec import MAX_DEPTH, hide_secrets, references_in, too_deep
from reconciler.core.unmanaged import combined, hide, shown
from reconciler.registry import deadline
from reconciler.registry.capabilities import FindsExternal, RevealsHidden, capable
from reconciler.registry.protocol import Registry
from reconciler.registry.rows import TOO_DEEP, MisreadError, split_row

Found = TypeVar("Found")

_LOST_KEY: Final = "a row whose kind or key is no text"
_TEXT: Final = (str, type(None))
_AT_ONCE: Final = 200  # rows that are looked at before others have their turn


class Reading(NamedTuple):
    """What registries hold, as far as they could be read, and by name why the others could not."""

    remote: RemoteState
    failures: Mapping[str, ReconcilerError]


async def read_each(registries: Mapping[str, Registry], facts: Mapping[str, RegistryFacts]) -> Reading:
    """Read what every one of these registries holds; one that cannot be read does not hide the others."""
    names = sorted(registries)
    answers = await asyncio.gather(
        *(_read(name, registries[name], facts[name].deadline) for name in names), return_exceptions=True
    )
    listings: dict[str, Listing] = {}
    failures: dict[str, ReconcilerError] = {}
    for name, answer in zip(names, answers, strict=True):
        if isinstance(answer, RegistryError):
            failures[name] = answer
        elif isinstance(answer, BaseException):
            raise answer
        else:
            listings[name] = await _examined(answer, facts[name])
    return Reading(RemoteState(listings, capable(registries, facts)), failures)


async def read_all(registries: Mapping[str, Registry], facts: Mapping[str, RegistryFacts]) -> RemoteState:
    """What every one of these registries holds. Raises RegistryError, which names each registry that could not be read."""
    remote, failures = await read_each(registries, facts)
    if failures:
        raise unread(failures)
    return remote


def unread(failures: Mapping[str, ReconcilerError]) -> RegistryError:
    """The error that names each registry that could not be read, with the hint of the first."""
    first = failures[min(failures)]
    error = RegistryError("; ".join(unread_text(name, failures[name]) for name in sorted(failures)), hint=first.hint)
    error.__cause__ = first
    return error


def unread_text(name: str, failure: ReconcilerError) -> str:
    """The message for one registry that could not be read."""
    return f"{name} could not be read: {failure.message}"


async def read_missing(
    registries: Mapping[str, Registry], facts: Mapping[str, RegistryFacts], named: Iterable[Address]
) -> frozenset[Address]:
    """Those of the named external objects that are not there, as far as their registries look them up. Raises RegistryError."""
    by_registry: dict[str, set[Address]] = {}
    for address in named:
        by_registry.setdefault(address.registry, set()).add(address)
    answers = await asyncio.gather(
        *(_missing(registries[name], facts[name].deadline, frozenset(some)) for name, some in by_registry.items())
    )
    return frozenset().union(*answers)


async def with_hidden(remote: RemoteState, registries: Mapping[str, Registry], desired: DesiredState) -> RemoteState:
    """`remote` with the desired keys that are in no list and taken all the same: unreadable, and not new. Raises RegistryError."""
    able = {name: one for name, one in registries.items() if name in remote.listings and isinstance(one, RevealsHidden)}
    if not able:
        return remote
    known, listings = remote.known(), dict(remote.listings)
    for name, registry in able.items():
        sought = frozenset(one.address for one in desired.resources if one.address.registry == name) - known
        if sought:
            found = await _in_time(registry.hidden(sought), remote.registries[name].deadline)
            listings[name] = listings[name]._replace(unreadable=(*listings[name].unreadable, *found))
    return remote._replace(listings=listings)


async def _missing(registry: Registry, seconds: float | None, named: frozenset[Address]) -> frozenset[Address]:
    if not isinstance(registry, FindsExternal):
        return frozenset()
    return await _in_time(registry.missing(named), seconds)


async def _read(name: str, registry: Registry, seconds: float | None) -> Listing:
    with span("read", registry=name):
        return await _in_time(registry.read(), seconds)


async def _in_time(reading: Awaitable[Found], seconds: float | None) -> Found:
    """What a read finds. Raises DeadlineError where it is not complete in time: a read that is cut off has changed nothing."""
    timer = asyncio.timeout(seconds)
    try:
        with deadline.within(deadline.start(seconds)):
            async with timer:
                return await reading
    except TimeoutError as error:
        if not timer.expired():
            raise
        raise DeadlineError(f"not completely within its deadline of {seconds:g} seconds", hint=deadline.HINT) from error


def checked(found: Resource | None, facts: RegistryFacts) -> Resource | None:
    """One object as a registry answered it, to a read or a write. Raises PermanentError where it is not what its kind allows."""
    if found is None:
        return None
    examined = _one(found, facts)
    if isinstance(examined, Unreadable):
        raise PermanentError(f"{found.address} cannot be read: {examined.message}")
    return examined


async def _examined(listing: Listing, facts: RegistryFacts) -> Listing:
    """The listing, with the rows that are not what their kinds allow as what they are: unreadable."""
    rows: list[Resource | Unreadable] = []
    for resource in listing.resources:
        rows.append(_one(resource, facts))
        if len(rows) % _AT_ONCE == 0:
            await asyncio.sleep(0)  # whatever else the event loop has to do: a controller renews its lease
    looked_at = Listing.of(rows)
    return listing._replace(resources=looked_at.resources, unreadable=(*listing.unreadable, *looked_at.unreadable))


def _one(found: Resource, facts: RegistryFacts) -> Resource | Unreadable:
    address = found.address
    if not (_is_name(address.registry) and _is_name(address.kind) and _is_name(address.key)):
        return Unreadable(_LOST_KEY, address.kind if isinstance(address.kind, str) else None)
    kind = facts.kinds.get(address.kind)
    if kind is None:
        return Unreadable(f"{facts.name} has no kind {address.kind!r}", address.kind, address.key)
    try:
        return _checked(found, kind)
    except MisreadError as error:
        return Unreadable(str(error), address.kind, address.key, _names(found, kind))


def _is_name(part: Any) -> bool:
    return isinstance(part, str) and bool(part)


def _checked(found: Resource, kind: Kind) -> Resource:
    """The object, what it holds beside its kind's members set apart. Raises MisreadError."""
    if not isinstance(found.spec, MAPS) or not isinstance(found.unmanaged, MAPS):
        raise MisreadError("it is no map")
    if not (isinstance(found.id, _TEXT) and isinstance(found.revision, _TEXT) and isinstance(found.updated_at, _TEXT)):
        raise MisreadError("its id, its revision or the time of its last change is no text")
    if found.unmanaged and (too_deep(found.unmanaged) or wrong_type(shown(found.unmanaged), ANYTHING)):
        raise MisreadError(TOO_DEEP)
    if fits(found.spec, kind.shape, MAX_DEPTH):
        return found
    spec, others = split_row(kind, found.spec)
    if not others:
        return found
    return replace(found, spec=hide_secrets(spec, kind.root), unmanaged=combined(found.unmanaged, hide(others, spec)))


def _names(found: Resource, kind: Kind) -> tuple[Address, ...]:
    """What an object that cannot be read refers to, as far as that can be told: it is in use."""
    named = references_in(found.spec, kind.root, found.address.key)
    return tuple(sorted({Address(found.address.registry, target, key) for _, target, key in named}))
