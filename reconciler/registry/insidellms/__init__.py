"""insideLLMs: a folder of its run configs, one for each model, and a harness over all of them. This is its offline half, which touches no file.

insideLLMs 0.2 has no server and stores no models: what it runs is what its files say. The open registry (`store`) is loaded by name when
somebody connects.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel

from reconciler.registry.driver import Compiled, Driver, Kind, Model, ModelFacts, Opening, Registry, Resolver
from reconciler.registry.insidellms.compile import compile_model
from reconciler.registry.insidellms.facts import describe
from reconciler.registry.insidellms.kinds import KINDS
from reconciler.registry.insidellms.settings import Settings, shared_by


class InsideLlmsDriver:
    """The driver `insidellms`. The mark is a comment at the top of each file."""

    name: str = "insidellms"
    kinds: Mapping[str, Kind] = KINDS
    settings: type[BaseModel] = Settings

    def location(self, settings: Settings, resolver: Resolver) -> str:
        """The absolute path of the folder, links resolved."""
        return str((resolver.root / settings.path).resolve())

    def folder(self, settings: Settings, resolver: Resolver) -> Path:
        """The same, as it is written."""
        return resolver.root / settings.path

    def compile(self, model: Model, key: str) -> Compiled:
        """One run config. Keys are named by their environment variables: nothing secret is in it."""
        return compile_model(model, key)

    def normalize(self, settings: Settings, kind: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        """`spec` with the probe and the dataset of the settings, where it names none of its own."""
        return {**shared_by(settings), **spec}

    def describe(self, kind: str, key: str, spec: Mapping[str, Any]) -> ModelFacts:
        """Facts of a model in a native object."""
        return describe(spec)

    def connect(self, settings: Settings, opening: Opening) -> AbstractAsyncContextManager[Registry]:
        """Opens no file yet: the first read or write does."""
        store = importlib.import_module("reconciler.registry.insidellms.store")
        opened: AbstractAsyncContextManager[Registry] = store.connect(
            Path(self.location(settings, opening.resolver)), shared_by(settings), registry=opening.name
        )
        return opened


DRIVER: Final[Driver] = InsideLlmsDriver()
