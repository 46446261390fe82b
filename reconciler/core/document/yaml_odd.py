"""Odd characters in the plain scalars of a YAML document that could be parsed."""

from __future__ import annotations

from collections.abc import Iterator

from yaml.nodes import MappingNode, ScalarNode

from reconciler.core.document import odd_characters as odd
from reconciler.core.document.yaml_build import AnyNode, Builder
from reconciler.core.errors import Problem


def odd_scalars(root: AnyNode, text: str, builder: Builder) -> tuple[list[Problem], list[Problem]]:
    """The errors and the warnings of one document: each scalar once, whatever aliases name it."""
    errors: list[tuple[AnyNode, odd.Odd]] = []
    warnings: list[tuple[AnyNode, odd.Odd]] = []
    for node, is_key in _plain_scalars(root):
        start, end = node.start_mark.index, node.end_mark.index
        wrong, doubtful = odd.in_plain_scalar(text, start, end, is_key=is_key)
        errors += ((node, found) for found in wrong)
        warnings += ((node, found) for found in doubtful)
    return _placed(root, errors, text, builder, "error"), _placed(root, warnings, text, builder, "warning")


def _placed(
    root: AnyNode, found: list[tuple[AnyNode, odd.Odd]], text: str, builder: Builder, severity: str
) -> list[Problem]:
    if not found:
        return []
    pointers = builder.pointers(root, [node for node, _ in found])
    return [
        odd.problem(builder.shown, _place(node, item.start, text), text, item, severity, pointer)
        for (node, item), pointer in zip(found, pointers, strict=True)
    ]


def _place(node: AnyNode, at: int, text: str) -> tuple[int, int]:
    """Line and column of an offset inside a scalar: counted from the scalar, not from the beginning of the file."""
    start = node.start_mark
    above = text.count("\n", start.index, at)
    column = at - text.rfind("\n", 0, at) if above else start.column + at - start.index + 1
    return start.line + above + 1, column


def _plain_scalars(root: AnyNode) -> Iterator[tuple[AnyNode, bool]]:
    """The plain scalars that are not ASCII, in order, each with whether it is a key."""
    seen: set[int] = set()
    waiting: list[tuple[AnyNode, bool]] = [(root, False)]
    while waiting:
        node, is_key = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if node.__class__ is ScalarNode:
            if not node.style and not node.value.isascii():
                yield node, is_key
        elif node.__class__ is MappingNode:
            waiting.extend((part, part is key) for key, value in reversed(node.value) for part in (value, key))
        else:
            waiting.extend((item, False) for item in reversed(node.value))
