"""A plan on a terminal: what destroys is seen first, and everything reads without colour."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from render.samples import COLOURED, PLAIN, address
from render.samples import plan as sample
from work import IN_PROPORTION, growth

from reconciler.core.errors import Problem
from reconciler.core.resource import Source
from reconciler.planner.drift import drift_of
from reconciler.planner.plan import Change, Consents, FieldChange, Guard, Plan
from reconciler.render.plan_text import drift, plan
from reconciler.render.terminal import Style
from reconciler.render.width import text_width

FULL = Style(color=False, full=True)


def test_the_whole_of_a_small_plan() -> None:
    """Deletions and replacements first, then what is left alone, then the rest, then the counts."""
    assert (
        plan(sample(), PLAIN)
        == """\
DELETES 2 objects and REPLACES 1 object (deleted, then created again):
  -   delete   aigo/Model/old                        removed: no manifest declares it any more
  -   delete   └ aigo/Secret/reconciler-old-api_key
  -/+ replace  aigo/Model/sql  immutable: cannot change in place  manifests/sql.yaml:7
               ~ /model:  "llama" → "gpt"  (forces the replacement)

  !   conflict aigo/Model/finance  owned by somebody else  manifests/finance.yaml:1
               it belongs to team-b; --take-ownership team-b takes it over
               way out: Ask that owner. In a manifest choose another key, or where they agree, apply
               with `--take-ownership OWNER`.

  !   blocked  aigo/Model/hr  protected
               it is protected
               way out: Declare it with `protected: false` and apply once.

  >   rename   aigo/Model/router → router-v2  renamed in the manifest  manifests/router.yaml:1

  +   create   aigo/Model/chat                        new  manifests/chat.yaml:2
               + /display_name:  "Chat"
               + /tags:          ["a", "b"]
  +   create   └ aigo/Secret/reconciler-chat-api_key

  ~   update   aigo/Model/summary  changed in the manifest  manifests/summary.yaml:14
               ~ /parameters/temperature:  0.2 → 0.9
               ~ /tags:                    + "prod"  - "beta"
               ~ /api_key:                 (sensitive)
               - /limits:                  {"max": 4}

1 orphan, in a registry but in no manifest (--prune deletes them):
  aigo/Model/stray

manifests/chat.yaml:9:3: warning[not-expressible]: aigo cannot hold labels

1 field of 1 create hidden: --full shows it
Plan: 2 to create, 1 to update, 1 to rename, 1 to replace, 2 to delete, 1 conflict, 1 blocked, 10 unchanged."""
    )


def test_nothing_to_do_is_one_line() -> None:
    """A plan without changes says so, and counts."""
    assert plan(Plan((), 12), PLAIN) == "Nothing to do: 12 unchanged."
    assert plan(Plan((), 0), PLAIN) == "Nothing to do."
    assert drift(Plan((), 12), PLAIN) == "No drift: 12 as declared."


def test_a_tripped_guard_is_said_first_and_last() -> None:
    """The flag with its number stands at the top, and the end repeats that nothing is written."""
    guards = (
        Guard("max-deletes", "7 deletes on aigo, more than 5", "--allow-deletes 7"),
        Guard("empty", "no document", None),
    )
    lines = plan(replace(sample(), guards=guards), PLAIN).split("\n")
    assert lines[:5] == [
        "STOP: nothing will be written, 2 guards tripped.",
        "  ! max-deletes: 7 deletes on aigo, more than 5",
        "    to go ahead: --allow-deletes 7",
        "  ! empty: no document",
        "    no flag lifts this",
    ]
    assert lines[-2] == "Nothing will be written: 2 guards tripped, see above."


def test_context_is_shown() -> None:
    """The environment and the consents that a plan was made with stand above it."""
    consents = Consents(prune=True, allow_deletes=7, allow_replaces=1, take_ownership=("team-b",), rotate=("chat",))
    lines = plan(Plan((), 1, consents=consents, environment="prod"), PLAIN).split("\n")
    assert lines[:2] == [
        "Environment: prod",
        "Consents: --prune --allow-deletes 7 --allow-replaces 1 --take-ownership team-b --rotate chat",
    ]


def test_colour_does_not_change_the_words() -> None:
    """Deletions are red and bold, and the text without the colours is the plain one."""
    text = plan(sample(), COLOURED)
    assert "\x1b[31;1m-   delete  \x1b[0m" in text
    assert "\x1b[2mmanifests/sql.yaml:7\x1b[0m" in text


def test_drift_reads_from_declared_to_found() -> None:
    """What the registry now says stands on the right, and what it lost has a minus."""
    changes = (
        Change(
            address("a"),
            "update",
            "drifted",
            (FieldChange("/t", 0.9, 0.2), FieldChange("/new", before=1)),
            source=Source("a.yaml", 1),
            drift="drifted",
        ),
        Change(address("b"), "create", "missing", (FieldChange("/x", after=1),), source=Source("b.yaml", 1)),
    )
    assert (
        drift(drift_of(Plan(changes, 3)), PLAIN)
        == """\
