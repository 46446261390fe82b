"""The rows of a plan as text: a headline for each, what it says of itself, and its fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.planner.plan import Change, FieldChange
from reconciler.render.hidden import Hidden
from reconciler.render.plan_view import Leftover, Row, Section, objects
from reconciler.render.sections import Wording, label, losses_text
from reconciler.render.terminal import Style, count
from reconciler.render.values import field_lines
from reconciler.render.width import ELLIPSIS, pad, text_width, wrap

MOST_DETAILED: Final = 5  # creates up to which their fields are shown
MOST_FIELDS: Final = 4  # fields shown of one create
MOST_NAMED: Final = 20  # objects named of one fold
MOST_ALIGNED: Final = 56  # columns up to which what follows an address is aligned
INDENT: Final = " " * 15


@dataclass(frozen=True, slots=True)
class Page:
    """What the rows of one plan are written with: the words, the style, and a count of what is left out.

    Without `deep`, lists of objects are not compared item by item.
    """

    wording: Wording
    style: Style
    hidden: Hidden
    deep: bool = True

    def below(self, text: str, *styles: str) -> Iterator[str]:
        """A safe text on lines of its own below a headline, no wider than the screen."""
        lines = wrap(text, max(20, self.style.width - len(INDENT))) if self.style.cuts else [text]
        yield from (INDENT + self.style.paint(line, *styles) for line in lines)


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of one headline, safe to print."""

    row: Row
    label: str
    reason: str
    source: str


@dataclass(frozen=True, slots=True)
class _Layout:
    """The columns of a section's labels and reasons, and whether it has so few rows that new objects show their fields."""

    labels: int
    reasons: int
    few: bool


def section_lines(section: Section, leftovers: Sequence[Leftover], page: Page) -> Iterator[str]:
    """The lines of one section. `leftovers` are those of its action: they stand by reason, each with its way out once.

    In a long section, a reason that the row above has too is not said again.
    """
    groups: list[tuple[Sequence[Row], Leftover | None]] = [
        (tuple(Row((entry,)) for entry in left.entries), left) for left in leftovers
    ]
    few = sum(not row.is_derived for row in section.rows) <= MOST_DETAILED
    parts = [(list(_cells(rows, page, once=not few)), left) for rows, left in groups or [(section.rows, None)]]
    every = [one for cells, _ in parts for one in cells]
    layout = _Layout(
        min(MOST_ALIGNED, max(text_width(one.label) for one in every)),
        max(text_width(one.reason) for one in every),
        few,
    )
    for cells, left in parts:
        for one in cells:
            yield from _row_lines(one, layout, page, common=left.message if left is not None else "")
        if left is not None:
            yield from _way_out(left, page)


def _row_lines(one: _Cells, layout: _Layout, page: Page, *, common: str) -> Iterator[str]:
    """A headline and what belongs to it. `common` is a message that is said for several rows together."""
    change = one.row.change
    yield from _headline(one, layout, page)
    if change.message and not common:
        yield from page.below(page.style.safe(change.message))
    if lost := losses_text(change):
        yield from page.below(page.style.safe(lost), "bold", "red")
    yield from _fields(one.row, page, few=layout.few)
    if one.row.is_fold:
        yield from _members(one.row, page)


def _way_out(left: Leftover, page: Page) -> Iterator[str]:
    """What all that is left for one reason has in common, and what to do."""
    if left.message:
        yield from page.below(page.style.safe(left.message))
    if left.remedy:
        yield from page.below(f"way out: {page.style.safe(left.remedy)}", "dim")


def _cells(rows: Sequence[Row], page: Page, *, once: bool) -> Iterator[_Cells]:
    above = ""
    for row in rows:
        entry, style = row.entries[0], page.style
        change, parent = entry.change, entry.parent
        reason = style.safe(entry.reason(page.wording))
        said = once and not row.is_derived and reason == above
        above = above if row.is_derived else reason
        if change.parent is not None and parent is None:
            reason += f" (part of {style.safe(str(change.parent))})"
        elif said:
            reason = ""
        yield _Cells(row, ("└ " if parent else "") + _label(row, style), reason, _source(row, style))


def _source(row: Row, style: Style) -> str:
    """The place of a row's manifest; empty for several, and where the row above has the same."""
    source, parent = row.change.source, row.entries[0].parent
    if source is None or row.is_fold or (parent is not None and parent.source == source):
        return ""
    return style.safe(f"{source.file}:{source.line}")


def _label(row: Row, style: Style) -> str:
    if row.is_fold:
        return style.safe(f"{objects(row)} in {row.change.address.registry}")
    return style.safe(label(row.change))


def _headline(one: _Cells, layout: _Layout, page: Page) -> Iterator[str]:
    """One line; where that is wider than the screen, the reason and the place stand below it."""
    style, action = page.style, one.row.change.action
    sign, colour = page.wording.signs[action]
    loud = ("bold",) if action in ("delete", "replace") and not page.wording.drift else ()
    verb = style.paint(f"{sign:<3} {page.wording.verbs[action]:<8}", colour, *loud)
    words = [pad(one.label, layout.labels), pad(one.reason, layout.reasons), one.source]
    if style.cuts and len(INDENT) + text_width("  ".join(words).rstrip()) > style.width:
        words = [one.label, one.reason, one.source]
    if not style.cuts or len(INDENT) + text_width("  ".join(words).rstrip()) <= style.width:
        source = f"  {style.paint(one.source, 'dim')}" if one.source else ""
        yield f"  {verb} {'  '.join(words[:2]).rstrip() if not source else '  '.join(words[:2])}{source}"
        return
    yield f"  {verb} {one.label}"
    if one.reason:
        yield from page.below(one.reason)
    if one.source:
        yield INDENT + style.paint(one.source, "dim")


def _fields(row: Row, page: Page, *, few: bool) -> Iterator[str]:
    change = row.change
    if change.action == "delete":
        return
    fields = _shown_fields(row, page, few=few)
    rest = len(change.fields) - len(fields)
    page.hidden.leave_out_fields(rest, _noun(change, page))
    found = field_lines(fields, page.style, INDENT, () if page.wording.drift else change.replaces, page.deep)
    page.hidden.values += found.cut
    yield from found.lines
    if rest and fields:
        yield INDENT + page.style.paint(f"{ELLIPSIS} and {count(rest, 'more field')}", "dim")


def _shown_fields(row: Row, page: Page, *, few: bool) -> Sequence[FieldChange]:
    """The fields that are shown: all but of new objects, of which the first ones are where there are few."""
    change = row.change
    if page.style.full or change.action != "create":
        return change.fields
    if not few or row.is_derived or page.wording.drift:
        return ()
    return change.fields if len(change.fields) <= MOST_FIELDS + 1 else change.fields[:MOST_FIELDS]


def _noun(change: Change, page: Page) -> str:
    """`create`, or `missing object` in a drift."""
    verb = page.wording.verbs[change.action]
    return verb if verb == change.action else f"{verb} object"


def _members(row: Row, page: Page) -> Iterator[str]:
    """The keys of a fold's objects."""
    keys = [page.style.safe(entry.change.address.key) for entry in row.entries]
    rest = len(keys) - MOST_NAMED
    page.hidden.leave_out(rest, "name")
    more = f" {ELLIPSIS} and {rest:,} more" if rest > 0 else ""
    yield from page.below(f"in {', '.join(keys[:MOST_NAMED])}{more}")
