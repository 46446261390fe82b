"""Render the values of fields: short, on one line, and so that a difference can be seen."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from reconciler.core.pointer import MISSING
from reconciler.core.spec import canonical_json
from reconciler.planner.plan import FieldChange
from reconciler.render import escape, load
from reconciler.render.terminal import Style, count
from reconciler.render.width import ELLIPSIS, cut, pad, text_width, units

ARROW: Final = "→"
SENSITIVE: Final = "(sensitive)"
LEAST: Final = 24  # columns that a value gets however narrow the screen
UNLIMITED: Final = 1_000_000_000  # columns that no value has
MOST_PATH: Final = 36  # columns up to which values are aligned behind their paths
_CONTEXT: Final = 11  # columns shown before the first difference of two long values
_WIDEST: Final = len(r"\U000e0001")  # columns of the widest escape


class Limits(NamedTuple):
    """Columns of one value, columns of one item of a list, and how many items of one list are worded."""

    value: int = 80
    item: int = 48
    items: int = 12


USUAL: Final = Limits()
FULL: Final = Limits(UNLIMITED, UNLIMITED, UNLIMITED)


class _Side(NamedTuple):
    """A value as text, escaped and without quotes.

    `cut_before` and `cut_after` are true where it is a part of the whole.
    """

    text: str
    quote: str
    note: str
    cut_before: bool = False
    cut_after: bool = False

    def shown(self, width: int, start: int = 0) -> str:
        """The text from `start` on, in about `width` columns; what is cut says how long it was."""
        lead = ELLIPSIS if start or self.cut_before else ""
        inner = self.text[start:] + (ELLIPSIS if self.cut_after else "")
        return f"{self.quote}{lead}{cut(inner, self.room(width) - len(lead))}{self.quote}{self.note}"

    def room(self, width: int) -> int:
        """Columns that are left for the text."""
        return max(LEAST - 8, width - len(self.note) - 2 * len(self.quote))


def show(value: Any, width: int) -> str:
    """A value as JSON in about `width` columns; what is cut says how long it was."""
    if isinstance(value, str):
        if len(value) <= width:
            whole = escape.printable(json.dumps(value, ensure_ascii=False))
            if text_width(whole) <= width:
                return whole
        return _part(value, 0, width).shown(width)
    side = _data(value)
    return side.text if text_width(side.text) <= width else side.shown(width)


def show_pair(before: Any, after: Any, width: int) -> str:
    """`before → after` in about `width` columns. Two long values are cut to where they begin to differ."""
    left, right = show_sides(before, after, max(width - 3, 2 * LEAST))
    return f"{left} {ARROW} {right}"


def show_sides(before: Any, after: Any, room: int) -> tuple[str, str]:
    """Both values, together in about `room` columns. Values that differ look different, whatever is cut."""
    left, right = show(before, room), show(after, room)
    if text_width(left) + text_width(right) <= room:
        return left, right
    half = room // 2
    if isinstance(before, str) and isinstance(after, str):
        skipped = max(0, _shared(before, after) - half)
        sides = _part(before, skipped, half), _part(after, skipped, half)
    elif isinstance(before, str) or isinstance(after, str):
        return show(before, half), show(after, half)
    else:
        sides = _data(before), _data(after)
    start = _window(*sides, half)
    return sides[0].shown(half, start), sides[1].shown(half, start)


def _part(value: str, skipped: int, width: int) -> _Side:
    """Cut a text to `width` columns: from code point `skipped` on, after the part that both sides share."""
    end = skipped + 2 * width + 1
    text = escape.printable(json.dumps(value[skipped:end], ensure_ascii=False))[1:-1]
    return _Side(text, '"', f" ({count(len(value), 'character')})", skipped > 0, end < len(value))


def _data(value: Any) -> _Side:
    """A number, boolean, null, list or map."""
    note = ""
    if isinstance(value, list):
        note = f" ({count(len(value), 'item')})"
    elif isinstance(value, Mapping):
        note = f" ({count(len(value), 'field')})"
    return _Side(escape.printable(json.dumps(value, ensure_ascii=False, default=dict)), "", note)


def _window(left: _Side, right: _Side, width: int) -> int:
    """The index from which to show two texts: 0, or a little before their first difference, inside no escape."""
    same = _shared(left.text, right.text)
    room = min(left.room(width), right.room(width))
    context, place, widths = 0, 0, []
    for unit in units(left.text):
        if place + len(unit) > same:
            break
        widths.append((place, text_width(unit)))
        place += len(unit)
    # the beginning of data says what it is, that of a long text does not
    differing = max(text_width(next(units(side.text[place : place + _WIDEST]), "")) for side in (left, right))
    near = room // 2 if left.quote else room - differing - 1
    if not left.cut_before and sum(columns for _, columns in widths) <= near:
        return 0
    most = min(_CONTEXT, room - _WIDEST - 2)  # the ellipses and one escape beside it
    for before, columns in reversed(widths):
        context += columns
        if context > most:
            break
        place = before
    return place


def show_list(before: Sequence[Any], after: Sequence[Any], deep: bool = True, limits: Limits = USUAL) -> list[str]:
    """Phrases for the items of a list that were changed, added and removed; none where that cannot be said shortly.

    Without `deep`, lists that hold objects are not compared item by item.
    """
    nested = any(isinstance(item, (Mapping, list)) for item in (*before, *after))
    if nested and not deep:
        return []
    worded = load("reconciler.render.words:items") if nested else _plain_items
    words = worded(before, after, limits)
    if not words:
        return ["the same items in another order"]
    rest = len(words) - limits.items
    return [*words[: limits.items], *([f"{ELLIPSIS} and {rest:,} more"] if rest > 0 else [])]


class FieldLines(NamedTuple):
    """The lines of fields, and how many of their values are shown in part."""

    lines: list[str]
    cut: int


def field_lines(
    fields: Iterable[FieldChange], style: Style, indent: str, forcing: Sequence[str] = (), deep: bool = True
) -> FieldLines:
    """The lines of fields: sign, path, values. `forcing` are the pointers that force a replacement."""
    rows = [(field, style.safe(field.path or "(all of it)") + ":") for field in fields]
    aligned = min(MOST_PATH, max((text_width(path) for _, path in rows), default=0))
    lines: list[str] = []
    cut = 0
    for field, path in rows:
        sign, colour = sign_of(field)
        start = f"{indent}{style.paint(sign, colour)} {pad(path, aligned)}"
        room = max(LEAST, style.width - len(indent) - 4 - max(aligned, text_width(path)))
        sides = _sides(field, _limits(room, style), deep)
        note = style.paint("  (forces the replacement)", "red") if field.path in forcing else ""
        fits = sum(map(text_width, sides)) + 2 * (len(sides) - 1) <= room
        if not fits and len(sides) == 1 and style.cuts and not style.full:
            sides = _two_lines(field, sides, style.width - len(indent) - 4)
        cut += _is_cut(field, sides, deep)
        if fits or len(sides) == 1:
            lines.append(f"{start}  {'  '.join(sides)}{note}")
        else:
            lines.extend([f"{start.rstrip()}{note}", *(f"{indent}    {side}" for side in sides)])
    return FieldLines(lines, cut)


def _two_lines(field: FieldChange, sides: list[str], room: int) -> list[str]:
    """Both values on lines of their own, where a screen is too narrow for the two of them; `sides` where there are no two."""
    if field.sensitive or field.before is MISSING or field.after is MISSING:
        return sides
    before, after = show_sides(field.before, field.after, 2 * (room - 2))
    return [before, f"{ARROW} {after}"]


def _limits(room: int, style: Style) -> Limits:
    """The limits for one field's values in so many columns: none with `full`, and none on values where nothing is cut."""
    if style.full:
        return FULL
    return USUAL._replace(value=room if style.cuts else UNLIMITED)


