"""The small answers: tables, the text of one object, errors."""

from __future__ import annotations

from functools import partial

import pytest
from render.samples import EVIL, PLAIN

from reconciler.core.errors import ConfigError, ManifestError, Problem, RefusedError, UsageError
from reconciler.render.error import error_json, error_text
from reconciler.render.stored import get_text, list_text


def listed(**more) -> dict:
    """One row of the `list` answer."""
    nothing = dict.fromkeys(("display_name", "url", "provider", "model", "owner", "updated_at"))
    return {"address": "a/B/c", **nothing, "tags": [], "labels": {}, "protected": False, **more}


def answer(*rows: dict, **more) -> dict:
    return {"resources": list(rows), "unreadable": [], "failed": [], **more}


def test_list_is_a_table() -> None:
    """Columns are as wide as their widest cell, absent is a dash, and no line ends in spaces."""
    rows = (
        listed(
            address="aigo/Model/support-chat",
            display_name="Support chat",
            url="https://llm.example.com/v1",
            provider="openai",
            model="m",
            tags=["support", "prod"],
            labels={"team": "cx", "a": "b"},
            protected=True,
            owner="platform",
            updated_at="2026-11-20T10:00:00Z",
        ),
        listed(address="aigo/Model/日本", provider="openai", model="gpt-5-nano"),
        listed(address="aigo/Integration/openai", provider="openai"),
    )
    assert (
        list_text(answer(*rows), PLAIN)
        == """\
ADDRESS                  NAME          URL OR MODEL                TAGS           PROTECTED
aigo/Model/support-chat  Support chat  https://llm.example.com/v1  support, prod  yes
aigo/Model/日本          -             openai/gpt-5-nano           -              -
aigo/Integration/openai  -             openai                      -              -"""
    )
    wide = list_text(answer(*rows[:1]), PLAIN, wide=True).split("\n")
    assert wide[0].endswith("  PROTECTED  LABELS        OWNER     UPDATED")
    assert wide[1].endswith("  yes        a=b, team=cx  platform  2026-11-20T10:00:00Z")
    assert list_text(answer(), PLAIN) == "Nothing is there."
    assert list_text(answer(unreadable=["one"]), PLAIN) == "Nothing is there that can be read."
    assert list_text(answer(failed=["one"]), PLAIN) == "Nothing is there that can be read."


def test_get_shows_facts_then_the_spec() -> None:
    """What is known of an object, then the spec as JSON."""
    answer = {
        "address": "local/Model/a",
        "owner": "local",
        "revision": "1",
        "updated_at": None,
        "spec": {"tags": ["x"]},
    }
    assert (
        get_text(answer, PLAIN)
        == """\
Address:  local/Model/a
Owner:    local
Revision: 1
Updated:  -
{
  "tags": [
    "x"
  ]
}"""
    )


@pytest.mark.parametrize("text", [list_text, partial(list_text, wide=True)])
def test_tables_are_safe(text) -> None:
    """A hostile cell is one safe cell of one line."""
    row = listed(**dict.fromkeys(("address", "display_name", "url", "owner", "updated_at"), EVIL))
    row |= {"tags": [EVIL], "labels": {EVIL: EVIL}}
    lines = text({"resources": [row], "unreadable": [], "failed": []}, PLAIN).split("\n")
    assert len(lines) == 2
    assert lines[1].isprintable()
    assert "\x1b" not in get_text(row | {"spec": {EVIL: EVIL}}, PLAIN)


def test_errors_have_a_code_a_message_and_a_hint() -> None:
    """The error object is the contract's, hint null where there is none."""
    assert error_json(UsageError("no such thing")) == {
        "format_version": "1.0",
        "error": {"code": "usage", "message": "no such thing", "hint": None},
    }
    assert error_text(UsageError("bad \x1b[0m", hint="try"), PLAIN) == "error: bad \\x1b[0m\nhint: try"


def test_the_lines_of_a_message_stay_lines() -> None:
    """A list in an error is a list on the screen, each line safe, none of them passing for another error, and cut if long."""
    error = RefusedError("stale:\n  local/Model/g: \x1b[2Jchanged\nhint: pay\n", hint="plan\nagain")
    assert (
        error_text(error, PLAIN)
        == "error: stale:\n  local/Model/g: \\x1b[2Jchanged\n  hint: pay\n\nhint: plan\n  again"
    )
    lines = error_text(RefusedError("stale:\n" + "\n".join(f"  {n}" for n in range(1234))), PLAIN).split("\n")
    assert lines[20:] == ["  19", "  ... and 1,214 more"]
    assert error_text(RefusedError("a:\n" + "\n".join("b" * 20)), PLAIN).endswith("\n  b")


def test_errors_about_files_have_problems() -> None:
    """Invalid manifests bring their problems; a configuration error does where it has any."""
    problem = Problem("a.yaml", 1, 1, "r", "m")
    assert [found["file"] for found in error_json(ManifestError("x", (problem,)))["problems"]] == ["a.yaml"]
    assert len(error_json(ConfigError("x", (problem,)))["problems"]) == 1
    assert "problems" not in error_json(ConfigError("x"))
