"""insideLLMs: a folder of its run configs, one for each model, and a harness over all of them. This is its offline half, which touches no file.

insideLLMs 0.2 has no server and stores no models: what it runs is what its files say. The open registry (`store`) is loaded by name when
somebody connects.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final

from reconciler.registry.driver import Compiled, Kind, Model, ModelFacts, Opening, Registry, Resolver
from reconciler.registry.insidellms.arguments import NO_TYPES, Types, joined
from reconciler.registry.insidellms.compile import compile_model
from reconciler.registry.insidellms.facts import describe
from reconciler.registry.insidellms.kinds import kinds_with
from reconciler.registry.insidellms.settings import Settings, shared_by, types_of


class InsideLlmsDriver:
    """The driver `insidellms`. The mark is a comment at the top of each file.

    `types` are those that plugins add, as entries in reconciler.yaml declare them.
    """

    name: str = "insidellms"
    settings: Any = Settings

    def __init__(self, types: Types = NO_TYPES) -> None:
        self._types = types
        self.kinds: Mapping[str, Kind] = kinds_with(types)

    def configured(self, settings: Sequence[Settings]) -> InsideLlmsDriver:
        """The driver that also knows the types that these entries declare."""
        types = joined(map(types_of, settings))
        return InsideLlmsDriver(types) if types else DRIVER

    @property
    def providers(self) -> frozenset[str]:
        """The types of plugins: a portable Model names them as its provider."""
        return frozenset(self._types)

    def location(self, settings: Settings, resolver: Resolver) -> str:
        """The absolute path of the folder, links resolved."""
        return os.path.realpath(resolver.root / settings.path)

    def folder(self, settings: Settings, resolver: Resolver) -> Path:
        """The same, as it is written."""
        return resolver.root / settings.path

    def compile(self, model: Model, key: str) -> Compiled:
        """One run config. Keys are named by their environment variables: nothing secret is in it."""
        return compile_model(model, key, self._types)

    def normalize(self, settings: Settings, kind: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        """`spec` with the probe and the dataset of the settings, where it names none of its own."""
        return {**shared_by(settings), **spec}

    def files(self, settings: Settings, resolver: Resolver, spec: Mapping[str, Any]) -> Iterator[tuple[str, Path]]:
        """The file of a dataset, which insideLLMs looks for beside the run config."""
        dataset = spec.get("dataset")
        path = dataset.get("path") if isinstance(dataset, Mapping) and dataset.get("format") != "hf" else None
        if isinstance(path, str) and path and not path.startswith("~") and "$" not in path:  # what it would expand
            folder = self.location(settings, resolver)  # which the first write makes: `..` in a path may not need it
            yield "/dataset/path", Path(os.path.normpath(os.path.join(folder, path)))

    def shared(self, settings: Settings) -> Mapping[str, Any]:
        """The probe and the dataset that the settings say for every object."""
        return shared_by(settings)

    def describe(self, kind: str, key: str, spec: Mapping[str, Any]) -> ModelFacts:
        """Facts of a model in a native object."""
        return describe(spec)

    def connect(self, settings: Settings, opening: Opening) -> AbstractAsyncContextManager[Registry]:
        """Opens no file yet: the first read or write does."""
        store = importlib.import_module("reconciler.registry.insidellms.store")
        opened: AbstractAsyncContextManager[Registry] = store.connect(
            Path(self.location(settings, opening.resolver)),
            shared_by(settings),
            self._types,
            registry=opening.name,
        )
        return opened


DRIVER: Final = InsideLlmsDriver()
