"""YAML text to the node graphs of PyYAML, within bounds and fast.

libyaml composes the nodes. It recurses, and crashes the process near 20,000 levels; it calls three methods per node,
which cost more than parsing does. So there are two loaders: one with nothing but C in those methods, for text that is
too small to break a limit, and one that counts.
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any, Final

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

from reconciler.core.document.values import MAX_DEPTH, MAX_VALUES

if TYPE_CHECKING:
    from yaml._yaml import CParser as _Base
elif yaml.__with_libyaml__:
    from yaml.cyaml import CParser as _Base  # what CSafeLoader adds to it, resolving and constructing, is done here
else:
    from yaml import SafeLoader as _Base  # the same, some ten times slower

# The characters without which no map and no list begins, and fewer that take longer to count: hyphens are everywhere.
_OPENERS: Final = (":", "[", "{", "?", "-")
_REAL_OPENERS: Final = (":", "[", "{", "?", "- ", "-\n", "-\r", "-\t")
# Line breaks in YAML 1.1, and so to libyaml; letters like any other in 1.2, and so to editors.
_OLD_BREAKS: Final = re.compile("[\u0085\u2028\u2029]")
_PRIVATE: Final = range(0xF0000, 0xFFFFE)
_MANY_TAG_DIRECTIVES: Final = 100  # libyaml compares each with each


class LimitError(Exception):
    """The text goes beyond a limit or makes no tree. `rule` is a stable word, `node` says where."""

    def __init__(self, rule: str, node: Node) -> None:
        super().__init__(rule)
        self.rule = rule
        self.node = node


class Untagged:
    """Leaves the meaning of a scalar to who reads the nodes: a node without an explicit tag has None for a tag."""

    # Called for each node, and of no use here: whatever in C takes these arguments and does least.
    descend_resolver = staticmethod(operator.is_)
    ascend_resolver = staticmethod(bool)

    def resolve(self, _kind: object, _value: object, _implicit: object) -> None:
        return None


class Counting(Untagged):
    """Refuses the node that is one too deep, or one too many, before libyaml has gone any deeper."""

    depth = 0
    nodes = 0

    def descend_resolver(self, parent: Node | None, _: object) -> None:  # type: ignore[override]
        self.depth += 1
        self.nodes += 1
        if parent is None:
            self.nodes = 1
        elif self.depth > MAX_DEPTH + 1:  # something inside the parent, which is the map or list that is too deep
            raise LimitError("too-deep", parent)
        elif self.nodes > 2 * MAX_VALUES:  # keys are nodes as well, and never more than values
            raise LimitError("too-many-values", parent)

    def ascend_resolver(self) -> None:  # type: ignore[override]
        self.depth -= 1


class _Fast(Untagged, _Base):
    pass


class _Careful(Counting, _Base):
    pass


def is_small(text: str) -> bool:
    """True for a text that is too small to break a limit, as long as it has no aliases."""
    if len(text) >= MAX_VALUES:
        return False
    return sum(map(text.count, _OPENERS)) < MAX_DEPTH or sum(map(text.count, _REAL_OPENERS)) < MAX_DEPTH


def loader(text: str, small: bool) -> Any:
    """A PyYAML loader over `text`, whose `check_node` and `get_node` raise yaml.YAMLError and LimitError."""
    if not small and text.count("%TAG") > _MANY_TAG_DIRECTIVES:
        raise yaml.YAMLError(f"more than {_MANY_TAG_DIRECTIVES} %TAG directives")
    return _Fast(text) if small else _Careful(text)


def hide_breaks(text: str) -> tuple[str, dict[int, int]]:
    """`text` with YAML 1.1's line breaks as private characters that it does not hold, and the way back."""
    if text.isascii():
        return text, {}
    found = set(_OLD_BREAKS.findall(text))
    if not found:
        return text, {}
    free = (code for code in _PRIVATE if chr(code) not in text)
    hidden = {ord(sign): next(free) for sign in sorted(found)}
    return text.translate(hidden), {code: sign for sign, code in hidden.items()}


class Sizes:
    """The size of a document with its aliases expanded, computed without expanding them."""

    def __init__(self) -> None:
        self.written = 0  # values, each counted where it is written
        self._known: dict[int, tuple[int, int] | None] = {}

    def of(self, node: Node, depth: int = 1) -> tuple[int, int]:
        """Values and levels of `node`. Raises LimitError: `recursive-alias`, `too-deep`, `too-many-values`.

        A map that is merged counts in full, even where its keys are overridden. The recursion follows the text, never
        the aliases: what an alias names has been measured, or is being measured, which is a circle.
        """
        if node.__class__ is ScalarNode:
            return 1, 0
        known = self._known.get(id(node), ())
        if known is None:
            raise LimitError("recursive-alias", node)
        if depth + (known[1] - 1 if known else 0) > MAX_DEPTH:
            raise LimitError("too-deep", node)
        if known:
            return known
        self._known[id(node)] = None
        self._known[id(node)] = measured = self._collection(node, depth)
        return measured

    def _collection(self, node: Node, depth: int) -> tuple[int, int]:
        size, height = 1, 0
        is_map = node.__class__ is MappingNode
        self.written += 1
        for child in [part for pair in node.value for part in pair] if is_map else node.value:
            self.written += child.__class__ is ScalarNode
            more, levels = self.of(child, depth + 1)
            size += more
            height = max(height, levels)
        if is_map:  # keys are no values
            size -= len(node.value)
            self.written -= len(node.value)
        if size > MAX_VALUES:
            raise LimitError("too-many-values", node)
        return size, height + 1
