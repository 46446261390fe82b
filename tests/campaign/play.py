"""One schedule played against one registry, and what must hold after it: `play` returns what does not."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from campaign.gate import Chaos, Killed, gated
from campaign.scenario import CONSENTS, Scenario
from campaign.schedule import Fault, Schedule
from world import ENVIRON, World

from reconciler.applier.report import Report
from reconciler.core.errors import ReconcilerError, RefusedError
from reconciler.core.kind import Kind
from reconciler.core.resource import Address, Resource
from reconciler.planner.plan import Plan
from reconciler.planner.plan_json import plan_to_json
from reconciler.planner.planfile import dump

QUIET_RUNS: Final = 2  # after the faults, until nothing is left to do
Held = dict[Address, list[Resource]]


@dataclass
class Play:
    """A run in a registry. `touched` is what others wrote meanwhile, `planned` what plans said would go."""

    world: World
    scenario: Scenario
    schedule: Schedule
    planned: set[Address] = field(default_factory=set)
    touched: set[Address] = field(default_factory=set)
    strange: Held = field(default_factory=dict)  # what is another owner's, or nobody's: it stays as it is
    wrong: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    struck: list[str] = field(default_factory=list)

    @property
    def kinds(self) -> Mapping[str, Kind]:
        """Of the one registry there is."""
        return next(iter(self.world.facts.values())).kinds

    async def held(self) -> Held:
        found: Held = {}
        for registry in self.world.registries.values():
            for one in (await registry.read()).resources:
                found.setdefault(one.address, []).append(one)
        return found

    async def others(self, fault: Fault) -> None:
        """What somebody else does in the middle of our run, through a connection of their own."""
        before = await self.held()
        chance = random.Random(f"others {self.schedule.seed} {fault.at}")
        try:
            await self._meddle(fault, chance)
        except RefusedError as error:
            self.said.append(str(error))
        after = await self.held()
        changed = {address for address in before.keys() | after.keys() if before.get(address) != after.get(address)}
        self.touched |= changed
        if fault.what == "stranger-creates":
            theirs = {one for one in changed & after.keys() if any(_owner(row) == "them" for row in after[one])}
            self.strange |= {one: [row for row in after[one] if _owner(row) == "them"] for one in theirs}

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

    async def run(self) -> list[str]:
        """Everything: the objects, the run under faults, the invariants, the quiet runs."""
        await self.scenario.fill(self.world)
        before = await self.held()
        self.strange = {
            address: rows
            for address, rows in before.items()
            if _owner(rows[0]) != "us" and self.kinds[address.kind].markable
        }
        chaos = Chaos(self.schedule.faults, self.others, self.kinds)
        report = await self._faulty_run(chaos)
        self.struck = [fault.what for fault in chaos.struck]
        after = await self.held()
        self._judge(before, after)
        if report is not None:
            self._judge_report(report, after)
        await self._come_to_rest()
        self._judge(before, await self.held())
        leaks = [name for name, value in ENVIRON.items() if any(value in text for text in self.said)]
        self.wrong.extend(f"the value of {name} was printed" for name in leaks)
        return self.wrong

    async def _faulty_run(self, chaos: Chaos) -> Report | None:
        """The run that the faults strike. No report where it was killed or refused."""
        registries = {name: gated(one, chaos) for name, one in self.world.registries.items()}
        ours = replace(self.world, registries=registries)

        def back_up(resources: tuple[Resource, ...]) -> str:
            if chaos.full:
                raise RefusedError("the backup cannot be written: no space left on device")
            return "backup"

        try:
            plan = await ours.plan(*self.scenario.desired, **CONSENTS)
            self._expect(plan)
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

    async def _come_to_rest(self) -> None:
        for _ in range(QUIET_RUNS):
            plan = await self.world.plan(*self.scenario.desired, **CONSENTS)
            self._expect(plan)
            if not plan.writes:
                return
            report = await self.world.carry_out(plan, concurrency=1)
            self.said.append(repr(report.outcomes))
        plan = await self.world.plan(*self.scenario.desired, **CONSENTS)
        if plan.writes:
            left = [f"{one.action} {one.address} ({one.reason})" for one in plan.writes]
            self.wrong.append(f"not converged after {QUIET_RUNS} quiet runs: {left}")

    def _expect(self, plan: Plan) -> None:
        self.said.extend((repr(plan), json.dumps(plan_to_json(plan)), str(dump(plan))))
        for change in plan.writes:
            if change.action in ("delete", "replace"):
                self.planned.add(change.address)
            if change.previous is not None:
                self.planned.add(change.previous)

    def _judge(self, before: Held, after: Held) -> None:
        for address, rows in self.strange.items():
            there = [_content(one) for one in after.get(address, ())]
            if any(_content(one) not in there for one in rows):
                self.wrong.append(f"{address}, which is {_owner(rows[0]) or 'nobody'}'s, was touched")
        gone = {address for address in before if address not in after}
        self.wrong.extend(f"{one} is gone, and no plan said so" for one in gone - self.planned - self.touched)
        for address, rows in before.items():
            if rows[0].mark is not None and rows[0].mark.protected and address not in after:
                self.wrong.append(f"{address} was protected, and is gone")
        doubled = {one for one, rows in after.items() if len(rows) > 1 and not self._may_be_doubled(one)}
        self.wrong.extend(f"there are {len(after[one])} of {one}" for one in doubled)

    def _may_be_doubled(self, address: Address) -> bool:
        """Whether two who create it at the same moment both do, since the registry's keys are not unique."""
        return address in self.touched and not self.kinds[address.kind].unique

    def _judge_report(self, report: Report, after: Held) -> None:
        """What it says is done is done, unless somebody else was there."""
        for outcome in report.outcomes:
            address = outcome.address
            if outcome.status == "ok" and len(after.get(address, ())) > 1:
                self.wrong.append(f"{outcome.action} of {address} was told as done: there are several")
            if outcome.status == "ok" and address in self.strange:
                self.wrong.append(f"{outcome.action} of {address} was told as done: it is another owner's")
            if outcome.status != "ok" or address in self.touched:
                continue
            there = address in after
            if there is (outcome.action == "delete"):
                self.wrong.append(
                    f"{outcome.action} of {address} was told as done: it is {'' if there else 'not '}there"
                )


def _content(one: Resource) -> tuple[Any, ...]:
    return one.id, one.spec, one.mark, one.unmanaged


def _owner(one: Resource) -> str | None:
    return one.mark.owner if one.mark is not None else None


def _killed(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return error.subgroup(Killed) is not None
    return isinstance(error, Killed)


async def _nobody(fault: Fault) -> None:
    """Nobody else is there."""


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


async def play(world: World, scenario: Scenario, schedule: Schedule) -> Verdict:
    open_to_all = {name: gated(one, Chaos((), _nobody, {})) for name, one in world.registries.items()}
    one = Play(replace(world, registries=open_to_all), scenario, schedule)
    with listening(one.said):
        return Verdict(await one.run(), one.struck)
