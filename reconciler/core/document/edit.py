"""A commented document, edited: what stays the same keeps its node, with its comments, its quotes and its place.

Pure.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reconciler.core.document.trees import Item, List, Map, Member, Node, Scalar

Keeps = Callable[[str], bool]


def edited(node: Node, before: Any, after: Any) -> Node:
    """The tree `node`, which stands for the plain data `before`, so that it stands for `after`."""
    if _same(before, after):
        return node
    if isinstance(node, Map) and isinstance(before, Mapping) and isinstance(after, Mapping):
        kept = [
            member._replace(value=edited(member.value, before.get(member.key), after[member.key]))
            for member in node.members
            if member.key in after
        ]
        known = {member.key for member in kept}
        new = [_member(name, value, node) for name, value in after.items() if name not in known]
        return node._replace(members=(*kept, *new), flow=node.flow and not _is_long(after))
    if isinstance(node, List) and isinstance(before, list) and isinstance(after, list):
        return node._replace(items=tuple(_items(node, before, after)), flow=node.flow and not _is_long(after))
    return made(after, node)


def _items(node: List, before: list[Any], after: list[Any]) -> Iterator[Item]:
    """Edit the items: equal ones keep their nodes; as many left over on both sides are edited in their order."""
    places: dict[str, deque[int]] = {}
    for index, value in enumerate(before):
        places.setdefault(_text(value), deque()).append(index)
    taken: list[int | None] = []
    for value in after:
        same = places.get(_text(value))
        taken.append(same.popleft() if same else None)
    left = sorted(index for indices in places.values() for index in indices)
    edits = deque(left if len(left) == taken.count(None) else ())
    for value, kept in zip(after, taken, strict=True):
        if kept is not None:
            yield node.items[kept]
        elif edits:
            old = edits.popleft()
            yield node.items[old]._replace(value=edited(node.items[old].value, before[old], value))
        else:
            yield Item(made(value, node))


def _member(name: str, value: Any, near: Node) -> Member:
    return Member(name, made(value, near), near.file, near.place)


def made(value: Any, near: Node) -> Node:
    """Plain data as a tree without comments. `near` lends it its file and place."""
    if isinstance(value, Mapping):
        return Map(tuple(_member(name, item, near) for name, item in value.items()), near.file, near.place)
    if isinstance(value, list):
        return List(tuple(Item(made(item, near)) for item in value), near.file, near.place)
    return Scalar(value, near.file, near.place)


def comments_in(node: Node) -> Iterator[str]:
    """Every comment of a tree, blank lines left out."""
    if isinstance(node, Scalar):
        return
    for part in node.members if isinstance(node, Map) else node.items:
        yield from (comment for comment in (*part.above, part.beside) if comment)
        yield from comments_in(part.value)
    yield from (comment for comment in node.below if comment)


def with_comments(node: Node, keeps: Keeps) -> Node:
    """The tree with those comments only that `keeps` says yes to, and its blank lines."""

    def kept(comments: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(comment for comment in comments if not comment or keeps(comment))

    def part(one: Any) -> Any:
        beside = one.beside if not one.beside or keeps(one.beside) else ""
        return one._replace(value=with_comments(one.value, keeps), above=kept(one.above), beside=beside)

    if isinstance(node, Map):
        return node._replace(members=tuple(map(part, node.members)), below=kept(node.below))
    if isinstance(node, List):
        return node._replace(items=tuple(map(part, node.items)), below=kept(node.below))
    return node


def _same(one: Any, other: Any) -> bool:
    return _text(one) == _text(other)


def _text(value: Any) -> str:
    """One text for one value: true is not 1, and 1.0 is not 1."""
    return json.dumps(value, sort_keys=True)


def _is_long(value: Any) -> bool:
    """True for a value that is too long for brackets on one line."""
    return len(_text(value)) > 80 or any(
        isinstance(item, Mapping | list) for item in (value.values() if isinstance(value, Mapping) else value)
    )
