"""The view of a plan that text, Markdown and HTML share: its sections, equal changes as one row, losses, and ways out.

A view is pure and holds every change exactly once. Nothing in it is escaped or cut yet: that is each format's business,
as is saying what it left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from reconciler.core.actions import WRITES
from reconciler.core.errors import Problem
from reconciler.core.pointer import MISSING
from reconciler.core.spec import canonical_json
from reconciler.planner.plan import REASONS, Change, FieldChange, Guard, Plan
from reconciler.render.sections import DRIFT_WORDING, PLAN_WORDING, Entry, Wording, flags, sections, totals
from reconciler.render.terminal import count

MANY: Final = 3  # equal changes from which on they are one row
_FOLDED: Final = frozenset({"update"})  # what destroys, creates, moves or is left alone has a row for each object
_REMOVING: Final = ("delete", "replace")
_SHORT: Final = 12  # characters of a fingerprint or a commit that are shown


@dataclass(frozen=True, slots=True)
class Row:
    """One change, or several that differ in nothing but their objects. `entries` is never empty."""

    entries: tuple[Entry, ...]

    @property
    def change(self) -> Change:
        """The change that stands for all of the row."""
        return self.entries[0].change

    @property
    def is_fold(self) -> bool:
        return len(self.entries) > 1

    @property
    def is_derived(self) -> bool:
        """True for a row right below the one of the models that its objects were derived from."""
        return self.entries[0].parent is not None


@dataclass(frozen=True, slots=True)
class Section:
    """The rows of one group of actions (`sections.ORDER`). `action` is the first of the group."""

    action: str
    rows: tuple[Row, ...]

    @property
    def changes(self) -> tuple[Change, ...]:
        return tuple(entry.change for row in self.rows for entry in row.entries)


@dataclass(frozen=True, slots=True)
class RegistryView:
    """The sections of one registry."""

    name: str
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True)
class Removal:
    """An object that a change deletes, replaces, or takes something from. `losses` say in words what goes beside it."""

    change: Change
    losses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leftover:
    """What apply leaves alone for one reason, and the way out. `message` is the one that all of them have, or empty."""

    action: str
    reason: str
    remedy: str
    message: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Warnings:
    """Problems that say the same, each at its place."""

    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    """The guards of one name and one way out, each with its message."""

    name: str
    override: str | None
    messages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PlanView:
    """What a plan, or a drift, shows of itself, in the order in which it is to be read."""

    plan: Plan
    wording: Wording
    facts: tuple[tuple[str, str], ...]
    stops: tuple[Stop, ...]
    removals: tuple[Removal, ...]
    leftovers: tuple[Leftover, ...]
    sections: tuple[Section, ...]
    warnings: tuple[Warnings, ...]

    @property
    def registries(self) -> tuple[RegistryView, ...]:
        """The same rows by registry."""
        return tuple(_registries(self.sections))

    @property
    def totals(self) -> str:
        """`2 to create, 1 to update, 10 unchanged`."""
        return totals(self.plan, self.wording)

    @property
    def title(self) -> str:
        """`Plan`, `Drift`, or the words for one without changes. Where a guard stops it, there is more to do than it shows."""
        if self.sections or self.stops:
            return "Drift" if self.wording.drift else "Plan"
        return "No drift" if self.wording.drift else "Nothing to do"


def view(plan: Plan, *, drift: bool = False, fold: bool = True) -> PlanView:
    """The view of a plan. Without `fold`, every change has its own row."""
    return PlanView(
        plan=plan,
        wording=DRIFT_WORDING if drift else PLAN_WORDING,
        facts=facts(plan),
        stops=() if drift else stops(plan.guards),
        removals=() if drift else removals(plan),
        leftovers=leftovers(plan),
        sections=_sections(plan, fold),
        warnings=warnings(plan.problems),
    )


def objects(row: Row) -> str:
    """`143 models`, or `5 objects of kind Secret`: the objects of a row, counted."""
    kind, number = row.change.address.kind, len(row.entries)
    return count(number, "model") if kind == "Model" else f"{count(number, 'object')} of kind {kind}"


def facts(plan: Plan) -> tuple[tuple[str, str], ...]:
    """What a plan was made from, by which version and with which consents: `(name, value)`, only what is known."""
    origin, issued = plan.origin, plan.issued
    found = (
        ("Environment", plan.environment or ""),
        ("Project", origin.project),
        ("Commit", origin.commit),
        ("Plan", plan.fingerprint[:_SHORT]),
        ("Version", origin.version),
        ("Saved", f"{issued.at}, expires {issued.expires}" if issued is not None else ""),
        ("Consents", flags(plan.consents)),
    )
    return tuple((name, value) for name, value in found if value)


def stops(guards: Iterable[Guard]) -> tuple[Stop, ...]:
    """The guards that tripped, those of one name and one way out together."""
    found: dict[tuple[str, str | None], dict[str, None]] = {}
    for guard in guards:
        found.setdefault((guard.name, guard.override), {})[guard.message] = None
    return tuple(Stop(name, override, tuple(messages)) for (name, override), messages in found.items())


def removals(plan: Plan) -> tuple[Removal, ...]:
    """Everything that a plan takes away: deletes, then replaces, then writes that lose what no manifest declares."""
    groups: tuple[list[Change], list[Change], list[Change]] = [], [], []
    for change in plan.changes:
        if change.action in _REMOVING:
            groups[_REMOVING.index(change.action)].append(change)
        elif change.action in WRITES and change.unmanaged:
            groups[2].append(change)
    return tuple(Removal(change, tuple(_losses(change))) for group in groups for change in group)


def _losses(change: Change) -> Iterator[str]:
    if change.action == "delete" and change.parent is not None:
        yield f"part of {change.parent}"
    if change.action == "replace" and change.replaces:
        yield f"{', '.join(change.replaces)} cannot change in place"
    if change.unmanaged:
        yield f"{', '.join(change.unmanaged)} is lost: no manifest declares it"
    if change.message:
        yield change.message


def leftovers(plan: Plan) -> tuple[Leftover, ...]:
    """The conflicts and the blocked changes by reason, each reason with its way out once."""
    groups: dict[tuple[str, str], list[Entry]] = {}
    for action, entries in sections(plan):
        if action in ("conflict", "blocked"):
            for entry in entries:
                change, parent = entry.change, entry.parent
                apart = parent is not None and parent.reason != change.reason  # its model is in another group
                groups.setdefault((action, change.reason), []).append(Entry(change) if apart else entry)
    return tuple(_leftover(action, reason, entries) for (action, reason), entries in groups.items())


def _leftover(action: str, reason: str, entries: Sequence[Entry]) -> Leftover:
    messages = {entry.change.message for entry in entries}
    known = REASONS.get(reason)
    return Leftover(
        action,
        reason,
        known.remedy if known is not None else "",
        messages.pop() if len(messages) == 1 else "",
        tuple(entries),
    )


def warnings(problems: Iterable[Problem]) -> tuple[Warnings, ...]:
    """The warnings of a plan, those that say the same together."""
    found: dict[tuple[str, str], list[Problem]] = {}
    for problem in problems:
        found.setdefault((problem.rule, problem.text), []).append(problem)
    return tuple(Warnings(tuple(group)) for group in found.values())


def _sections(plan: Plan, fold: bool) -> tuple[Section, ...]:
    return tuple(Section(action, tuple(_rows(entries, fold))) for action, entries in sections(plan))


def _registries(found: Sequence[Section]) -> Iterator[RegistryView]:
    """The same rows by registry: a row is about one alone."""
    names = sorted({row.change.address.registry for section in found for row in section.rows})
    for name in names:
        parts = (
            Section(section.action, tuple(row for row in section.rows if row.change.address.registry == name))
            for section in found
        )
        yield RegistryView(name, tuple(part for part in parts if part.rows))


def _rows(entries: Sequence[Entry], fold: bool) -> Iterator[Row]:
    """The rows of one section. A model and what was derived from it fold together, or not at all."""
    families = list(_families(entries))
    alike: dict[object, list[int]] = {}
    for place, family in enumerate(families) if fold and len(families) >= MANY else ():
        if all(entry.change.action in _FOLDED for entry in family):
            alike.setdefault(tuple(map(_likeness, family)), []).append(place)
    folds = {places[0]: places for places in alike.values() if len(places) >= MANY}
    folded = {place for places in folds.values() for place in places}
    for place, family in enumerate(families):
        if place in folds:
            yield from map(Row, zip(*(families[other] for other in folds[place]), strict=True))
        elif place not in folded:
            yield from (Row((entry,)) for entry in family)


def _families(entries: Iterable[Entry]) -> Iterator[tuple[Entry, ...]]:
    """Each model with the derived entries right below it."""
    family: list[Entry] = []
    for entry in entries:
        if entry.parent is None and family:
            yield tuple(family)
            family = []
        family.append(entry)
    if family:
        yield tuple(family)


def _likeness(entry: Entry) -> tuple[object, ...]:
    """All of a change that a row shows, but for its object: two changes with the same fold into one row."""
    change = entry.change
    address = change.address
    return (
        (address.registry, address.kind, change.action, change.reason, change.message),
        (entry.parent is None, change.parent is None, change.previous is None, change.replaces, change.unmanaged),
        tuple(map(_field_likeness, change.fields)),
    )


def _field_likeness(field: FieldChange) -> tuple[object, ...]:
    if field.sensitive:
        return field.path, True
    return field.path, _side_likeness(field.before), _side_likeness(field.after)


def _side_likeness(value: object) -> object:
    return MISSING if value is MISSING else canonical_json(value)  # by which true is not 1
