"""The layout of a YAML document: a tree of the texts that it is written with, its comments, anchors and blank lines.

What `canonical` reads, puts in order and writes. Unlike the trees of `comments`, nothing is copied out: an alias stays
an alias, a merge key a merge key.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from yaml.events import AliasEvent
from yaml.nodes import MappingNode, ScalarNode, SequenceNode

from reconciler.core.document.comment_lines import Comments, comments_of, is_flow
from reconciler.core.document.scalar_text import Block, block_scalar, key_text, plain_scalar, several_lines, text_scalar
from reconciler.core.document.yaml_build import MERGE
from reconciler.core.document.yaml_nodes import is_small, loader

_PROPERTY: Final = re.compile(r"&[\w-]+|!(?:<[^>\s]*>|[^\s,\[\]{}]*)")
_GAP: Final = re.compile(r"(?:[ \t]*(?:(?<!\S)#[^\n]*)?\n)*[ \t]*")  # blanks, comments and line breaks
_ALIAS: Final = re.compile(r"\*[\w-]+")
_BLOCKS: Final = ("|", ">")


@dataclass(frozen=True, slots=True)
class _Mark:
    """A place in a text, as PyYAML marks it: offset, line and column, all from 0."""

    index: int
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Leaf:
    """A scalar or an alias, as it is to be written: `lines` begin behind a key or dash, and go on below it.

    `properties` are its anchor and tag. `name` is the text that a key stands for, "" of an alias. A `block` scalar's
    first line is its header; one that `keeps` takes all blank lines that follow for its own.
    """

    lines: tuple[str, ...]
    properties: str = ""
    name: str = ""
    block: bool = False
    keeps: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A member of a map, or an item of a list, which has no key, with its comments; a blank line is ""."""

    key: Leaf | None
    value: Layout
    above: tuple[str, ...] = ()
    beside: str = ""  # with the spaces before its `#`


@dataclass(frozen=True, slots=True)
class Branch:
    """A map or a list. `flow` means in brackets, on one line. `below` are comments behind the last entry."""

    entries: tuple[Entry, ...]
    is_map: bool
    properties: str = ""
    flow: bool = False
    below: tuple[str, ...] = ()


Layout: TypeAlias = Leaf | Branch


def layout_of(text: str, back: dict[int, int]) -> Branch | None:
    """The layout of a text that holds one valid document; None where that is no map or list with something in it.

    `text` has LF for line ends and none of YAML 1.1's other line breaks; `back` leads to those that it had.
    """
    root = _composed(text)
    if root is None or not isinstance(root.value, list) or not root.value:
        return None
    root.flow_style = False
    aliases = _aliases(text) if "*" in text else []
    reading = _Reading(text, back)
    reading.prepare(root, -1)
    reading.attach(root, aliases)
    read = reading.layout(root, flow=False)
    return read if isinstance(read, Branch) else None


def _composed(text: str) -> Any:
    source = loader(text, is_small(text))
    return source.get_node() if source.check_node() else None


def _aliases(text: str) -> list[Any]:
    source = loader(text, is_small(text))
    marks = []
    while source.check_event():
        event = source.get_event()
        if isinstance(event, AliasEvent):
            marks.append(event.start_mark)
    return marks


