"""A plan in a pull request: short, safe, never silent about what is deleted."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from render.samples import EVIL, PLAIN, address, evil_plan
from render.samples import plan as sample

from reconciler.core.errors import Problem
from reconciler.core.resource import Address, Source
from reconciler.planner.drift import drift_of
from reconciler.planner.plan import Change, Consents, FieldChange, Guard, Origin, Plan
from reconciler.render.plan_markdown import drift, plan
from reconciler.render.room import BUDGET, LIMIT
from reconciler.render.terminal import Style

FULL = Style(color=False, full=True)
LONG = FieldChange("/description", "x" * 300, "y" * 300)
HOSTILE = "|`\\<b>@a #1 \n" + EVIL


def test_a_small_plan() -> None:
    """Marker, counts, what it was made from, the list of what is removed, the table, the folded fields."""
    changes = (
        Change(address("old"), "delete", "removed"),
        Change(
            address("sql"),
            "replace",
            "immutable",
            (FieldChange("/model", "a", "b"),),
            source=Source("s.yaml", 7),
            replaces=("/model",),
        ),
        Change(
            address("chat"),
            "update",
            "changed",
            (
                FieldChange("/tags", ["a"], ["b"]),
                FieldChange("/key", sensitive=True),
                FieldChange("/rpm", 60, 90),
                FieldChange("/note", before="x"),
            ),
        ),
    )
    made = Origin("0123456789abcdef0123456789abcdef01234567", "0.3.0")
    assert (
        plan(Plan(changes, 3, origin=made, fingerprint="ab" * 32), PLAIN)
        == """\
<!-- reconciler:plan -->

### Plan: 1 to update, 1 to replace, 1 to delete, 3 unchanged

Commit: `0123456789abcdef0123456789abcdef01234567` · Plan: `abababababab` · Version: `0.3.0`

> [!WARNING]
> **Deleted: 1**, removed: no manifest declares it any more
> - `aigo/Model/old`
>
> **Replaced (deleted, then created again): 1**, immutable: cannot change in place
> - `aigo/Model/sql`: /model cannot change in place

#### aigo: 1 to update, 1 to replace, 1 to delete

| | Object | Fields | Why | Manifest |
|---|---|---|---|---|
| **delete** | `aigo/Model/old` |  | removed: no manifest declares it any more |  |
| **replace** | `aigo/Model/sql` | `/model` `"a"` → `"b"` | immutable: cannot change in place | `s.yaml:7` |
| update | `aigo/Model/chat` | `/tags` `["a"]` → `["b"]`, `/key` (sensitive), `/rpm` 60 → 90, `/note` removed | changed in the manifest |  |

<details><summary>replace <code>aigo/Model/sql</code> (1 field)</summary>

```diff
- /model: "a"
+ /model: "b"
```

</details>

<details><summary>update <code>aigo/Model/chat</code> (4 fields)</summary>

```diff
+ /tags: "b"
- /tags: "a"
! /key: (sensitive)
- /rpm: 60
+ /rpm: 90
- /note: "x"
```

