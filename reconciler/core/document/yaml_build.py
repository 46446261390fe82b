"""Composed YAML nodes to plain data: tags, keys, merge keys."""

from __future__ import annotations

import re
from typing import Any, Final, TypeAlias

from yaml.nodes import MappingNode, ScalarNode, SequenceNode

from reconciler.core.document import yaml_scalars as scalars
from reconciler.core.document.values import given_twice, shortened
from reconciler.core.document.yaml_pointers import pointers_to
from reconciler.core.document.yaml_scalars import SPECIAL
from reconciler.core.errors import Problem

AnyNode: TypeAlias = Any  # a PyYAML node; without an explicit tag, its tag is None (`yaml_nodes.Untagged`)

_SCALAR: Final[Any] = ScalarNode  # not narrowed by type checkers, who do not know of tags that are None
MERGE: Final = "<<"
_MERGE_NOT_MAP: Final = "'<<' merges a map or a list of maps; put it in quotes if it is a key"
# The tag `!`, which PyYAML does not tell from none: a scalar after it is a string.
_NON_SPECIFIC: Final = re.compile(r"(?:&\S+\s+)?!(?=[\s,\[\]{}]|\Z)")


class Builder:
    """Builds documents whose sizes are known to be within bounds, and collects every problem in them.

    Where something is wrong, the value is of no use, and building goes on to find the rest.
    """

    __slots__ = ("_back", "_has_marks", "_lines", "_text", "_wrong", "problems", "shown")

    def __init__(self, text: str, shown: str, back: dict[int, int]) -> None:
        self.problems: list[Problem] = []
        self.shown = shown
        self._text = text
        self._back = back
        self._has_marks = "!" in text
        self._lines: dict[int, dict[str, int]] = {}  # by node: the line of the first of each key
        self._wrong: list[AnyNode] = []  # of the document being built, with as many problems

    def document(self, root: AnyNode) -> Any:
        """The plain data of one document; each alias gets a copy of its own."""
        self._lines.clear()  # of nodes that are gone, and whose ids may come again
        self._wrong.clear()
        value = self.value(root)
        if self._wrong:
            first = len(self.problems) - len(self._wrong)
            for place, pointer in enumerate(self.pointers(root, self._wrong), start=first):
                self.problems[place] = self.problems[place]._replace(pointer=pointer)
        return value

    def pointers(self, root: AnyNode, wanted: list[AnyNode]) -> list[str]:
        """The JSON pointers of some nodes of a document."""
        return [pointer.translate(self._back) for pointer in pointers_to(root, wanted)]

    def value(self, node: AnyNode) -> Any:
        """The plain data of one node."""
        kind = node.__class__
        if kind is _SCALAR:
            return self._scalar(node)
        if kind is MappingNode:
            return self._map(node)
        if node.tag is not None:
            self._check_tag(node, scalars.SEQ)
        return [self.value(item) for item in node.value]

    def _map(self, node: AnyNode) -> dict[str, Any]:
        if node.tag is not None:
            self._check_tag(node, scalars.MAP)
        members: dict[str, Any] = {}
        merges: list[AnyNode] = []
        for key_node, value_node in node.value:
            if key_node.__class__ is _SCALAR and key_node.tag is None:
                key = key_node.value
                if key == MERGE and self.is_merge(key_node):
                    self._note_merge(merges, key_node, value_node, node)
                    continue
            else:
                key = self._key(key_node)
                if key is None:
                    self.value(value_node)  # for what else is wrong in it
                    continue
            if key in members:
                self._duplicate(key_node, node)
            # The next lines repeat `value` and `_scalar` for what most members are: an untagged string.
            if value_node.__class__ is _SCALAR and value_node.tag is None:
                text = value_node.value
                members[key] = text if value_node.style or text[:1] not in SPECIAL else self._plain(value_node)
            else:
                members[key] = self.value(value_node)
        return {**self._merged(merges[0]), **members} if merges else members

    def _scalar(self, node: AnyNode) -> Any:
        if node.tag is not None:
            return self._tagged(node)
        text = node.value
        return text if node.style or text[:1] not in SPECIAL else self._plain(node)

    def _plain(self, node: AnyNode) -> Any:
        try:
            value = scalars.plain(node.value)
        except scalars.NotJsonError as error:
            value = error
        if value is node.value or self._is_non_specific(node):
            return node.value
        if isinstance(value, scalars.NotJsonError):
            return self._problem(node, "not-json", str(value))
        return value

    def _tagged(self, node: AnyNode) -> Any:
        if node.tag not in scalars.TAGS:
            return self._check_tag(node, scalars.STR)
        try:
            return scalars.tagged(node.value, node.tag)
        except scalars.NotJsonError as error:
            return self._problem(node, "not-json", str(error))
        except scalars.TagMismatchError:
            return self._problem(node, "tag-mismatch", f"this is no {_tag_shown(node.tag)}")

    def _check_tag(self, node: AnyNode, expected: str) -> None:
        tag = str(node.tag)
        if tag in (scalars.MAP, scalars.SEQ) or tag in scalars.TAGS:
            if tag != expected:
                self._problem(node, "tag-mismatch", f"{_KINDS[expected]} is no {_tag_shown(tag)}")
        else:
            self._problem(
                node,
                "unknown-tag",
                "unknown tag; only !!str, !!int and the like are read; put it in quotes if it is text",
            )

    def _key(self, node: AnyNode) -> str | None:
        """The text of a key that has a tag; None where it is no scalar."""
        if node.__class__ is not _SCALAR:
            self._problem(node, "key-not-scalar", "a key must be text, not a map or a list")
            self.value(node)
            return None
        if node.tag not in scalars.TAGS:
            self._check_tag(node, scalars.STR)
        return str(node.value)

    def _duplicate(self, key_node: AnyNode, node: AnyNode) -> None:
        lines = self._lines.get(id(node))
        if lines is None:  # once per map: looking for each first key anew would take the square of the time
            own = [key for key, _ in reversed(node.value) if key.__class__ is _SCALAR]
            lines = self._lines[id(node)] = {key.value: key.start_mark.line + 1 for key in own}
        self._problem(key_node, "duplicate-key", given_twice(key_node.value, lines[key_node.value]))

    def is_merge(self, key_node: AnyNode) -> bool:
        """True for a merge key: the text `<<`, neither quoted nor tagged as text."""
        return not key_node.style and not self._is_non_specific(key_node)

    def _note_merge(self, merges: list[AnyNode], key_node: AnyNode, value_node: AnyNode, node: AnyNode) -> None:
        if merges:
            self._duplicate(key_node, node)
        elif any(item.__class__ is not MappingNode for item in merge_items(value_node)):
            self._problem(key_node, "merge-not-map", _MERGE_NOT_MAP)
        merges.append(value_node)

    def _merged(self, node: AnyNode) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        for item in merge_items(node):
            value = self.value(item)
            if isinstance(value, dict):
                for key, member in value.items():
                    merged.setdefault(key, member)
        return merged

    def _is_non_specific(self, node: AnyNode) -> bool:
        if not self._has_marks:
            return False
        start = node.start_mark.index
        return self._text[start : start + 1] in ("!", "&") and _NON_SPECIFIC.match(self._text, start) is not None

    def _problem(self, node: AnyNode, rule: str, message: str) -> None:
        start = end = node.start_mark
        if node.__class__ is _SCALAR:
            end = node.end_mark
        places = (start.line + 1, start.column + 1, end.line + 1, end.column + 1)
        text = message.translate(self._back)
        self._wrong.append(node)
        self.problems.append(Problem(self.shown, places[0], places[1], rule, text, places[2], places[3]))


def merge_items(node: AnyNode) -> list[AnyNode]:
    """The maps that a merge key brings in: those of a list, or its value itself."""
    return node.value if node.__class__ is SequenceNode else [node]


_KINDS: Final = {scalars.STR: "text", scalars.MAP: "a map", scalars.SEQ: "a list"}
_CORE: Final = "tag:yaml.org,2002:"


def _tag_shown(tag: str) -> str:
    return shortened(tag.replace(_CORE, "!!", 1) if tag.startswith(_CORE) else tag)
