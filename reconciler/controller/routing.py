"""Which Registry objects a Model or native object concerns: those it goes to, and those that its status says it went to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

NOWHERE: Final = ""  # the name under which what goes to no Registry object is reconciled
_DEFAULT: Final = "*"  # in a route: every Registry with `default: true`


def route_of(item: Mapping[str, Any], driver: str | None) -> frozenset[str]:
    """What the spec says of where an object goes. `driver` is that of a native object, None for a Model.

    A name of a Registry object, `*` for every default one, `*DRIVER` for the only one of that driver.
    """
    spec = item.get("spec") or {}
    if driver is not None:
        named = spec.get("registry")
        return frozenset({str(named) if named else f"{_DEFAULT}{driver}"})
    registries = spec.get("registries")
    return frozenset({_DEFAULT}) if registries is None else frozenset(map(str, registries)) or frozenset({NOWHERE})


def rows_of(item: Mapping[str, Any]) -> Mapping[str, Mapping[str, Any]]:
    """The rows of an object's status by the name of the Registry object."""
    rows = (item.get("status") or {}).get("registries") or ()
    return {str(row["name"]): row for row in rows}


def route_from(registry: Mapping[str, Any]) -> Iterator[str]:
    """The words of routes that lead to a Registry object."""
    spec = registry.get("spec") or {}
    yield str(registry["metadata"]["name"])
    yield f"{_DEFAULT}{spec.get('driver', '')}"
    if spec.get("default") is True:
        yield _DEFAULT


def destinations(route: Iterable[str], registries: Callable[[], Iterable[Mapping[str, Any]]]) -> frozenset[str]:
    """The names of the Registry objects that a route leads to; one that names what is not there is kept.

    `NOWHERE` stands for a word that leads to none, or to one of several and does not say which.
    """
    found: set[str] = set()
    for word in route:
        if not word.startswith(_DEFAULT):
            found.add(word)
            continue
        led = [str(one["metadata"]["name"]) for one in registries() if word in route_from(one)]
        found.update(led if led and (word == _DEFAULT or len(led) == 1) else (NOWHERE,))
    return frozenset(found)
