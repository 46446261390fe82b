"""The entries of a layout in canonical order: as the fields are declared, and no alias before its anchor."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from reconciler.core.document.layout import Branch, Entry, Layout, Leaf
from reconciler.core.document.yaml_build import MERGE

_ANCHOR: Final = re.compile(r"&([\w-]+)")
_IDENTITY: Final = frozenset({"$schema", "format_version", "kind", "key"})  # what stays above a merge key


@dataclass(frozen=True, slots=True)
class KeyOrder:
    """The canonical order of the members of a map: that of `members`, each with the order inside its value.

    A map without `members` keeps its order; `every` is the order inside each of its values, `each` that inside each
    item of a list. `inside` is that of members by name whose own order is free.
    """

    members: Mapping[str, KeyOrder] = field(default_factory=dict)
    each: KeyOrder | None = None
    every: KeyOrder | None = None
    inside: Mapping[str, KeyOrder] = field(default_factory=dict)

    def member(self, name: str) -> KeyOrder:
        """The order inside the value of a member."""
        return self.members.get(name) or self.inside.get(name) or self.every or AS_IT_IS


AS_IT_IS: Final = KeyOrder()


def reordered(branch: Branch, order: KeyOrder) -> Branch:
    """A map or list with the members of each map in the order in which `order` has them.

    Members that it does not have follow, as they stand. A map of which it knows no member stays as it is.
    """
    entries = [replace(one, value=_below(one.value, _order_at(one, order))) for one in branch.entries]
    return replace(branch, entries=tuple(_sorted(entries, order) if branch.is_map and order.members else entries))


def _below(value: Layout, order: KeyOrder) -> Layout:
    return value if isinstance(value, Leaf) else reordered(value, order)


def _order_at(entry: Entry, order: KeyOrder) -> KeyOrder:
    return order.member(name_of(entry)) if entry.key is not None else order.each or AS_IT_IS


def reordered_data(value: Any, order: KeyOrder) -> Any:
    """Plain data, with the members of each map in the order in which `order` has them."""
    if isinstance(value, list):
        return [reordered_data(item, order.each or AS_IT_IS) for item in value]
    if not isinstance(value, dict):
        return value
    names = [*(name for name in order.members if name in value), *(name for name in value if name not in order.members)]
    return {name: reordered_data(value[name], order.member(name)) for name in names}


def name_of(entry: Entry) -> str:
    """The key of a member; "" of an item, and of a key that is an alias."""
    return entry.key.name if entry.key is not None else ""


def _sorted(entries: Sequence[Entry], order: KeyOrder) -> list[Entry]:
    ranks = {name: number for number, name in enumerate(order.members)}
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
    if name == MERGE and entry.key is not None and entry.key.lines == (MERGE,):
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
