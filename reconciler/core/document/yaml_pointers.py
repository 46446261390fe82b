"""JSON pointers of composed YAML nodes: looked for only where something is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from yaml.nodes import MappingNode, ScalarNode, SequenceNode

from reconciler.core import pointer as pointers
from reconciler.core.telling import without_value

_LONGEST: Final = 2_000  # code points of a pointer: a key may be as long as its file, and lead to all that is wrong

_Above = tuple[int, str | None]  # the map or list that a node is in, and its name there: None is that of its holder


def pointers_to(root: Any, wanted: Sequence[Any]) -> list[str]:
    """The pointer of each wanted node below `root`, to where it is written, not to an alias of it.

    A key has the pointer of its member; a key that is no text, and what is in it, that of its map. What is too long is
    "", and a value in a name is masked.
    """
    above: dict[int, _Above] = {}
    waiting: list[tuple[Any, _Above]] = [(root, (0, None))]
    while waiting:
        node, place = waiting.pop()
        if id(node) not in above:
            above[id(node)] = place
            waiting.extend(reversed([(child, (id(node), name)) for child, name in _children(node)]))
    return [_pointer(id(node), above) for node in wanted]


def _children(node: Any) -> Iterator[tuple[Any, str | None]]:
    if node.__class__ is SequenceNode:
        yield from ((item, str(index)) for index, item in enumerate(node.value))
    elif node.__class__ is MappingNode:
        for key, value in node.value:
            name = key.value if key.__class__ is ScalarNode else None
            yield from ((key, name), (value, name))


def _pointer(node: int, above: Mapping[int, _Above]) -> str:
    parts: list[str] = []
    room = _LONGEST
    while node in above:
        node, name = above[node]
        if name is not None:
            parts.append(name)
            room -= len(name) + 1
        if room < 0:
            return ""
    return pointers.join(map(without_value, reversed(parts)))
