"""The offline half that drivers of remote registries share: where an entry leads, and how its open half is loaded."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from reconciler.core.kind import Kind
from reconciler.core.model import Model
from reconciler.core.secret import Resolver
from reconciler.registry.protocol import Compiled, Opening, Registry
from reconciler.registry.settings import location_of


class RemoteDriver:
    """A `Driver` of a registry that is reached over HTTP. A subclass adds what else it can do (`normalize`, `container`).

    `settings` has the registry's address in `url`. `store` is the module of the open half: imported when somebody connects and not before, so that
    `validate` never imports HTTP; its `connect(settings, opening)` returns the registry as an asynchronous context manager.
    """

    def __init__(
        self,
        name: str,
        kinds: Iterable[Kind],
        settings: type[Any],
        *,
        store: str,
        compile: Callable[[Model, str], Compiled],  # noqa: A002  # by the name of the method that it becomes
    ) -> None:
        self.name = name
        self.kinds: Mapping[str, Kind] = {kind.name: kind for kind in kinds}
        self.settings = settings
        self._store = store
        self._compile = compile

    def location(self, settings: Any, resolver: Resolver) -> str:
        """The canonical URL, as far as it can be told offline."""
        return location_of(settings.url or "", resolver)

    def compile(self, model: Model, key: str) -> Compiled:
        """The native objects that a portable Model becomes."""
        return self._compile(model, key)

    def connect(self, settings: Any, opening: Opening) -> AbstractAsyncContextManager[Registry]:
        """Opens the registry. Makes no request yet."""
        opened: AbstractAsyncContextManager[Registry] = importlib.import_module(self._store).connect(settings, opening)
        return opened
