"""LatticeFlow AI GO!: its offline half, which speaks to nobody.

AI GO! has no room for a mark, and no rename.
"""

from __future__ import annotations

from typing import Final

from reconciler.registry.driver import Driver, RemoteDriver, Resolver
from reconciler.registry.latticeflow import settings as places
from reconciler.registry.latticeflow.compile import compile_model
from reconciler.registry.latticeflow.kinds import KINDS
from reconciler.registry.latticeflow.settings import Settings


class LatticeFlowDriver(RemoteDriver):
    """The driver `latticeflow`, whose address may be left to where AI GO!'s own client has it."""

    def location(self, settings: Settings, resolver: Resolver) -> str:
        """The canonical URL, without `/api`."""
        return places.location(settings, resolver)


DRIVER: Final[Driver] = LatticeFlowDriver(
    "latticeflow", KINDS.values(), Settings, store=f"{__name__}.store", compile=compile_model
)