Changed in the registry behind our back (declared → found):
  -   missing  aigo/Model/b  declared, but not in the registry  b.yaml:1

  ~   changed  aigo/Model/a  drifted: no longer what we wrote  a.yaml:1
               ~ /t:    0.2 → 0.9
               + /new:  1

1 field of 1 missing object hidden: --full shows it
Drift: 1 missing, 1 changed, 3 as declared."""
    )


def test_a_pending_rename_is_missing_to_drift() -> None:
    """Under its declared key the object is not there, whatever it was called before; a rename without one is no crash."""
    text = drift(Plan((Change(address("b"), "rename", "missing", previous=address("a")),), 0), PLAIN)
    assert "  -   missing  aigo/Model/a → b  declared, but not in the registry" in text
    assert text.endswith("Drift: 1 missing.")
    assert "rename   aigo/Model/b" in plan(Plan((Change(address("b"), "rename", "renamed"),), 0), PLAIN)


def test_many_creates_are_one_line_each() -> None:
    """Up to five creates show their first fields; more show only their addresses. The last line but one counts the rest."""
    fields = tuple(FieldChange(f"/f{number}", after=number) for number in range(8))
    few = Plan(tuple(Change(address(f"m{number}"), "create", "new", fields) for number in range(5)), 0)
    many = Plan(tuple(Change(address(f"m{number}"), "create", "new", fields[:2]) for number in range(6)), 0)
    assert plan(few, PLAIN).count("/f3:") == 5
    assert "/f4:" not in plan(few, PLAIN)
    assert "… and 4 more fields" in plan(few, PLAIN)
    assert plan(few, PLAIN).split("\n")[-2] == "20 fields of 5 creates hidden: --full shows them"
    assert "/f0" not in plan(many, PLAIN)
    assert plan(many, PLAIN).split("\n")[-2] == "12 fields of 6 creates hidden: --full shows them"
    for whole in (plan(few, FULL), plan(many, FULL)):
        assert "hidden" not in whole
        assert "…" not in whole
    assert plan(few, FULL).count("/f7:") == 5
    assert plan(many, FULL).count("/f1:") == 6


def test_equal_changes_of_a_big_plan_are_one_row() -> None:
    """What changes, in how many, and the first of them by name; an odd one keeps its row."""
    limit = FieldChange("/limits/requests_per_minute", 60, 90)
    changes = [Change(address(f"m{number}"), "update", "changed", (limit,)) for number in range(143)]
    odd = Change(address("odd"), "update", "changed", (limit, FieldChange("/n", 1, 2)))
    text = plan(Plan((*changes, odd), 0), Style(color=False, width=60))
    assert (
        text
        == """\
  ~   update   143 models in aigo  changed in the manifest
               ~ /limits/requests_per_minute:  60 → 90
               in m0, m1, m2, m3, m4, m5, m6, m7, m8, m9,
               m10, m11, m12, m13, m14, m15, m16, m17, m18,
               m19 … and 123 more
  ~   update   aigo/Model/odd      changed in the manifest
               ~ /limits/requests_per_minute:  60 → 90
               ~ /n:                           1 → 2

