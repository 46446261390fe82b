"""apply: a plan, opened registries and secrets in, a report out.

Everything that can be refused is refused before the first write: a tripped guard, an object that moved, a secret
without a value, a backup that cannot be written. Then changes run in the order of their dependencies, deletes last; what depends on something that failed is
skipped, everything else goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

from reconciler.applier import once
from reconciler.applier.options import Options
from reconciler.applier.prepare import Prepared, prepare
from reconciler.applier.report import BugError, Report, untouched
from reconciler.applier.run import run_plan
from reconciler.core.errors import PlanFileError, RefusedError
from reconciler.core.resource import Address, RegistryFacts, RemoteState, Resource
from reconciler.planner import diff
from reconciler.planner.plan import Change, Plan
from reconciler.planner.recheck import recheck
from reconciler.planner.staleness import relocated, stale_changes
from reconciler.registry.protocol import Registry
from reconciler.registry.reading import read_all


async def apply(
    plan: Plan, registries: Mapping[str, Registry], facts: Mapping[str, RegistryFacts], options: Options
) -> Report:
    """Does what the plan says, and nothing else.

    Raises RefusedError before the first write where a guard tripped or something moved, SecretError where a secret has no value,
    RegistryError where a registry cannot be read. Raises BugError, with the report, where anything else went wrong in the middle of the run: what was
    under way then has ended, and nothing new was begun.
    """
    _refuse_guards(plan)
    left = untouched(plan)
    if not plan.writes:
        return Report(plan, left)
    _refuse_relocated(plan, facts)
    await once.refuse_applied(plan, registries, options.ledger)
    remote = await _unmoved(plan, registries, facts)
    facts = {**facts, **remote.registries}  # what was opened tells what it can do
    options.on_read(remote)
    plan = await options.aside(partial(_judged_again, plan, remote, options))
    known, notes = await options.aside(partial(prepare, plan, remote, facts, options))
    backup = _back_up(plan, known, facts, options)
    await once.begin(plan, registries, options.ledger, options.actor)
    bugs: list[Exception] = []
    done = {outcome.address: outcome for outcome in await run_plan(plan, known, registries, facts, options, bugs)}
    await once.end(plan, registries, options.ledger)
    report = Report.of(plan, (*(done[change.address] for change in plan.writes), *left), backup, notes)
    if bugs:
        raise BugError(report) from bugs[0]
    return report


def _refuse_guards(plan: Plan) -> None:
    if plan.guards:
        lines = "; ".join(guard.message for guard in plan.guards)
        flags = [guard.override for guard in plan.guards if guard.override]
        hint = f"if that is what you want: {' '.join(dict.fromkeys(flags))}" if len(flags) == len(plan.guards) else None
        raise RefusedError(f"nothing was written: {lines}", hint=hint)


def _refuse_relocated(plan: Plan, facts: Mapping[str, RegistryFacts]) -> None:
    strange = relocated(plan, facts)
    if strange:
        message = f"the plan was made for another registry, so nothing was written:\n{_listed(strange)}"
        raise PlanFileError(message, hint="plan again, with the configuration that is to be applied")


async def _unmoved(plan: Plan, registries: Mapping[str, Registry], facts: Mapping[str, RegistryFacts]) -> RemoteState:
    """The registries as they are now, which must be as the plan saw them."""
    touched = {change.address.registry for change in plan.writes}
    remote = await read_all({name: registries[name] for name in touched}, facts)
    lines = stale_changes(plan, remote)
    if lines:
        message = f"the plan is stale, so nothing was written:\n{_listed(lines)}"
        raise RefusedError(message, hint="plan again, and look at it again")
    return remote


def _judged_again(plan: Plan, remote: RemoteState, options: Options) -> Plan:
    """The plan with its changes in their right order. Raises RefusedError where one may not be made, or too many are."""
    refused, guards, ordered = recheck(plan, remote, options.limits)
    if refused:
        message = f"the plan would do what may not be done, so nothing was written:\n{_listed(list(refused))}"
        raise RefusedError(message, hint="plan again, and look at it again")
    _refuse_guards(replace(plan, guards=guards))
    return ordered


def _listed(lines: list[str]) -> str:
    return "\n".join(f"  {line}" for line in lines)


def _back_up(
    plan: Plan, known: Mapping[Address, Prepared], facts: Mapping[str, RegistryFacts], options: Options
) -> str | None:
    """Write down what the plan removes or overwrites, before it does. Returns where, or None where nothing is lost."""
    resources = tuple(
        current
        for change in plan.writes
        if (current := known[change.address].current) is not None
        and (change.action in ("delete", "replace", "rename") or _overwrites(change, current, facts))
    )
    return options.backup(resources) if resources else None


def _overwrites(change: Change, current: Resource, facts: Mapping[str, RegistryFacts]) -> bool:
    """Whether an update writes over what somebody else put there: before it was ours, or since we last wrote it."""
    where = facts[change.address.registry]
    if current.mark is not None and current.mark.owner != where.owner:
        return True
    seen = [field for field in change.fields if not field.sensitive]
    drifted = bool(change.drift) or diff.drifted(current, where.kinds[change.address.kind])
    return bool(seen) and (current.mark is None or drifted)
