"""Composed YAML nodes to the places of what they hold."""

from __future__ import annotations

from typing import Final

from yaml.nodes import MappingNode, ScalarNode, SequenceNode

from reconciler.core.document.places import Spot
from reconciler.core.document.values import Span
from reconciler.core.document.yaml_build import MERGE, AnyNode, Builder, merge_items

_BLOCK_SCALARS: Final = ("|", ">")


class Spots:
    """The spots of one document; nodes that are the same through an alias share one."""

    def __init__(self, text: str, rules: Builder) -> None:
        self._text = text
        self._known: dict[int, Spot] = {}
        self._rules = rules

    def of(self, node: AnyNode) -> Spot:
        known = self._known.get(id(node))
        if known is not None:
            return known
        spot = self._known[id(node)] = Spot(self._place(node))
        if node.__class__ is MappingNode:
            self._members(node, spot)
        elif node.__class__ is SequenceNode:
            for index, item in enumerate(node.value):
                inner = self.of(item)
                spot.members[str(index)] = (inner.place, inner)
        if node.__class__ is not ScalarNode and not node.flow_style:
            spot.place = self._trimmed(node, spot.place)
        return spot

    def _members(self, node: AnyNode, spot: Spot) -> None:
        for key_node, value_node in node.value:
            value = self.of(value_node)
            if key_node.__class__ is not ScalarNode:
                continue
            if key_node.value == MERGE and self._rules.is_merge(key_node):
                spot.merged.extend(self.of(item) for item in merge_items(value_node))
            spot.members.setdefault(key_node.value, (self._place(key_node), value))

    def _place(self, node: AnyNode) -> Span:
        start, end = node.start_mark, node.end_mark
        line, column = end.line, end.column
        if node.__class__ is ScalarNode and node.style in _BLOCK_SCALARS:
            # libyaml ends a block scalar where the next thing begins.
            kept = self._text[start.index : end.index].rstrip()
            line = start.line + kept.count("\n")
            column = len(kept) - kept.rfind("\n") - 1 if "\n" in kept else start.column + len(kept)
        return Span(start.line + 1, start.column + 1, line + 1, column + 1)

    def _trimmed(self, node: AnyNode, place: Span) -> Span:
        """A block map or list ends with its last member; libyaml ends it where the next thing begins."""
        parts = [part for pair in node.value for part in pair] if node.__class__ is MappingNode else node.value
        start, limit = (place.line, place.column), (place.end_line, place.end_column)
        ends = [(inner.end_line, inner.end_column) for inner in (self.of(part).place for part in parts[-2:])]
        # A member that is an alias stands elsewhere.
        line, column = max((end for end in ends if start < end <= limit), default=limit)
        return Span(place.line, place.column, line, column)
