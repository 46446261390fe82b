"""IBM watsonx Orchestrate, virtual models: its offline half, which speaks to nobody.

The open registry (`store`) is loaded by name when somebody connects: `validate` never imports HTTP.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from pydantic import BaseModel

from reconciler.core.kind import Kind
from reconciler.core.model import Model
from reconciler.core.secret import Resolver
from reconciler.registry.base import Compiled, Driver, ModelFacts, Opening, Registry
from reconciler.registry.watsonx import settings as places
from reconciler.registry.watsonx.apps import completed
from reconciler.registry.watsonx.compile import compile_model
from reconciler.registry.watsonx.facts import describe
from reconciler.registry.watsonx.kinds import KINDS
from reconciler.registry.watsonx.options import canonical
from reconciler.registry.watsonx.settings import Settings


class WatsonxDriver:
    """The driver `watsonx`. The mark is in a model's tags. There is no rename."""

    name: str = "watsonx"
    kinds: Mapping[str, Kind] = KINDS
    settings: type[BaseModel] = Settings
    default_owner: str | None = None
    renames: bool = False

    def location(self, settings: Settings, resolver: Resolver) -> str:
        """The canonical URL."""
        return places.location(settings, resolver)

    def compile(self, model: Model, key: str) -> Compiled:
        """A virtual model, and the connection with its endpoint's key."""
        return compile_model(model, key)

    def normalize(self, settings: Settings, kind: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        """`spec` with each provider option under the one name by which it is compared, and with what follows from credentials."""
        return _LOCALISED[kind](spec)

    def describe(self, kind: str, key: str, spec: Mapping[str, Any]) -> ModelFacts:
        """Facts of a model in a native object."""
        return describe(kind, key, spec)

    def connect(self, settings: Settings, opening: Opening) -> AbstractAsyncContextManager[Registry]:
        """Makes no request yet."""
        store = importlib.import_module("reconciler.registry.watsonx.store")
        opened: AbstractAsyncContextManager[Registry] = store.connect(settings, opening)
        return opened


_LOCALISED: Final[Mapping[str, Callable[[Mapping[str, Any]], Mapping[str, Any]]]] = {
    "Model": canonical,
    "Policy": lambda spec: spec,
    "Connection": completed,
}
DRIVER: Final[Driver] = WatsonxDriver()
