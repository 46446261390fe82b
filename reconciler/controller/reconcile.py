"""Reconcile one Registry object: its objects in, and then what the command line does: read, plan, guards, apply, read back.

Level-triggered: everything is decided from what is there now. Never raises for what objects or registries hold.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from reconciler.applier import apply as applier
from reconciler.applier.options import Options
from reconciler.applier.report import UNCHANGED as DONE_BY_ANOTHER
from reconciler.applier.report import BugError, Outcome, Report
from reconciler.controller import rows as row_maker
from reconciler.controller.backups import Backup, ConfigMapBackups, Keeper
from reconciler.controller.cluster import Cluster, ClusterError, ObjectKey
from reconciler.controller.cluster_secrets import ClusterSecrets
from reconciler.controller.copies import Copies, Member, Said
from reconciler.controller.desired import Composer, Declared, registry_settings
from reconciler.controller.landing import Landing
from reconciler.controller.members import Members
from reconciler.controller.planned import Planned
from reconciler.controller.ports import Fence, Observer, Recorder, Result
from reconciler.controller.registry_object import RegistryObject
from reconciler.controller.registry_planner import RegistryPlanner
from reconciler.controller.registry_status import RegistryWriter, told
from reconciler.controller.routing import NOWHERE
from reconciler.controller.secret_versions import digests, versions_of
from reconciler.controller.settings import NAME
from reconciler.controller.status import UNCHANGED, Row
from reconciler.controller.telling import tell_plan, tell_report
from reconciler.controller.wording import listed, worded
from reconciler.controller.writer import Writer
from reconciler.controller.writing import FencedWriting
from reconciler.core.aside import Aside, OneThread
from reconciler.core.errors import (
    ConfigError,
    ReconcilerError,
    RefusedError,
    RegistryError,
    SecretError,
    TemporaryError,
    UnreachableError,
)
from reconciler.project.workspace import Workspace
from reconciler.registry.protocol import Registry

IDLE: Final = 3600.0  # seconds until what has no registry is looked at again


@dataclass
class Reconciler:
    """The loop's body. `cluster_id` is the uid of the namespace kube-system; `folder` is where registries that are files live.

    `keeper` keeps the backups, in ConfigMaps unless it is given.
    `aside` is where it computes; in virtual time, `at_once`: such a clock would go on while a thread works.
    """

    cluster: Cluster
    copies: Copies
    cluster_id: str
    folder: Path
    recorder: Recorder
    observer: Observer
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    settle: float = 10.0
    aside: Aside = field(default_factory=OneThread)
    keeper: Keeper | None = None
    writer: Writer = field(init=False)
    composer: Composer = field(init=False)
    _known: dict[ObjectKey, Mapping[str, Any]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.writer = Writer(self.cluster, self.now, self.copies.wrote)
        self.composer = Composer(self.copies, self.folder)

    async def reconcile(self, key: ObjectKey, fence: Fence) -> Result:
        """Bring one registry in line with its objects, and tell the objects."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            result, outcome = await self._reconcile(key, fence)
        except ClusterError as error:  # no status can be counted on either
            self._tell(key, "ApiServer", f"the API server refused a request, which is tried again: {error.message}")
            result, outcome = Result(failed=True, after=error.retry_after or 0.0), "cluster"
        except Exception as error:  # noqa: BLE001  # a driver's bug must not end the work on all other registries
            self._tell_bug(key, error)
            result, outcome = Result(failed=True, after=0.0), "bug"
        except asyncio.CancelledError:  # what was written until then is told, too
            self.observer.reconciled(key, loop.time() - began, "stopped", failed=True)
            raise
        self.observer.reconciled(key, loop.time() - began, outcome, failed=result.failed)
        return result

    def _tell_bug(self, key: ObjectKey, error: Exception) -> None:
        """Say that there is a bug, and where: its text is left out, since nobody knows what is in it."""
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(last.filename).name}:{last.lineno}"
        self._tell(key, "Bug", f"a bug, {type(error).__name__} in {where}: please report it")

    def _tell(self, key: ObjectKey, reason: str, message: str) -> None:
        item = self.copies.registry(key)
        if item is not None:
            self.recorder.event(item, "Warning", reason, worded(message))

    def _tell_deleted(self, key: ObjectKey, members: Members) -> None:
        """Say once of a Registry object that was deleted what stays in the registry."""
        item = self._known.pop(key, None)
        staying = members.staying()
        if item is not None and staying:
            message = f"the Registry is deleted; the registry itself keeps what was declared by {listed(staying)}"
            self.recorder.event(item, "Normal", "Left", worded(message))

    async def _reconcile(self, key: ObjectKey, fence: Fence) -> tuple[Result, str]:
        item = self.copies.registry(key)
        members = Members(key, self.copies, self.composer, self.writer, self.recorder)
        if item is None or "deletionTimestamp" in item["metadata"]:
            self._tell_deleted(key, members)
            await members.without_registry()
            return Result(failed=False, after=IDLE), "nowhere" if key.name == NOWHERE else "gone"
        self._known[key] = item
        registry = RegistryObject.of(item, self.cluster_id)
        status = RegistryWriter(self.writer, self.recorder, item, registry.interval)
        if registry.suspended:
            await members.release()
            await members.tell_waiting()
            await status.suspended()
            return Result(failed=False, after=IDLE), "suspended"
        run = _Run(self, item, registry, fence, members, status)
        try:
            return await run.carry_out()
        except (RegistryError, SecretError, ConfigError) as error:
            await members.unknown(error.code, told(error))
            await status.failed(error)
            nobody = isinstance(error, UnreachableError) or isinstance(error.__cause__, UnreachableError)
            return Result(failed=True, after=registry.interval, unreachable=nobody), error.code


