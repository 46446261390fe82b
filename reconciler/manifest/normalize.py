"""Normalize specs and pointers as their driver asks for, and find what an object is in. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.core import pointer as json_pointer
from reconciler.core.kind import Kind
from reconciler.core.resource import Address
from reconciler.registry.entry import RegistryEntry


def container(entry: RegistryEntry, kind: Kind) -> tuple[Address, ...]:
    """The address of the object that contains those of that kind, if the driver has one."""
    if entry.container is None:
        return ()
    holder, key = entry.container.container(entry.settings)
    return () if kind.name == holder else (Address(entry.name, holder, key),)


def holder(entry: RegistryEntry, kind: Kind, key: str) -> tuple[Address, ...]:
    """The address of the object in which the one of that key is, if objects of that kind are inside others."""
    within = kind.holder_of(key)
    return () if within is None else (Address(entry.name, *within),)


def normalize(entry: RegistryEntry, kind: Kind, spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """Normalize a spec: one spelling of what the registry can spell in two ways."""
    driver = entry.normalizing
    return driver.normalize(entry.settings, kind.name, spec) if driver is not None else spec


def normalize_pointer(entry: RegistryEntry, kind: Kind, pointer: str) -> str:
    """Normalize a pointer: a field may have two names."""
    parts: list[str] = []
    node: Any = normalize(entry, kind, json_pointer.put({}, pointer, 0))
    for _ in json_pointer.split(pointer):
        if not isinstance(node, Mapping) or len(node) != 1:
            return pointer
        ((name, node),) = node.items()
        parts.append(name)
    return json_pointer.join(parts)