</details>"""
    )


def test_everything_else_has_its_place() -> None:
    """Guards, environment, consents, conflicts with the way out, orphans and warnings are there."""
    guards = (Guard("max-deletes", "too many", "--allow-deletes 7"), Guard("empty", "no document", None))
    text = plan(replace(sample(), guards=guards, environment="prod", consents=Consents(prune=True)), PLAIN)
    assert text.startswith("<!-- reconciler:plan env=prod -->\n")
    assert "> - **max-deletes**: too many · to go ahead: `--allow-deletes 7`" in text
    assert "> - **empty**: no document · no flag lifts this" in text
    assert "Environment: `prod` · Plan: `abababababab` · Consents: `--prune`" in text
    assert "> - **blocked**, protected: it is protected. *Declare it with `protected: false` and apply once.*" in text
    assert ">   - `aigo/Model/hr`" in text
    assert "**1 orphan**, in a registry but in no manifest (`--prune` does not cover them):" in text
    assert "- `manifests/chat.yaml:9` aigo cannot hold labels (not-expressible)" in text


def test_equal_changes_are_one_row() -> None:
    """The row says what changes and in how many; who they are stands below, and odd ones have their own row."""
    limit = FieldChange("/limits/requests_per_minute", 60, 90)
    changes = [Change(address(f"m{number}"), "update", "changed", (limit,)) for number in range(143)]
    odd = Change(address("odd"), "update", "changed", (limit, FieldChange("/tags", [], ["a"])))
    text = plan(Plan((*changes, odd), 0), PLAIN)
    assert "`aigo/Model/m2` and 140 more | `/limits/requests_per_minute` 60 → 90 in 143 models |" in text
    assert '| update | `aigo/Model/odd` | `/limits/requests_per_minute` 60 → 90, `/tags` `[]` → `["a"]` |' in text
    assert "<summary>update 143 models (1 field)</summary>" in text
    assert "In `aigo/Model`: `m0`, `m1`, " in text
    assert text.count("\n| update |") == 2
    assert plan(Plan((*changes, odd), 0), FULL).count("\n| update |") == 144


def test_each_registry_has_its_table() -> None:
    """Each with its counts, and no row in two of them."""
    changes = (
        Change(address("a"), "create", "new"),
        Change(Address("nemo", "Model", "a"), "update", "changed"),
        Change(Address("nemo", "Model", "b"), "create", "new"),
    )
    text = plan(Plan(changes, 0), PLAIN)
    assert re.findall("^#### .*|^\\| [a-z].*?\\|.*?\\|", text, re.MULTILINE) == [
        "#### aigo: 1 to create",
        "| create | `aigo/Model/a` |",
        "#### nemo: 1 to create, 1 to update",
        "| create | `nemo/Model/b` |",
        "| update | `nemo/Model/a` |",
    ]


def test_details_give_way_before_the_table() -> None:
    """Over the budget, details go first and rows next; the last line says how many, and deletions are all there."""
    fields = (FieldChange("/description", "x" * 150, "y" * 150),)
    updates = tuple(
        Change(address(f"m{number}"), "update", "changed", (*fields, FieldChange(f"/n{number}", 0, 1)))
        for number in range(250)
    )
    deletes = tuple(Change(address(f"d{number}"), "delete", "removed") for number in range(300))
    text = plan(Plan((*updates, *deletes), 0), PLAIN)
    assert len(text.encode()) <= BUDGET
    assert all(f"> - `aigo/Model/d{number}`\n" in text for number in range(300))
    found = re.search(r"\n\nLeft out for length: the fields of (\d+) changes; the saved plan has all of it", text)
    assert found is not None
    assert int(found[1]) + text.count("<details>") == 250
    more = tuple(
        replace(
            one, address=address(f"{place}-{one.address.key}"), fields=(*one.fields, FieldChange(f"/c{place}", 0, 1))
        )
        for place in range(10)
        for one in updates
    )
    crowded = plan(Plan((*more, *deletes), 0), PLAIN)
    assert len(crowded.encode()) <= BUDGET
    left_out = re.search(r"Left out for length: ([\d,]+) more changes and the fields of 2,500 changes;", crowded)
    assert left_out is not None
    assert int(left_out[1].replace(",", "")) + crowded.count("\n| ") - 1 == 2_800


@pytest.mark.parametrize("number", [200, 900, 5000])
def test_deletions_are_named_and_then_counted(number: int) -> None:
    """Where what is lost has no room, the names have; where those have none, the rest is counted."""
    deletes = tuple(
        Change(address(f"{place:04}{'k' * 30}"), "delete", "removed", message="m" * 200) for place in range(number)
    )
    text = plan(Plan(deletes, 0), PLAIN)
    assert len(text.encode()) <= BUDGET
    named = text.count("\n> - `aigo/Model/")
    assert f"> **Deleted: {number:,}**" in text
    assert ("m" * 200 in text) == (number == 200)
    rest = re.search(r"\n> - \*\*… and ([\d,]+) more deletes\*\*; the saved plan has all of it", text)
    assert named + (int(rest[1].replace(",", "")) if rest else 0) == number
    assert (rest is None) == (number < 5000)


def test_with_full_values_are_whole() -> None:
    """Without it a long value is cut and the last line says so."""
    changes = (Change(address("a"), "update", "changed", (LONG,)),)
    assert "x" * 300 in plan(Plan(changes, 0), FULL)
    own = Change(address("b"), "update", "changed", (FieldChange("/e", "a…", "b"),))
    text = plan(Plan((*changes, own), 0), PLAIN)
    assert "x" * 300 not in text
    assert text.endswith(
        "\n\nValues of 1 change are shown in part; the saved plan has all of it: `reconciler show FILE --full`."
    )


def test_long_lists_are_counted() -> None:
    """Orphans and warnings beyond fifty are counted, and the same warning at many places stands once."""
    same = tuple(Problem("a.yaml", line, 1, "rule", "message", severity="warning") for line in range(1, 61))
    other = tuple(Problem("a.yaml", 1, 1, "rule", f"m{number}", severity="warning") for number in range(60))
    text = plan(Plan((), 0, tuple(address(f"m{number}") for number in range(51)), problems=(*same, *other)), PLAIN)
    assert "- … and 1 more; " in text
    assert "**120 warnings**\n\n- `a.yaml:1` and 59 more places message (rule)\n" in text
    assert "- … and 11 more; " in text
    assert text.startswith("<!-- reconciler:plan -->\n\n### Nothing to do\n")


def test_drift_is_worded_as_drift() -> None:
    """Drift has its own marker and title, warns of no deletion, and reads from declared to found."""
    changes = (Change(address("a"), "update", "drifted", (FieldChange("/t", "found", "declared"),), drift="drifted"),)
    text = drift(drift_of(Plan(changes, 2)), PLAIN)
    assert text.startswith("<!-- reconciler:drift -->\n\n### Drift: 1 changed, 2 as declared\n")
    assert '- /t: "declared"\n+ /t: "found"' in text
    assert drift(Plan((), 2), PLAIN) == "<!-- reconciler:drift -->\n\n### No drift: 2 as declared"
    assert "WARNING" not in drift(sample(), PLAIN)


def test_what_a_new_model_brings_along_has_no_details() -> None:
    """The secret of a new model is a row of the table, and no more."""
    text = plan(sample(), PLAIN)
    assert "└ `aigo/Secret/reconciler-chat-api_key`" in text
    assert "<code>aigo/Secret" not in text


# --- whatever a plan holds ---------------------------------------------------------------------------------------------

TEXTS = ("a", HOSTILE, "`" * 40, "x" * 250, "日" * 300, "v" * 70_000, "@" * 3_000, "/limits")
SIDES = (1, HOSTILE, "v" * 10_000, ["@|`" * 500] * 9, {"a|b": HOSTILE})
texts = st.integers(0, len(TEXTS) - 1)  # by index: what is drawn stays short where it is printed
fields = st.tuples(texts, st.integers(0, len(SIDES) - 1), st.integers(0, len(SIDES) - 1), st.booleans())
kinds = st.sampled_from(["create", "update", "rename", "replace", "delete", "conflict", "blocked"])
groups = st.tuples(kinds, texts, texts, st.lists(fields, max_size=2), st.sampled_from([1, 7, 900]))
Group = tuple[str, int, int, list[tuple[int, int, int, bool]], int]


def huge_plan(drawn: list[Group], text: str, many: int) -> Plan:
    """Each group stands for up to a thousand objects, and `text` is wherever a plan has one."""
    changes = [
        Change(
            address(f"{number}-{place}-{TEXTS[key]}"[:250]),
            kind,
            "changed",
            tuple(FieldChange(TEXTS[path], SIDES[old], SIDES[new], hidden) for path, old, new, hidden in changed),
            message=TEXTS[message],
        )
        for place, (kind, key, message, changed, number_of) in enumerate(drawn)
        for number in range(number_of)
    ]
    return Plan(
        tuple(changes),
        0,
        tuple(address(f"{number}{text}"[:250]) for number in range(many)),
        tuple(Guard(text, f"{number}{text}", text if number % 2 else None) for number in range(min(many, 30))),
        tuple(Problem(text, 1, 1, text, f"{number}{text}", severity="warning") for number in range(many)),
        Consents(rotate=(text,) * min(many, 2)),
        text,
        fingerprint=text,
        origin=Origin(text, text, text[:200]),
    )


@settings(max_examples=20, deadline=None)
@given(st.lists(groups, max_size=3), texts, st.sampled_from([0, 1, 300]), st.booleans())
def test_a_comment_is_never_too_long_and_counts_what_it_does_not_name(
    drawn: list[Group], text_of_all: int, many: int, full: bool
) -> None:
    """Length in every count of characters, and each delete and replace named, or counted where there is no room."""
    plan_ = huge_plan(drawn, TEXTS[text_of_all], many)
    text = plan(plan_, FULL if full else PLAIN)
    assert max(len(text), len(text.encode()), len(text.encode("utf-16-le")) // 2) <= LIMIT
    for action, noun in (("delete", "deletes?"), ("replace", "replaces?")):
        number = sum(change.action == action for change in plan_.changes)
        (block,) = re.findall(r"> \[!WARNING\]\n(?:>.*\n)*", f"{text}\n") or [""]
        title = {"delete": "Deleted", "replace": "Replaced"}[action]
        part = next((part for part in block.split("\n>\n") if f"> **{title}" in part), "")
        rest = re.search(rf"^> - \*\*… and ([\d,]+) more {noun}\*\*", part, re.MULTILINE)
        lines = len(re.findall(r"^> - (?!\*\*…)", part, re.MULTILINE))
        assert lines + (int(rest[1].replace(",", "")) if rest else 0) == number


@pytest.mark.parametrize("render", [plan, drift])
@pytest.mark.parametrize("style", [PLAIN, FULL], ids=["short", "full"])
def test_no_value_breaks_out_of_its_cell(render, style: Style) -> None:
    """Read by a real parser, every table has five cells in each row, and the blocks are those that we wrote."""
    tokens = MarkdownIt("commonmark").enable("table").parse(render(evil_plan(), style))
    rows: list[int] = []
    for token in tokens:
        if token.type == "tr_open":
            rows.append(0)
        rows[-1:] = [rows[-1] + (token.type in ("td_open", "th_open"))] if rows else []
    assert set(rows) == {5}
    assert {token.type for token in tokens if token.type.endswith("_open")} <= {
        *("heading_open", "paragraph_open", "blockquote_open", "bullet_list_open", "list_item_open", "table_open"),
        *("thead_open", "tbody_open", "tr_open", "th_open", "td_open"),
    }
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h3", "h4", "h4"]
