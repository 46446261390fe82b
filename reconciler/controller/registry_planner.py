"""Plan one Registry object: read its registry, fetch the values of Secrets that its writes need, and weigh what may be deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from reconciler.controller.cluster import Cluster
from reconciler.controller.cluster_secrets import ClusterSecrets, secret_of
from reconciler.controller.copies import Copies
from reconciler.controller.desired import Composer, Declared, Trouble, file_of
from reconciler.controller.members import Members
from reconciler.controller.neighbours import Neighbours
from reconciler.controller.planned import Planned, plan
from reconciler.controller.registry_object import RegistryObject
from reconciler.controller.registry_status import Allowance, RegistryWriter
from reconciler.controller.secret_versions import Versions, lacking, rotated
from reconciler.core.aside import Aside
from reconciler.core.resource import Address, RemoteState
from reconciler.planner.plan import Consents
from reconciler.project.planning import read_unchecked
from reconciler.registry.protocol import Registry


@dataclass(frozen=True, slots=True)
class RegistryPlanner:
    """Makes the plan of one reconcile. It computes `aside`; `now` is the time of the wall clock.

    `cluster_id` is the uid of the namespace kube-system.
    """

    registry: RegistryObject
    members: Members
    status: RegistryWriter
    copies: Copies
    composer: Composer
    aside: Aside
    now: Callable[[], datetime]
    cluster: Cluster
    cluster_id: str

    async def plan(
        self,
        declared: Declared,
        opened: Mapping[str, Registry],
        secrets: ClusterSecrets,
        versions: Versions,
    ) -> Planned:
        """The plan, with the values of all secrets that its writes need; what lacks one is left out."""
        remote = await read_unchecked(declared.workspace, declared.desired, opened)
        facts = remote.registries[self.registry.key.name]
        neighbours = Neighbours(self.registry, facts, self.cluster, self.copies, self.composer, self.cluster_id)
        doubts = (
            *self.copies.doubtful(self.registry.key, self.registry.driver),
            *(neighbours.rivals() if self.registry.prune else ()),
        )
        planned = await self._plan(declared, remote, secrets, versions, doubts)
        # after the reading here: what is nowhere there by then is not the same
        claims = await neighbours.claims(planned, self._moved(declared, planned))
        if not claims:
            return planned
        doubts = (*doubts, *(claim.message for claim in claims))
        claimed = {address for claim in claims for address in claim.addresses}
        absent = tuple(item for item in declared.absent.resources if item.address not in claimed)
        declared = replace(declared, absent=replace(declared.absent, resources=absent))
        return await self._plan(declared, remote, secrets, versions, doubts)

    def _moved(self, declared: Declared, planned: Planned) -> dict[Address, frozenset[str]]:
        """Where what is deleted here goes now, by its address: the names of Registry objects."""
        moved = self.members.moved(declared)
        files = ((change.address, change.source.file) for change in planned.deletes if change.source is not None)
        return {address: moved[file] for address, file in files if file in moved}

    async def _plan(
        self,
        declared: Declared,
        remote: RemoteState,
        secrets: ClusterSecrets,
        versions: Versions,
        doubts: tuple[str, ...],
    ) -> Planned:
        """The plan. `doubts` are why nothing counts as removed."""
        if doubts:
            declared = replace(declared, desired=replace(declared.desired, complete=False))
        observes = self.registry.observes
        rotate = () if observes else rotated(declared, versions, self.members.noted_secrets(declared))
        consents = Consents(prune=self._prunes_what_vanished(), rotate=rotate)
        without: dict[str, Trouble] = {}
        while True:
            planned = await self.aside(partial(self._plan_once, declared, remote, consents, dict(without)))
            planned = replace(planned, doubts=doubts)
            if observes:
                return planned
            references = {
                (file_of(change.desired), reference)
                for change in planned.plan.writes
                if change.desired is not None
                for reference in change.desired.secrets.values()
            }
            await secrets.fetch(secret_of(reference) for _, reference in references)
            found = dict(lacking(references, secrets))
            if not found:
                return planned
            without |= found

    def _plan_once(
        self, declared: Declared, remote: RemoteState, consents: Consents, without: Mapping[str, Trouble]
    ) -> Planned:
        """The plan, with what is left of the annotation that allows deletes where the guards need it."""
        planned = plan(declared, remote, consents, without)
        if planned.emptied is not None:
            emptying = plan(declared, remote, consents, without, empties=True)
            allowance = self._allowance(emptying)
            # exactly: what is left of a number that was meant for others must not empty a registry
            if sum(allowance) and len(emptying.deletes) == sum(allowance):
                return plan(declared, remote, replace(consents, allow_deletes=sum(allowance)), without, empties=True)
        needs = any(one.name in ("max-deletes", "max-delete-percent") for one in planned.plan.guards)
        allowed = sum(self._allowance(planned)) if needs else 0
        return plan(declared, remote, replace(consents, allow_deletes=allowed), without) if allowed else planned

    def _allowance(self, planned: Planned) -> Allowance:
        return self.status.allowance(self.registry, planned.deletes)

    def _prunes_what_vanished(self) -> bool:
        """True where an object that nobody was seen to delete counts as removed.

        Not where the Registry object is new: whoever restores a namespace may not have come to the others yet.
        """
        age = (self.now() - self.registry.created).total_seconds()
        return self.registry.prune and age > self.registry.interval
