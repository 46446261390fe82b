"""What apply did: what went well in few words, what did not where it is seen."""

from __future__ import annotations

import json

import pytest
from render.samples import PLAIN, address, report

from reconciler import render
from reconciler.applier.report import INTERRUPTED, Outcome, Report
from reconciler.core.actions import SUMMARY
from reconciler.planner.plan import Plan
from reconciler.render.room import BUDGET
from reconciler.render.terminal import Style


def rendered(name: str, value: Report) -> str:
    return render.load(render.REPORT[name])(value, PLAIN)


def test_the_whole_of_a_small_report() -> None:
    """What was done, then what waits, then what failed, the backup, the notes, the counts."""
    assert (
        rendered("text", report())
        == """\
  +   created     aigo/Model/chat
  -   deleted     aigo/Model/old

  !   blocked     aigo/Model/hr       (protected)
                  it is protected
  !   skipped     aigo/Model/needy    create (dependency)
                  aigo/Secret/x failed
  !   not stored  aigo/Model/lossy    update (dropped)
                  /description was not stored
  !   failed      aigo/Model/summary  update (registry-temporary)
                  503 after 4 tries

Backup: what was removed or overwritten is kept in .reconciler/backup/1; applying that folder restores it, once the secrets that it names are set.
Note: rotation of aigo/Model/z is pending
Applied in part: 1 created, 1 deleted, 1 failed, 1 skipped, 1 not stored, 1 blocked, 10 unchanged."""
    )


@pytest.mark.parametrize(
    ("value", "last"),
    [
        (Report(Plan((), 3), (Outcome(address("a"), "create", "ok", "new"),)), "Applied: 1 created, 3 unchanged."),
        (Report(Plan((), 3), ()), "Nothing was written: 3 unchanged."),
        (Report(Plan((), 0), ()), "Nothing was written: there was nothing to do."),
        (
            Report(Plan((), 3), (Outcome(address("a"), "conflict", "conflict", "owner"),)),
            "Nothing was written: 1 conflict, 3 unchanged.",
        ),
        (
            Report(
                Plan((), 3),
                (
                    Outcome(address("a"), "create", "failed", "refused"),
                    Outcome(address("b"), "create", "skipped", "dependency"),
                ),
            ),
            "Failed: 1 failed, 1 skipped, 3 unchanged.",
        ),
        (
            Report(
                Plan((), 3),
                (
                    Outcome(address("a"), "create", "ok", "new"),
                    Outcome(address("b"), "create", "skipped", INTERRUPTED),
                ),
            ),
            "Interrupted: 1 created, 1 skipped, 3 unchanged.",
        ),
    ],
)
def test_the_last_line_says_how_it_ended(value: Report, last: str) -> None:
    """Done, in part, interrupted, or nothing."""
    assert rendered("text", value).split("\n")[-1] == last


def test_many_successes_are_only_counted() -> None:
    """Over twenty outcomes, those that went well are a number, and the others keep their lines."""
    fine = tuple(Outcome(address(f"m{number}"), "create", "ok", "new") for number in range(30))
    text = rendered("text", Report(Plan((), 0), (*fine, Outcome(address("bad"), "update", "failed", "boom"))))
    assert (
        text
        == """\
  !   failed      aigo/Model/bad  update (boom)

30 outcomes hidden: --full shows them
Applied in part: 30 created, 1 failed."""
    )


def test_json_is_the_contracts() -> None:
    """The contract's keys in its order, milliseconds as integers, more keys beside."""
    data = json.loads(rendered("json", report()))
    assert list(data)[:4] == ["format_version", "summary", "outcomes", "backup"]
    assert list(data["summary"]) == list(SUMMARY)
    assert data["outcomes"][0] == {
        "address": "aigo/Model/chat",
        "action": "create",
        "status": "ok",
        "reason": "new",
        "started_ms": 0,
        "duration_ms": 123,
        "message": "",
    }
    assert (data["backup"], data["notes"], data["interrupted"]) == (
        ".reconciler/backup/1",
        ["rotation of aigo/Model/z is pending"],
        False,
    )


def test_markdown_is_short() -> None:
    """Counts, backup, notes, and a table of what did not go well."""
    assert (
        rendered("markdown", report())
        == """\
<!-- reconciler:report -->

### Applied in part: 1 created, 1 deleted, 1 failed, 1 skipped, 1 not stored, 1 blocked, 10 unchanged

What was removed or overwritten is kept in `.reconciler/backup/1`; applying that folder restores it, once the secrets that it names are set.

- rotation of aigo/Model/z is pending

| | Object | What happened |
|---|---|---|
| **failed** to update | `aigo/Model/summary` | 503 after 4 tries |
| **blocked** | `aigo/Model/hr` | it is protected |
| **skipped** to create | `aigo/Model/needy` | aigo/Secret/x failed |
| **not stored** to update | `aigo/Model/lossy` | /description was not stored |

<details><summary>2 changes done</summary>

- deleted `aigo/Model/old`
- created `aigo/Model/chat`

</details>"""
    )


def test_markdown_keeps_to_its_budget() -> None:
    """Thousands of failures are cut with their number."""
    bad = tuple(Outcome(address(f"m{number}"), "update", "failed", "boom", "x" * 50) for number in range(5000))
    text = rendered("markdown", Report(Plan((), 0), bad))
    assert len(text) < BUDGET
    assert "more outcomes" in text


def test_a_long_report_says_what_it_hides() -> None:
    """Successes beyond twenty are counted, and --full lists them."""
    fine = tuple(Outcome(address(f"m{number}"), "update", "ok", "changed") for number in range(21))
    text = rendered("text", Report(Plan((), 0), fine))
    assert text == "21 outcomes hidden: --full shows them\nApplied: 21 updated."
    whole = render.load(render.REPORT["text"])(Report(Plan((), 0), fine), Style(color=False, full=True))
    assert whole.count("aigo/Model/m") == 21
    assert "hidden" not in whole
