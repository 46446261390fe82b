"""The short form of the fuzzing: every target for some inputs, bounded in work and memory."""

from __future__ import annotations

import resource
import sys
from typing import Final

import pytest
from campaign import guided
from campaign.answers import DRIVERS
from campaign.bounds import MEMORY
from campaign.fuzz import TARGETS, input_of, trees, wrong
from campaign.readers import Reader
from campaign.stores import STORES

INPUTS: Final = 300  # for each target
OF_RUNS: Final = 25  # for those that plan and apply, which cost twenty times as much


def _inputs(target: str) -> int:
    return OF_RUNS if target in {*STORES, *DRIVERS, "endpoint"} else INPUTS


@pytest.mark.parametrize("target", TARGETS)
def test_no_input_is_answered_with_a_traceback(target: str) -> None:
    """Whatever it holds, what is raised is what we raise on purpose, after a bounded time and with bounded memory."""
    assert trees(target)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = {
        seed: said for seed in range(_inputs(target)) if (said := wrong(target, input_of(target, seed))) is not None
    }
    assert found == {}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY // 1024


def test_a_bug_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that trips over an empty file is told with the kind of its error, one that does not end with what it took."""

    def endless(data: bytes) -> None:
        while True:
            pass

    def careless(data: bytes) -> None:
        data[0]

    monkeypatch.setattr("campaign.bounds.SECONDS", 0.05)
    targets = {"careless": Reader(careless, list), "endless": Reader(endless, list)}
    monkeypatch.setattr("campaign.fuzz.TARGETS", targets)
    assert (wrong("careless", b"") or "").startswith("IndexError")
    assert (wrong("endless", b"") or "").startswith("TooMuchError")


def test_without_atheris_it_is_said_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is no dependency of ours."""
    monkeypatch.setitem(sys.modules, "atheris", None)
    assert guided.run("config", 1) == 64
    assert "pip install --target .cache/atheris atheris" in capsys.readouterr().err
