"""What a manifest compiles to, as plain JSON data for the cache, and back. Pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final, NamedTuple, TypeAlias

from reconciler.core.json_encoder import json_encoder
from reconciler.core.resource import Address, Desired, Resource, Source
from reconciler.core.schema.findings import Finding

Items: TypeAlias = tuple[Desired | Finding, ...]

_SPEC: Final = 3  # its place in a written item, after the address
_SHARED: Final = 1024  # values that manifests have alike: each is in memory once

# Of a resource, what a manifest says. The rest is a registry's, and empty here: an item with any of it is not kept.
RESOURCE_FIELDS: Final = ("address", "spec", "source", "parent", "unmanaged")
_REST: Final = [one for one in fields(Resource) if one.name not in RESOURCE_FIELDS]
_NOTHING: Final = tuple(one.default if one.default is not MISSING else {} for one in _REST)
_registrys_own: Final = attrgetter(*[one.name for one in _REST])
DESIRED_FIELDS: Final = (
    *("resource", "key", "absent", "protected", "previous", "ignore", "secrets", "references", "labels"),
    *("prerequisites", "origins"),
)

# A value as JSON text: what many manifests have alike is the same text, and read only once.
text_of: Final = json_encoder(sort_keys=False, ensure_ascii=True, allow_nan=False)


class Shared(NamedTuple):
    """A map or list of an object's spec: its JSON text beside it, by which it is known whether other objects have the same."""

    text: str
    value: Any


def plain(items: Items, source: Source) -> list[Any] | None:
    """The items of a manifest that stands at `source`, or None where one says what the cache has no room for.

    Each map and list of a spec is `Shared`, of which `share` makes JSON data. Raises ValueError, TypeError or RecursionError for what JSON
    does not hold.
    """
    written: list[Any] = []
    for item in items:
        if isinstance(item, Finding):
            written.append({"finding": list(item)})
            continue
        resource = item.resource
        if resource.source != source or _registrys_own(resource) != _NOTHING or item.matched:
            return None
        terms = [
            *(item.absent, item.protected, item.previous, item.ignore, item.secrets, item.references, item.labels),
            *(item.prerequisites, item.origins, resource.unmanaged),
        ]
        spec = {
            name: Shared(text_of(value), value) if isinstance(value, (dict, list)) else value
            for name, value in resource.spec.items()
        }
        written.append([*resource.address, spec, resource.parent, item.key, text_of(terms)])
    return written


def specs_in(written: Iterable[Any]) -> Iterator[dict[str, Any]]:
    """The specs in what `plain` wrote."""
    return (item[_SPEC] for item in written if item.__class__ is list)


def share(specs: Sequence[dict[str, Any]]) -> None:
    """Make JSON data of these specs: what several have alike is a text, in a list, that is read once; a map that one alone has is itself.

    The many maps of one object each are so read all at once, with the names in them in memory once.
    """
    counts = Counter([one.text for spec in specs for one in spec.values() if one.__class__ is Shared])
    for spec in specs:
        for name, one in spec.items():
            if one.__class__ is Shared:
                alone = counts[one.text] == 1 and one.value.__class__ is dict
                spec[name] = one.value if alone else [one.text]


def items_of(written: list[Any], file: str, line: int) -> Items:
    """The items of a manifest, as `plain` wrote them, with the place where it stands. Raises ValueError for a number too long."""
    source = Source(file, line)
    return tuple(
        Finding._make(item["finding"]) if isinstance(item, dict) else _desired(item, source) for item in written
    )


@lru_cache(maxsize=_SHARED)
def _value(text: str) -> Any:
    return json.loads(text)


class _Terms(NamedTuple):
    """All that a manifest says beside its object: in most manifests of a project the same."""

    absent: bool
    protected: bool | None
    previous: tuple[Address, ...]
    ignore: tuple[str, ...]
    secrets: Mapping[str, str]
    references: Mapping[str, Address]
    labels: Mapping[str, str]
    prerequisites: tuple[Address, ...]
    origins: Mapping[str, str]
    unmanaged: Mapping[str, Any]


@lru_cache(maxsize=_SHARED)
def _terms(text: str) -> _Terms:
    absent, protected, previous, ignore, secrets, references, labels, prerequisites, origins, unmanaged = json.loads(
        text
    )
    return _Terms(
        absent,
        protected,
        _addresses(previous),
        tuple(ignore),
        secrets,
        {pointer: Address(*target) for pointer, target in references.items()},
        labels,
        _addresses(prerequisites),
        origins,
        unmanaged,
    )


def _desired(item: list[Any], source: Source) -> Desired:
    registry, kind, key, spec, parent, own_key, terms = item
    said = _terms(terms)
    resource = Resource(
        Address(registry, kind, key),
        {name: _value(value[0]) if value.__class__ is list else value for name, value in spec.items()},
        source=source,
        parent=None if parent is None else Address(*parent),
        unmanaged=said.unmanaged,
    )
    return Desired(
        resource,
        key if own_key == key else own_key,
        said.absent,
        said.protected,
        said.previous,
        said.ignore,
        said.secrets,
        said.references,
        said.labels,
        said.prerequisites,
        origins=said.origins,
    )


def _addresses(written: list[list[str]]) -> tuple[Address, ...]:
    return tuple(Address(*address) for address in written)
