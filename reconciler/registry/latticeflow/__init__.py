"""LatticeFlow AI GO!: its offline half, which speaks to nobody.

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
from reconciler.registry.base import AdapterForm, Compiled, Driver, ModelFacts, Opening, Registry
from reconciler.registry.latticeflow import settings as places
from reconciler.registry.latticeflow.compile import compile_model
from reconciler.registry.latticeflow.facts import describe
from reconciler.registry.latticeflow.kinds import ADAPTERS, KINDS
from reconciler.registry.latticeflow.settings import Settings


class LatticeFlowDriver:
    """The driver `latticeflow`. AI GO! has no room for a mark, and no rename."""

    name: str = "latticeflow"
    kinds: Mapping[str, Kind] = KINDS
    settings: type[BaseModel] = Settings
    default_owner: str | None = None
    renames: bool = False
    adapters: AdapterForm = ADAPTERS

    def location(self, settings: Settings, resolver: Resolver) -> str:
        """The canonical URL, without `/api`."""
        return places.location(settings, resolver)

    def compile(self, model: Model, key: str) -> Compiled:
        """A model, and a secret for its key and for each secret header."""
        return compile_model(model, key)

    def describe(self, kind: str, key: str, spec: Mapping[str, Any]) -> ModelFacts:
        """Facts of a model in a native object."""
        return describe(kind, key, spec)

    def connect(self, settings: Settings, opening: Opening) -> AbstractAsyncContextManager[Registry]:
        """Makes no request yet."""
        store = importlib.import_module("reconciler.registry.latticeflow.store")
        opened: AbstractAsyncContextManager[Registry] = store.connect(settings, opening)
        return opened


DRIVER: Final[Driver] = LatticeFlowDriver()