@dataclass(slots=True)
class _Reading:
    """From composed nodes to a layout."""

    text: str
    back: dict[int, int]
    comments: Comments = field(default_factory=Comments)
    contents: dict[int, int] = field(default_factory=dict)  # by node: the offset behind its properties
    properties: dict[int, str] = field(default_factory=dict)
    blocks: dict[int, Block] = field(default_factory=dict)
    aliases: Iterator[Any] = field(default_factory=lambda: iter(()))
    seen: set[int] = field(default_factory=set)

    def attach(self, root: Any, aliases: Sequence[Any]) -> None:
        self.comments = comments_of(self.text, root, aliases)
        self.aliases = iter(aliases)
        self.seen = set()

    def prepare(self, node: Any, column: int) -> None:
        """Correct the marks of a node and those below it, for whoever looks for comments.

        libyaml begins a node at its anchor, and ends a block scalar where the next thing begins. `column` is that of
        the map or list which holds the node.
        """
        if id(node) in self.seen:
            return
        self.seen.add(id(node))
        start = node.start_mark
        properties, content = self._properties(start.index, _first_key(node))
        self.properties[id(node)] = properties
        if isinstance(node, ScalarNode):
            self.contents[id(node)] = min(content, node.end_mark.index)
            if node.style in _BLOCKS:
                block = block_scalar(self.text, content, node.end_mark.index, column)
                self.blocks[id(node)] = block
                node.end_mark = _Mark(block.end, 0, 0)
            return
        if properties:
            column_there = content - self.text.rfind("\n", 0, content) - 1
            node.start_mark = _Mark(start.index, start.line, column_there)
        inner = node.start_mark.column
        for part in node.value:
            for child in part if isinstance(part, tuple) else (part,):
                self.prepare(child, inner)

    def _properties(self, index: int, limit: int) -> tuple[str, int]:
        """The anchor and the tag at an offset, before `limit`, and the offset of what they belong to."""
        found: list[str] = []
        while index < limit and (match := _PROPERTY.match(self.text, index)):
            found.append(match[0])
            gap = _GAP.match(self.text, match.end())
            index = gap.end() if gap else match.end()
        return " ".join(found), index

    def layout(self, node: Any, *, flow: bool) -> Layout:
        if id(node) in self.seen:
            name = _ALIAS.match(self.text, next(self.aliases).index)
            return Leaf((name[0] if name else "",))
        self.seen.add(id(node))
        if isinstance(node, ScalarNode):
            return self._scalar(node, flow=flow)
        flow = flow or (is_flow(node) and bool(node.value)) or not node.value
        is_map = isinstance(node, MappingNode)
        entries = tuple(self._entries(node, flow=flow))
        below = tuple(self.comments.below.get(id(node), ()))
        return Branch(entries, is_map, self.properties[id(node)], flow, below)

    def _entries(self, node: Any, *, flow: bool) -> Iterator[Entry]:
        for number, part in enumerate(node.value):
            owner = (id(node), number)
            above = tuple(self.comments.above.get(owner, ()))
            text = self.comments.beside.get(owner, "")
            beside = " " * max(self.comments.gaps.get(owner, 1), 1) + text if text else ""
            if isinstance(node, SequenceNode):
                yield Entry(None, self.layout(part, flow=flow), above, beside)
            else:
                yield Entry(self._key(part[0], flow=flow), self.layout(part[1], flow=flow), above, beside)

    def _key(self, node: Any, *, flow: bool) -> Leaf:
        """A key, which is text, on one line."""
        read = self.layout(node, flow=True)
        if not isinstance(read, Leaf):
            raise TypeError("a key is no scalar: such a document has a problem")
        if (not read.name and read.lines[0].startswith("*")) or "!" in read.properties:
            return read
        is_merge = node.value == MERGE and not node.style
        return replace(read, lines=(MERGE if is_merge else key_text(read.name, flow=flow),))

    def _scalar(self, node: Any, *, flow: bool) -> Leaf:
        properties, start = self.properties[id(node)], self.contents[id(node)]
        source = self.text[start : node.end_mark.index]
        name = node.value.translate(self.back) if self.back else node.value
        if name != node.value:  # what ends a line in YAML 1.1 is written as an escape
            return Leaf((text_scalar(name, flow=flow),), properties, name)
        if node.style in _BLOCKS and not flow:
            block = self.blocks[id(node)]
            return Leaf(block.lines, properties, name, block=True, keeps=block.keeps)
        if "\n" in source and not flow:
            return Leaf(several_lines(source), properties, name)
        if "!" in properties:  # the tag says what it means, and may need the quotes
            lines = (source,) if "\n" not in source else (text_scalar(name, flow=flow),)
            return Leaf(lines, properties, name)
        if node.style:
            return Leaf((text_scalar(name, flow=flow),), properties, name)
        return Leaf((plain_scalar(name, flow=flow),), properties, name)


def _first_key(node: Any) -> int:
    """The offset of the first key of a map, whose properties are not those of the map."""
    return node.value[0][0].start_mark.index if isinstance(node, MappingNode) and node.value else sys.maxsize
