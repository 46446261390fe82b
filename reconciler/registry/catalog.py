"""The drivers by name. Ours are in one literal dict; others add theirs by the entry points `reconciler.registries`.

A driver is imported when it is asked for and not before, and entry points are looked up only for a name that is not
ours: neither may slow the start of a command that needs neither.
"""

from __future__ import annotations

import difflib
import importlib
from typing import Any, Final

from reconciler.errors import ConfigError
from reconciler.registry.base import Driver

DRIVERS: Final = {
    "local": "reconciler.registry.local:DRIVER",
}
ENTRY_POINTS: Final = "reconciler.registries"

_MEMBERS: Final = ("name", "kinds", "settings", "default_owner", "renames", "location", "compile", "connect")


def names() -> tuple[str, ...]:
    """The built-in drivers, sorted."""
    return tuple(sorted(DRIVERS))


def load_driver(name: str) -> Driver:
    """The driver of that name. Raises ConfigError where there is none, several, or one that cannot be loaded."""
    if name in DRIVERS:
        return _load(name, DRIVERS[name])
    plugins = _plugins()
    places = sorted({place for plugin, place in plugins if plugin == name})
    if not places:
        raise _unknown(name, sorted({*DRIVERS, *(plugin for plugin, _ in plugins)}))
    if len(places) > 1:
        raise ConfigError(
            f"several installed packages offer the driver {name!r}: {', '.join(places)}", hint="uninstall all but one"
        )
    return _load(name, places[0])


def _plugins() -> list[tuple[str, str]]:
    """`(name, 'module:object')` of each driver that an installed package offers."""
    metadata = importlib.import_module("importlib.metadata")
    return [(point.name, point.value) for point in metadata.entry_points(group=ENTRY_POINTS)]


def _unknown(name: str, known: list[str]) -> ConfigError:
    close = difflib.get_close_matches(name, known, n=1)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    return ConfigError(
        f"no driver is called {name!r}{meant}",
        hint=f"known drivers: {', '.join(known)}; a package can add one by the entry point group {ENTRY_POINTS}",
    )


def _load(name: str, place: str) -> Driver:
    origin = f"the driver {name!r} ({ENTRY_POINTS}: {name} = {place})"
    module_name, _, path = place.partition(":")
    try:
        found: Any = importlib.import_module(module_name.strip())
    except (ImportError, SyntaxError) as error:
        raise ConfigError(
            f"{origin} cannot be imported: {error}", hint="repair or uninstall the package that offers it"
        ) from error
    try:
        for part in path.strip().split("."):
            found = getattr(found, part)
    except AttributeError as error:
        raise ConfigError(
            f"{origin} does not exist: {error}", hint="repair or uninstall the package that offers it"
        ) from error
    missing = [member for member in _MEMBERS if not hasattr(found, member)]
    if missing:
        raise ConfigError(
            f"{origin} is no driver: it has no {', '.join(missing)}", hint="see reconciler.registry.base.Driver"
        )
    driver: Driver = found
    return driver
