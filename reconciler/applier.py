"""apply: a plan, opened registries and secrets in, a report out.

Everything that can be refused is refused before the first write: a tripped guard, an object that moved, a secret
without a value, a backup that cannot be written. Then changes run in the order of their dependencies, deletes last; what depends on something that failed is
skipped, everything else goes on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from reconciler.errors import RefusedError, RegistryError, SecretError
from reconciler.execute import Done, Executor, Known
from reconciler.fields import KindRules, WriteOnly
from reconciler.hashes import fingerprint
from reconciler.graph import run_in_order
from reconciler.plan import Change, Plan
from reconciler.pointer import split
from reconciler.registry.base import Registry
from reconciler.remote import read_all
from reconciler.report import Outcome, Report
from reconciler.secrets import Resolver, Secret
from reconciler.staleness import elsewhere, moved
from reconciler.state import Address, Desired, RegistryFacts, RemoteState, Resource

Backup = Callable[[tuple[Resource, ...]], str]


@dataclass(frozen=True, slots=True)
class Options:
    """How to apply. Nothing in here changes what is done.

    `resolver` turns references into secrets; `fingerprint_key` makes their fingerprints, if set. `backup` writes down what will be removed and
    returns where, or raises RefusedError. `concurrency` bounds the changes at one time in each registry. `settle` is in seconds.
    `stop` ends the run early: what is under way is finished, the rest is skipped. `on_outcome` is told of each outcome as it happens.
    """

    resolver: Resolver
    fingerprint_key: Secret | None = None
    backup: Backup | None = None
    concurrency: int = 8
    settle: float = 10.0
    actor: str = ""
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    on_outcome: Callable[[Outcome], None] = lambda outcome: None


async def apply(
    plan: Plan, registries: Mapping[str, Registry], facts: Mapping[str, RegistryFacts], options: Options
) -> Report:
    """Does what the plan says, and nothing else.

    Raises RefusedError before the first write where a guard tripped or something moved, SecretError where a secret has no value,
    RegistryError where a registry cannot be read.
    """
    _refuse_guards(plan)
    left = tuple(Outcome(change.address, change.action, change.action, change.reason, change.message) for change in plan.left)
    if not plan.writes:
        return Report(plan, left)
    remote = await _unmoved(plan, registries, facts)
    known, notes = _know(plan, remote, facts, options)
    backup = _back_up(plan, known, options)
    outcomes = await _run(plan, known, registries, facts, options)
    done = {outcome.address: outcome for outcome in outcomes}
    ordered = tuple(done[change.address] for change in plan.writes)
    return Report(plan, (*ordered, *left), backup, options.stop.is_set(), notes)


def _refuse_guards(plan: Plan) -> None:
    if plan.guards:
        lines = "; ".join(guard.message for guard in plan.guards)
        flags = [guard.override for guard in plan.guards if guard.override]
        hint = f"if that is what you want: {' '.join(dict.fromkeys(flags))}" if len(flags) == len(plan.guards) else None
        raise RefusedError(f"nothing was written: {lines}", hint=hint)


async def _unmoved(plan: Plan, registries: Mapping[str, Registry], facts: Mapping[str, RegistryFacts]) -> RemoteState:
    """The registries as they are now, which must be as the plan saw them."""
    lines = elsewhere(plan, facts)
    if not lines:
        touched = {change.address.registry for change in plan.writes}
        remote = await read_all({name: registries[name] for name in touched}, facts)
        lines = moved(plan, remote)
        if not lines:
            return remote
    listed = "\n".join(f"  {line}" for line in lines)
    raise RefusedError(f"the plan is stale, so nothing was written:\n{listed}", hint="plan again, and look at it again")


# --- what must be known before the first write ------------------------------------------------------------------


def _know(
    plan: Plan, remote: RemoteState, facts: Mapping[str, RegistryFacts], options: Options
) -> tuple[dict[Address, Known], tuple[str, ...]]:
    """The current object, the secrets and the fingerprints for each change; and what to tell the user."""
    stored = {resource.address: resource for listing in remote.listings.values() for resource in listing.resources}
    known: dict[Address, Known] = {}
    notes: list[str] = []
    missing: list[str] = []
    for change in plan.writes:
        current = stored.get(change.previous or change.address)
        if change.desired is None:
            known[change.address] = Known(current)
            continue
        where = facts[change.address.registry]
        secrets = _secrets(change, change.desired, where, options, missing)
        prints = _fingerprints(change, change.desired, current, secrets, where, options, notes)
        known[change.address] = Known(current, secrets, prints)
    if missing:
        listed = "\n".join(f"  {line}" for line in sorted(set(missing)))
        raise SecretError(f"secrets without a value, so nothing was written:\n{listed}", hint="set them and run again")
    return known, tuple(notes)


def _secrets(
    change: Change, item: Desired, facts: RegistryFacts, options: Options, missing: list[str]
) -> dict[str, Secret]:
    """The values of the secrets that this write needs. One that it could do without is taken where it is there."""
    found: dict[str, Secret] = {}
    for place, reference in item.secrets.items():
        try:
            found[place] = options.resolver.resolve(reference)
        except SecretError as error:
            if _needed(place, change, facts.kinds[item.address.kind], facts, options):
                source = item.resource.source
                at = f"{source.file}:{source.line}: " if source is not None else ""
                missing.append(f"{at}{item.address} {place}: {error.message}")
    return found


def _needed(place: str, change: Change, kind: KindRules, facts: RegistryFacts, options: Options) -> bool:
    """A registry that keeps the reference's text needs no value, but a fingerprint of a new secret does."""
    node = kind.root.find(split(place))
    rule = node.rule(WriteOnly) if node is not None else None
    if rule is None or rule.keeps == "nothing":
        return True
    fingerprinted = options.fingerprint_key is not None and facts.owner is not None and kind.marked
    new = change.action in ("create", "replace") or any(place == found.path for found in change.fields)
    return fingerprinted and new


