"""The canonical order of a manifest's keys: identity, what the object is, where it goes, how it is managed.

Between identity and the rest, fields stand in the order in which their kind declares them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from reconciler.core.document.reorder import AS_IT_IS, KeyOrder
from reconciler.core.model import Model, NativeCommon, Override
from reconciler.core.shape import Shape, shape_of
from reconciler.manifest.model_check import PORTABLE
from reconciler.registry.entry import RegistryEntry
from reconciler.registry.protocol import Driver

FIRST: Final = ("$schema", "format_version", "kind", "key", "extends", "registry")
LAST: Final = ("registries", "protected", "previous_keys", "state", "ignore", "waivers", "x-unmanaged")


def key_order(kind: str, entries: Mapping[str, RegistryEntry], drivers: Iterable[Driver]) -> KeyOrder:
    """The order of the keys in a document of a kind; of one that is unknown, identity first and the rest as it is.

    `entries` are the registries of the configuration, whose terms overrides are written in.
    """
    if kind in PORTABLE:
        return _of_document(shape_of(Model), {name: _override(entry) for name, entry in entries.items()})
    driver, _, name = kind.partition("/")
    found = next((one.kinds[name] for one in drivers if one.name == driver and name in one.kinds), None)
    own = shape_of(found.model).members if found is not None else {}
    return _of_document(Shape(members={**shape_of(NativeCommon).members, **own}), {})


def _of_document(shape: Shape, overrides: Mapping[str, KeyOrder]) -> KeyOrder:
    below = {name: _order(member) for name, member in shape.members.items()}
    below["registries"] = KeyOrder(inside=overrides)
    own = (name for name in below if name not in FIRST and name not in LAST)
    return KeyOrder({name: below.get(name, AS_IT_IS) for name in (*FIRST, *own, *LAST)})


def _override(entry: RegistryEntry) -> KeyOrder:
    """The order inside an override: its key, the fields of the registry's own model, what is ignored."""
    own = entry.portable.shape.members
    names = ("key", *(name for name in own if name not in Override.model_fields), "ignore")
    return KeyOrder({name: _order(own[name]) if name in own else AS_IT_IS for name in names})


def _order(shape: Shape) -> KeyOrder:
    members = {name: _order(member) for name, member in shape.members.items()}
    return KeyOrder(
        members,
        each=_order(shape.each) if shape.each is not None else None,
        every=_order(shape.every) if shape.every is not None else None,
    )
