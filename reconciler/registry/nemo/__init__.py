"""NVIDIA NeMo Platform: its offline half, which speaks to nobody. One entry is one workspace. NeMo has no rename."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.registry.driver import Driver, ModelFacts, RemoteDriver, Resolver, location_of
from reconciler.registry.nemo.compile import compile_model
from reconciler.registry.nemo.facts import describe
from reconciler.registry.nemo.kinds import KINDS
from reconciler.registry.nemo.settings import Settings, workspace_of
from reconciler.registry.nemo.wire import normalize


class NemoDriver(RemoteDriver):
    """The driver `nemo`."""

    def location(self, settings: Settings, resolver: Resolver) -> str:
        """The canonical URL and the workspace."""
        return location_of(settings.url, resolver, below=f"#{workspace_of(settings)}")

    def normalize(self, settings: Settings, kind: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        """`spec` with names in the registry's own workspace as plain names."""
        return normalize(kind, spec, workspace_of(settings))

    def container(self, settings: Settings) -> tuple[str, str]:
        """The workspace: what everything else is in."""
        return "Workspace", workspace_of(settings)

    def describe(self, kind: str, key: str, spec: Mapping[str, Any]) -> ModelFacts:
        """Facts of a model in a native object."""
        return describe(kind, key, spec)


DRIVER: Final[Driver] = NemoDriver("nemo", KINDS.values(), Settings, store=f"{__name__}.store", compile=compile_model)
