"""The contract that every driver keeps, as a suite: a driver's tests subclass `DriverContract` and say how to open an empty registry.

    class TestMine(DriverContract):
        driver = DRIVER
        samples = SAMPLES
        cannot = {"lose_reply": "a file has no replies"}

        @pytest_asyncio.fixture
        async def world(self):
            async with World.of(one={"driver": "mine", "url": ...}) as world:
                yield world

Which tests there are follows from what the driver declares and from `cannot`: none is skipped. A test asks for its sample under the name
of what the sample's kind must be: any (`sample`), `deletable`, of an `exact` revision, or one whose keys are not unique (`ambiguous`).
"""

from __future__ import annotations

import inspect
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final, TypeVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconciler.core import pointer as pointers
from reconciler.core.actions import WRITES
from reconciler.core.document.dump import dump_yaml
from reconciler.core.errors import PermanentError, StaleObjectError
from reconciler.core.kind import Kind
from reconciler.core.pointer import MISSING
from reconciler.core.resource import Address, RemoteState, Resource
from reconciler.core.secret import Secret
from reconciler.core.spec import REFERENCE
from reconciler.core.unmanaged import hidden_in
from reconciler.manifest.compile import compile_manifests
from reconciler.manifest.declarable import Declared, Undeclarable, declare
from reconciler.manifest.export import manifest_of, text_of
from reconciler.manifest.load import Reader
from reconciler.planner.plan_json import change_to_json
from reconciler.planner.planfile import dump
from reconciler.planner.planner import make_plan
from reconciler.project.registries import native_kinds
from reconciler.registry.protocol import Driver, Removal, Write
from reconciler.registry.reading import checked
from reconciler.testing.hostile_rows import Alter, altered, edits
from reconciler.testing.unmanaged import (
    HIDDEN,
    HOSTILE,
    IDENTITY,
    Planted,
    everywhere,
    is_shown_nowhere,
    leaks,
    members_of,
    plan_is_silent,
    refusing,
    shown_in_every_form,
    stored_at,
)
from reconciler.testing.world import Document, World, actions, statuses


@dataclass(frozen=True)
class Sample:
    """One kind of object as the suite exercises it.

    `document` has every field set. `updates` maps the pointer of a field to other values for it; all of them can be removed but the
    `required` ones. `beside` are documents of objects that it refers to. `native` is False where the document is a Model that becomes objects with other fields.
    """

    document: Document
    updates: Mapping[str, tuple[Any, ...]]
    required: tuple[str, ...] = ()
    beside: tuple[Document, ...] = ()
    native: bool = True

    def __str__(self) -> str:
        return str(self.document["kind"])

    @property
    def key(self) -> str:
        return str(self.document["key"])

    @property
    def whole(self) -> tuple[Document, ...]:
        return (*self.beside, self.document)

    def having(self, place: str, value: Any) -> tuple[Document, ...]:
        return (*self.beside, pointers.put(self.document, place, value))

    def lacking(self, place: str) -> tuple[Document, ...]:
        return (*self.beside, pointers.remove(self.document, place))

    def gone(self) -> tuple[Document, ...]:
        return (*self.beside, {"kind": self.document["kind"], "key": self.key, "state": "absent"})

    def renamed(self, key: str) -> tuple[Document, ...]:
        return (*self.beside, self.document | {"key": key, "previous_keys": [self.key]})


@dataclass
class Leaks:
    """Texts in which a secret was looked for."""

    texts: list[str] = field(default_factory=list)

    def look(self, value: object) -> None:
        self.texts.append(repr(value))

    def holding(self, secrets: Mapping[str, str]) -> list[str]:
        return [name for name, value in secrets.items() if any(value in text for text in self.texts)]


# what a test may ask of the kind of its sample, by the name of its argument
ASKED: Final[Mapping[str, Callable[[Kind], bool]]] = {
    "sample": lambda rules: True,
    "deletable": lambda rules: rules.deletable,
    "exact": lambda rules: rules.revision_is_etag,
    "ambiguous": lambda rules: not rules.unique,
}
Test = TypeVar("Test", bound=Callable[..., Any])