def _is_cut(field: FieldChange, sides: Sequence[str], deep: bool) -> bool:
    """True where values are shown in part. An ellipsis alone does not tell: a value may hold one."""
    return any(ELLIPSIS in side for side in sides) and " ".join(sides) != " ".join(_sides(field, FULL, deep))


def sign_of(field: FieldChange) -> tuple[str, str]:
    """The sign of a field that was added, removed or changed, and its colour."""
    if field.before is MISSING and field.after is not MISSING:
        return "+", "green"
    if field.after is MISSING and field.before is not MISSING:
        return "-", "red"
    return "~", "yellow"


def _sides(field: FieldChange, limits: Limits, deep: bool) -> list[str]:
    """The phrases for one changed field: one text, or several for a list."""
    if field.sensitive:
        return [SENSITIVE]
    if field.before is MISSING or field.after is MISSING:
        value = field.after if field.before is MISSING else field.before
        return ["" if value is MISSING else show(value, limits.value)]
    if isinstance(field.before, list) and isinstance(field.after, list):
        words = show_list(field.before, field.after, deep, limits)
        if words:
            return words
    return [show_pair(field.before, field.after, limits.value)]


def _plain_items(before: Sequence[Any], after: Sequence[Any], limits: Limits) -> list[str]:
    """Items added, in the order of `after`, then items taken, in the order of `before`. True is not 1."""
    added = _surplus(after, Counter(map(canonical_json, before)))
    taken = _surplus(before, Counter(map(canonical_json, after)))
    return [f"+ {show(item, limits.item)}" for item in added] + [f"- {show(item, limits.item)}" for item in taken]


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


def _shared(one: str, other: str) -> int:
    """Count the code points that two texts have in common at their beginning."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low
