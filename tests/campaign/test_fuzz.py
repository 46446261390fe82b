"""The short form of the fuzzing: spoilt examples through everything that reads a file."""

from __future__ import annotations

from typing import Final

import pytest
from campaign.fuzz import TARGETS, corpus, spoilt, wrong

INPUTS: Final = 800  # for each target


@pytest.mark.parametrize("target", TARGETS)
def test_no_input_is_answered_with_a_traceback(target: str) -> None:
    """Whatever the file holds, what is raised is what we raise on purpose."""
    known = corpus()
    assert len(known) > 50
    found = {seed: said for seed in range(INPUTS) if (said := wrong(target, spoilt(seed, known))) is not None}
    assert found == {}


def test_a_bug_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that trips over an empty file is told with the kind of its error."""
    monkeypatch.setattr("campaign.fuzz.TARGETS", {"careless": lambda data: data[0]})
    assert (wrong("careless", b"") or "").startswith("IndexError")