def uses(hook: str) -> Callable[[Test], Test]:
    """Marks a test that needs the registry to be made to do something."""

    def marked(test: Test) -> Test:
        test.hook = hook  # type: ignore[attr-defined]
        return test

    return marked


class DriverContract:
    """Subclasses provide the fixture `world` (one empty registry), and of each hook below how it is done, or in `cannot` why not."""

    pytestmark: ClassVar = [pytest.mark.asyncio]  # whatever mode pytest-asyncio is in

    driver: ClassVar[Driver]
    samples: ClassVar[tuple[Sample, ...]] = ()
    cannot: ClassVar[Mapping[str, str]] = {}
    hostile_values: ClassVar[int] = 4  # tried in each place: all of them in turn
    kept: ClassVar[tuple[str, ...]] = ()  # the members of a row that say what it is and whose

    def __init_subclass__(cls) -> None:
        """Takes away the tests that have no case here: a skipped one would look like one that is still to be written."""
        super().__init_subclass__()
        if not cls.samples:
            return
        for name, test in inspect.getmembers(cls, inspect.isfunction):
            if name.startswith("test_"):
                asked = ASKED.keys() & inspect.signature(test).parameters.keys()
                if getattr(test, "hook", None) in cls.cannot or not all(cls.samples_that_are(one) for one in asked):
                    setattr(cls, name, None)

    @classmethod
    def samples_that_are(cls, asked: str) -> list[Sample]:
        return [sample for sample in cls.samples if ASKED[asked](cls.rules(sample))]

    @classmethod
    def rules(cls, sample: Sample) -> Kind:
        """Those of the kind that the sample itself becomes."""
        kind, kinds = str(sample.document["kind"]), cls.driver.kinds
        if "/" in kind:
            return kinds[kind.rpartition("/")[2]]
        ordered = sorted(kinds.values(), key=lambda one: not one.portable)
        return next(one for one in ordered if one.portable or one.counts_in_guards)

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        for name in ASKED.keys() & set(metafunc.fixturenames):
            metafunc.parametrize(name, cls.samples_that_are(name), ids=str)

    # --- what a registry or its fake can be made to do -------------------------------------------------------

    def lose_reply(self, world: World, *, done: bool) -> None:
        """From now on the reply to the first write is lost, after it was done or before."""
        raise NotImplementedError("say how, or in `cannot` why not")

    def break_row(self, world: World, address: Address) -> None:
        """Makes one stored object unreadable."""
        raise NotImplementedError("say how, or in `cannot` why not")

    def add_unknown_field(self, world: World) -> None:
        """From now on the registry answers with fields that nobody knows."""
        raise NotImplementedError("say how, or in `cannot` why not")

    def plant(self, world: World, address: Address, planted: Planted) -> None:
        """Another client puts a member that nobody declares into a stored object."""
        raise NotImplementedError("say how, or in `cannot` why not")

    def planted(self, world: World, address: Address, container: str, name: str) -> Any:
        """What the registry holds there."""
        raise NotImplementedError("say how, or in `cannot` why not")

    @contextmanager
    def distorted(self, world: World, address: Address, planted: Planted) -> Iterator[None]:
        """Meanwhile the registry answers a stored object with that member in it."""
        before = self.planted(world, address, planted.container, planted.name)
        self.plant(world, address, planted)
        yield
        self.plant(world, address, planted._replace(value=None if before is MISSING else before))

    def other_key(self, sample: Sample, name: str) -> str:
        """A key that the sample's kind takes."""
        return name

    def levels(self, resource: Resource) -> list[Planted]:
        """Where the server has room for members that nobody declares: at every level of the object, as a rule."""
        return everywhere(resource, self.driver.kinds[resource.address.kind])

    def alter_row(self, world: World, address: Address, alter: Alter) -> None:
        """From now on one stored object's row is what `alter` makes of the row as it was first."""
        raise NotImplementedError("say how, or in `cannot` why not")

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
        assert await registry_of(world).get(Address(address.registry, address.kind, "nobody")) is None

    async def test_the_mark_is_kept(self, world: World, sample: Sample) -> None:
        """Where there is room for a mark it says who owns the object, and whose manifest it came from."""
        await world.apply(*sample.whole)
        facts = next(iter(world.facts.values()))
        for resource in await stored(world):
            if facts.kinds[resource.address.kind].markable:
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

    @uses("add_unknown_field")
    async def test_fields_that_nobody_knows_are_tolerated(self, world: World, sample: Sample) -> None:
        """A newer server with more fields changes nothing."""
        await world.apply(*sample.whole)
        self.add_unknown_field(world)
        assert (await world.plan(*sample.whole)).changes == ()

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
        after = deletable.renamed("renamed-to-this")
        report = await world.apply(*after)
        assert set(statuses(report).values()) == {"ok"}, report.outcomes
        keys = [one.address.key for one in await stored(world)]
        assert "renamed-to-this" in keys
        assert deletable.key not in keys
        assert (await world.plan(*after)).changes == ()

    # --- when things go wrong --------------------------------------------------------------------------------

    @uses("break_row")
    async def test_a_broken_row_never_makes_the_rest_look_deleted(self, world: World, sample: Sample) -> None:
        """One row that cannot be understood is a conflict if it is desired, and never hides or deletes another."""
        other = sample.document | {"key": "another-one"}
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

    # --- secrets ---------------------------------------------------------------------------------------------

    async def test_a_secret_is_printed_nowhere(self, world: World, sample: Sample) -> None:
        """No Resource, plan, saved plan or report holds the value of a secret."""
        leaks = Leaks()
        world = replace(world, fingerprint_key=Secret("a key for fingerprints"))
        plan = await world.plan(*sample.whole)
        leaks.look(plan)
        leaks.look(dump(plan))
        leaks.look(await world.carry_out(plan))
        leaks.look(await stored(world))
        world.environ.update({name: value + "-rotated" for name, value in world.environ.items()})
        leaks.look(await world.plan(*sample.whole))
        leaks.look(await world.apply(*sample.whole))
        assert leaks.holding(world.environ) == []
        assert leaks.holding({name: value.removesuffix("-rotated") for name, value in world.environ.items()}) == []

    async def test_a_rotated_secret_is_written_once(self, world: World, sample: Sample) -> None:
        """With a fingerprint key a new value is an update, reason rotate, and then nothing more."""
        world = replace(world, fingerprint_key=Secret("a key for fingerprints"))
        await world.apply(*sample.whole)
        assert (await world.plan(*sample.whole)).changes == ()
        world.environ.update({name: value + "-rotated" for name, value in world.environ.items()})
        plan = await world.plan(*sample.whole)
        fingerprinted = any(one.mark is not None and one.mark.fingerprints for one in await stored(world))
        assert {change.reason for change in plan.changes} == ({"rotate"} if fingerprinted else set())
        await world.carry_out(plan)
        assert (await world.plan(*sample.whole)).changes == ()


