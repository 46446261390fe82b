"""What a driver knows of its own place: one way to write what has two, and the object that everything else is in. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.core import pointer as pointers
from reconciler.core.kind import Kind
from reconciler.core.resource import Address
from reconciler.registry.base import Housed, Localises
from reconciler.registry.entry import Configured


def home(entry: Configured, kind: Kind) -> tuple[Address, ...]:
    """What an object of that kind is in, if that is an object too."""
    if not isinstance(entry.driver, Housed):
        return ()
    holder, key = entry.driver.home(entry.settings)
    return () if kind.name == holder else (Address(entry.name, holder, key),)


def localised(entry: Configured, kind: Kind, spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """`spec` with one way for whatever the registry knows two ways to say."""
    driver = entry.driver
    return driver.localised(entry.settings, kind.name, spec) if isinstance(driver, Localises) else spec


def localised_place(entry: Configured, kind: Kind, place: str) -> str:
    """The same of a pointer: a field may have two names."""
    parts: list[str] = []
    node: Any = localised(entry, kind, pointers.put({}, place, 0))
    for _ in pointers.split(place):
        if not isinstance(node, Mapping) or len(node) != 1:
            return place
        ((name, node),) = node.items()
        parts.append(name)
    return pointers.join(parts)
