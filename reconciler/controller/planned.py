"""Plan one registry from what its Kubernetes objects declare: what is desired, what goes, and what is left alone and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from reconciler.controller.desired import Declared, Trouble, file_of
from reconciler.controller.registry_object import ALLOW_DELETES, NO_DOCUMENTS
from reconciler.core.resource import Desired, DesiredState, RemoteState
from reconciler.planner.guards import Guard
from reconciler.planner.ownership import prunable
from reconciler.planner.plan import Change, Consents, Plan
from reconciler.planner.planner import Policy
from reconciler.planner.references import dangling
from reconciler.project.planning import plan_unchecked

NOT_IN_FORCE: Final = "not-in-force"


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and the objects that it leaves out: `troubles` say why, by the name of their manifest.

    `doubts` are why nothing counts as removed. `emptied` says that what vanished is kept, since no object is left: all
    else is done.
    """

    plan: Plan
    remote: RemoteState
    desired: DesiredState
    troubles: Mapping[str, Trouble] = field(default_factory=dict)
    doubts: tuple[str, ...] = ()
    emptied: Guard | None = None

    @property
    def guards(self) -> tuple[Guard, ...]:
        """The guards that tripped, those that hold up everything first."""
        return (*self.plan.guards, *([self.emptied] if self.emptied is not None else []))

    @property
    def deletes(self) -> tuple[Change, ...]:
        """What is deleted, without what stands beside it."""
        return deletes_of(self.plan)

    @property
    def not_in_force(self) -> dict[str, str]:
        """What the registry has stored and does not act upon, in words, by the name of its manifest. What is written now is read back."""
        written = {change.source.file for change in self.plan.writes if change.source is not None}
        told = (one for one in self.plan.problems if one.rule == NOT_IN_FORCE)
        return {one.file: one.message for one in told if one.file not in written}


def plan(
    declared: Declared,
    remote: RemoteState,
    consents: Consents,
    without: Mapping[str, Trouble] = {},  # never changed
    *,
    empties: bool = False,
) -> Planned:
    """Compute the plan. `without` are objects that are left alone beside those in trouble already.

    Where no object is left that goes there, only what somebody deleted is deleted, unless the plan `empties` the
    registry: a namespace whose objects are lost looks like that, too.
    """
    desired, troubles = _without_dangling(_leaving_out(declared.desired, without), remote)
    every = {**declared.troubles, **without, **troubles}
    absent = tuple(item for item in declared.absent.resources if _is_ours(item, remote))
    whole = replace(
        desired,
        resources=tuple(sorted((*desired.resources, *absent), key=lambda item: item.address)),
        documents=desired.documents + declared.absent.documents,
        declared=desired.declared | {item.address for item in absent},
        complete=desired.complete and not every,
    )
    if not whole.complete:  # then nothing can be taken for removed; what a guard would say of it holds up all else
        consents = replace(consents, prune=False)
    policy = Policy(consents=consents, limits=declared.workspace.project.limits)
    emptying = consents.prune and not desired.documents
    if not emptying:
        return Planned(plan_unchecked(whole, remote, policy), remote, whole, every)
    everything = plan_unchecked(replace(whole, documents=1), remote, policy)
    if empties:
        return Planned(everything, remote, whole, every)
    made = plan_unchecked(whole, remote, replace(policy, consents=replace(consents, prune=False)))
    return Planned(made, remote, whole, every, emptied=_emptied(made, len(deletes_of(everything))))


def deletes_of(plan: Plan) -> tuple[Change, ...]:
    """What a plan deletes, without what stands beside it."""
    return tuple(one for one in plan.writes if one.action == "delete" and one.parent is None)


def _emptied(made: Plan, every: int) -> Guard | None:
    """The guard of a registry that would be emptied of what nobody was seen to delete. `every` counts that and the other deletes."""
    if not made.orphans:
        return None
    message = (
        f"no object goes here any more, and what nobody was seen to delete stays in the registry ({len(made.orphans)}, "
        f"the first: {made.orphans[0]}): declare it again; only if it is to go, annotate the Registry with "
        f'{ALLOW_DELETES}: "{every}", exactly'
    )
    return Guard(NO_DOCUMENTS, message, None)


def _leaving_out(state: DesiredState, files: Mapping[str, Trouble]) -> DesiredState:
    return replace(state, resources=tuple(item for item in state.resources if file_of(item) not in files))


def _without_dangling(state: DesiredState, remote: RemoteState) -> tuple[DesiredState, dict[str, Trouble]]:
    """Leave out what refers to something that is nowhere, or that is left out itself."""
    troubles: dict[str, Trouble] = {}
    while True:
        left = replace(state, declared=frozenset(item.address for item in state.resources))
        found = dangling(left, remote)
        if not found:
            return state, troubles
        for item, pointer, target in found:
            what = f"{pointer} refers to {target}" if pointer else f"it is in {target}"
            message = f"{what}, which neither the objects here nor the registry have"
            troubles.setdefault(file_of(item), Trouble("dangling-reference", message))
        state = _leaving_out(state, troubles)


def _is_ours(item: Desired, remote: RemoteState) -> bool:
    """True where what is to go bears our mark: a stranger's object of the same key stays."""
    facts = remote.registries[item.address.registry]
    there = [one for one in remote.resources() if one.address == item.address]
    if not there:
        there = [one for one in remote.resources() if one.mark is not None and one.mark.key == item.key]
    return bool(there) and all(prunable(one, facts) for one in there)
