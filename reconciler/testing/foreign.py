"""What a registry holds that no manifest declares: strange members, hostile rows, exported objects."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.core.actions import WRITES
from reconciler.core.document.dump import dump_yaml
from reconciler.core.resource import Address
from reconciler.core.unmanaged import hidden_in
from reconciler.manifest.compile import compile_manifests
from reconciler.manifest.declarable import Declared, Undeclarable
from reconciler.manifest.export import manifest_of, text_of
from reconciler.manifest.load import Reader
from reconciler.planner.plan_json import change_to_json
from reconciler.planner.planner import make_plan
from reconciler.project.registries import native_kinds
from reconciler.testing.base import ContractBase, uses
from reconciler.testing.hostile_rows import altered, edits
from reconciler.testing.sample import Sample, document_kind
from reconciler.testing.stored import declared, stored
from reconciler.testing.unmanaged import (
    HIDDEN,
    HOSTILE,
    IDENTITY,
    Planted,
    is_shown_nowhere,
    leaks,
    members_of,
    plan_is_silent,
    refusing,
    shown_in_every_form,
    stored_at,
)
from reconciler.testing.world import World, statuses


class ForeignContract(ContractBase):
    """What others put into a registry is kept by every write, and never breaks one."""

    # --- whatever a registry holds ----------------------------------------------------------------------------

    @uses("alter_row")
    @settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    async def test_what_is_exported_is_valid_and_changes_nothing(
        self, world: World, sample: Sample, data: st.DataObject
    ) -> None:
        """Unknown values, wrong types, unknown fields, nulls, long and deep ones: an object is exported as a manifest that `validate`
        takes and `plan` has nothing to do for but to adopt it, or it is left out and told; it never vanishes, and nothing breaks."""
        await world.apply(*sample.whole)
        entry = next(iter(world.entries.values()))
        kind = self.rules(sample).name
        address = next(
            one.address
            for one in await stored(world)
            if one.address.kind == kind and (one.address.key == sample.key or not sample.native)
        )
        before = await world.remote()
        never = {one.resource.address for one in declared(before, world) if isinstance(one, Undeclarable)}
        changes = data.draw(edits())
        self.alter_row(world, address, altered(changes, self.kept))
        remote = await world.remote()
        self.alter_row(world, address, lambda row: row)
        assert address in remote.known() or any(
            row.key is None for one in remote.listings.values() for row in one.unreadable
        )
        made = declared(remote, world)
        manifests = [one.manifest for one in made if isinstance(one, Declared)]
        assert {one.resource.address for one in made if isinstance(one, Undeclarable)} <= {address, *never}
        text = "---\n".join(map(dump_yaml, manifests)).encode(errors="surrogatepass")
        reader = Reader(world.root, {}, native_kinds(world.entries), {entry.name: entry.override})
        read = reader.read_stdin(text, world.root)
        compiled = compile_manifests(read.manifests, world.entries)
        wrong: list[Any] = [*read.problems, *(finding for _, finding in compiled.findings)]
        assert [one for one in wrong if one.severity == "error"] == []
        assert len(read.manifests) == len(manifests)
        plan = make_plan(compiled.state, remote, world.policy(compiled.state))
        unlike = [
            (one.action, one.reason, one.fields)
            for one in plan.changes
            if one.action != "update" or not all(found.sensitive for found in one.fields)
            # what comes with the registry is created as soon as something names it
            if not entry.facts.kinds[one.address.kind].is_builtin(one.address.key)
        ]
        assert unlike == []

    # --- what nobody declares --------------------------------------------------------------------------------

    async def sown(self, world: World, sample: Sample) -> tuple[Address, list[Planted]]:
        """Puts members that nobody declares at every level of the sample's object, which is there."""
        address = self.address_of(world, sample)
        seeds = self.levels(await stored_at(world, address))
        for seed in seeds:
            self.plant(world, address, seed)
        return address, seeds

    def address_of(self, world: World, sample: Sample) -> Address:
        name = next(iter(world.facts))
        return Address(name, self.rules(sample).name, sample.key)

    def assert_kept(self, world: World, address: Address, seeds: Iterable[Planted]) -> None:
        lost = [seed for seed in seeds if self.planted(world, address, seed.container, seed.name) != seed.value]
        assert lost == [], lost

    @uses("plant")
    async def test_what_nobody_declares_outlives_adoption_update_and_mark(self, world: World, sample: Sample) -> None:
        """At every level, plain or secret: shown, never compared, sent back as it was, and a secret one is seen nowhere."""
        markable = self.rules(sample).markable
        await (world.as_owner(None) if markable else world).apply(*sample.whole)
        address, seeds = await self.sown(world, sample)
        seen = await stored_at(world, address)
        assert bool(seen.unmanaged) == bool(seeds)
        await is_shown_nowhere(world, seen)
        plan = await world.plan(*sample.whole)
        assert [change.reason for change in plan.changes if change.address == address] == (
            ["adopt"] if markable else []
        )
        assert plan_is_silent(plan)
        await world.carry_out(plan)
        self.assert_kept(world, address, seeds)
        if markable:
            for protected in (True, False):
                report = await world.apply(*sample.beside, sample.document | {"protected": protected})
                assert set(statuses(report).values()) == {"ok"}, report.outcomes
                self.assert_kept(world, address, seeds)
        plain = [
            (place, values[0]) for place, values in sample.updates.items() if not isinstance(values[0], dict | list)
        ]
        for place, value in plain:
            plan = await world.plan(*sample.having(place, value))
            if {change.action for change in plan.changes} != {"update"}:
                continue
            assert plan_is_silent(plan)
            report = await world.carry_out(plan)
            assert set(statuses(report).values()) == {"ok"}, (place, report.outcomes)
            self.assert_kept(world, address, seeds)
            assert not leaks(report)

    @uses("plant")
    async def test_what_nobody_declares_outlives_a_rename(self, world: World, deletable: Sample) -> None:
        """Natively or by re-creation: what was beside the old object is beside the new one."""
        await world.apply(*deletable.whole)
        old, seeds = await self.sown(world, deletable)
        key = self.other_key(deletable, "renamed-to-this")
        report = await world.apply(*deletable.renamed(key))
        assert set(statuses(report).values()) == {"ok"}, report.outcomes
        self.assert_kept(world, old._replace(key=key), seeds)

    @uses("plant")
    async def test_what_nobody_declares_outlives_a_replace_and_a_put_back(
        self, world: World, deletable: Sample
    ) -> None:
        """Deleted and created again, or put back where that was refused."""
        await world.apply(*deletable.whole)
        address, seeds = await self.sown(world, deletable)
        for place, values in deletable.updates.items():
            after = deletable.having(place, values[0])
            plan = await world.plan(*after, allow_replaces=9)
            if "replace" not in {change.action for change in plan.changes if change.address == address}:
                continue
            report = await refusing(world).carry_out(plan)
            assert "put-back" in {outcome.reason for outcome in report.outcomes}, report.outcomes
            kept = [seed for seed in seeds if not place.startswith(seed.container + "/") or seed.container == ""]
            self.assert_kept(world, address, seeds)
            report = await world.apply(*after, allow_replaces=9)
            assert set(statuses(report).values()) == {"ok"}, report.outcomes
            self.assert_kept(world, address, kept)
            assert not leaks(report)
            await world.apply(*deletable.whole, allow_replaces=9)

    @uses("plant")
    async def test_an_export_restores_what_nobody_declares(self, world: World, deletable: Sample) -> None:
        """What an export or a backup writes down is sent when the object is created from it; a secret is not in it."""
        kind = self.rules(deletable)
        await world.apply(*deletable.whole)
        address, seeds = await self.sown(world, deletable)
        found = await stored_at(world, address)
        entry = world.entries[address.registry]
        if "/" not in document_kind(deletable) or not kind.takes_unmanaged:
            return  # only a native document has room for them
        document = {**deletable.document, "x-unmanaged": manifest_of(found, entry).get("x-unmanaged", {})}
        assert not leaks(document)
        await world.apply(*deletable.beside, {"kind": document["kind"], "key": deletable.key, "state": "absent"})
        report = await world.apply(*deletable.beside, document)
        assert set(statuses(report).values()) == {"ok"}, report.outcomes
        secret = set(hidden_in(found.unmanaged))
        self.assert_kept(world, address, [seed for seed in seeds if f"{seed.container}/{seed.name}" not in secret])

    @uses("plant")
    async def test_a_mask_is_never_sent_back(self, world: World, sample: Sample) -> None:
        """What the registry shows as a mask only would be lost: the plan names it, and the write needs consent."""
        await world.apply(*sample.whole)
        address, kind = self.address_of(world, sample), self.rules(sample)
        places = list(dict.fromkeys(seed.container for seed in self.levels(await stored_at(world, address))))
        for place, values in sample.updates.items():
            if isinstance(values[0], dict | list) or not places or kind.partial_update:
                continue
            self.plant(world, address, Planted(places[0], HIDDEN, "********"))
            plan = await world.plan(*sample.having(place, values[0]))
            (change,) = (change for change in plan.changes if change.address == address)
            assert change.action == "blocked"
            assert change.unmanaged == (f"{places[0]}/{HIDDEN}",)
            plan = await world.plan(*sample.having(place, values[0]), allow_replaces=9)
            assert change_to_json(next(one for one in plan.changes if one.address == address))["unmanaged"]
            report = await world.carry_out(plan)
            assert set(statuses(report).values()) == {"ok"}, report.outcomes
            return

    @uses("plant")
    async def test_a_hostile_row_never_stops_the_rest(self, world: World, sample: Sample) -> None:
        """Whatever type a row holds in whatever place, it is shown or unreadable, never a bug; every other object is as before."""
        other = sample.document | {"key": self.other_key(sample, "another-one")}
        await world.apply(*sample.whole, other)
        address = self.address_of(world, sample)
        kind, found = self.driver.kinds[address.kind], await stored_at(world, address)
        room = {seed.container for seed in self.levels(found)}
        places = [place for place in members_of(found.spec, kind.shape) if place[0] in room]
        places += [("", name) for name in IDENTITY] if "" in room else []
        values = itertools.cycle(HOSTILE)
        for container, name in places:
            for value in itertools.islice(values, self.hostile_values):
                with self.distorted(world, address, Planted(container, name, value)):
                    plan = await world.plan(*sample.whole, other)
                    assert shown_in_every_form(plan)
                    gone = {change.address.key for change in plan.changes if change.action in WRITES - {"update"}}
                    assert other["key"] not in gone, (container, name, value)
                    for resource in (await world.remote()).resources():
                        assert text_of(resource, world.entries[address.registry])
