"""Every reason that a plan may give has its words."""

from __future__ import annotations

from reconciler.planner.plan import REASONS
from reconciler.render.sections import DRIFT_WORDING, PLAN_WORDING


def test_every_reason_has_words() -> None:
    """Nobody meets a bare word that only machines know, and no words are left of a reason that is gone."""
    assert set(PLAN_WORDING.reasons) == set(REASONS)
    assert set(DRIFT_WORDING.reasons) == set(REASONS)
