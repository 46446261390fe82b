"""The entries of a layout in canonical order: as the fields are declared, and no alias before its anchor."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

from reconciler.core.document.layout import Branch, Entry, Layout, Leaf
from reconciler.core.shape import ANYTHING, Shape

_ANCHOR: Final = re.compile(r"&([\w-]+)")
_MERGE: Final = "<<"
_IDENTITY: Final = frozenset({"$schema", "format_version", "kind", "key"})  # what stays above a merge key


def reordered(branch: Branch, shape: Shape) -> Branch:
    """A map or list with the members of each map in the order in which `shape` has them.

    Members that it does not have follow, as they stand. A map of which it knows no member stays as it is.
    """
    entries = [replace(one, value=_below(one.value, _shape_at(one, shape))) for one in branch.entries]
    return replace(branch, entries=tuple(_sorted(entries, shape) if branch.is_map and shape.members else entries))


def _below(value: Layout, shape: Shape) -> Layout:
    return value if isinstance(value, Leaf) else reordered(value, shape)


def _shape_at(entry: Entry, shape: Shape) -> Shape:
    return shape.member(name_of(entry)) if entry.key is not None else shape.each or ANYTHING


def reordered_data(value: Any, shape: Shape) -> Any:
    """Plain data, with the members of each map in the order in which `shape` has them."""
    if isinstance(value, list):
        return [reordered_data(item, shape.each or ANYTHING) for item in value]
    if not isinstance(value, dict):
        return value
    names = [*(name for name in shape.members if name in value), *(name for name in value if name not in shape.members)]
    return {name: reordered_data(value[name], shape.member(name)) for name in names}


def name_of(entry: Entry) -> str:
    """The key of a member; "" of an item, and of a key that is an alias."""
    return entry.key.name if entry.key is not None else ""


def _sorted(entries: Sequence[Entry], shape: Shape) -> list[Entry]:
    ranks = {name: number for number, name in enumerate(shape.members)}
    wanted = sorted(entries, key=partial(_rank, ranks))
    anchors = [_anchors(entry) for entry in wanted]
    defined = set().union(*anchors)
    if not defined:
        return wanted
    needed = [(_aliases(entry) & defined) - own for entry, own in zip(wanted, anchors, strict=True)]
    done: set[str] = set()
    ordered: list[Entry] = []
    waiting = list(range(len(wanted)))
    while waiting:
        place = next((one for one in waiting if needed[one] <= done), waiting[0])  # an anchor may be given twice
        waiting.remove(place)
        done |= anchors[place]
        ordered.append(wanted[place])
    return ordered


def _rank(ranks: dict[str, int], entry: Entry) -> int:
    name = name_of(entry)
    if name == _MERGE and entry.key is not None and entry.key.lines == (_MERGE,):
        return max((ranks[one] for one in _IDENTITY if one in ranks), default=-1) * 2 + 1
    return ranks[name] * 2 if name in ranks else 2 * len(ranks) + 1


def _anchors(entry: Entry) -> set[str]:
    return {name for leaf in _pieces(entry) for name in _ANCHOR.findall(leaf.properties)}


def _aliases(entry: Entry) -> set[str]:
    texts = (piece.lines[0] for piece in _pieces(entry) if isinstance(piece, Leaf) and not piece.name)
    return {text[1:] for text in texts if text.startswith("*")}


def _pieces(entry: Entry) -> Iterator[Layout]:
    """Every scalar, map and list of an entry."""
    waiting: list[Layout] = [entry.value, *([entry.key] if entry.key is not None else [])]
    while waiting:
        piece = waiting.pop()
        yield piece
        if isinstance(piece, Branch):
            waiting.extend(part for one in piece.entries for part in (one.key, one.value) if part is not None)
