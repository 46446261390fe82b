"""What apply did, as values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from reconciler.core.actions import DONE, SUMMARY
from reconciler.core.resource import Address
from reconciler.planner.plan import Plan

UNCHANGED: Final = "unchanged"  # the reason of what another run had done meanwhile, just as this one would have
INTERRUPTED: Final = "interrupted"  # the reason of what was skipped because of a signal

# Why an outcome is not what the plan asked for, where that is not the change's own reason: stable words, each with what it means.
OUTCOME_REASONS: Final[Mapping[str, str]] = {
    INTERRUPTED: "A signal ended the run before this change; run again to finish.",
    "bug": "A bug ended the run before this change.",
    "dependency": "A change that this one depends on was not done.",
    "not-stored": "The registry accepted the write and did not keep the fields named.",
    "not-in-force": "The registry stored the object and does not act upon it, for the reason named.",
    "registry": "The registry answered with an error.",
    "registry-temporary": "The registry could not be reached, or said to try later; run again.",
    "registry-lost-reply": "The request was sent, its reply was lost, and nothing tells whether it was done.",
    "registry-permanent": "The registry refuses the write as it is.",
    "deadline": "The registry's deadline passed before this change was sent or answered; run again to finish.",
    "stale-object": "The object changed since the plan read it, and was not overwritten; plan again.",
    "put-back": "A replace could not create the new object, so the old one was put back.",
    "unclear": "A replace failed half-way and another object of that key is there; the report prints the old one.",
    "lost": "A replace failed half-way and the old object could not be put back; the report prints it.",
}


@dataclass(frozen=True, slots=True)
class Done:
    """How a change ended: `status` as in core.actions.STATUSES, `reason` a stable word, `message` for people."""

    status: str = "ok"
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one change ended. `reason` is a stable word or the change's own reason; `message` says it in words.

    `duration` is in seconds, and so is `started`, counted from the beginning of the run; both are 0 for what was not begun.
    """

    address: Address
    action: str
    status: str
    reason: str
    message: str = ""
    duration: float = 0.0
    started: float = 0.0


@dataclass(frozen=True, slots=True)
class Report:
    """All that happened, in the order of the plan.

    `backup` is the folder that holds what was removed, or None. `notes` are things to tell the user that changed nothing, such as a
    rotation that is pending.
    """

    plan: Plan
    outcomes: tuple[Outcome, ...]
    backup: str | None = None
    notes: tuple[str, ...] = ()
    overtaken: int = 0  # changes that another run had made meanwhile, just as this one would have

    @classmethod
    def of(
        cls, plan: Plan, outcomes: Iterable[Outcome], backup: str | None = None, notes: tuple[str, ...] = ()
    ) -> Report:
        """The report of these outcomes. What another run had done already is unchanged, and only counted."""
        every = tuple(outcomes)
        told = tuple(one for one in every if (one.status, one.reason) != ("ok", UNCHANGED))
        return cls(plan, told, backup, notes, len(every) - len(told))

    @property
    def interrupted(self) -> bool:
        """Whether a signal left something undone: one that came when everything was done interrupted nothing."""
        return any((outcome.status, outcome.reason) == ("skipped", INTERRUPTED) for outcome in self.outcomes)

    def summary(self) -> dict[str, int]:
        """Counts by what was done, in the order of SUMMARY."""
        counts = dict.fromkeys(SUMMARY, 0)
        counts["unchanged"] = self.plan.unchanged + self.overtaken
        for outcome in self.outcomes:
            counts[DONE[outcome.action] if outcome.status == "ok" else outcome.status] += 1
        return counts

    @property
    def exit_code(self) -> int:
        """130 interrupted, 5 applied in part, 4 only conflicts and blocked changes are left, 0 done."""
        if self.interrupted:
            return 130
        statuses = {outcome.status for outcome in self.outcomes}
        if statuses & {"failed", "skipped", "not_stored"}:
            return 5
        return 4 if statuses & {"conflict", "blocked"} else 0


class BugError(Exception):
    """A bug, ours or a driver's, met in the middle of a run. `report` tells what was done all the same; `__cause__` is what was raised.

    It stands outside the tree of `errors`, so that it ends like any other bug once the report was shown.
    """

    def __init__(self, report: Report) -> None:
        super().__init__("a bug ended the run early; what was done is reported")
        self.report = report


def untouched(plan: Plan) -> tuple[Outcome, ...]:
    """The outcomes of what apply leaves alone: conflicts and blocked changes."""
    return tuple(
        Outcome(change.address, change.action, change.action, change.reason, change.message) for change in plan.left
    )
