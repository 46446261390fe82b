"""Secrets: where they may not be seen, and when they are written."""

from __future__ import annotations

from dataclasses import replace

from reconciler.core.secret import Secret
from reconciler.planner.planfile import dump
from reconciler.testing.base import ContractBase
from reconciler.testing.sample import Leaks, Sample
from reconciler.testing.stored import stored
from reconciler.testing.world import World


class SecretContract(ContractBase):
    """The value of a secret is seen nowhere, and written when it changes."""

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
