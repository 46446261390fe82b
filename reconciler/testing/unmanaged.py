"""The part of the driver contract about members that no kind declares: whoever put them there, every write keeps them.

A driver's tests say in `plant` how another client puts a member into a stored object, and in `planted` how to look for it. The names of such
members begin with `x_`. Pointers are those of the native kind.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from reconciler.core import pointer as pointers
from reconciler.core.errors import PermanentError
from reconciler.core.kind import Kind
from reconciler.core.resource import Address, Resource
from reconciler.core.shape import Shape
from reconciler.core.unmanaged import shown
from reconciler.manifest.export import text_of
from reconciler.planner.plan_json import plan_to_json
from reconciler.planner.planfile import dump
from reconciler.render import plan_markdown, plan_text
from reconciler.render.jsontext import dumps
from reconciler.render.terminal import Style
from reconciler.testing.world import World

STRANGE: Final = "x_strange"
VALUE: Final = {"since": [1, "yesterday"], "deep": {"null": None}}
HIDDEN: Final = "x_access_token"
SECRET: Final = "s3cret-of-somebody-else"


class Planted(NamedTuple):
    """A member that somebody put into an object: where, called what, and what it is."""

    container: str
    name: str
    value: Any


def levels(spec: Any, shape: Shape, prefix: tuple[str, ...] = ()) -> Iterator[str]:
    """The pointers of the maps in `spec` that declare their members."""
    if isinstance(spec, Mapping):
        if shape.closed:
            yield pointers.join(prefix)
        for name, item in spec.items():
            yield from levels(item, shape.member(name), (*prefix, name))
    elif isinstance(spec, list) and shape.each is not None:
        for index, item in enumerate(spec):
            yield from levels(item, shape.each, (*prefix, str(index)))


def everywhere(resource: Resource, kind: Kind) -> list[Planted]:
    """One plain and one secret member for each level of an object."""
    places = list(levels(resource.spec, kind.shape))
    return [Planted(place, name, value) for place in places for name, value in ((STRANGE, VALUE), (HIDDEN, SECRET))]


def put_in(row: Any, planted: Planted) -> Any:
    """A stored row with that member in it."""
    return pointers.put(row, f"{planted.container}{pointers.join((planted.name,))}", planted.value)


def found_in(row: Any, container: str, name: str) -> Any:
    """What a stored row holds there."""
    return pointers.get(row, f"{container}{pointers.join((name,))}")


def grown(tree: Any, spec: Any, planted: Planted, parts: tuple[str, ...] | None = None) -> Any:
    """A tree of members beside `spec`, with that one in it."""
    rest = pointers.split(planted.container) if parts is None else parts
    if not rest:
        return {**(tree or {}), planted.name: planted.value}
    head, below = rest[0], rest[1:]
    if isinstance(spec, list):
        known = tree or [{} for _ in spec]
        return [grown(one, spec[i], planted, below) if str(i) == head else one for i, one in enumerate(known)]
    return {**(tree or {}), head: grown((tree or {}).get(head), spec.get(head, {}), planted, below)}


def leaks(*values: object) -> bool:
    """Whether the secret member can be seen in any of these."""
    return any(SECRET in text for value in values for text in (repr(value), str(value)))


def _deep(levels: int) -> Any:
    value: Any = {}
    for _ in range(levels):
        value = {"x": [value]}
    return value


# what a row may hold in any place: every JSON type, empty and full, and what is too much
HOSTILE: Final[tuple[Any, ...]] = (
    True, 0, 3.5, -(10**40), "", "text", "\ud83d", "\x1b[2J\u202e", [], [None], [[1]], [{"a": 1}], {}, {"": {"a": None}}, {"name": []}, _deep(80),
    "x" * 100_000,
)  # fmt: skip
IDENTITY: Final = (
    "id",
    "name",
    "key",
    "updated_at",
    "created_at",
    "workspace",
    "connection_id",
    "adapter_id",
    "adapters",
    "served_models",
    "tags",
)


def members_of(spec: Any, shape: Shape, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Each declared member of each map of an object: the pointer of the map, and the name."""
    if isinstance(spec, Mapping):
        for name in shape.members:
            yield pointers.join(prefix), name
        for name, item in spec.items():
            yield from members_of(item, shape.member(name), (*prefix, name))
    elif isinstance(spec, list) and shape.each is not None:
        for index, item in enumerate(spec):
            yield from members_of(item, shape.each, (*prefix, str(index)))


def shown_in_every_form(plan: Any) -> int:
    """Renders a plan in all its forms, and says how long they are together."""
    style = Style(color=False)
    return sum(
        map(len, (plan_text.plan(plan, style), plan_markdown.plan(plan, style), dumps(plan_to_json(plan)), dump(plan)))
    )


async def is_shown_nowhere(world: World, resource: Resource) -> None:
    """What may be a secret is in no text that anybody gets."""
    entry = world.entries[resource.address.registry]
    texts = (json.dumps(shown(resource.unmanaged)), text_of(resource, entry), await world.remote())
    assert not leaks(resource, resource.unmanaged, *texts)


async def stored_at(world: World, address: Address) -> Resource:
    """The object at an address, as the engine reads it."""
    listing = (await world.remote()).listings[address.registry]
    found = [one for one in listing.resources if one.address == address]
    assert len(found) == 1, (address, [one.address for one in listing.resources], listing.unreadable)
    return found[0]


def plan_is_silent(*plans: Any) -> bool:
    """Whether no plan, and no saved one, shows the secret member or speaks of what nobody declares."""
    return not any(leaks(plan, dump(plan)) or STRANGE in dump(plan) for plan in plans)


class Refusing:
    """A registry that refuses the next create, and is itself for all else."""

    def __init__(self, registry: Any) -> None:
        self._registry = registry
        self.refusals = 1

    def __getattr__(self, name: str) -> Any:
        return getattr(self._registry, name)

    async def create(self, write: Any) -> Any:
        if self.refusals:
            self.refusals -= 1
            raise PermanentError("the quota is used up")
        return await self._registry.create(write)


def refusing(world: World) -> World:
    return replace(world, registries={name: Refusing(one) for name, one in world.registries.items()})
