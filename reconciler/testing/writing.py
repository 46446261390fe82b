"""Objects written and read back: create, update, delete, rename."""

from __future__ import annotations

from reconciler.registry.protocol import Removal
from reconciler.registry.reading import checked
from reconciler.testing.base import ContractBase, uses
from reconciler.testing.sample import Sample
from reconciler.testing.stored import registry_of, still, stored, unplanned
from reconciler.testing.world import World, actions, statuses, valid


class WritingContract(ContractBase):
    """Whatever is written converges, and a second apply writes nothing."""

    # --- creating and reading --------------------------------------------------------------------------------

    async def test_what_was_created_needs_nothing_more(self, world: World, sample: Sample) -> None:
        """Create, read, and the plan is empty."""
        report = await world.apply(*sample.whole)
        assert set(statuses(report).values()) == {"ok"}, report.outcomes
        assert (await world.plan(*sample.whole)).changes == ()

    async def test_a_second_apply_writes_nothing(self, world: World, sample: Sample) -> None:
        """Applying twice changes nothing, not even a revision."""
        await world.apply(*sample.whole)
        before = await stored(world)
        assert (await world.apply(*sample.whole)).outcomes == ()
        assert [still(one) for one in await stored(world)] == [still(one) for one in before]

    async def test_one_object_reads_as_it_does_in_the_list(self, world: World, sample: Sample) -> None:
        """`get` and `read` tell the same."""
        await world.apply(*sample.whole)
        for resource in await stored(world):
            alone = checked(await registry_of(world).get(resource.address), next(iter(world.facts.values())))
            assert alone is not None
            assert still(alone) == still(resource)

    async def test_what_is_not_there_is_none(self, world: World, sample: Sample) -> None:
        """`get` of an object that is not there gives None, and raises nothing."""
        await world.apply(*sample.whole)
        address = (await stored(world))[0].address
        nobody = address._replace(key=self.other_key(sample, "nobody"))
        assert await registry_of(world).get(nobody) is None

    async def test_the_mark_is_kept(self, world: World, sample: Sample) -> None:
        """Where there is room for a mark it says who owns the object, and whose manifest it came from."""
        await world.apply(*sample.whole)
        facts = next(iter(world.facts.values()))
        for resource in await stored(world):
            if facts.kinds[resource.address.kind].markable and not resource.read_only:
                assert resource.mark is not None
                assert resource.mark.owner == facts.owner
            else:
                assert resource.mark is None

    # --- updating --------------------------------------------------------------------------------------------

    async def test_each_update_is_one_field_and_then_nothing(self, world: World, sample: Sample) -> None:
        """Updating a field: the plan shows just that field, and after applying it nothing."""
        for place, values in sample.updates.items():
            for value in values:
                await world.apply(*sample.whole, allow_replaces=3)
                after = sample.having(place, value)
                plan = await world.plan(*after, allow_replaces=3)
                shown = {found.path for change in plan.changes for found in change.fields}
                assert plan.changes, (place, value)
                assert not sample.native or all(path == place or path.startswith(place + "/") for path in shown), (
                    place,
                    value,
                    shown,
                )
                report = await world.carry_out(plan)
                assert set(statuses(report).values()) == {"ok"}, (place, value, report.outcomes)
                assert actions(await world.plan(*after)) == {}, (place, value)

    async def test_each_optional_field_can_be_removed_or_says_replace(self, world: World, sample: Sample) -> None:
        """Removing a field converges, in place or by a replace that the plan announces."""
        for place in sample.updates:
            if place in sample.required:
                continue
            await world.apply(*sample.whole, allow_replaces=3)
            after = sample.lacking(place)
            report = await world.apply(*after, allow_replaces=3)
            assert set(statuses(report).values()) <= {"ok"}, (place, report.outcomes)
            assert actions(await world.plan(*after)) == {}, place

    async def test_a_map_that_comes_and_goes_leaves_all_else_alone(self, world: World, sample: Sample) -> None:
        """From no map to one, to another, and back: it converges, and nothing is written but what the plan shows."""
        for place, smaller in sample.maps.items():
            bare = sample.lacking(place)
            if not valid(world, *bare):
                continue
            await world.apply(*bare, allow_replaces=3)
            documents = [found for value in smaller if valid(world, *(found := sample.having(place, value)))]
            for after in (*documents[:3], bare):
                before = await stored(world)
                plan = await world.plan(*after, allow_replaces=3)
                report = await world.carry_out(plan, backup=world.back_up)
                assert set(statuses(report).values()) <= {"ok"}, (after, report.outcomes)
                assert actions(await world.plan(*after)) == {}, (after, plan.changes)
                assert unplanned(plan, before, await stored(world), self.driver.kinds) == [], after

    @uses("add_unknown_field")
    async def test_fields_that_nobody_knows_are_tolerated(self, world: World, sample: Sample) -> None:
        """A newer server with more fields changes nothing."""
        await world.apply(*sample.whole)
        self.add_unknown_field(world)
        assert (await world.plan(*sample.whole)).changes == ()

    # --- deleting and renaming -------------------------------------------------------------------------------

    async def test_a_delete_deletes_and_a_second_one_has_nothing_to_do(self, world: World, deletable: Sample) -> None:
        """Deleted is deleted; already gone is no change."""
        await world.apply(*deletable.whole)
        report = await world.apply(*deletable.gone())
        assert set(statuses(report).values()) == {"ok"}, report.outcomes
        assert deletable.key not in {one.address.key for one in await stored(world)}
        assert (await world.plan(*deletable.gone())).changes == ()

    async def test_deleting_what_is_gone_is_success(self, world: World, deletable: Sample) -> None:
        """Somebody else was quicker: that is no failure."""
        await world.apply(*deletable.whole)
        target = next(one for one in await stored(world) if one.address.key == deletable.key)
        await registry_of(world).delete(Removal(target))
        await registry_of(world).delete(Removal(target))
        seen = [await registry_of(world).get(target.address) for _ in range(3)]  # some registries lag
        assert seen[-1] is None

    async def test_a_rename_leaves_one_object_under_the_new_key(self, world: World, deletable: Sample) -> None:
        """Renamed natively or by re-creation: the new one is there, the old one is not, and nothing is left to do."""
        await world.apply(*deletable.whole)
        key = self.other_key(deletable, "renamed-to-this")
        after = deletable.renamed(key)
        report = await world.apply(*after)
        assert set(statuses(report).values()) == {"ok"}, report.outcomes
        keys = [one.address.key for one in await stored(world)]
        assert key in keys
        assert deletable.key not in keys
        assert (await world.plan(*after)).changes == ()
