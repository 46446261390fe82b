"""One schedule played against one registry, and what must hold after it: `play` returns what does not."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from campaign import invariants
from campaign.exchange import ExchangeChaos, Line
from campaign.gate import CallChaos, Chaos, Killed, gated
from campaign.ground import Ground
from campaign.invariants import Moment
from campaign.scenario import CONSENTS, Scenario
from campaign.schedule import Fault, Schedule
from campaign.virtual_time import waiting
from world import ENVIRON, World

from reconciler.applier.report import Report
from reconciler.core.errors import ReconcilerError, RefusedError
from reconciler.core.kind import Kind
from reconciler.core.resource import Address, Resource
from reconciler.planner.plan import Plan
from reconciler.planner.plan_json import plan_to_json
from reconciler.planner.planfile import dump

QUIET_RUNS: Final = 2  # after the faults, until nothing is left to do
Faulty = Callable[["Play"], tuple[Chaos, World]]  # the world as the faulty run has it, with what happens to it


@dataclass
class Play:
    """A run in a registry. `touched` is what others wrote meanwhile, `planned` what plans said would go."""

    ground: Ground
    world: World
    scenario: Scenario
    schedule: Schedule
    planned: set[Address] = field(default_factory=set)
    touched: set[Address] = field(default_factory=set)
    # what a person changed, at which call; put back as the plan found it, to the second, nobody could tell
    by_hand: dict[int, set[Address]] = field(default_factory=dict)
    planned_on: Moment = field(default_factory=Moment)  # what there was when the plan was made
    strange: Moment = field(default_factory=Moment)  # what is another owner's, or nobody's: it stays as it is
    wrong: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    struck: list[str] = field(default_factory=list)
    chaos: Chaos = field(init=False)

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """Of the one registry there is."""
        return next(iter(self.world.facts.values())).kinds

    async def now(self) -> Moment:
        """All that the registry holds."""
        found = Moment()
        for registry in self.world.registries.values():
            for one in (await registry.read()).resources:
                found.held.setdefault(one.address, []).append(one)
        with waiting():
            found.rows.update(await asyncio.to_thread(self.ground.rows))
        return found

    async def others(self, fault: Fault) -> None:
        """What somebody else does in the middle of our run, through a connection of their own."""
        before = await self.now()
        chance = random.Random(f"others {self.schedule.seed} {fault.at}")
        try:
            await self._meddle(fault, chance)
        except RefusedError as error:
            self.said.append(str(error))
        after = await self.now()
        changed = after.changed_since(before)
        self.touched |= changed
        if fault.what in ("human-changes", "human-deletes"):
            self.by_hand[self.chaos.calls] = after.changed_since(self.planned_on) & changed
        if fault.what == "stranger-creates":
            self.strange.update(after.only(lambda address, row: address in changed and owner_of(row) == "them"))

    async def _meddle(self, fault: Fault, chance: random.Random) -> None:
        scenario = self.scenario
        if fault.what == "second-reconciler":
            plan = await self.world.plan(*scenario.desired, **CONSENTS)
            self._expect(plan)
            await self.world.carry_out(plan, concurrency=1)
        elif fault.what == "stranger-creates" and scenario.new:
            await self.world.as_owner("them").apply(chance.choice(scenario.new))
        elif fault.what == "human-deletes" and scenario.ours:
            one = chance.choice(scenario.ours)
            await self.world.apply({"kind": one["kind"], "key": one["key"], "state": "absent"}, allow_deletes=9)
        elif fault.what == "human-changes" and scenario.ours:
            one = chance.choice(scenario.ours)
            await self.world.apply(one, allow_replaces=9)

    async def run(self, faulty: Faulty) -> list[str]:
        """Everything: the objects, the run under faults, the invariants, the quiet runs."""
        await self.scenario.fill(self.world)
        before = await self.now()
        self.strange = before.only(
            lambda address, row: owner_of(row) != "us" and not row.read_only and self.kinds[address.kind].markable
        )
        chaos, ours = faulty(self)
        self.chaos = chaos
        report = await self._faulty_run(chaos, ours)
        self.struck = [fault.what for fault in chaos.struck]
        after = await self.now()
        self._judge(before, after)
        if isinstance(chaos, CallChaos) and "stale-reads" not in self.struck:
            self.wrong.extend(invariants.overwritten(self._changed_by_hand(chaos), chaos.written, self.kinds))
        plan = await self._plan()
        if report is not None:
            self.wrong.extend(invariants.untrue(report, after, plan, self.touched, set(self.strange.held)))
        if plan.writes:
            await self._come_to_rest(plan)
            self._judge(before, await self.now())
        leaks = [name for name, value in ENVIRON.items() if any(value in text for text in self.said)]
        self.wrong.extend(f"the value of {name} was printed" for name in leaks)
        return self.wrong

    async def _faulty_run(self, chaos: Chaos, ours: World) -> Report | None:
        """The run that the faults strike. No report where it was killed or refused."""

        def back_up(resources: tuple[Resource, ...]) -> str:
            if chaos.full:
                raise RefusedError("the backup cannot be written: no space left on device")
            return "backup"

        try:
            plan = await ours.plan(*self.scenario.desired, **self.scenario.consents)
            self._expect(plan)
            chaos.planned_at = chaos.calls
            self.planned_on = await self.now()
            report = await ours.carry_out(plan, backup=back_up, concurrency=1)
        except ReconcilerError as error:
            self.said.append(f"{error} {error.hint}")
        except BaseException as error:  # noqa: BLE001  # a bug is a verdict, and being killed is none
            if not _killed(error):
                self.wrong.append(f"a bug: {type(error).__name__}: {error} {error.__cause__!r}")
        else:
            self.said.append(repr(report.outcomes))
            return report
        return None

    def _changed_by_hand(self, chaos: Chaos) -> dict[Address, int]:
        """What somebody changed or deleted after the plan was made, and at which call."""
        return {one: at for at, found in self.by_hand.items() if at > chaos.planned_at for one in found}

    async def _come_to_rest(self, plan: Plan) -> None:
        for _ in range(QUIET_RUNS):
            try:
                report = await self.world.carry_out(plan, concurrency=1)
            except RefusedError as error:  # what a real server was asked before it did only now
                self.said.append(str(error))
            else:
                self.said.append(repr(report.outcomes))
            plan = await self._plan()
            if not plan.writes:
                break
        else:
            left = [f"{one.action} {one.address} ({one.reason})" for one in plan.writes]
            self.wrong.append(f"not converged after {QUIET_RUNS} quiet runs: {left}")

    async def _plan(self) -> Plan:
        """A plan that nothing disturbs."""
        plan = await self.world.plan(*self.scenario.desired, **CONSENTS)
        self._expect(plan)
        return plan

    def _expect(self, plan: Plan) -> None:
        self.said.extend((repr(plan), json.dumps(plan_to_json(plan)), str(dump(plan))))
        for change in plan.writes if not plan.guards else ():
            if change.action in ("delete", "replace"):
                self.planned.add(change.address)
            if change.previous is not None:
                self.planned.add(change.previous)

    def _judge(self, before: Moment, after: Moment) -> None:
        self.wrong.extend(invariants.touched(self.strange, after))
        self.wrong.extend(invariants.gone(before, after, self.planned | self.touched))
        self.wrong.extend(invariants.unwanted(before, after, self.scenario.stays, self.kinds, self.touched))
        self.wrong.extend(invariants.doubled(after, self.kinds, self.touched))
        self.wrong.extend(invariants.told_apart(after))


def owner_of(one: Resource) -> str | None:
    return one.mark.owner if one.mark is not None else None


def by_call(one: Play) -> tuple[Chaos, World]:
    """Faults at each call of one of the driver's methods."""
    chaos = CallChaos(one.schedule.faults, one.others, kinds=one.kinds)
    return chaos, replace(
        one.world, registries={name: gated(inner, chaos.call) for name, inner in one.world.registries.items()}
    )


