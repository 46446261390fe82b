"""The history of an object: its JSON answer, and its text, a table with the changed fields below each revision."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from reconciler.core.pointer import MISSING
from reconciler.core.resource import Address, Mark
from reconciler.core.telling import without_credentials
from reconciler.planner.diff import FieldChange
from reconciler.planner.plan_json import field_to_json
from reconciler.planner.revisions import mark_changes
from reconciler.registry.capabilities import Revision
from reconciler.render.table import table
from reconciler.render.terminal import Style, count
from reconciler.render.values import ARROW, SENSITIVE, field_lines, show, show_pair, sign_of
from reconciler.render.width import ELLIPSIS

MOST_REVISIONS: Final = 20
MOST_FIELDS: Final = 8  # of one revision
_INDENT: Final = " " * 6
_MARK: Final = 80  # columns of an owner, before and after
_UNLIMITED: Final = 1_000_000_000  # columns
_COLUMNS: Final = {"revision": "REVISION", "at": "AT", "action": "ACTION", "key": "KEY", "actor": "BY", "plan": "PLAN"}


class Revised(NamedTuple):
    """One revision, and the fields that it changed."""

    revision: Revision
    fields: tuple[FieldChange, ...]


def history_data(address: Address, revised: Iterable[Revised]) -> dict[str, Any]:
    """The `history` answer: the revisions of one object, in the order given."""
    return {"address": str(address), "revisions": [_data(*one) for one in revised]}


def _data(revision: Revision, fields: Iterable[FieldChange]) -> dict[str, Any]:
    return {
        "revision": revision.revision,
        "action": revision.action,
        "key": revision.key,
        "at": revision.at,
        "actor": revision.actor,
        "plan": revision.plan,
        "owner": revision.owner,
        "protected": revision.mark is not None and revision.mark.protected,
        "fields": [field_to_json(field) for field in fields],
        "spec": without_credentials(revision.spec),
    }


def history_text(revised: Sequence[Revised], style: Style, *, full: bool = False) -> str:
    """The revisions as a table, newest first, the fields below each. A plan is named by the first 12 digits of its fingerprint.

    Without `full` it is bounded, and the last line says what it hides.
    """
    if not revised:
        return "There is no history."
    shown = revised if full else revised[:MOST_REVISIONS]
    title, *rows = table(_COLUMNS, [_row(one.revision) for one in shown], style).split("\n")
    marks = _marks_before(revised)
    lines, hidden = [title], _Hidden(revisions=len(revised) - len(shown))
    for (revision, fields), row in zip(shown, rows, strict=True):
        below, more = _below(revision, fields, marks.get(_name(revision)), style, full=full)
        lines += [row, *below]
        hidden = hidden.plus(more)
    return "\n".join([*lines, *hidden.lines(style)])


def _row(revision: Revision) -> Mapping[str, Any]:
    return {
        "revision": revision.revision,
        "at": revision.at,
        "action": revision.action,
        "key": revision.key,
        "actor": revision.actor,
        "plan": revision.plan[:12],
    }


class _Hidden(NamedTuple):
    """How much of a history is left out of the text."""

    revisions: int = 0
    fields: int = 0
    values: int = 0

    def plus(self, other: _Hidden) -> _Hidden:
        return _Hidden(*(one + two for one, two in zip(self, other, strict=True)))

    def lines(self, style: Style) -> Iterator[str]:
        nouns = ("older revision", "field", "cut value")
        parts = [count(number, noun) for number, noun in zip(self, nouns, strict=True) if number]
        if parts:
            yield style.paint(f"Not shown: {', '.join(parts)}. --full shows everything.", "dim")


def _name(revision: Revision) -> tuple[str, str]:
    return revision.id, revision.revision


def _marks_before(revised: Sequence[Revised]) -> dict[tuple[str, str], Mark | None]:
    """The mark that each revision but an object's first found, by id and number."""
    last: dict[str, Mark | None] = {}
    found: dict[tuple[str, str], Mark | None] = {}
    for revision, _ in reversed(revised):
        if revision.id in last:
            found[_name(revision)] = last[revision.id]
        last[revision.id] = revision.mark
    return found


def _below(
    revision: Revision, fields: tuple[FieldChange, ...], mark: Mark | None, style: Style, *, full: bool
) -> tuple[list[str], _Hidden]:
    """The lines below one revision, and what they hide."""
    lines = []
    if revision.unreadable:
        lines.append(f"{_INDENT}{style.paint('!', 'red')} it cannot be read: {style.safe(revision.unreadable)}")
    if revision.action != "create":
        for name, old, new in mark_changes(mark, revision.mark):
            lines.append(f"{_INDENT}{style.paint('~', 'yellow')} {name}: {show_pair(old, new, _MARK)}")
    if full:
        return [*lines, *(_whole(field, style) for field in fields)], _Hidden()
    few = fields if len(fields) <= MOST_FIELDS + 1 else fields[:MOST_FIELDS]
    rest = len(fields) - len(few)
    more = [_INDENT + style.paint(f"{ELLIPSIS} and {count(rest, 'more field')}", "dim")] if rest else []
    shown = field_lines(few, style, _INDENT)
    return [*lines, *shown.lines, *more], _Hidden(0, rest, shown.cut)


def _whole(field: FieldChange, style: Style) -> str:
    """The line of a field with nothing cut."""
    sign, colour = sign_of(field)
    sides = [show(side, _UNLIMITED) for side in (field.before, field.after) if side is not MISSING]
    values = SENSITIVE if field.sensitive else f" {ARROW} ".join(sides)
    return f"{_INDENT}{style.paint(sign, colour)} {style.safe(field.path or '(all of it)')}:  {values}"
