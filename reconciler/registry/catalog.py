"""The drivers by name. Ours are in one literal dict; others add theirs by the entry points `reconciler.registries`.

A driver is imported when it is asked for and not before, and entry points are looked up only for a name that is not
ours: neither may slow the start of a command that needs neither.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any, Final

from reconciler.core.errors import ConfigError
from reconciler.core.kind import Kind
from reconciler.registry.protocol import Driver

DRIVERS: Final = {
    "insidellms": "reconciler.registry.insidellms:DRIVER",
    "latticeflow": "reconciler.registry.latticeflow:DRIVER",
    "litellm": "reconciler.registry.litellm:DRIVER",
    "local": "reconciler.registry.local:DRIVER",
    "mlflow": "reconciler.registry.mlflow:DRIVER",
    "nemo": "reconciler.registry.nemo:DRIVER",
    "watsonx": "reconciler.registry.watsonx:DRIVER",
}
WITH_CATALOGUE: Final = ("latticeflow", "litellm")  # the built-in drivers whose registries list what a provider offers
ENTRY_POINTS: Final = "reconciler.registries"

GUIDE: Final = "docs/write-a-driver.md says what a driver is made of, and `reconciler.testing` tests one"

# what reconciler.registry.protocol.Driver requires
_VALUES: Final = ("name", "kinds", "settings")
_METHODS: Final = ("location", "compile", "connect")


def names() -> tuple[str, ...]:
    """The built-in drivers, sorted."""
    return tuple(sorted(DRIVERS))


def built_in() -> dict[str, Driver]:
    """The built-in drivers by name, sorted."""
    return {name: load_driver(name) for name in names()}


def load_driver(name: str) -> Driver:
    """The driver of that name. Raises ConfigError where there is none, several, or one that cannot be loaded."""
    if name in DRIVERS:
        ours: Driver = _find(DRIVERS[name])  # what goes wrong in here is a bug of ours, and looks like one
        return ours
    plugins = _plugins()
    places = sorted({place for plugin, place in plugins if plugin == name})
    if not places:
        raise _unknown(name, sorted({*DRIVERS, *(plugin for plugin, _ in plugins)}))
    if len(places) > 1:
        raise ConfigError(
            f"several installed packages offer the driver {name!r}: {', '.join(places)}", hint="uninstall all but one"
        )
    return _plugin(name, places[0])


def _plugins() -> list[tuple[str, str]]:
    """`(name, 'module:object')` of each driver that an installed package offers."""
    metadata = importlib.import_module("importlib.metadata")
    return [(point.name, point.value) for point in metadata.entry_points(group=ENTRY_POINTS)]


def _unknown(name: str, known: list[str]) -> ConfigError:
    close = importlib.import_module("difflib").get_close_matches(name, known, n=1)
    meant = f"; did you mean {close[0]!r}?" if close else ""
    return ConfigError(
        f"no driver is called {name!r}{meant}",
        hint=f"known drivers: {', '.join(known)}; a package can add one by the entry point group {ENTRY_POINTS}",
    )


def _plugin(name: str, place: str) -> Driver:
    """The driver of somebody else's package. Raises ConfigError, which names the entry point, for whatever is wrong with it."""
    origin = f"the driver {name!r} ({ENTRY_POINTS}: {name} = {place})"
    try:
        found = _find(place)
        wrong = _why_no_driver(found)
    # The one place where foreign code is first run. It may raise anything, even SystemExit, which would end the run as if
    # all were done; without this it would look like a bug of ours, and nobody would know which package to repair.
    except (Exception, SystemExit) as error:
        plain = isinstance(error, ImportError | SyntaxError)
        raise ConfigError(
            f"{origin} cannot be loaded: {error if plain else f'{type(error).__name__}: {error}'}",
            hint=f"repair or uninstall the package that offers it; {GUIDE}",
        ) from error
    if wrong is not None:
        raise ConfigError(f"{origin} is no driver: {wrong}", hint=GUIDE)
    driver: Driver = found
    return driver


def _find(place: str) -> Any:
    """The object at `module:object`, where `object` may be a path of members. Raises whatever importing it raises."""
    module, _, path = place.partition(":")
    found: Any = importlib.import_module(module.strip())
    for part in path.strip().split("."):
        found = getattr(found, part)
    return found


def _why_no_driver(found: Any) -> str | None:
    missing = [member for member in (*_VALUES, *_METHODS) if not hasattr(found, member)]
    if missing:
        return f"it has no {', '.join(missing)}"
    uncallable = [method for method in _METHODS if not callable(getattr(found, method))]
    if uncallable:
        return f"{', '.join(uncallable)} cannot be called"
    if isinstance(found, type) and any(inspect.isfunction(inspect.getattr_static(found, name)) for name in _METHODS):
        return "it is a class: offer an object of it"
    if not isinstance(found.name, str) or not found.name:
        return "its name is no text"
    kinds = found.kinds
    if not isinstance(kinds, Mapping) or not all(
        isinstance(kind, Kind) and kind.name == name for name, kind in kinds.items()
    ):
        return "its kinds are no mapping of names to the kinds of these names"
    if not any(kind.portable or kind.counts_in_guards for kind in kinds.values()):
        return "none of its kinds is portable or counts as a model, so that a Model could become it"
    if not (isinstance(found.settings, type) and hasattr(found.settings, "model_fields")):
        return "its settings are no pydantic model class"
    return None
