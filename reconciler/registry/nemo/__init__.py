"""NVIDIA NeMo Platform: its offline half, which speaks to nobody.

The open registry (`store`) is loaded by name when somebody connects: `validate` never imports HTTP.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from pydantic import BaseModel

from reconciler.core.kind import Kind
from reconciler.core.model import Model
from reconciler.core.secret import Resolver
from reconciler.registry.base import Compiled, Driver, ModelFacts, Opening, Registry
from reconciler.registry.nemo import settings as places
from reconciler.registry.nemo.compile import compile_model
from reconciler.registry.nemo.facts import describe
from reconciler.registry.nemo.kinds import KINDS
from reconciler.registry.nemo.settings import Settings, workspace_of
from reconciler.registry.nemo.wire import normalize


class NemoDriver:
    """The driver `nemo`. One entry is one workspace. NeMo has no rename."""

    name: str = "nemo"
    kinds: Mapping[str, Kind] = KINDS
    settings: type[BaseModel] = Settings
    default_owner: str | None = None
    renames: bool = False

    def location(self, settings: Settings, resolver: Resolver) -> str:
        """The canonical URL and the workspace."""
        return places.location(settings, resolver)

    def compile(self, model: Model, key: str) -> Compiled:
        """A model entity, its provider, and the secret with its endpoint's key."""
        return compile_model(model, key)

    def normalize(self, settings: Settings, kind: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        """`spec` with names in the registry's own workspace as plain names."""
        return normalize(kind, spec, workspace_of(settings))

    def container(self, settings: Settings) -> tuple[str, str]:
        """The workspace: what everything else is in."""
        return "Workspace", workspace_of(settings)

    def describe(self, kind: str, key: str, spec: Mapping[str, Any]) -> ModelFacts:
        """Facts of a model in a native object."""
        return describe(kind, key, spec)

    def connect(self, settings: Settings, opening: Opening) -> AbstractAsyncContextManager[Registry]:
        """Makes no request yet."""
        store = importlib.import_module("reconciler.registry.nemo.store")
        opened: AbstractAsyncContextManager[Registry] = store.connect(settings, opening)
        return opened


DRIVER: Final[Driver] = NemoDriver()
