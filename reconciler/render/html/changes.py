"""The changes of a plan as the rows of a page: sections, what is equal in many objects folded into one row, and what each shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, TypeVar

from reconciler.core.pointer import MISSING
from reconciler.core.resource import Address, Source
from reconciler.core.telling import without_credentials
from reconciler.planner.plan import Change, FieldChange
from reconciler.render.html.facets import Facet, Values, facets
from reconciler.render.html.sides import SECRET, Bounds, Sides, listing, sides
from reconciler.render.plan_view import PlanView
from reconciler.render.sections import Entry, Wording, new_name
from reconciler.render.terminal import count
from reconciler.render.values import show

CHUNK: Final = 50  # rows that the browser lays out, or leaves, together
UNCHUNKED: Final = 100  # rows up to which a section is one chunk
MOST_JOINED: Final = 20  # objects named that a change waits for, or that wait for it
_MOST_GIST: Final = 2  # fields in a row's own line
_VALUE: Final = 24  # columns of a value there
# the page's tone for each colour of a sign
TONES: Final = {"red": "delete", "magenta": "conflict", "cyan": "rename", "green": "create", "yellow": "update"}
FACETS: Final = ("registry", "kind", "action", "label")


T = TypeVar("T")


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
    """One change. `tone` is its colour's name, `values` the numbers of its facets, `members` the rows that are folded into it.

    `aside` is shown in the row's own line where nothing is more urgent.
    """

    name: str
    tone: str
    sign: str
    verb: str
    place: str
    key: str
    why: str
    losses: tuple[str, ...]
    message: str
    remedy: str
    source: str
    aside: str
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

    name: str
    tone: str
    title: str
    note: str
    chunks: tuple[tuple[Row, ...], ...]
    size: int


@dataclass(frozen=True, slots=True)
class Rows:
    """All rows of a page, and what they can be filtered by. `joined` are the names that links may lead to."""

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


def changes(view: PlanView, bounds: Bounds) -> Rows:
    """The changes of a plan as rows."""
    wording = view.wording
    entries = [entry for part in view.sections for row in part.rows for entry in row.entries]
    found, numbers = facets([_values(entry, wording) for entry in entries], FACETS)
    known = relations(view, bounds)
    titles = _TITLES | _DRIFT_TITLES if wording.drift else _TITLES
    values = iter(numbers)
    shown = []
    for part in view.sections:
        rows = []
        for row in part.rows:
            members = [row_of(entry, wording, next(values), known) for entry in row.entries]
            rows.append(_fold(members) if row.is_fold else members[0])
        shown.append(section(part.action, part.action, titles[part.action], rows))
    return Rows(tuple(shown), found, len(entries), known.known)


def _values(entry: Entry, wording: Wording) -> Values:
    change = entry.change
    return {
        "registry": [change.address.registry],
        "kind": [change.address.kind],
        "action": [wording.verbs[change.action]],
        "label": labels_of(change) or (labels_of(entry.parent) if entry.parent is not None else ()),
    }


def labels_of(change: Change) -> tuple[str, ...]:
    """The labels of a change's manifest, each as it is selected."""
    if change.desired is None:
        return ()
    shown = without_credentials(change.desired.labels)
    return tuple(f"{name}={value}" for name, value in sorted(shown.items()))


@dataclass(frozen=True, slots=True)
class Relations:
    """What rows say of each other: `known` are the names of all, `losses` what goes with a change beside its fields.

    `remedies` are the ways out by action and reason, `bounds` how much of a field is shown.
    """

    known: frozenset[str]
    followers: Mapping[Address, Sequence[Address]]
    losses: Mapping[Address, tuple[str, ...]]
    remedies: Mapping[tuple[str, str], str]
    bounds: Bounds


def relations(view: PlanView, bounds: Bounds) -> Relations:
    followers: dict[Address, list[Address]] = defaultdict(list)
    for change in view.plan.changes:
        for needed in change.depends_on:
            followers[needed].append(change.address)
    return Relations(
        frozenset(str(change.address) for change in view.plan.changes),
        followers,
        {removal.change.address: removal.losses for removal in view.removals},
        {(left.action, left.reason): left.remedy for left in view.leftovers},
        bounds,
    )


def _joined(addresses: Iterable[Address]) -> Joined:
    names = [str(address) for address in addresses]
    return Joined(tuple(names[:MOST_JOINED]), max(0, len(names) - MOST_JOINED))


def row_of(entry: Entry, wording: Wording, values: str, known: Relations) -> Row:
    """The row of one change."""
    change = entry.change
    address = change.address
    losses = known.losses.get(address, ())
    source, why = _source(change.source), wording.reasons.get(change.reason, change.reason)
    sign, colour = wording.signs[change.action]
    one_sided = change.action == "create"
    old = (change.previous if change.action == "rename" else None) or address
    renamed_to = new_name(change) if old is not address else ""
    return Row(
        name=str(address),
        tone=TONES[colour],
        sign=sign,
        verb=wording.verbs[change.action],
        place=f"{old.registry}/{old.kind}/",
        key=f"{old.key} → {renamed_to}" if renamed_to else address.key,
        why="" if change.reason == "new" else why,
        losses=losses,
        message="" if change.message in losses else change.message,
        remedy=known.remedies.get((change.action, change.reason), ""),
        source=source,
        aside=source or why,
        labels=labels_of(change),
        gist=() if one_sided else tuple(map(_gist, change.fields[:_MOST_GIST])),
        more=0 if one_sided else max(0, len(change.fields) - _MOST_GIST),
        sides=() if one_sided else tuple(sides(field, known.bounds, change.replaces) for field in change.fields),
        listing=tuple(listing(change.fields, known.bounds)) if one_sided else (),
        waits_for=_joined(change.depends_on),
        awaited_by=_joined(known.followers.get(address, ())),
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


def chunked(rows: Sequence[T]) -> tuple[tuple[T, ...], ...]:
    """The rows in chunks where there are many: a browser then lays out those that it shows."""
    step = CHUNK if len(rows) > UNCHUNKED else UNCHUNKED
    return tuple(tuple(rows[start : start + step]) for start in range(0, len(rows), step))


def section(name: str, tone: str, title: tuple[str, str], rows: Sequence[Row]) -> Section:
    """A section of these rows, in chunks where there are many."""
    return Section(name, tone, *title, chunked(rows), sum(row.size for row in rows))


def _fold(rows: Sequence[Row]) -> Row:
    """One row for several that change the same."""
    return replace(
        rows[0],
        name="",
        key=count(len(rows), "object"),
        source="",
        aside="",
        labels=(),
        waits_for=Joined((), 0),
        awaited_by=Joined((), 0),
        values="",
        members=tuple(rows),
    )
