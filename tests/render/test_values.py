"""How values are worded: short, on one line, and so that a difference can be seen."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from render.samples import PLAIN

from reconciler.planner.plan import FieldChange
from reconciler.render.terminal import Style
from reconciler.render.values import field_lines, show, show_list, show_pair, show_sides
from reconciler.render.width import cut, text_width


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a", '"a"'),
        ("a\nb\t\x1b", r'"a\nb\t\u001b"'),
        (None, "null"),
        (True, "true"),
        (3.0, "3.0"),
        ([], "[]"),
        ({"a": [1]}, '{"a": [1]}'),
        ("x" * 100, '"' + "x" * 22 + '…" (100 characters)'),
        ([1000] * 30, "[1000, 1000, 1000, 1000, 1000,… (30 items)"),
        ({str(n): n for n in range(20)}, '{"0": 0, "1": 1, "2": 2, "3":… (20 fields)'),
        ("日本" * 50, '"日本日本日本日本日本日…" (100 characters)'),
    ],
)
def test_values_fit(value: object, shown: str) -> None:
    """A value is JSON on one line; what is cut says how long it was, and keeps to the width."""
    assert show(value, 42) == shown
    assert text_width(shown) <= 42


def test_long_texts_are_cut_to_their_difference() -> None:
    """Two texts that begin alike are shown from where they differ."""
    same = "Answers customer questions about orders. " * 9
    assert show_pair(same + "In French.", same + "In German.", 90) == (
        '"…orders. In French." (379 characters) → "…orders. In German." (379 characters)'
    )
    assert show_pair([1] * 99, {"a": "b" * 99}, 60) == '[1, 1, 1, 1, 1, … (99 items) → {"a": "bbbbbbbbbb… (1 field)'


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (["a", "b"], ["b", "c"], ['+ "c"', '- "a"']),
        (["a", "a"], ["a"], ['- "a"']),
        ([1], [True], ["+ true", "- 1"]),
        (["a", "b"], ["b", "a"], ["the same items in another order"]),
        ([{"a": 1}, 1], [1, {"a": 1}], ["the same items in another order"]),
        ([{"name": "x", "n": 1}], [{"name": "x", "n": 2}], ["~ /0/n: 1 → 2"]),
        ([{"name": "x", "n": 1}], [{"name": "x"}, {"name": "y"}], ["- /0/n: 1", '+ {"name": "y"}']),
        ([{"name": "x"}], [{"name": "y"}], ['+ {"name": "y"}', '- {"name": "x"}']),
        ([{"q": [1, 2], "t": "a\nb"}], [{"q": [1, 2, 3], "t": "a\nc"}], ["+ /0/q/2: 3", r'~ /0/t: "a\nb" → "a\nc"']),
        ([{"a/b~": 1}], [{"a/b~": 2}], ["~ /0/a~1b~0: 1 → 2"]),
        ([{"id": "1", "x": {}}, {"id": "2"}], [{"id": "2"}, {"id": "1", "x": []}], ["~ /0/x: {} → []"]),
        ([[1]], [[2]], ["+ [2]", "- [1]"]),
        (
            [{"name": "x", "n": 1}] * 2,
            [{"name": "x", "n": 2}],
            ['+ {"name": "x", "n": 2}', '- {"name": "x", "n": 1}', '- {"name": "x", "n": 1}'],
        ),
        ([{"a": "\ud800"}], [{"a": "\ud801"}], [r'~ /0/a: "\ud800" → "\ud801"']),
    ],
)
def test_lists_are_worded_by_item(before: list[object], after: list[object], words: list[str]) -> None:
    """What was added, taken and changed; items that have a name are recognised by it."""
    assert show_list(before, after) == words


def test_long_lists_are_counted() -> None:
    """Twelve items are worded, the rest is counted, whether the items are plain or objects."""
    assert show_list([], list(range(20)))[-1] == "… and 8 more"
    before = [{"name": str(number), "n": 1} for number in range(40)]
    after = [{"name": str(number), "n": 2} for number in range(40)]
    assert show_list(before, after)[0] == "~ /0/n: 1 → 2"
    assert show_list(before, after)[-1] == "… and 28 more"
    assert len(show_list(before, after)) == 13


def test_lists_that_do_not_fit_take_a_line_for_each_item() -> None:
    """The sign and path stay on a line of their own."""
    field = FieldChange("/tools", [{"name": "a" * 30}], [{"name": "b" * 30}])
    assert field_lines([field], Style(color=False, width=60), "  ").lines == [
        "  ~ /tools:",
        '      + {"name": "' + "b" * 30 + '"}',
        '      - {"name": "' + "a" * 30 + '"}',
    ]
    shallow = field_lines([field], Style(color=False, width=60), "  ", deep=False)
    assert shallow.lines[1].startswith('      [{"name"')
    assert shallow.lines[2].startswith('      → [{"name"')


def test_what_stands_whole_on_two_lines_is_not_cut() -> None:
    """Only what is shown in part counts, wherever it stands."""
    fields = [FieldChange("/a", before="x" * 30, after="y" * 38), FieldChange(f"/{'p' * 34}", after=1)]
    found = field_lines(fields, Style(color=False, width=100), "  ")
    assert any(f'"{"x" * 30}"' in line for line in found.lines)
    assert any(f'"{"y" * 38}"' in line for line in found.lines)
    assert found.cut == 0


def test_fields_without_sides_and_paths_are_no_accident() -> None:
    """A field of which nothing is known still has its line."""
    assert field_lines([FieldChange("")], PLAIN, "").lines == ["~ (all of it):  "]


def test_cut_keeps_to_its_width() -> None:
    """Wide characters are never cut in half."""
    assert cut("日本語", 5) == "日本…"
    assert cut("abc", 3) == "abc"


def test_only_lists_of_objects_import_deepdiff() -> None:
    """A plan without a changed list of objects never pays for deepdiff, nor do other renderers import rich or click."""
    code = (
        "import sys\n"
        "from reconciler import render\n"
        "from reconciler.planner.plan import Change, FieldChange, Plan\n"
        "from reconciler.render.terminal import Style\n"
        "from reconciler.core.resource import Address\n"
        "def show(before, after):\n"
        "    change = Change(Address('a', 'b', 'c'), 'update', 'changed', (FieldChange('/x', before, after),))\n"
        "    for spec in (*render.PLAN.values(), *render.DRIFT.values()): render.load(spec)(Plan((change,), 1), Style(False))\n"
        "for spec in (*render.VALIDATION.values(), *render.REPORT.values()): render.load(spec)\n"
        "import reconciler.render.error\n"
        "show(1, 2); show(['a'], ['b'])\n"
        "heavy = {'deepdiff', 'rich', 'click', 'pydantic', 'yaml', 'httpx2', 'jsonschema'} & set(sys.modules)\n"
        "show([{'a': 1}], [{'a': 2}])\n"
        "print(sorted(heavy), 'deepdiff' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[] True\n"


def test_words_do_not_depend_on_the_hash_seed() -> None:
    """Equal lists are worded the same in every run."""
    code = (
        "from reconciler.render.values import show_list\n"
        "a = [{'name': f'n{i}', 'x': {'p': i, 'q': [i], f'k{i}': 1}} for i in range(4)]\n"
        "b = [{'name': f'n{i}', 'x': {'p': i + 1, 'q': [i, 2], f'j{i}': 1}} for i in (3, 1, 2, 9)]\n"
        "print(show_list(a, b))\n"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(runs) == 1


@pytest.mark.parametrize("mark", ["\u200b", "\n", "\\", '"', "\U000e0001", "\x1b", "日", "a\u0301"])
@pytest.mark.parametrize("shared", [0, 3, 9, 20, 45, 300])
@pytest.mark.parametrize("width", [40, 60, 90, 140])
def test_sides_that_differ_look_different(mark: str, shared: int, width: int) -> None:
    """Whatever is cut, and however wide the escapes before a difference are, both sides show it, and no escape is cut."""
    for tail in ("", "z" * 60):
        pairs = [
            (mark * shared + one + tail, mark * shared + two + tail) for one, two in (("x", "y"), ("\u202e", "\u202d"))
        ]
        for before, after in [*pairs, *(([one], [two]) for one, two in pairs)]:
            left, right = show_sides(before, after, width)
            assert left.split(" (")[0] != right.split(" (")[0]
            for side in (left, right):
                inner = re.sub(r'\\(?:["\\bfnrt]|u[0-9a-f]{4}|x[0-9a-f]{2}|U[0-9a-f]{8})', "", side)
                assert "\\" not in inner


def test_the_window_of_a_difference_behind_escapes() -> None:
    """The case that showed two identical sides: many escapes shortly before the first difference."""
    before, after = "**x** \n# h\u200b\u200b" * 4 + " long", "**x** \n# h\u200b\u200b" * 4 + "!"
    left, right = show_sides(before, after, 90)
    assert left == r'"…\u200b long" (53 characters)'
    assert right == r'"…\u200b!" (49 characters)'