@dataclass
class _Run:
    """One reconcile of one Registry object that is there."""

    whole: Reconciler
    item: Mapping[str, Any]
    registry: RegistryObject
    fence: Fence
    members: Members
    status: RegistryWriter

    async def carry_out(self) -> tuple[Result, str]:
        """Read, plan, apply, and tell everybody. Raises RegistryError, SecretError, ConfigError or ClusterError."""
        registries = self.whole.copies.said_by_registries(self.registry.key.namespace)
        members = await self._members()
        secrets = ClusterSecrets(self.whole.cluster, self.registry.key.namespace)
        _, credentials = registry_settings(self.registry)
        await secrets.fetch(one.name for one in credentials)
        declared = await self.whole.aside(lambda: self._declared(secrets, members))
        workspace = declared.workspace
        versions = versions_of(declared, self.whole.copies, self.registry.key.namespace)
        async with workspace.connect() as opened:
            planned = await self._planner.plan(declared, opened, secrets, versions)
            notes = digests(secrets, versions)
            landing = self._landing(declared, planned, notes)
            report = None
            failure: ReconcilerError | None = None
            if self._may_write(planned):
                try:
                    await self._confirm(planned, registries, members)
                    tell_plan(self.whole.recorder, self.members.by_file(declared), planned.plan)
                    async with landing:
                        report = await self._apply(planned, workspace, opened, landing)
                except BugError as error:
                    report, failure = error.report, RegistryError(str(error))
                except (RefusedError, TemporaryError) as error:
                    failure = error
        return await self._tell(declared, planned, report, failure, notes, landing.written)

    async def _members(self) -> list[Member]:
        """The objects that count; those that are left to themselves are released first."""
        return await self.members.released_where_nothing_is_to_be_deleted(self.whole.cluster, prunes=self._holds)

    def _declared(self, secrets: ClusterSecrets, members: list[Member]) -> Declared:
        composer = self.whole.composer
        placed = composer.placed(self.registry, members)
        return composer.declared(composer.workspace(self.registry, secrets, placed), placed)

    # --- apply, and tell ------------------------------------------------------------------------------------

    def _may_write(self, planned: Planned) -> bool:
        return bool(planned.plan.writes) and not planned.plan.guards and not self.registry.observes

    async def _confirm(self, planned: Planned, registries: Mapping[ObjectKey, Said], members: list[Member]) -> None:
        """Use up what allowed the plan's deletes, once the cluster of now bears out what the plan was made from.

        Raises TemporaryError where it does not: reconciling again finds why.
        """
        key = self.registry.key
        if not any(change.action == "delete" for change in planned.plan.writes):
            if not await self.whole.copies.is_now(self.item):
                raise TemporaryError("the Registry was changed meanwhile: nothing was written")
            return
        if await self.whole.cluster.terminating(key.namespace):
            raise TemporaryError(f"the namespace {key.namespace} is about to go: nothing is deleted in the registry")
        if not await self.whole.copies.agree(key, self.registry.driver, registries, members):
            raise TemporaryError("the cluster holds what was not seen yet: nothing was written")
        if planned.plan.consents.allow_deletes is not None:
            await self.status.use_up(self.registry, planned.deletes)

    @property
    def _planner(self) -> RegistryPlanner:
        whole = self.whole
        return RegistryPlanner(
            self.registry,
            self.members,
            self.status,
            whole.copies,
            whole.composer,
            whole.aside,
            whole.now,
            whole.cluster,
            whole.cluster_id,
        )

    @property
    def _holds(self) -> bool:
        """True where deleting an object deletes in the registry, so that the object is held until that is done."""
        return self.registry.prune and not self.registry.observes

    def _landing(self, declared: Declared, planned: Planned, notes: Mapping[str, str]) -> Landing:
        """What writes the status of each object that has nothing left to do, before all have."""

        async def write(file: str) -> None:
            one = declared.documents[file]
            row = Row(self.registry.key.name, UNCHANGED, generation=one.generation, secrets=notes.get(file, ""))
            await self.members.write_live(one, row, holds=self._holds)

        return Landing(planned.plan, declared.documents.keys() - planned.troubles.keys(), write)

    async def _apply(
        self, planned: Planned, workspace: Workspace, opened: Mapping[str, Registry], landing: Landing
    ) -> Report:
        name = self.registry.key.name
        keeper = self.whole.keeper or ConfigMapBackups(self.whole.cluster)
        backup = Backup(keeper, self.registry.key, workspace.entries[name], self.whole.now())

        def on_outcome(outcome: Outcome) -> None:
            if outcome.reason != DONE_BY_ANOTHER:
                self.whole.observer.wrote(self.registry.key, outcome.action, outcome.status)
            landing.outcome(outcome)

        options = Options(
            resolver=workspace.resolver,
            backup=backup.take,
            limits=workspace.project.limits,
            actor=NAME,
            settle=self.whole.settle,
            writing=FencedWriting(self.fence, backup.store),
            aside=self.whole.aside,
            on_outcome=on_outcome,
        )
        return await applier.apply(planned.plan, opened, workspace.facts, options)

    async def _tell(
        self,
        declared: Declared,
        planned: Planned,
        report: Report | None,
        failure: ReconcilerError | None,
        notes: Mapping[str, str],
        landed: Collection[str],
    ) -> tuple[Result, str]:
        """Write every status but those that `landed`. A reconcile failed where trying again may help."""
        noted = self.members.noted_secrets(declared)
        made: dict[str, Row] = {}
        for file, row in row_maker.rows(self.registry.key.name, declared, planned, report, notes):
            is_new = row.action == "unchanged" and not self.registry.observes
            if file not in landed:
                made[file] = row if is_new else row._replace(secrets=noted.get(file, ""))
        left = row_maker.left_of(planned, report)
        if report is not None:
            tell_report(self.whole.recorder, self.members.by_file(declared), self.item, planned.plan, report)
        await self.members.write(declared, made, left, holds=self._holds)
        outcome = await self.status.reconciled(planned, left, report, failure)
        failed = failure is not None or _may_help(report)
        return Result(failed, self.registry.interval), outcome


def _may_help(report: Report | None) -> bool:
    """True where a change failed, so that trying again before the next resync may help."""
    statuses = {one.status for one in report.outcomes} if report is not None else set()
    return bool(statuses & {"failed", "skipped", "not_stored"})
