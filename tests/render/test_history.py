"""The history of an object as text: what each revision changed, bounded, and safe."""

from __future__ import annotations

from dataclasses import replace

from render.samples import EVIL

from reconciler.core.resource import Mark
from reconciler.planner.diff import FieldChange
from reconciler.registry.capabilities import Revision
from reconciler.render.history import MOST_FIELDS, MOST_REVISIONS, Revised, history_text
from reconciler.render.terminal import Style

PLAIN = Style(color=False)
FIRST = Revision(
    "1", "create", "chat", "2026-11-20", "ann", "0123456789abcdef", {"task": "custom"}, Mark("us", "chat"), "7"
)


def test_each_revision_shows_what_it_changed() -> None:
    """Newest first; a plan is told by its first twelve digits; owner and protection count as changes."""
    second = FIRST._replace(
        revision="2",
        action="update",
        actor="ci",
        mark=replace(FIRST.mark or Mark("", ""), owner="them", protected=True),
    )
    text = history_text(
        [
            Revised(
                second, (FieldChange("/task", "custom", "rerank"), FieldChange("/endpoint/api_key", sensitive=True))
            ),
            Revised(FIRST, (FieldChange("/task", after="custom"),)),
        ],
        PLAIN,
    )
    assert (
        text
        == """\
REVISION  AT          ACTION  KEY   BY   PLAN
2         2026-11-20  update  chat  ci   0123456789ab
      ~ owner: "us" → "them"
      ~ protected: false → true
      ~ /task:              "custom" → "rerank"
      ~ /endpoint/api_key:  (sensitive)
1         2026-11-20  create  chat  ann  0123456789ab
      + /task:  "custom\""""
    )
    assert history_text([], PLAIN) == "There is no history."


def test_what_is_hidden_is_counted_and_full_hides_nothing() -> None:
    """Revisions, fields and cut values that a narrow answer leaves out are in its last line; --full has each of them."""
    fields = tuple(
        FieldChange(f"/labels/n{number:02}", after=f"{number:02}" + "x" * 300 + "end") for number in range(20)
    )
    revised = [
        Revised(FIRST._replace(revision=str(number)), fields if number == 30 else ()) for number in range(30, 0, -1)
    ]
    text = history_text(revised, PLAIN)
    assert text.split("\n")[-1] == (
        f"Not shown: {30 - MOST_REVISIONS} older revisions, {20 - MOST_FIELDS} fields, {MOST_FIELDS} cut values. "
        "--full shows everything."
    )
    whole = history_text(revised, PLAIN, full=True)
    assert "Not shown" not in whole
    assert all(f'"{field.after}"' in whole for field in fields)
    assert all(f"\n{number} " in whole for number in range(1, 31))


def test_lists_are_whole_with_full() -> None:
    """A list of many items is worded in short, and written out with --full."""
    long = [f"item-{number}" for number in range(40)]
    revised = [Revised(FIRST, (FieldChange("/tags", [], long),))]
    assert "1 cut value." in history_text(revised, PLAIN)
    assert all(f'"{item}"' in history_text(revised, PLAIN, full=True) for item in long)


def test_a_hostile_history_is_safe() -> None:
    """Whatever stands in a row or a field is one line without control characters."""
    row = FIRST._replace(
        revision=EVIL, action=EVIL, key=EVIL, at=EVIL, actor=EVIL, plan=EVIL, unreadable=EVIL, mark=Mark(EVIL, EVIL)
    )
    revised = [Revised(row, (FieldChange(EVIL, EVIL, EVIL + "x"),)), Revised(FIRST._replace(id="7"), ())]
    for full in (False, True):
        assert all(line.isprintable() for line in history_text(revised, PLAIN, full=full).split("\n"))
