"""The changes of a plan as the rows of a page: sections, what is equal in many objects folded into one row, and what each shows."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from reconciler.core.pointer import MISSING
from reconciler.core.resource import Address, Source
from reconciler.planner.plan import Change, FieldChange, Plan
from reconciler.render.html.facets import Facet, Values, facets
from reconciler.render.html.sides import SECRET, Sides, listing, sides
from reconciler.render.sections import Entry, Wording, losses_text, renamed, sections
from reconciler.render.terminal import count
from reconciler.render.values import show

LEAST_FOLDED: Final = 3  # equal updates that become one row
CHUNK: Final = 50  # rows that the browser lays out, or leaves, together
UNCHUNKED: Final = 100  # rows up to which a section is one chunk
MOST_JOINED: Final = 20  # objects named that a change waits for, or that wait for it
_MOST_GIST: Final = 2  # fields in a row's own line
_VALUE: Final = 24  # columns of a value there
FACETS: Final = ("registry", "kind", "action", "label")


class Joined(NamedTuple):
    """Objects that a change is joined to by a dependency; `rest` are so many that are not named."""

    names: tuple[str, ...]
    rest: int


class Gist(NamedTuple):
    """A changed field in few words; `old` and `new` are empty where they are not short."""

    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Row:
    """One change. `values` are the numbers of its facets, `members` the rows that are folded into it."""

    name: str
    action: str
    sign: str
    verb: str
    place: str
    key: str
    why: str
    message: str
    lost: str
    source: str
    labels: tuple[str, ...]
    gist: tuple[Gist, ...]
    more: int
    sides: tuple[Sides, ...]
    listing: tuple[str, ...]
    waits_for: Joined
    awaited_by: Joined
    child: bool
    values: str
    members: tuple[Row, ...] = ()

    @property
    def size(self) -> int:
        return len(self.members) or 1


@dataclass(frozen=True, slots=True)
class Section:
    """The rows of one kind of change, in chunks. `size` counts changes."""

    action: str
    title: str
    note: str
    chunks: tuple[tuple[Row, ...], ...]
    size: int


@dataclass(frozen=True, slots=True)
class Changes:
    """All changes of a plan, and what they can be filtered by."""

    sections: tuple[Section, ...]
    facets: tuple[Facet, ...]
    size: int
    joined: frozenset[str]


_TITLES: Final = {
    "delete": ("Deleted and replaced", "What is replaced is deleted, then created again."),
    "conflict": ("Conflicts", "Left alone, until somebody decides."),
    "blocked": ("Blocked", "Left alone."),
    "rename": ("Renamed", ""),
    "create": ("Created", ""),
    "update": ("Updated", ""),
}
_DRIFT_TITLES: Final = {
    "delete": ("Changed", "They cannot be set back in place."),
    "conflict": ("Conflicts", "Somebody has to decide."),
    "rename": ("Missing", "Declared, and not in the registry."),
    "create": ("Missing", "Declared, and not in the registry."),
    "update": ("Changed", "Not as they are declared."),
}


def changes(plan: Plan, wording: Wording) -> Changes:
    """The changes of a plan as rows."""
    entries = [(action, entry) for action, group in sections(plan) for entry in group]
    found, numbers = facets([_values(entry, wording) for _, entry in entries], FACETS)
    relations = _relations(plan.changes)
    rows: dict[str, list[Row]] = {}
    for (action, entry), values in zip(entries, numbers, strict=True):
        rows.setdefault(action, []).append(_row(entry, wording, values, relations))
    titles = _TITLES | _DRIFT_TITLES if wording.drift else _TITLES
    shown = tuple(_section(action, titles[action], group) for action, group in rows.items())
    return Changes(shown, found, len(entries), frozenset(relations.known))


def _values(entry: Entry, wording: Wording) -> Values:
    change = entry.change
    return {
        "registry": [change.address.registry],
        "kind": [change.address.kind],
        "action": [wording.verbs[change.action]],
        "label": _labels(change) or (_labels(entry.parent) if entry.parent is not None else ()),
    }


def _labels(change: Change) -> tuple[str, ...]:
    if change.desired is None:
        return ()
    return tuple(f"{name}={value}" for name, value in sorted(change.desired.labels.items()))


@dataclass(frozen=True, slots=True)
class _Relations:
    known: Mapping[str, Change]
    followers: Mapping[Address, Sequence[Address]]


def _relations(every: Sequence[Change]) -> _Relations:
    followers: dict[Address, list[Address]] = defaultdict(list)
    for change in every:
        for needed in change.depends_on:
            followers[needed].append(change.address)
    return _Relations({str(change.address): change for change in every}, followers)


def _joined(addresses: Iterable[Address]) -> Joined:
    names = [str(address) for address in addresses]
    return Joined(tuple(names[:MOST_JOINED]), max(0, len(names) - MOST_JOINED))


def _row(entry: Entry, wording: Wording, values: str, relations: _Relations) -> Row:
    change = entry.change
    address = change.address
    one_sided = change.action == "create"
    renamed_to = renamed(change).partition(" → ")[2] if change.previous is not None and change.action == "rename" else ""
    old = change.previous if renamed_to and change.previous is not None else address
    return Row(
        name=str(address),
        action=change.action,
        sign=wording.signs[change.action][0],
        verb=wording.verbs[change.action],
        place=f"{old.registry}/{old.kind}/",
        key=f"{old.key} → {renamed_to}" if renamed_to else address.key,
        why=wording.reasons.get(change.reason, change.reason),
        message=change.message,
        lost=losses_text(change),
        source=_source(change.source),
        labels=_labels(change),
        gist=() if one_sided else tuple(map(_gist, change.fields[:_MOST_GIST])),
        more=0 if one_sided else max(0, len(change.fields) - _MOST_GIST),
        sides=() if one_sided else tuple(sides(field, change.replaces) for field in change.fields),
        listing=tuple(listing(change.fields)) if one_sided else (),
        waits_for=_joined(change.depends_on),
        awaited_by=_joined(relations.followers.get(address, ())),
        child=entry.parent is not None,
        values=values,
    )


def _source(source: Source | None) -> str:
    return "" if source is None else f"{source.file}:{source.line}"


def _gist(field: FieldChange) -> Gist:
    path = field.path or "(all of it)"
    if field.sensitive:
        return Gist(path, "", SECRET)
    old, new = _short(field.before), _short(field.after)
    return Gist(path, old, new) if old and new else Gist(path, "", "")


def _short(value: Any) -> str:
    """A value that fits into a row's line, else nothing."""
    if value is MISSING:
        return "not set"
    if isinstance(value, (dict, list)) or (isinstance(value, str) and len(value) > _VALUE):
        return ""
    return show(value, _VALUE)