def document_kind(sample: Sample) -> str:
    return str(sample.document["kind"])


def registry_of(world: World) -> Any:
    return next(iter(world.registries.values()))


def declared(remote: RemoteState, world: World) -> list[Declared | Undeclarable]:
    """What `export` makes of everything that a registry holds."""
    entry = next(iter(world.entries.values()))
    return [declare(one, entry, world.root, ".", remote.known().__contains__) for one in remote.resources()]


async def stored(world: World) -> list[Resource]:
    """Everything that the registry holds, sorted."""
    listing = next(iter((await world.remote()).listings.values()))
    return sorted(listing.resources, key=lambda one: (one.address, one.id or ""))


def still(resource: Resource) -> tuple[str, str, str | None, object]:
    """What tells whether somebody wrote."""
    return str(resource.address), json.dumps(resource.spec, sort_keys=True), resource.revision, resource.mark


def secrets_of(world: World, spec: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[str, Secret]]:
    """Values for whatever in `spec` is a reference, or what is left of one."""
    if isinstance(spec, Mapping):
        for name, value in spec.items():
            yield from secrets_of(world, value, (*place, name))
    elif spec == "(present)" or (isinstance(spec, str) and REFERENCE.fullmatch(spec)):
        yield pointers.join(place), Secret("whatever")
