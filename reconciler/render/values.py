"""How the values of fields are worded: short, on one line, and so that a difference can be seen."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from reconciler.plan import FieldChange
from reconciler.pointer import MISSING
from reconciler.render import escape, load
from reconciler.render.terminal import Style, count
from reconciler.render.width import ELLIPSIS, cut, pad, text_width
from reconciler.specs import canonical_json

ARROW: Final = "→"
SENSITIVE: Final = "(sensitive)"
LEAST: Final = 24  # columns that a value gets however narrow the screen
ITEM: Final = 48  # columns of one item of a list
MOST_ITEMS: Final = 12  # items of one list that are worded
MOST_PATH: Final = 36  # columns up to which values are aligned behind their paths
_CONTEXT: Final = 11  # code points shown before the first difference of two long texts


def show(value: Any, width: int) -> str:
    """A value as JSON in about `width` columns; what is cut says how long it was."""
    return _show_text(value, width) if isinstance(value, str) else _show_data(value, width)


def show_pair(before: Any, after: Any, width: int) -> str:
    """`before → after` in about `width` columns. Two long texts are cut to where they begin to differ."""
    left, right = show_sides(before, after, max(width - 3, 2 * LEAST))
    return f"{left} {ARROW} {right}"


def show_sides(before: Any, after: Any, room: int) -> tuple[str, str]:
    """Both values, together in about `room` columns."""
    left, right = show(before, room), show(after, room)
    if text_width(left) + text_width(right) > room:
        half = room // 2
        start = 0
        if isinstance(before, str) and isinstance(after, str):
            shared = _shared(before, after)
            start = max(0, shared - _CONTEXT) if shared > half // 2 else 0
            left, right = _show_text(before, half, start), _show_text(after, half, start)
        else:
            left, right = show(before, half), show(after, half)
    return left, right


def _shared(one: str, other: str) -> int:
    """How many code points two texts begin with in common."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def show_list(before: Sequence[Any], after: Sequence[Any], deep: bool = True) -> list[str]:
    """What changed inside a list, was added to it and was taken from it; nothing where that cannot be said shortly.

    Without `deep`, lists that hold objects are not compared item by item.
    """
    nested = any(isinstance(item, (Mapping, list)) for item in (*before, *after))
    if nested and not deep:
        return []
    words = load("reconciler.render.words:items")(before, after) if nested else _plain_items(before, after)
    if not words:
        return ["the same items in another order"]
    rest = len(words) - MOST_ITEMS
    return [*words[:MOST_ITEMS], *([f"{ELLIPSIS} and {rest:,} more"] if rest > 0 else [])]


def swapped(field: FieldChange) -> FieldChange:
    """The field as drift reads it: from what is declared to what was found."""
    return FieldChange(field.path, field.after, field.before, field.sensitive)


def field_lines(
    fields: Iterable[FieldChange], style: Style, indent: str, forcing: Sequence[str] = (), deep: bool = True
) -> list[str]:
    """The lines of fields: sign, path, values. `forcing` are the pointers that force a replacement."""
    rows = [(field, style.safe(field.path or "(all of it)") + ":") for field in fields]
    aligned = min(MOST_PATH, max((text_width(path) for _, path in rows), default=0))
    lines = []
    for field, path in rows:
        sign, colour = _sign(field)
        start = f"{indent}{style.paint(sign, colour)} {pad(path, aligned)}"
        room = max(LEAST, style.width - len(indent) - 4 - max(aligned, text_width(path)))
        sides = _sides(field, room, deep)
        note = style.paint("  (forces the replacement)", "red") if field.path in forcing else ""
        if sum(map(text_width, sides)) + 2 * (len(sides) - 1) <= room or len(sides) == 1:
            lines.append(f"{start}  {'  '.join(sides)}{note}")
        else:
            lines.extend([f"{start.rstrip()}{note}", *(f"{indent}    {side}" for side in sides)])
    return lines


def _sign(field: FieldChange) -> tuple[str, str]:
    if field.before is MISSING and field.after is not MISSING:
        return "+", "green"
    if field.after is MISSING and field.before is not MISSING:
        return "-", "red"
    return "~", "yellow"


def _sides(field: FieldChange, width: int, deep: bool) -> list[str]:
    """What is said of a field: one text, or several of a list."""
    if field.sensitive:
        return [SENSITIVE]
    if field.before is MISSING or field.after is MISSING:
        value = field.after if field.before is MISSING else field.before
        return ["" if value is MISSING else show(value, width)]
    if isinstance(field.before, list) and isinstance(field.after, list):
        words = show_list(field.before, field.after, deep)
        if words:
            return words
    return [show_pair(field.before, field.after, width)]


def _plain_items(before: Sequence[Any], after: Sequence[Any]) -> list[str]:
    """Items added, in the order of `after`, then items taken, in the order of `before`. True is not 1."""
    added = _surplus(after, Counter(map(canonical_json, before)))
    taken = _surplus(before, Counter(map(canonical_json, after)))
    return [f"+ {show(item, ITEM)}" for item in added] + [f"- {show(item, ITEM)}" for item in taken]


def _surplus(items: Sequence[Any], others: Counter[str]) -> list[Any]:
    left = others.copy()
    found = []
    for item in items:
        text = canonical_json(item)
        if left[text] > 0:
            left[text] -= 1
        else:
            found.append(item)
    return found


def _show_text(value: str, width: int, start: int = 0) -> str:
    """A text in quotes, from code point `start` on."""
    if not start and len(value) <= width:
        whole = escape.printable(json.dumps(value, ensure_ascii=False))
        if text_width(whole) <= width:
            return whole
    note = f" ({count(len(value), 'character')})"
    room = max(LEAST - 8, width - len(note) - 2)
    lead = ELLIPSIS if start else ""
    # no more of a long text is looked at than can be shown
    inner = escape.printable(json.dumps(value[start : start + room + 1], ensure_ascii=False))[1:-1]
    if start + room + 1 < len(value):
        inner += ELLIPSIS
    return f'"{lead}{cut(inner, room - len(lead))}"{note}'


def _show_data(value: Any, width: int) -> str:
    """A number, boolean, null, list or map."""
    text = escape.printable(json.dumps(value, ensure_ascii=False, default=dict))
    if text_width(text) <= width:
        return text
    note = ""
    if isinstance(value, list):
        note = f" ({count(len(value), 'item')})"
    elif isinstance(value, Mapping):
        note = f" ({count(len(value), 'field')})"
    return cut(text, max(LEAST - 8, width - len(note))) + note
