"""A document as a frozen tree that knows its places and its comments: what `comments` reads and writes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, TypeAlias

from reconciler.core.document.places import Places
from reconciler.core.document.values import Span
from reconciler.core.pointer import join


class Scalar(NamedTuple):
    """A string, a number, a boolean or a null.

    `style` is the quote that it is written in, `|`, `>` or "". `text` is how a number, a boolean or a null is written,
    as far as it should be written so again. `tag` is a tag that only the writer of the file understands, such as
    `!include`.
    """

    value: Any
    file: str
    place: Span
    style: str = ""
    text: str = ""
    tag: str = ""


class Member(NamedTuple):
    """A member of a map.

    `above` are comments on lines of their own, each from its `#` on, and blank lines as ""; `beside` is the comment on
    the line of the key, or "". `place` is that of the key, in `file`.
    """

    key: str
    value: Node
    file: str
    place: Span
    above: tuple[str, ...] = ()
    beside: str = ""


class Map(NamedTuple):
    """`below` are comments behind the last member, as deep as the members.

    With `flow` it is written in brackets, without comments.
    """

    members: tuple[Member, ...]
    file: str
    place: Span
    flow: bool = False
    below: tuple[str, ...] = ()

    def find(self, key: str) -> Member | None:
        return next((member for member in self.members if member.key == key), None)


class Item(NamedTuple):
    """An item of a list, with comments as a member has them."""

    value: Node
    above: tuple[str, ...] = ()
    beside: str = ""


class List(NamedTuple):
    """As a map, with items."""

    items: tuple[Item, ...]
    file: str
    place: Span
    flow: bool = False
    below: tuple[str, ...] = ()


Node: TypeAlias = Scalar | Map | List


def tree_of(value: Any, places: Places, shown: str, path: tuple[str | int, ...] = ()) -> Node:
    """Build the tree of JSON data.

    `places` has the line and column of each value in the first document of the file `shown`.
    """
    place = places.value(0, join(path))
    if isinstance(value, dict):
        members = (
            Member(key, tree_of(item, places, shown, (*path, key)), shown, places.key(0, join((*path, key))))
            for key, item in value.items()
        )
        return Map(tuple(members), shown, place)
    if isinstance(value, list):
        items = (Item(tree_of(item, places, shown, (*path, number))) for number, item in enumerate(value))
        return List(tuple(items), shown, place)
    return Scalar(value, shown, place)


def plain_data(node: Node) -> Any:
    """The JSON data of a node; of scalars with a tag, their text."""
    if isinstance(node, Map):
        return {member.key: plain_data(member.value) for member in node.members}
    return [plain_data(item.value) for item in node.items] if isinstance(node, List) else node.value


def scalars_of(node: Node) -> Iterator[Scalar]:
    """Every scalar value below a node, in order."""
    if isinstance(node, Scalar):
        yield node
        return
    for value in (part.value for part in (node.members if isinstance(node, Map) else node.items)):
        yield from scalars_of(value)


def find(root: Node, parts: tuple[str, ...]) -> tuple[Node, Member | None]:
    """The node at a path of keys and numbers, or the nearest to it that is there.

    And the member that holds it, if one does.
    """
    last: Member | None = None
    for part in parts:
        if isinstance(root, Map):
            member = root.find(part)
            if member is None:
                break
            root, last = member.value, member
        elif isinstance(root, List) and part.isdecimal() and int(part) < len(root.items):
            root, last = root.items[int(part)].value, None
        else:
            break
    return root, last
