"""Registries opened through their drivers, and held against what a driver promises before anything is read or written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from reconciler.core.errors import ConfigError
from reconciler.registry.capabilities import Renames
from reconciler.registry.catalog import GUIDE
from reconciler.registry.entry import RegistryEntry
from reconciler.registry.protocol import Opening, Registry

_METHODS: Final = ("read", "get", "create", "update", "delete")


@asynccontextmanager
async def open_registry(entry: RegistryEntry, opening: Opening) -> AsyncIterator[Registry]:
    """Opens the registry of an entry and closes it again.

    Raises RegistryError or SecretError as the driver does, ConfigError where what the driver opens is no registry, or is not what it says.
    """
    async with entry.driver.connect(entry.settings, opening) as registry:
        wrong = why_no_registry(entry, registry)
        if wrong is not None:
            driver = entry.driver.name
            raise ConfigError(f"{opening.name}: the driver {driver!r} cannot be used: {wrong}", hint=GUIDE)
        yield registry


def why_no_registry(entry: RegistryEntry, registry: object) -> str | None:
    """What an opened registry lacks, or None.

    `renames` need not be said: it follows from the method. A driver that says it all the same must say what is so, since whoever wrote it counts on it.
    """
    missing = [name for name in _METHODS if not callable(getattr(registry, name, None))]
    if missing:
        return f"what it opens has no {', '.join(missing)}"
    said = getattr(entry.driver, "renames", None)
    if said is not None and bool(said) != isinstance(registry, Renames):
        has = "has none" if said else "has one"
        return f"it says `renames = {said}`, and what it opens {has} (a method `rename`): leave `renames` out"
    return None
