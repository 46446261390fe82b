"""What stands between the engine and an open registry, and does what a schedule says at each call."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

from campaign.schedule import Fault
from campaign.virtual_time import VirtualLoop, waiting

from reconciler.core.errors import LostReplyError, PermanentError, RegistryError, TemporaryError
from reconciler.core.kind import Kind
from reconciler.core.resource import Address, Listing

WRITES: Final = ("create", "update", "rename", "delete")
STORM: Final = ("too-many-requests", "server-error")
OF_WRITES: Final = ("delivered-twice", "lost-before", "lost-after", "answered-only")
OTHERS: Final = ("human-changes", "human-deletes", "stranger-creates", "second-reconciler")


class Killed(BaseException):
    """The process is no more. No handler of the program can catch it."""


@dataclass
class Chaos:
    """What is to happen, and what has: `struck` are the faults that did something.

    `others` does what somebody else does meanwhile, straight to the registry.
    """

    faults: Sequence[Fault]
    others: Callable[[Fault], Awaitable[None]]
    calls: int = 0
    planned_at: int = 0  # the call with which the plan was made
    dead: bool = False
    full: bool = False
    storm: tuple[int, str] = (0, "")
    struck: list[Fault] = field(default_factory=list)
    _met: set[Fault] = field(default_factory=set)

    def due(self, *, writes: bool, lists: bool) -> Fault:
        """Count a call: the fault that strikes it is the first one whose time has come, and that such a call can meet.

        Raises Killed where the process is no more.
        """
        if self.dead:
            raise Killed
        self.calls += 1
        for fault in self.faults:
            fits = writes if fault.what in OF_WRITES else lists or fault.what != "half-a-page"
            if fault.at <= self.calls and fits and fault not in self._met:
                self._met.add(fault)
                return fault
        return Fault(self.calls, "none")

    def stormy(self, fault: Fault) -> str:
        """The storm in which this call is, or that begins with it; empty for none."""
        left, what = self.storm
        if left:
            self.storm = (left - 1, what)
            return what
        if fault.what not in STORM:
            return ""
        self.struck.append(fault)
        self.storm = (fault.amount - 1, fault.what)
        return fault.what

    async def around(self, fault: Fault) -> None:
        """What happens around a call, whatever sort of call it is."""
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        if fault.what == "killed-before":
            self.die(fault)
        elif fault.what in OTHERS:
            self.struck.append(fault)
            await self.others(fault)
        elif fault.what == "clock-jumps":
            self.struck.append(fault)
            loop.jump(600.0 * fault.amount)
        elif fault.what == "slow-answer":
            self.struck.append(fault)
            await asyncio.sleep(20.0 * fault.amount)
        elif fault.what == "disk-full":
            self.struck.append(fault)
            self.full = True

    def die(self, fault: Fault) -> NoReturn:
        self.struck.append(fault)
        self.dead = True
        raise Killed


@dataclass
class CallChaos(Chaos):
    """Faults at each call of a method of the registry."""

    kinds: Mapping[str, Kind] = field(default_factory=dict)
    frozen: tuple[float, Listing] | None = None
    written: list[tuple[int, Address]] = field(
        default_factory=list
    )  # what was there and was written over, at which call

    async def call(self, inner: Any, verb: str, *args: Any) -> Any:
        fault = self.due(writes=verb in WRITES, lists=verb == "read")
        what = self.stormy(fault)
        if what:
            raise TemporaryError(what)
        await self.around(fault)
        await self._before(fault, inner, verb)
        if self.frozen is not None and asyncio.get_running_loop().time() < self.frozen[0] and verb in ("read", "get"):
            listing = self.frozen[1]
            return listing if verb == "read" else _found(listing, args[0])
        if fault.what == "answered-only":
            self.struck.append(fault)
            return None
        at = self.calls
        answer = await through(inner, verb, *args)
        if verb in WRITES and args[0].current is not None:
            self.written.append((at, args[0].current.address))
        if fault.what == "delivered-twice" and not self._doubles(verb, args):
            self.struck.append(fault)
            with suppress(RegistryError):  # nobody hears what the second delivery was answered with
                await through(inner, verb, *args)
        if fault.what == "lost-after":
            self._lose(fault)
        if fault.what == "killed-after":
            self.die(fault)
        return answer

    def _doubles(self, verb: str, args: tuple[Any, ...]) -> bool:
        """Whether a second delivery makes a second object by itself: of a create, where the registry's keys are not unique."""
        return verb == "create" and not self.kinds[args[0].desired.address.kind].unique

    async def _before(self, fault: Fault, inner: Any, verb: str) -> None:
        if fault.what == "lost-before":
            self._lose(fault)
        elif fault.what == "half-a-page" and verb == "read":
            self.struck.append(fault)
            raise PermanentError("the list broke off after its first page")
        elif fault.what == "stale-reads":
            self.struck.append(fault)
            ends = asyncio.get_running_loop().time() + fault.amount / 20
            self.frozen = (ends, await through(inner, "read"))

    def _lose(self, fault: Fault) -> NoReturn:
        self.struck.append(fault)
        raise LostReplyError("the connection was reset")


def _found(listing: Listing, address: Any) -> Any:
    if any((one.kind, one.key) == (address.kind, address.key) for one in listing.unreadable):
        raise PermanentError(f"{address} cannot be read")
    found = [one for one in listing.resources if one.address == address]
    if len(found) > 1:
        raise PermanentError(f"there are {len(found)} of {address}")
    return found[0] if found else None


async def through(inner: Any, verb: str, *args: Any) -> Any:
    """A call that reaches the registry; meanwhile virtual time waits for it."""
    with waiting():
        return await getattr(inner, verb)(*args)


def gated(inner: Any, call: Callable[..., Awaitable[Any]] = through) -> Any:
    """The registry with `call` before each of its methods: it can just what the registry can."""

    def method(verb: str) -> Callable[..., Awaitable[Any]]:
        async def called(self: Any, *args: Any) -> Any:
            return await call(inner, verb, *args)

        return called

    verbs = [name for name, _ in inspect.getmembers(type(inner), inspect.iscoroutinefunction) if name[0] != "_"]
    return type("Gated", (), {verb: method(verb) for verb in verbs})()
