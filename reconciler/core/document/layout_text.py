"""A layout to YAML text: two spaces for each level, lists indented, comments where they belong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from reconciler.core.document.dump import LONGEST_KEY
from reconciler.core.document.layout import Branch, Entry, Layout, Leaf

_STEP: Final = "  "


def text_of(root: Branch, header: Sequence[str]) -> str:
    """The text of one document. `header` are the comments on top that belong to the document, not to its first entry."""
    lines = [*_single_blanks(header)]
    if root.properties:
        lines.append(root.properties)
    _entries(hoisted(root), "", "", lines, after_keeping=False)
    return "".join(f"{line}\n" for line in lines)


def ends_keeping(root: Layout) -> bool:
    """True where the last line of a layout is that of a scalar which takes blank lines for its own."""
    if isinstance(root, Leaf):
        return root.keeps
    return bool(root.entries) and not root.flow and not root.below and ends_keeping(root.entries[-1].value)


def hoisted(branch: Branch) -> Branch:
    """The comments above the first entry of an item's map or list go above the item: they would be read there."""
    if branch.flow:
        return branch
    return replace(branch, entries=tuple(map(_hoisted, branch.entries)))


def _hoisted(entry: Entry) -> Entry:
    value = entry.value
    if isinstance(value, Leaf) or value.flow:
        return entry
    value = hoisted(value)
    first, *others = value.entries
    if entry.key is not None or value.properties or not first.above:
        return replace(entry, value=value)
    value = replace(value, entries=(replace(first, above=()), *others))
    return replace(entry, value=value, above=(*entry.above, *first.above))


def _entries(branch: Branch, first: str, indent: str, lines: list[str], *, after_keeping: bool) -> None:
    """Write the entries of a map or list. `first` is what its first line begins with, `indent` what the others do."""
    keeping = after_keeping
    for number, entry in enumerate(branch.entries):
        above = _single_blanks(entry.above)
        if keeping or number == 0:  # there a blank line would be the scalar's, or stand for nothing
            above = _without_leading(above)
        lines.extend(indent + comment if comment else "" for comment in above)
        _entry(entry, first, indent, lines)
        first, keeping = indent, ends_keeping(entry.value)
    below = _single_blanks(branch.below)
    lines.extend(indent + comment if comment else "" for comment in (_without_leading(below) if keeping else below))


def _entry(entry: Entry, first: str, indent: str, lines: list[str]) -> None:
    value = entry.value
    if entry.key is None:
        head = f"{first}-"
    else:
        key = _key(entry.key)
        if len(key) > LONGEST_KEY:
            lines.append(f"{first}? {key}")
            first, key = indent, ""
        head = f"{first}{key}:"
    if isinstance(value, Leaf):
        _leaf(value, head, indent + _STEP, entry.beside, lines)
    elif value.flow:
        lines.append(f"{head} {_inline(value)}{entry.beside}")
    elif entry.key is None and not value.properties and not entry.beside:
        _entries(value, f"{head} ", indent + _STEP, lines, after_keeping=False)
    else:
        lines.append(f"{_joined(head, value.properties)}{entry.beside}")
        _entries(value, indent + _STEP, indent + _STEP, lines, after_keeping=False)


def _leaf(leaf: Leaf, head: str, indent: str, beside: str, lines: list[str]) -> None:
    begun, *others = leaf.lines
    written = [_joined(head, leaf.properties, begun), *(indent + line if line else "" for line in others)]
    place = 0 if leaf.block else -1
    written[place] += beside
    lines.extend(written)


def _key(key: Leaf) -> str:
    text = _one_line(key)
    return f"{text} " if text.startswith("*") else text  # the colon would be part of the alias


def _one_line(leaf: Leaf) -> str:
    """A scalar on one line. Behind a tag of nothing stands a space: what follows would be part of the tag."""
    return f"{leaf.properties} {leaf.lines[0]}" if leaf.properties else leaf.lines[0]


def _inline(layout: Layout) -> str:
    """A value in brackets, on one line."""
    if isinstance(layout, Leaf):
        return _one_line(layout)
    parts = [
        _inline(entry.value) if entry.key is None else _joined(f"{_key(entry.key)}:", _inline(entry.value))
        for entry in layout.entries
    ]
    text = ", ".join(parts)
    return _joined(layout.properties, f"{{{text}}}" if layout.is_map else f"[{text}]")


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _single_blanks(lines: Sequence[str]) -> list[str]:
    """The comments with at most one blank line between them."""
    return [line for number, line in enumerate(lines) if line or number == 0 or lines[number - 1]]


def _without_leading(lines: Sequence[str]) -> list[str]:
    return list(lines[1:]) if lines and not lines[0] else list(lines)