123 names hidden: --full shows them
Plan: 144 to update."""
    )
    assert plan(Plan((*changes, odd), 0), FULL).count("60 → 90") == 144
    assert plan(Plan(tuple(changes[:20]), 0), PLAIN).count("60 → 90") == 20


def test_reasons_guards_and_warnings_are_said_once() -> None:
    """In a long list a reason stands at its first row, a guard's way out below its messages, a way out below its objects."""
    changes = (
        *(Change(address(f"d{number}"), "delete", "removed") for number in range(9)),
        *(Change(address(f"b{number}"), "blocked", "protected", message="it is protected") for number in range(3)),
        Change(address("x"), "blocked", "protected", message="its manifest protects it"),
        Change(address("y"), "blocked", "dangling", message="no z"),
    )
    guards = (Guard("g", "one", None), Guard("g", "two", None))
    problems = tuple(Problem("a.yaml", line, 1, "rule", "text", severity="warning") for line in (1, 2, 3))
    text = plan(Plan(changes, 0, guards=guards, problems=problems), PLAIN)
    assert text.count("removed: no manifest declares it any more") == 1
    assert text.count("way out: Declare it with `protected: false` and apply once.") == 1
    assert text.count("way out: Correct the name, or declare what it names.") == 1
    assert "  ! g:\n    one\n    two\n    no flag lifts this\n" in text
    assert "a.yaml:1:1: warning[rule]: text (and at 2 more places)" in text
    assert text.count("warning[rule]") == 1
    assert "\n2 repeated warnings hidden: --full shows them\n" in text
    assert plan(Plan(changes, 0, problems=problems), FULL).count("warning[rule]") == 3


@pytest.mark.parametrize("width", [60, 80])
def test_no_line_is_wider_than_the_screen(width: int) -> None:
    """Keys, reasons, messages and values in wide characters fit; in a pipe no line is broken."""
    words = "日本語の長い説明 " * 9
    changes = (
        *(Change(address("日本" * 3), action, "drifted", message=words) for action in ("conflict", "delete")),
        Change(
            address("k"), "update", "drifted", (FieldChange("/日", words, words + "x"),), source=Source("m.yaml", 7)
        ),
        *(Change(address(f"k{number}"), "update", "changed", (FieldChange("/n", 1, 2),)) for number in range(40)),
    )
    guards = (Guard("guard", words, None),)
    narrow = plan(Plan(changes, 0, guards=guards), Style(color=False, width=width))
    ours = ("Nothing will be written", "parts of 1 value", "STOP", "DELETES", "Plan:")
    assert [line for line in narrow.split("\n") if text_width(line) > width and not line.startswith(ours)] == []
    piped = plan(Plan(changes, 0, guards=guards), Style(color=False, width=width, cuts=False))
    assert piped.count(words.rstrip()) >= 5
    assert "parts of" not in piped


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["create", "update", "replace"]), st.integers(0, 9), st.booleans()), max_size=30
    ),
    st.booleans(),
)
def test_every_field_is_shown_or_counted(drawn: list[tuple[str, int, bool]], as_drift: bool) -> None:
    """What a text does not show of a plan is the number that it says; with --full it shows all and says nothing."""
    changes = []
    for place, (action, number, has_secret) in enumerate(drawn):
        fields = tuple(FieldChange(f"/f{place}-{index}", 1, 2) for index in range(number))
        changes.append(Change(address(f"m{place}"), action, "changed", fields))
        if has_secret:
            parent = changes[-1]
            secret = FieldChange(f"/s{place}", sensitive=True)
            changes.append(Change(address(f"m{place}", "Secret"), action, "changed", (secret,), parent=parent.address))
    every = [field.path for change in changes for field in change.fields]
    show = drift if as_drift else plan
    text = show(Plan(tuple(changes), 0), PLAIN)
    shown = sum(f" {path}: " in text for path in every)
    told = re.search(
        r"^(\d+) fields? of \d+ (?:create|missing object)s? hidden: --full shows (?:it|them)$", text, re.MULTILINE
    )
    assert shown + (int(told[1]) if told else 0) == len(every)
    whole = show(Plan(tuple(changes), 0), FULL)
    assert sum(f" {path}: " in whole for path in every) == len(every)
    assert "hidden" not in whole


