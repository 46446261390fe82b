"""The embedded registry: one SQLite file in the project. This is its offline half, which touches no file.

`local` takes the portable Model as it is, so compiling is no more than writing out what the manifest leaves to
defaults. The open registry (`store`) is loaded by name when somebody connects: `validate` never imports SQLite.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final

from reconciler.core.model import SPEC_FIELDS, ModelSpec
from reconciler.core.schema.fields import Field
from reconciler.core.schema.record import Record
from reconciler.registry.driver import Compiled, Driver, Kind, Model, Native, Opening, Registry, Resolver

_SPEC_FIELDS: Final = set(SPEC_FIELDS)


class Settings(Record, frozen=True):
    """What an entry in reconciler.yaml may say."""

    path: str = Field(
        ".reconciler/registry.db",
        pattern=r"^(?!.*\$\{)[^\x00]+$",  # a reference would quietly become a file of that name
        description="The database file, relative to reconciler.yaml. It is made by the first write.",
        examples=[".reconciler/registry.db"],
    )


def _check_key(key: str) -> str | None:
    """SQLite takes any text; what cannot be printed could be neither shown nor typed."""
    return None if key.isprintable() else "must not hold control characters"


KINDS: Final[Mapping[str, Kind]] = {
    "Model": Kind(
        ModelSpec,
        "Model",
        name="Model",
        unique_ids=False,
        revision_is_etag=True,
        check_key=_check_key,
        portable=True,
    )
}


class LocalDriver:
    """The driver `local`. Its registry holds everything that a portable Model says, so nothing is inexpressible."""

    name: str = "local"
    kinds: Mapping[str, Kind] = KINDS
    settings: type[Any] = Settings
    default_owner: str | None = "local"

    def location(self, settings: Settings, resolver: Resolver) -> str:
        """The absolute path of the database file, links resolved."""
        return str(self.file(settings, resolver))

    def file(self, settings: Settings, resolver: Resolver) -> Path:
        """The database file, links resolved."""
        return Path(os.path.realpath(resolver.root / settings.path))

    def compile(self, model: Model, key: str) -> Compiled:
        """The Model's own fields, with the defaults written out and without the nulls of declared members."""
        # `exclude_none` leaves out declared members only: null inside `metadata` is the user's, and stays
        spec: dict[str, Any] = model.model_dump(include=_SPEC_FIELDS, by_alias=True, exclude_none=True)
        spec.setdefault("task", ModelSpec.model_fields["task"].default)
        if model.endpoint is not None:
            spec["endpoint"].setdefault("format", type(model.endpoint).model_fields["format"].default)
        return Compiled(Native("Model", key, spec))

    def connect(self, settings: Settings, opening: Opening) -> AbstractAsyncContextManager[Registry]:
        """Opens no file yet: the first read or write does."""
        store = importlib.import_module("reconciler.registry.local.store")
        opened: AbstractAsyncContextManager[Registry] = store.connect(
            Path(self.location(settings, opening.resolver)), self.kinds, registry=opening.name
        )
        return opened


DRIVER: Final[Driver] = LocalDriver()
