"""A plan in a pull request: short, safe, never silent about what is deleted."""

from __future__ import annotations

from dataclasses import replace

from render.samples import PLAIN, address
from render.samples import plan as sample

from reconciler.core.errors import Problem
from reconciler.core.resource import Source
from reconciler.planner.drift import drift_of
from reconciler.planner.plan import Change, Consents, FieldChange, Guard, Plan
from reconciler.render.plan_markdown import BUDGET, drift, plan


def test_a_small_plan() -> None:
    """Marker, counts, the list of what is removed, the table, the folded fields."""
    changes = (
        Change(address("old"), "delete", "removed"),
        Change(address("sql"), "replace", "immutable", (FieldChange("/model", "a", "b"),), source=Source("s.yaml", 7)),
        Change(
            address("chat"),
            "update",
            "changed",
            (FieldChange("/tags", ["a"], ["b"]), FieldChange("/key", sensitive=True)),
        ),
    )
    assert (
        plan(Plan(changes, 3), PLAIN)
        == """\
<!-- reconciler:plan -->

### Plan: 1 to update, 1 to replace, 1 to delete, 3 unchanged

> [!WARNING]
> **Deleted: 1**
> - `aigo/Model/old`
>
> **Replaced (deleted, then created again): 1**
> - `aigo/Model/sql`

| | Object | Why | Manifest |
|---|---|---|---|
| **delete** | `aigo/Model/old` | removed: no manifest declares it any more |  |
| **replace** | `aigo/Model/sql` | immutable: cannot change in place | `s.yaml:7` |
| update | `aigo/Model/chat` | changed in the manifest |  |

<details><summary>replace <code>aigo/Model/sql</code> (1 field)</summary>

```diff
- /model: "a"
+ /model: "b"
```

</details>

<details><summary>update <code>aigo/Model/chat</code> (2 fields)</summary>

```diff
+ /tags: "b"
- /tags: "a"
! /key: (sensitive)
```

</details>"""
    )


def test_everything_else_has_its_place() -> None:
    """Guards, environment, consents, messages, orphans and warnings are there."""
    guards = (Guard("max-deletes", "too many", "--allow-deletes 7"), Guard("empty", "no document", None))
    text = plan(replace(sample(), guards=guards, environment="prod", consents=Consents(prune=True)), PLAIN)
    assert "> - **max-deletes**: too many · to go ahead: `--allow-deletes 7`" in text
    assert "> - **empty**: no document · no flag lifts this" in text
    assert "Environment: `prod` · Consents: `--prune`" in text
    assert "| **blocked** | `aigo/Model/hr` | protected: it is protected |  |" in text
    assert "**1 orphan**, in a registry but in no manifest (`--prune` does not cover them):" in text
    assert "- `manifests/chat.yaml:9` aigo cannot hold labels (not-expressible)" in text


def test_details_give_way_before_the_table() -> None:
    """Over the budget, details go first and rows next; each says how many, and deletions are all there."""
    fields = (FieldChange("/description", "x" * 150, "y" * 150),)
    updates = tuple(Change(address(f"m{number}"), "update", "changed", fields) for number in range(400))
    deletes = tuple(Change(address(f"d{number}"), "delete", "removed") for number in range(300))
    text = plan(Plan((*updates, *deletes), 0), PLAIN)
    assert len(text) <= BUDGET
    assert all(f"> - `aigo/Model/d{number}`\n" in text for number in range(300))
    assert "are left out for length." in text
    assert f"{text.count('<details>')} " != "400 "
    crowded = plan(Plan((*updates * 10, *deletes), 0), PLAIN)
    assert len(crowded) <= BUDGET
    assert "more changes, left out for length." in crowded


def test_deletions_are_never_dropped() -> None:
    """Where the deletions alone are over the budget, they are listed all the same."""
    deletes = tuple(Change(address(f"model-with-a-long-key-{number}"), "delete", "removed") for number in range(3000))
    text = plan(Plan(deletes, 0), PLAIN)
    assert text.count("> - `aigo/Model/model-with-a-long-key-") == 3000
    assert "… and 3,000 more changes, left out for length." in text


def test_long_lists_are_counted() -> None:
    """Orphans and warnings beyond fifty are counted."""
    problems = tuple(Problem("a.yaml", 1, 1, "rule", "message", severity="warning") for _ in range(60))
    text = plan(Plan((), 0, tuple(address(f"m{number}") for number in range(51)), problems=problems), PLAIN)
    assert "- … and 1 more" in text
    assert "- … and 10 more" in text
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