def _section(action: str, title: tuple[str, str], rows: Sequence[Row]) -> Section:
    folded = list(_folded(rows)) if action == "update" else list(rows)
    step = CHUNK if len(folded) > UNCHUNKED else UNCHUNKED
    chunks = tuple(tuple(folded[start : start + step]) for start in range(0, len(folded), step))
    return Section(action, *title, chunks, len(rows))


def _folded(rows: Sequence[Row]) -> Iterator[Row]:
    """The rows, those that change the same in many objects of a kind as one, before all others."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[_sameness(row)].append(row)
    folds = [group for group in groups.values() if len(group) >= LEAST_FOLDED]
    for group in sorted(folds, key=len, reverse=True):
        yield _fold(group)
    inside = {row.name for group in folds for row in group}
    yield from (row for row in rows if row.name not in inside)


def _sameness(row: Row) -> str:
    """What two rows share that change the same; what has something of its own to say shares it with nobody."""
    if row.message or row.lost:
        return f"\n{row.name}"
    return json.dumps([row.place, row.why, row.action, row.sides])


def _fold(rows: Sequence[Row]) -> Row:
    first = rows[0]
    return Row(
        name=f"{first.name} and others",
        action=first.action,
        sign=first.sign,
        verb=first.verb,
        place=first.place,
        key=count(len(rows), "object"),
        why=first.why,
        message="",
        lost="",
        source="",
        labels=(),
        gist=first.gist,
        more=first.more,
        sides=first.sides,
        listing=(),
        waits_for=Joined((), 0),
        awaited_by=Joined((), 0),
        child=False,
        values="",
        members=tuple(rows),
    )
