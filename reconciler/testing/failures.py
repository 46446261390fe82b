"""Failures: lost replies, rows that are broken, objects that moved or are there twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from reconciler.core.errors import PermanentError, StaleObjectError
from reconciler.planner.plan import Plan
from reconciler.registry.protocol import Removal, Write
from reconciler.testing.base import ContractBase, uses
from reconciler.testing.losing import losing_and_deleting
from reconciler.testing.sample import Sample
from reconciler.testing.stored import registry_of, secrets_of, stored
from reconciler.testing.world import Document, World, statuses


class FailureContract(ContractBase):
    """Nothing is lost, doubled or taken for deleted when things go wrong."""

    # --- when things go wrong --------------------------------------------------------------------------------

    @uses("break_row")
    async def test_a_broken_row_never_makes_the_rest_look_deleted(self, world: World, sample: Sample) -> None:
        """One row that cannot be understood is a conflict if it is desired, and never hides or deletes another."""
        other = sample.document | {"key": self.other_key(sample, "another-one")}
        await world.apply(*sample.whole, other)
        broken = next(one.address for one in await stored(world) if one.address.key == sample.key)
        self.break_row(world, broken)
        plan = await world.plan(*sample.whole, other, prune=True)
        assert [str(change.address) for change in plan.changes if change.action == "conflict"] == [str(broken)]
        assert {change.action for change in plan.changes} <= {"conflict"}
        plan = await world.plan(*sample.beside, other, prune=True, allow_deletes=9)
        assert broken not in {change.address for change in plan.changes}

    @uses("lose_reply")
    @pytest.mark.parametrize("done", [True, False], ids=["after", "before"])
    async def test_a_create_whose_reply_was_lost_converges(self, world: World, sample: Sample, done: bool) -> None:
        """Whether or not it was done, in the end there is one object, as the manifest says."""
        await world.apply(*sample.beside)
        await self.converges_without_its_reply(world, sample.whole, done=done)

    @uses("lose_reply")
    @pytest.mark.parametrize("done", [True, False], ids=["after", "before"])
    async def test_an_update_whose_reply_was_lost_converges(self, world: World, sample: Sample, done: bool) -> None:
        """The same for a change."""
        place, values = next(iter(sample.updates.items()))
        await world.apply(*sample.whole)
        await self.converges_without_its_reply(world, sample.having(place, values[0]), done=done)

    @uses("lose_reply")
    @pytest.mark.parametrize("done", [True, False], ids=["after", "before"])
    async def test_a_delete_whose_reply_was_lost_converges(self, world: World, deletable: Sample, done: bool) -> None:
        """In the end it is gone."""
        await world.apply(*deletable.whole)
        await self.converges_without_its_reply(world, deletable.gone(), done=done)
        assert deletable.key not in {one.address.key for one in await stored(world)}

    @pytest.mark.parametrize("done", [True, False], ids=["after", "before"])
    async def test_what_was_deleted_is_not_brought_back_by_an_update_whose_reply_was_lost(
        self, world: World, deletable: Sample, done: bool
    ) -> None:
        """Whoever deleted it meanwhile meant that: nothing is sent again, the run says so, and the next plan shows that it is missing."""
        await world.apply(*deletable.whole)
        plan = await self.update_of(world, deletable)
        losing, place = losing_and_deleting(world, done=done)
        report = await losing.carry_out(plan)
        assert [(outcome.status, outcome.reason) for outcome in report.outcomes] == [("failed", "stale-object")]
        assert place.sent == 1
        assert plan.changes[0].address not in {one.address for one in await stored(world)}

    async def update_of(self, world: World, sample: Sample) -> Plan:
        """A plan of one update and nothing else; of what has nothing but a secret, its rotation."""
        changed = [sample.having(place, value) for place, values in sample.updates.items() for value in values]
        for documents, rotated in (*((one, ()) for one in changed), (sample.whole, (sample.key,))):
            plan = await world.plan(*documents, allow_replaces=3, rotate=rotated)
            if [change.action for change in plan.changes] == ["update"]:
                return plan
        raise AssertionError(f"no field of {sample} is changed by one update")

    async def converges_without_its_reply(self, world: World, documents: tuple[Document, ...], *, done: bool) -> None:
        self.lose_reply(world, done=done)
        await world.apply(*documents, allow_replaces=3)
        report = await world.apply(*documents, allow_replaces=3)
        assert set(statuses(report).values()) <= {"ok"}, report.outcomes
        assert (await world.plan(*documents)).changes == ()
        addresses = [one.address for one in await stored(world)]
        assert len(addresses) == len(set(addresses))

    async def test_two_objects_of_one_key_are_never_taken_for_one(self, world: World, ambiguous: Sample) -> None:
        """Where keys are not unique, both are read, and a look-up of that key is an error instead of a guess."""
        await world.apply(*ambiguous.whole)
        first = next(one for one in await stored(world) if one.address.key == ambiguous.key)
        twin = Write(replace(first, id=None, revision=None), None, dict(secrets_of(world, first.spec)))
        await registry_of(world).create(twin)
        read = [[one.address for one in await stored(world)] for _ in range(3)]  # some registries lag
        assert read[-1].count(first.address) == 2
        with pytest.raises(PermanentError):
            await registry_of(world).get(first.address)
        plan = await world.plan(*ambiguous.whole)
        assert [change.action for change in plan.changes if change.address == first.address] == ["conflict"]

    async def test_a_write_over_what_moved_is_refused(self, world: World, exact: Sample) -> None:
        """Where the revision tells, nobody's change is written over."""
        await world.apply(*exact.whole)
        seen = next(one for one in await stored(world) if one.address.key == exact.key)
        place, values = next(iter(exact.updates.items()))
        await world.apply(*exact.having(place, values[0]))
        secrets = dict(secrets_of(world, seen.spec))
        with pytest.raises(StaleObjectError):
            await registry_of(world).update(Write(replace(seen, id=None, revision=None), seen, secrets))
        with pytest.raises(StaleObjectError):
            await registry_of(world).delete(Removal(seen))