def test_values_in_part_are_counted() -> None:
    """A cut value is told of; one that holds an ellipsis of its own is not, and with --full it is whole."""
    changes = (
        Change(
            address("a"), "update", "changed", (FieldChange("/d", "x" * 300, "y" * 300), FieldChange("/e", "…", "b"))
        ),
        Change(address("b"), "update", "changed", (FieldChange("/t", [], list(range(30))),)),
    )
    assert plan(Plan(changes, 0), PLAIN).split("\n")[-2] == "parts of 2 values hidden: --full shows them"
    full = plan(Plan(changes, 0), FULL)
    assert "x" * 300 in full
    assert "+ 29" in full
    assert "hidden" not in full


def test_long_lists_of_orphans_are_cut() -> None:
    """Twenty orphans are listed, and the rest is counted; with --prune the hint says why they stay."""
    orphans = tuple(address(f"m{number}") for number in range(25))
    text = plan(Plan((), 0, orphans), PLAIN)
    assert "  … and 5 more" in text
    assert text.count("aigo/Model/") == 20
    assert "--prune does not cover them" in plan(Plan((), 0, orphans, consents=Consents(prune=True)), PLAIN)


def test_a_derived_change_away_from_its_parent_says_whose_it_is() -> None:
    """Where the model itself is in no line above, its secret names it."""
    change = Change(address("s", "Secret"), "update", "rotate", parent=address("m"))
    assert "rotate: a secret's value is written again (part of aigo/Model/m)" in plan(Plan((change,), 0), PLAIN)


def test_no_change_is_lost() -> None:
    """Every address appears, also where parents form a ring or repeat."""
    ring = (
        Change(address("a"), "create", "new", parent=address("b")),
        Change(address("b"), "create", "new", parent=address("a")),
        Change(address("c"), "create", "new"),
        Change(address("c"), "create", "new"),
        Change(address("d"), "create", "new", parent=address("c")),
    )
    text = plan(Plan(ring, 0), PLAIN)
    assert [
        text.count(f"create   {label}aigo/Model/{key}") for label, key in (("", "a"), ("", "b"), ("", "c"), ("└ ", "d"))
    ] == [1, 1, 2, 1]


def test_warnings_of_a_plan_have_their_place() -> None:
    """A warning is one line that an editor can jump to."""
    warning = Problem("a.yaml", 1, 2, "rule", "message", severity="warning")
    assert "a.yaml:1:2: warning[rule]: message" in plan(Plan((), 0, problems=(warning,)), PLAIN)


def test_no_line_ends_in_a_space() -> None:
    """Padding stands between words only."""
    assert not [line for line in plan(sample(), PLAIN).split("\n") if line != line.rstrip()]


def test_wide_keys_stay_aligned() -> None:
    """East Asian keys take two columns each, and what follows is aligned for the eye."""
    changes = tuple(Change(address(key), "delete", "absent") for key in ("日本", "abcd", "e\u0301xyz"))
    lines = plan(Plan(changes, 0), PLAIN).split("\n")[1:4]
    assert [line.index("asked for") for line in lines] == [lines[1].index("asked for") + shift for shift in (-2, 0, 1)]


@pytest.mark.parametrize("kind", ["create", "update"])
def test_a_plan_renders_in_proportion_to_its_changes(kind: str) -> None:
    """Eight times the changes take eight times as long, and none of ten thousand is dropped."""
    fields = (FieldChange("/description", "a" * 300, "a" * 299 + "b"), FieldChange("/tags", ["a", "b"], ["a", "c"]))
    changes = tuple(Change(address(f"m{number:05}"), kind, "changed", fields) for number in range(10_000))
    assert plan(Plan(changes, 0), Style(color=True, full=True)).count("aigo/Model/") == 10_000
    assert growth(lambda count: plan(Plan(changes[:count], 0), Style(color=True)), 200) < IN_PROPORTION
