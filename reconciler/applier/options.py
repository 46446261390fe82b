"""What apply needs beside the plan."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field

from reconciler.applier.once import Ledger
from reconciler.applier.report import Outcome
from reconciler.core.aside import Aside, at_once
from reconciler.core.resource import Address, RemoteState, Resource, Source
from reconciler.core.secret import Resolver, Secret
from reconciler.planner.guards import Limits

Backup = Callable[[tuple[Resource, ...]], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What apply needs beside the plan, which alone says what to do.

    `resolver` turns references into secrets; `fingerprint_key` makes the fingerprints that marks keep of them, if set. `backup` writes down what will
    be removed or overwritten and returns where, or raises RefusedError: then nothing is written at all. `ledger` records the saved plans that
    were applied, for registries that do not. `limits` are the guards'. `recovered` are objects that an earlier run removed to create them again and
    did not: what their manifests leave to others is taken from here. `concurrency` bounds the changes at one time in each registry, instead of what its configuration says. `settle` is in seconds.
    `locate` tells where in its manifest a value stands, for messages. `stop` ends the run early: what is under way is finished, the rest is skipped. `on_read` is told what the registries hold before
    the first write, `on_outcome` of each outcome as it happens. `writing` is entered around each single write that is sent to a
    registry, the second try of one among them; it raises RegistryError where nothing may be sent any more. `aside` is where it computes.
    """

    resolver: Resolver
    backup: Backup
    fingerprint_key: Secret | None = None
    ledger: Ledger | None = None
    limits: Limits = Limits()
    recovered: Mapping[Address, Resource] = field(default_factory=dict)
    concurrency: int | None = None
    settle: float = 10.0
    actor: str = ""
    locate: Callable[[Source, str], str] | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    on_read: Callable[[RemoteState], None] = lambda remote: None
    on_outcome: Callable[[Outcome], None] = lambda outcome: None
    writing: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
    aside: Aside = at_once
