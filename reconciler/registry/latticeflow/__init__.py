"""LatticeFlow AI GO!: its offline half, which speaks to nobody.

AI GO! has no room for a mark, and no rename.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.registry.driver import AdapterForm, Driver, ModelFacts, RemoteDriver, Resolver
from reconciler.registry.latticeflow import settings as places
from reconciler.registry.latticeflow.compile import compile_model
from reconciler.registry.latticeflow.facts import describe
from reconciler.registry.latticeflow.kinds import ADAPTERS, KINDS
from reconciler.registry.latticeflow.settings import Settings


class LatticeFlowDriver(RemoteDriver):
    """The driver `latticeflow`, whose address may be left to where AI GO!'s own client has it."""

    adapters: AdapterForm = ADAPTERS

    def location(self, settings: Settings, resolver: Resolver) -> str:
        """The canonical URL, without `/api`."""
        return places.location(settings, resolver)

    def describe(self, kind: str, key: str, spec: Mapping[str, Any]) -> ModelFacts:
        """Facts of a model in a native object."""
        return describe(kind, key, spec)


DRIVER: Final[Driver] = LatticeFlowDriver(
    "latticeflow", KINDS.values(), Settings, store=f"{__name__}.store", compile=compile_model
)
