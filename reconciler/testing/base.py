"""Base of the contract suite: what a subclass declares, and what a registry or its fake can be made to do."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Final, TypeVar

import pytest

from reconciler.core.kind import Kind
from reconciler.core.pointer import MISSING
from reconciler.core.resource import Address, Resource
from reconciler.registry.protocol import Driver
from reconciler.testing.hostile_rows import Alter
from reconciler.testing.sample import Sample
from reconciler.testing.unmanaged import (
    Planted,
    everywhere,
)
from reconciler.testing.world import World

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


class ContractBase:
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