def _fingerprints(
    change: Change,
    item: Desired,
    current: Resource | None,
    secrets: Mapping[str, Secret],
    facts: RegistryFacts,
    options: Options,
    notes: list[str],
) -> dict[str, str]:
    """The fingerprints for the mark. A value that turns out new without the plan having said so is reported, not written."""
    if options.fingerprint_key is None or facts.owner is None:
        return {}
    before = current.mark.fingerprints if current is not None and current.mark is not None else {}
    reviewed = {found.path for found in change.fields}
    prints: dict[str, str] = {}
    for place in item.secrets:
        then = before.get(place) if change.action in ("update", "rename") else None
        if place not in secrets:
            if then is not None:
                prints[place] = then
            continue
        now = fingerprint(options.fingerprint_key, str(item.address), place, secrets[place])
        if then is not None and then != now and place not in reviewed:
            notes.append(f"rotation_pending: {item.address} {place}: its value is new, and this plan did not say so; plan again to write it")
            prints[place] = then
        else:
            prints[place] = now
    return prints


def _back_up(plan: Plan, known: Mapping[Address, Known], options: Options) -> str | None:
    """Writes down what the plan removes, before it does. Returns where, or None where nothing is removed."""
    removing = [change for change in plan.writes if change.action in ("delete", "replace", "rename")]
    resources = tuple(current for change in removing if (current := known[change.address].current) is not None)
    if not resources or options.backup is None:
        return None
    return options.backup(resources)


# --- running ------------------------------------------------------------------------------------------------------


async def _run(
    plan: Plan,
    known: Mapping[Address, Known],
    registries: Mapping[str, Registry],
    facts: Mapping[str, RegistryFacts],
    options: Options,
) -> list[Outcome]:
    executors = {
        name: Executor(registry, facts[name], plan.fingerprint, options.actor, options.settle)
        for name, registry in registries.items()
        if name in facts
    }
    one = partial(_one, executors=executors, known=known, options=options)
    writes = [change for change in plan.writes if change.action != "delete"]
    deletes = [change for change in plan.writes if change.action == "delete"]
    outcomes = await run_in_order(writes, one, _skipped, options.concurrency)
    failed = frozenset(outcome.address for outcome in outcomes if outcome.status != "ok")
    return [*outcomes, *await run_in_order(deletes, one, _skipped, options.concurrency, failed)]


async def _one(
    change: Change, *, executors: Mapping[str, Executor], known: Mapping[Address, Known], options: Options
) -> Outcome:
    if options.stop.is_set():
        return _told(Outcome(change.address, change.action, "skipped", "interrupted", "the run was interrupted before this"), options)
    started = time.perf_counter()
    try:
        done = await executors[change.address.registry].run(change, known[change.address])
    except RegistryError as error:
        hint = f" ({error.hint})" if error.hint else ""
        done = Done("failed", error.code, error.message + hint)
    duration = time.perf_counter() - started
    return _told(Outcome(change.address, change.action, done.status, done.reason or change.reason, done.message, duration), options)


def _told(outcome: Outcome, options: Options) -> Outcome:
    options.on_outcome(outcome)
    return outcome


def _skipped(change: Change, cause: Address) -> Outcome:
    return Outcome(change.address, change.action, "skipped", "dependency", f"{cause} failed, and this depends on it")
