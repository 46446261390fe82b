"""Every reason that a plan may give has its words."""

from __future__ import annotations

from reconciler.planner.plan import REASONS
from reconciler.render.sections import FOUND, PLANNED


def test_every_reason_has_words() -> None:
    """Nobody meets a bare word that only machines know, and no words are left of a reason that is gone."""
    assert set(PLANNED.reasons) == set(REASONS)
    assert set(FOUND.reasons) == set(REASONS)
