"""What a plan takes away and what it leaves alone, as Markdown: named one by one, before all else.

Over the room that there is, only the names are listed, and then they are counted. They are never left out in silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from reconciler.render.escape import markdown, markdown_code
from reconciler.render.plan_view import Leftover, PlanView, Removal, Stop
from reconciler.render.room import fitting, short, size, size_of
from reconciler.render.terminal import count
from reconciler.render.width import ELLIPSIS

ALL_OF_IT: Final = "the saved plan has all of it: `reconciler show FILE --full`"
_MOST_WORDS: Final = 1_000  # characters of a message
_GROUPS: Final = (
    ("delete", "Deleted", "delete"),
    ("replace", "Replaced (deleted, then created again)", "replace"),
    ("other", "Written, and losing what no manifest declares", "such write"),
)
_LINES: Final = 200  # bytes of a group's heading and of its last line


def stops(view: PlanView, room: int) -> Iterator[str]:
    """The guards that tripped, each with its way out, as far as there is room."""
    if not view.stops:
        return
    lines = [line for stop in view.stops for line in _stop(stop)]
    kept = fitting(lines, room)
    rest = len(lines) - len(kept)
    more = [f"> - {ELLIPSIS} and {rest:,} more; {ALL_OF_IT}"] if rest else []
    yield "\n".join(["> [!CAUTION]", "> **Nothing will be written:**", *kept, *more])


def _stop(stop: Stop) -> Iterator[str]:
    way_out = (
        f"to go ahead: {markdown_code(short(stop.override, _MOST_WORDS))}" if stop.override else "no flag lifts this"
    )
    name = f"> - **{markdown(stop.name)}**"
    if len(stop.messages) == 1:
        yield f"{name}: {markdown(short(stop.messages[0], _MOST_WORDS))} · {way_out}"
        return
    yield f"{name} · {way_out}"
    yield from (f">   - {markdown(short(message, _MOST_WORDS))}" for message in stop.messages)


def removals(view: PlanView, room: int) -> Iterator[str]:
    """Everything that is deleted, replaced or overwritten with a loss, and what is lost."""
    groups = {name: [one for one in view.removals if _group(one) == name] for name, _, _ in _GROUPS}
    groups = {name: members for name, members in groups.items() if members}
    if not groups:
        return
    room -= size("> [!WARNING]\n") + _LINES * len(groups)
    common = {name: _common_reason(members, view) for name, members in groups.items()}
    whole = {name: [_removed(one, view, common[name]) for one in members] for name, members in groups.items()}
    if sum(map(size_of, whole.values())) > room:
        whole = {name: [_name(one) for one in members] for name, members in groups.items()}
    blocks = []
    for name, title, noun in _GROUPS:
        if name in whole:
            kept = fitting(whole[name], room)
            room -= size_of(kept)
            why = f", {markdown(short(common[name], _MOST_WORDS))}" if common[name] else ""
            heading = f"> **{title}: {len(whole[name]):,}**{why}"
            blocks.append("\n".join([heading, *kept, *_uncounted(whole[name], kept, noun)]))
    yield "\n".join(["> [!WARNING]", "\n>\n".join(blocks)])


def _uncounted(lines: Sequence[str], kept: Sequence[str], noun: str) -> list[str]:
    rest = len(lines) - len(kept)
    return [f"> - **{ELLIPSIS} and {count(rest, f'more {noun}')}**; {ALL_OF_IT}"] if rest else []


def _group(one: Removal) -> str:
    action = one.change.action
    return action if action in ("delete", "replace") else "other"


def _name(one: Removal) -> str:
    return f"> - {markdown_code(str(one.change.address))}"


def _reason(one: Removal, view: PlanView) -> str:
    return view.wording.reasons.get(one.change.reason, one.change.reason)


def _common_reason(members: Sequence[Removal], view: PlanView) -> str:
    """The reason that all have; empty where they differ: then each has its own beside it."""
    reasons = {_reason(one, view) for one in members}
    return reasons.pop() if len(reasons) == 1 else ""


def _removed(one: Removal, view: PlanView, common: str) -> str:
    reason = "" if common else _reason(one, view)
    words = [markdown(short(word, _MOST_WORDS)) for word in (reason, *one.losses) if word]
    return f"{_name(one)}: {'; '.join(words)}" if words else _name(one)


def leftovers(view: PlanView, room: int) -> Iterator[str]:
    """Conflicts and blocked changes by reason, each reason with the way out."""
    lines = [line for left in view.leftovers for line in _leftover(left, view)]
    if not lines:
        return
    kept = fitting(lines, room)
    rest = len(lines) - len(kept)
    more = [f"> - {ELLIPSIS} and {count(rest, 'more line')}; {ALL_OF_IT}"] if rest else []
    yield "\n".join(["> [!IMPORTANT]", "> **Left alone:**", *kept, *more])


def _leftover(left: Leftover, view: PlanView) -> Iterator[str]:
    reason = markdown(view.wording.reasons.get(left.reason, left.reason))
    message = f": {markdown(short(left.message, _MOST_WORDS))}" if left.message else ""
    remedy = f". *{left.remedy}*" if left.remedy else ""  # of our own table, and Markdown already
    yield f"> - **{left.action}**, {reason}{message}{remedy}"
    for entry in left.entries:
        own = (
            ""
            if left.message or not entry.change.message
            else f": {markdown(short(entry.change.message, _MOST_WORDS))}"
        )
        yield f">   - {markdown_code(str(entry.change.address))}{own}"
