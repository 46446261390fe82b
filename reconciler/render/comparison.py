"""Two environments compared: JSON, text and Markdown. A field that differs alike in many objects is told once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from reconciler.core.pointer import MISSING
from reconciler.core.spec import canonical_json
from reconciler.planner.comparison import Comparison, Item, Pair
from reconciler.planner.diff import FieldChange
from reconciler.planner.plan_json import field_to_json
from reconciler.render.escape import markdown, markdown_code
from reconciler.render.jsontext import answer_json
from reconciler.render.plan_view import MANY
from reconciler.render.room import BUDGET, fitting, size, size_of
from reconciler.render.terminal import Style, count
from reconciler.render.values import SENSITIVE, field_lines, show

_VALUE: Final = 160  # characters of one value in Markdown
_INDENT: Final = " " * 4
_NAMED: Final = 8  # objects that are named beside a field that many have in common


class Shared(NamedTuple):
    """A field that differs alike in many objects."""

    field: FieldChange
    pairs: tuple[Pair, ...]


class Folded(NamedTuple):
    """The differing objects, with what many have in common told once. `rest` has the fields that are an object's own."""

    shared: tuple[Shared, ...]
    rest: tuple[Pair, ...]


def fold(pairs: Sequence[Pair]) -> Folded:
    """Tell a field that differs alike in at least MANY objects once."""
    groups: dict[str, list[tuple[FieldChange, Pair]]] = {}
    for pair in pairs:
        for field in pair.fields:
            groups.setdefault(_same(field), []).append((field, pair))
    many = {same: found for same, found in groups.items() if len(found) >= MANY and not found[0][0].sensitive}
    shared = tuple(Shared(found[0][0], tuple(pair for _, pair in found)) for _, found in sorted(many.items()))
    own = (
        Pair(pair.address, pair.other, tuple(one for one in pair.fields if _same(one) not in many)) for pair in pairs
    )
    return Folded(shared, tuple(pair for pair in own if pair.fields))


def _same(field: FieldChange) -> str:
    sides = [None if side is MISSING else [side] for side in (field.before, field.after)]
    return canonical_json([field.path, sides, field.sensitive])


def render_json(comparison: Comparison, style: Style) -> str:  # noqa: ARG001 -- one signature for all formats
    """The `compare` answer."""
    first, second = _only(comparison.only_first), _only(comparison.only_second)
    pairs = [
        {
            "address": str(pair.address),
            "other_address": str(pair.other),
            "fields": [field_to_json(field) for field in pair.fields],
        }
        for pair in comparison.differing
    ]
    summary = {
        "only_first": len(first),
        "only_second": len(second),
        "differing": len(pairs),
        "equal": comparison.equal,
    }
    return answer_json(
        {
            "environments": [comparison.first, comparison.second],
            "live": comparison.live,
            "summary": summary,
            "only_first": first,
            "only_second": second,
            "differing": pairs,
        }
    )


def _only(items: Iterable[Item]) -> list[dict[str, Any]]:
    return [
        {
            "address": str(item.address),
            "source": None if item.source is None else {"file": item.source.file, "line": item.source.line},
        }
        for item in items
    ]


def render_text(comparison: Comparison, style: Style) -> str:
    """Only in the first, only in the second, then what differs, and last one line that counts."""
    blocks = []
    for name, sign, colour, items in _sides(comparison):
        if items:
            rows = [f"  {style.paint(sign, colour)} {style.safe(_label(item))}" for item in items]
            blocks.append("\n".join([style.paint(f"Only in {style.safe(name)}:", "bold"), *rows]))
    folded = fold(comparison.differing)
    arrow = f"{style.safe(comparison.first)} → {style.safe(comparison.second)}"
    for field, pairs in folded.shared:
        named = ", ".join(style.safe(str(pair.address)) for pair in pairs[:_NAMED])
        more = f" and {len(pairs) - _NAMED:,} more" if len(pairs) > _NAMED else ""
        title = style.paint(f"In {count(len(pairs), 'object')} ({arrow}):", "bold")
        blocks.append("\n".join([title, *field_lines([field], style, _INDENT).lines, f"{_INDENT}{named}{more}"]))
    if folded.rest:
        title = style.paint(f"Different ({arrow}):", "bold")
        rows = [line for pair in folded.rest for line in _pair_lines(pair, style)]
        blocks.append("\n".join([title, *rows]))
    return "\n\n".join([*blocks, _summary(comparison, style)])


def _pair_lines(pair: Pair, style: Style) -> Iterator[str]:
    yield f"  {style.paint('~', 'yellow')} {style.safe(str(pair.address))}"
    yield from field_lines(pair.fields, style, " " * 6).lines


def _sides(comparison: Comparison) -> tuple[tuple[str, str, str, tuple[Item, ...]], ...]:
    """Each side's name, sign, colour, and what it alone has."""
    return (
        (comparison.first, "-", "red", comparison.only_first),
        (comparison.second, "+", "green", comparison.only_second),
    )


def _label(item: Item) -> str:
    where = f"  {item.source.file}:{item.source.line}" if item.source is not None else ""
    return f"{item.address}{where}"


def _summary(comparison: Comparison, style: Style) -> str:
    what = "hold" if comparison.live else "declare"
    names = f"{style.safe(comparison.first)} and {style.safe(comparison.second)}"
    equal = f"{comparison.equal:,} equal" if comparison.equal else ""
    if not comparison.differs:
        same = f" ({equal})" if equal else ""
        return f"{names} {what} the same{same}."
    numbers = [f"{len(items):,} only in {style.safe(name)}" for name, _, _, items in _sides(comparison) if items]
    numbers += [f"{len(comparison.differing):,} different"] if comparison.differing else []
    return f"{names}: {', '.join([*numbers, *([equal] if equal else [])])}."


def render_markdown(comparison: Comparison, style: Style) -> str:  # noqa: ARG001 -- one signature for all formats
    """A heading that counts, then a table of what one side alone has and one of the fields that differ."""
    plain = Style(color=False)
    title = f"### {markdown(_summary(comparison, plain).rstrip('.'))}"
    only = [
        f"| {markdown_code(str(item.address), table=True)} | {markdown(name)} |"
        for name, _, _, items in _sides(comparison)
        for item in items
    ]
    folded = fold(comparison.differing)
    rows = [_row(count(len(pairs), "object"), field) for field, pairs in folded.shared]
    rows += [_row(markdown_code(str(pair.address), table=True), field) for pair in folded.rest for field in pair.fields]
    names = [markdown(name) for name in (comparison.first, comparison.second)]
    room = BUDGET - size(title)
    first = _table(["Object", "Only in"], only, room // 2)
    second = _table(["Object", "Field", *names], rows, room - size_of(first))
    return "\n\n".join([title, *first, *second])


def _table(titles: Sequence[str], rows: Sequence[str], room: int) -> list[str]:
    """A table of as many rows as there is room for, and a line that says how many are left out."""
    if not rows:
        return []
    head = [f"| {' | '.join(titles)} |", f"|{' --- |' * len(titles)}"]
    shown = fitting(rows, room)
    left = len(rows) - len(shown)
    more = [f"… and {count(left, 'more row')}: `--format json` has them all."] if left else []
    return ["\n".join([*head, *shown]), *more]


def _row(what: str, field: FieldChange) -> str:
    sides = [
        SENSITIVE if field.sensitive else "" if side is MISSING else markdown_code(show(side, _VALUE), table=True)
        for side in (field.before, field.after)
    ]
    return f"| {what} | {markdown_code(field.path or '(all of it)', table=True)} | {' | '.join(sides)} |"
