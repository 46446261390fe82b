"""What a saved plan says of itself: until when it may be applied."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from reconciler.planner.plan import Issue, Plan
from reconciler.planner.planfile import SavedPlan
from reconciler.project.plan_remarks import remarks, seal_remark

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def saved(expires: str | None) -> SavedPlan:
    issued = None if expires is None else Issue("0" * 32, "2026-11-27T12:00:00Z", expires)
    return SavedPlan(Plan((), 0, issued=issued), None, "")


@pytest.mark.parametrize(
    ("expires", "told"),
    [
        ("2026-11-28T12:00:01Z", []),
        ("2026-11-28T14:00:01+02:00", []),
        ("2026-11-28T11:59:59Z", ["the plan expired at 2026-11-28T11:59:59Z, so apply will refuse it"]),
        ("never", ["the plan expired at never, so apply will refuse it"]),
        (None, ["the plan does not say when it was saved, so apply will refuse it"]),
    ],
)
def test_an_expired_plan_is_told_of(expires: str | None, told: list[str]) -> None:
    """By the plan's own word; a time that is none is an expired one."""
    assert list(remarks(saved(expires), NOW)) == told


def test_a_plan_without_a_seal_is_told_of() -> None:
    """Its digest finds an accident alone."""
    assert seal_remark(saved(None), None, "p.json").startswith("the plan is not sealed")
