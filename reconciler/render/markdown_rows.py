"""The rows of a plan as Markdown: one line of a table, and below the tables the fields, folded away."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from reconciler.core.pointer import MISSING
from reconciler.core.resource import Source
from reconciler.planner.plan import Change, FieldChange
from reconciler.render.escape import fence, html_code, markdown, markdown_code, printable
from reconciler.render.plan_view import Row, objects
from reconciler.render.room import short
from reconciler.render.sections import Wording, label
from reconciler.render.terminal import count
from reconciler.render.values import SENSITIVE, Limits, show, show_list, show_sides
from reconciler.render.width import text_width

HEAD: Final = ("| | Object | Fields | Why | Manifest |", "|---|---|---|---|---|")
_LOUD: Final = frozenset({"delete", "replace", "conflict", "blocked"})
_MOST_FIELDS: Final = 6  # named in one line
_MOST_NAMED: Final = 3  # objects of a fold that its line names
_MOST_WIDE: Final = 48  # columns of two values that a line of the table shows
_MOST_WORDS: Final = 1_000  # characters of a name or a message
_PLAIN_VALUES: Final = (bool, int, float, type(None))  # what needs no code span, unless it looks like a commit
_PLAIN_WIDTH: Final = 6


def table_row(row: Row, wording: Wording) -> str:
    """One line of the table, with the changed fields named in it."""
    change = row.change
    verb = wording.verbs[change.action]
    shown = f"**{verb}**" if change.action in _LOUD else verb
    cells = (shown, _object(row), _fields(row, wording), _why(row, wording), _place(change.source, row))
    return f"| {' | '.join(cells)} |"


def _object(row: Row) -> str:
    named = [markdown_code(label(entry.change), table=True) for entry in row.entries[:_MOST_NAMED]]
    rest = len(row.entries) - len(named)
    more = f" and {rest:,} more" if rest else ""
    return f"{'└ ' if row.is_derived else ''}{', '.join(named)}{more}"


def _why(row: Row, wording: Wording) -> str:
    change = row.change
    reason = markdown(row.entries[0].reason(wording))
    told_above = change.action in ("conflict", "blocked") or (
        change.action in ("delete", "replace") and not wording.drift
    )
    if change.message and not told_above:
        reason = f"{reason}: {markdown(short(change.message, _MOST_WORDS))}"
    return reason


def _place(source: Source | None, row: Row) -> str:
    if source is None or row.is_fold:
        return ""
    return markdown_code(f"{short(source.file, _MOST_WORDS)}:{source.line}", table=True)


def _fields(row: Row, wording: Wording) -> str:
    change = row.change
    if change.action == "delete":
        return ""
    named = [_named(field, change, wording) for field in change.fields[:_MOST_FIELDS]]
    rest = len(change.fields) - len(named)
    more = f" and {rest:,} more" if rest else ""
    where = f" in {markdown(objects(row))}" if row.is_fold else ""
    return f"{', '.join(named)}{more}{where}"


def _named(field: FieldChange, change: Change, wording: Wording) -> str:
    """A field's path and, where there is room, what becomes of it. A new object's values stand below."""
    path = markdown_code(short(field.path or "(all of it)", _MOST_WORDS), table=True)
    if field.sensitive:
        return f"{path} {SENSITIVE}"
    if change.action == "create" and not wording.drift:
        return path
    if field.before is MISSING or field.after is MISSING:
        word = "added" if field.before is MISSING else "removed"
        return f"{path} {word}"
    sides = [show(side, _MOST_WIDE) for side in (field.before, field.after)]
    if sum(map(text_width, sides)) > _MOST_WIDE:
        return path
    return f"{path} {_value(field.before, sides[0])} → {_value(field.after, sides[1])}"


def _value(value: Any, shown: str) -> str:
    plain = isinstance(value, _PLAIN_VALUES) and len(shown) <= _PLAIN_WIDTH
    return markdown(shown) if plain else markdown_code(shown, table=True)


def has_details(row: Row) -> bool:
    """True for a row with fields to show. What a new model brings along needs none."""
    change = row.change
    return bool(change.fields) and change.action != "delete" and not (change.action == "create" and row.is_derived)


def details(row: Row, wording: Wording, limits: Limits) -> str:
    """The fields of a row, folded away, and the objects of a fold by name."""
    change = row.change
    blocks = [_diff(change.fields, limits)]
    about = html_code(label(change))
    if row.is_fold:
        about = markdown(objects(row))
        keys = ", ".join(markdown_code(entry.change.address.key) for entry in row.entries)
        blocks.append(f"In {markdown_code(f'{change.address.registry}/{change.address.kind}')}: {keys}")
    title = f"{wording.verbs[change.action]} {about} ({count(len(change.fields), 'field')})"
    body = "\n\n".join(blocks)
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"


def _diff(fields: Sequence[FieldChange], limits: Limits) -> str:
    body = "\n".join(line for field in fields for line in _lines(field, limits))
    ticks = fence(body, 3)
    return f"{ticks}diff\n{body}\n{ticks}"


def _lines(field: FieldChange, limits: Limits) -> Iterator[str]:
    """The lines of a field in a diff: what goes, then what comes."""
    path = printable(field.path or "(all of it)")
    before, after = field.before, field.after
    if field.sensitive:
        yield f"! {path}: {SENSITIVE}"
    elif before is MISSING or after is MISSING:
        if before is not MISSING:
            yield f"- {path}: {show(before, limits.value)}"
        if after is not MISSING:
            yield f"+ {path}: {show(after, limits.value)}"
    elif isinstance(before, list) and isinstance(after, list):
        for words in show_list(before, after, limits=limits):
            sign = words[0] if words[0] in "+-" else "!"
            yield f"{sign} {path}: {words.removeprefix(sign).lstrip()}"
    else:
        old, new = show_sides(before, after, 2 * limits.value)
        yield f"- {path}: {old}"
        yield f"+ {path}: {new}"
