"""No two replicas ever write to one registry, and every registry has one in the end: random schedules in virtual time."""

from __future__ import annotations

import pytest
from kubernetes.replicas import Schedule

SCHEDULES = 1000
EACH = 50


@pytest.mark.parametrize("first", range(0, SCHEDULES, EACH))
def test_no_two_replicas_write_to_one_registry(first: int) -> None:
    """Whatever is late, lost, frozen, cut off, killed, ended, deleted or added; and once it is calm, each has one owner."""
    for seed in range(first, first + EACH):
        schedule = Schedule(seed).run()
        assert schedule.overlaps == [], f"seed {seed}"
        assert schedule.unowned() == [], f"seed {seed}"
