"""Group the changes of a plan into sections: deletions first, derived resources under their model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.core.actions import ACTIONS, WRITES
from reconciler.core.resource import Address
from reconciler.planner.plan import Change, Consents, Plan
from reconciler.planner.reasons import REASONS

ORDER: Final = (("delete", "replace"), ("conflict",), ("blocked",), ("rename",), ("create",), ("update",))
SIGNS: Final = {
    "delete": ("-", "red"),
    "replace": ("-/+", "red"),
    "conflict": ("!", "magenta"),
    "blocked": ("!", "magenta"),
    "rename": (">", "cyan"),
    "create": ("+", "green"),
    "update": ("~", "yellow"),
}
_DRIFT_SIGNS: Final = {
    **SIGNS,
    "create": ("-", "red"),
    "rename": ("-", "red"),
    "replace": ("~", "yellow"),
    "delete": ("+", "green"),
}


@dataclass(frozen=True, slots=True)
class Wording:
    """The words of a plan, or of a drift.

    `signs` (with their colours), `verbs` and `totals` are by action, `reasons` by the stable word. With `drift`,
    fields read from the declared value to the one found.
    """

    signs: Mapping[str, tuple[str, str]]
    verbs: Mapping[str, str]
    reasons: Mapping[str, str]
    totals: Mapping[str, str]
    drift: bool = False


_REASONS: Final = {word: reason.shown for word, reason in REASONS.items()}
_TOTALS: Final = {action: action if action == "blocked" else f"to {action}" for action in ACTIONS}
PLAN_WORDING: Final = Wording(
    signs=SIGNS, verbs={action: action for action in ACTIONS}, reasons=_REASONS, totals=_TOTALS
)
_DRIFT_VERBS: Final = {"create": "missing", "rename": "missing", "update": "changed", "replace": "changed"}
DRIFT_WORDING: Final = Wording(
    signs=_DRIFT_SIGNS,
    verbs={**PLAN_WORDING.verbs, **_DRIFT_VERBS},
    reasons=_REASONS
    | {
        "new": _REASONS["missing"],
        "drifted": "drifted: no longer what we wrote",
        "immutable": "immutable: cannot be set back in place",
        "cannot-clear": "cannot-clear: cannot be set back in place",
    },
    totals=_TOTALS | _DRIFT_VERBS,
    drift=True,
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One change in a section.

    `parent` is the change of the model that it was derived from, if that is in the section.
    """

    change: Change
    parent: Change | None = None

    def reason(self, wording: Wording) -> str:
        """The reason in words; nothing where it only repeats that of the change above."""
        change = self.change
        if self.parent is not None and self.parent.reason == change.reason and self.parent.action == change.action:
            return ""
        return wording.reasons.get(change.reason, change.reason)


def sections(plan: Plan) -> Iterator[tuple[str, tuple[Entry, ...]]]:
    """`(first action, entries)` of each group of ORDER that is not empty. Within a group the plan's order holds."""
    for group in ORDER:
        members = [change for action in group for change in plan.changes if change.action == action]
        if members:
            yield group[0], tuple(_nested(members))


def _nested(members: list[Change]) -> Iterator[Entry]:
    tops = {change.address for change in members if change.parent is None}
    below: dict[Address, list[Change]] = {}
    for change in members:
        if change.parent in tops:
            below.setdefault(change.parent, []).append(change)
    for change in members:
        if change.parent not in tops:
            yield Entry(change)
            for child in below.pop(change.address, ()) if change.parent is None else ():
                yield Entry(child, change)


def renamed(change: Change) -> str:
    """`registry/Kind/old → new`, with all of the new address where more than the key differs. Not yet safe to print."""
    return str(change.address) if change.previous is None else f"{change.previous} → {new_name(change)}"


def new_name(change: Change) -> str:
    """What a rename leads to: the key, or the whole address where more than the key differs. Not yet safe to print."""
    old, new = change.previous, change.address
    same = old is not None and (old.registry, old.kind) == (new.registry, new.kind)
    return new.key if same else str(new)


def label(change: Change) -> str:
    """The label of a change: its address, or both addresses of a rename. Not yet safe to print."""
    return renamed(change) if change.action == "rename" else str(change.address)


def losses_text(change: Change) -> str:
    """The losses of a write in words: values that no manifest mentions; empty where there are none."""
    lost = change.unmanaged if change.action in WRITES else ()
    return f"loses {', '.join(lost)}, which no manifest declares" if lost else ""


def totals(plan: Plan, wording: Wording) -> str:
    """`2 to create, 1 to update, 10 unchanged`: only what there is."""
    numbers = _by_words(plan.summary(), wording)
    numbers["as declared" if wording.drift else "unchanged"] = plan.unchanged
    numbers["waits for apply" if plan.pending == 1 else "wait for apply"] = plan.pending or 0
    return _listed(numbers)


def counts(changes: Iterable[Change], wording: Wording) -> str:
    """`2 to create, 1 to update`, of some changes of a plan."""
    numbers = Counter(change.action for change in changes)
    return _listed(_by_words({action: numbers[action] for action in ACTIONS}, wording))


def _by_words(numbers: Mapping[str, int], wording: Wording) -> dict[str, int]:
    """The counts of actions by the words that say them."""
    found: dict[str, int] = {}
    for action, number in numbers.items():
        if action == "conflict":
            found["conflict" if number == 1 else "conflicts"] = number
        elif action in wording.totals and action != "unchanged":
            found[wording.totals[action]] = found.get(wording.totals[action], 0) + number
    return found


def _listed(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{number:,} {words}" for words, number in numbers.items() if number)


def flags(consents: Consents) -> str:
    """The consents as the command line's flags, in a fixed order."""
    words = ["--prune"] if consents.prune else []
    if consents.allow_deletes is not None:
        words.append(f"--allow-deletes {consents.allow_deletes}")
    if consents.allow_replaces is not None:
        words.append(f"--allow-replaces {consents.allow_replaces}")
    words.extend(f"--take-ownership {owner}" for owner in consents.take_ownership)
    words.extend(f"--rotate {key}" for key in consents.rotate)
    return " ".join(words)
