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
from reconciler.core.resource import Listing

WRITES: Final = ("create", "update", "rename", "delete")
STORM: Final = ("too-many-requests", "server-error")
OF_WRITES: Final = ("delivered-twice", "lost-before", "lost-after")
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
    kinds: Mapping[str, Kind]
    calls: int = 0
    dead: bool = False
    full: bool = False
    storm: tuple[int, str] = (0, "")
    frozen: tuple[float, Listing] | None = None
    struck: list[Fault] = field(default_factory=list)
    _met: set[Fault] = field(default_factory=set)

    async def call(self, inner: Any, verb: str, *args: Any) -> Any:
        if self.dead:
            raise Killed
        self.calls += 1
        fault = self._due(verb)
        await self._before(fault, inner, verb)
        loop = asyncio.get_running_loop()
        if self.frozen is not None and loop.time() < self.frozen[0] and verb in ("read", "get"):
            listing = self.frozen[1]
            return listing if verb == "read" else _found(listing, args[0])
        answer = await through(inner, verb, *args)
        if fault.what == "delivered-twice" and not self._doubles(verb, args):
            self.struck.append(fault)
            with suppress(RegistryError):  # nobody hears what the second delivery was answered with
                await through(inner, verb, *args)
        if fault.what == "lost-after":
            self._lose(fault, verb)
        if fault.what == "killed-after":
            self._die(fault)
        return answer

    def _doubles(self, verb: str, args: tuple[Any, ...]) -> bool:
        """Whether a second delivery makes a second object by itself: of a create, where the registry's keys are not unique."""
        return verb == "create" and not self.kinds[args[0].desired.address.kind].unique

    def _due(self, verb: str) -> Fault:
        """The fault that strikes this call: the first one whose time has come, and that such a call can meet."""
        for fault in self.faults:
            fits = verb in WRITES if fault.what in OF_WRITES else verb == "read" or fault.what != "half-a-page"
            if fault.at <= self.calls and fits and fault not in self._met:
                self._met.add(fault)
                return fault
        return Fault(self.calls, "none")

    async def _before(self, fault: Fault, inner: Any, verb: str) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        left, what = self.storm
        if left:
            self.storm = (left - 1, what)
            raise TemporaryError(f"{what}, still")
        if fault.what == "killed-before":
            self._die(fault)
        elif fault.what == "lost-before":
            self._lose(fault, verb)
        elif fault.what in STORM:
            self.struck.append(fault)
            self.storm = (fault.amount - 1, fault.what)
            raise TemporaryError(fault.what)
        elif fault.what == "half-a-page" and verb == "read":
            self.struck.append(fault)
            raise PermanentError("the list broke off after its first page")
        elif fault.what == "stale-reads":
            self.struck.append(fault)
            self.frozen = (loop.time() + fault.amount / 20, await through(inner, "read"))
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

    def _die(self, fault: Fault) -> NoReturn:
        self.struck.append(fault)
        self.dead = True
        raise Killed

    def _lose(self, fault: Fault, verb: str) -> None:
        self.struck.append(fault)
        raise LostReplyError("the connection was reset") if verb in WRITES else TemporaryError("the connection broke")


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


def gated(inner: Any, chaos: Chaos) -> Any:
    """The registry with `chaos` before each of its methods: it can just what the registry can."""

    def method(verb: str) -> Callable[..., Awaitable[Any]]:
        async def call(self: Any, *args: Any) -> Any:
            return await chaos.call(inner, verb, *args)

        return call

    verbs = [name for name, _ in inspect.getmembers(type(inner), inspect.iscoroutinefunction) if name[0] != "_"]
    return type("Gated", (), {verb: method(verb) for verb in verbs})()
