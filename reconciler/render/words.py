"""Describe changes inside a list of objects. The only module that imports deepdiff, which costs 170 ms.

It is loaded by name when such a list has changed on both sides, so that an unchanged plan never pays for it. Which
items belong together is decided here, by their names: deepdiff's own search for pairs is quadratic (1.6 s for a
hundred items), and its answer depends on the hash seed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from deepdiff import DeepDiff

from reconciler.core import pointer
from reconciler.core.pointer import MISSING
from reconciler.core.spec import canonical_json
from reconciler.render.escape import printable
from reconciler.render.values import Limits, show, show_pair

IDENTITIES: Final = ("name", "id", "key")


def items(before: Sequence[Any], after: Sequence[Any], limits: Limits) -> list[str]:
    """Phrases such as `~ /0/n: 1 → 2` and `+ {"name": "b"}`, in the order of the lists.

    None where only order changed.
    """
    taken, added = _left(before, after), _left(after, before)
    pairs = _pairs(before, after, taken, added)
    words: list[str] = []
    for old, new in pairs.items():
        # what is not shown is only counted
        words.extend(
            _inside(old, before[old], after[new], limits.item) if len(words) <= limits.items else [f"~ /{old}"]
        )
    words.extend(f"+ {show(after[index], limits.item)}" for index in added if index not in pairs.values())
    words.extend(f"- {show(before[index], limits.item)}" for index in taken if index not in pairs)
    return words


def _left(items: Sequence[Any], others: Sequence[Any]) -> list[int]:
    """The indexes of the items that have no equal on the other side; each equal counts once."""
    equals = Counter(map(canonical_json, others))
    indexes = []
    for index, text in enumerate(map(canonical_json, items)):
        if equals[text]:
            equals[text] -= 1
        else:
            indexes.append(index)
    return indexes


def _pairs(before: Sequence[Any], after: Sequence[Any], taken: list[int], added: list[int]) -> dict[int, int]:
    """Pair removed and added items: those of one name, and objects without a name at one index."""
    old_names = Counter(_identity(before[index]) for index in taken)
    new_indexes = {_identity(after[index]): index for index in added}
    new_names = Counter(_identity(after[index]) for index in added)
    pairs = {}
    for index in taken:
        name = _identity(before[index])
        if name is None:
            same_index = index in added and _identity(after[index]) is None
            if same_index and isinstance(before[index], Mapping) and isinstance(after[index], Mapping):
                pairs[index] = index
        elif old_names[name] == new_names[name] == 1:
            pairs[index] = new_indexes[name]
    return pairs


def _identity(item: Any) -> tuple[str, str] | None:
    if isinstance(item, Mapping):
        for name in IDENTITIES:
            if isinstance(item.get(name), str):
                return name, item[name]
    return None


def _inside(index: int, before: Any, after: Any, width: int) -> list[str]:
    """Phrases for the changes inside one item, by path."""
    difference = DeepDiff(_single_lines(before), _single_lines(after), view="tree")
    changes = {}
    for level in (level for levels in difference.values() for level in levels):
        old_path, new_path = (tuple(level.path(output_format="list", use_t2=side)) for side in (False, True))
        old, new = pointer.get(before, pointer.join(old_path)), pointer.get(after, pointer.join(new_path))
        if level.report_type.endswith("_added"):
            changes[(*map(str, new_path), "+")] = (new_path, MISSING, new)
        elif level.report_type.endswith("_removed"):
            changes[(*map(str, old_path), "-")] = (old_path, old, MISSING)
        else:
            changes[(*map(str, old_path), "~")] = (old_path, old, new)
    # deepdiff's sets have no order of their own: the path is what makes two runs read the same
    return [_phrase(index, *changes[order], width) for order in sorted(changes)]


def _phrase(index: int, path: Sequence[Any], before: Any, after: Any, width: int) -> str:
    where = printable(pointer.join((index, *path)))
    if before is MISSING:
        return f"+ {where}: {show(after, width)}"
    if after is MISSING:
        return f"- {where}: {show(before, width)}"
    return f"~ {where}: {show_pair(before, after, 2 * width)}"


def _single_lines(value: Any) -> Any:
    """The value with texts of one line each: for texts of many, deepdiff makes a unified diff."""
    if isinstance(value, str):
        return value.replace("\n", "\u2028")
    if isinstance(value, Mapping):
        return {name: _single_lines(item) for name, item in value.items()}
    return [_single_lines(item) for item in value] if isinstance(value, list) else value