def by_exchange(line: Line, registries: Mapping[str, Any]) -> Faulty:
    """Faults at each HTTP exchange of the registries on that line."""

    def faulty(one: Play) -> tuple[Chaos, World]:
        line.chaos = ExchangeChaos(one.schedule.faults, one.others, doubles=one.ground.doubles)
        return line.chaos, replace(one.world, registries=registries)

    return faulty


def _killed(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return error.subgroup(Killed) is not None
    return isinstance(error, Killed)


@contextmanager
def listening(said: list[str]) -> Iterator[None]:
    """What is logged is listened to as well."""

    class Ear(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(record.getMessage())

    logger, ear = logging.getLogger("reconciler"), Ear()
    level = logger.level
    logger.addHandler(ear)
    logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        logger.removeHandler(ear)
        logger.setLevel(level)


class Verdict(NamedTuple):
    """What does not hold after a schedule, empty where all is well, and the faults of it that struck."""

    wrong: list[str]
    struck: list[str]


async def play(ground: Ground, scenario: Scenario, schedule: Schedule, faulty: Faulty) -> Verdict:
    undisturbed = {name: gated(one) for name, one in ground.world.registries.items()}
    one = Play(ground, replace(ground.world, registries=undisturbed), scenario, schedule)
    with listening(one.said):
        return Verdict(await one.run(faulty), one.struck)
