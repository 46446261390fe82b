"""A merge that nobody resolved is named as one, wherever it stands in a file."""

from __future__ import annotations

import pytest

from reconciler.core import document

BOTH = "<<<<<<< HEAD\n{0}=======\n{1}>>>>>>> feature/x\n"
THREE = "<<<<<<< HEAD\n{0}||||||| base\nmodel: z\n=======\n{1}>>>>>>> feature/x\n"
PLAIN = "kind: Model\nkey: a\n"


@pytest.mark.parametrize(
    ("file", "text", "lines"),
    [
        ("m.yaml", PLAIN + BOTH.format("task: rerank\n", "task: custom\n"), [(3, 5, 7)]),
        ("m.yaml", PLAIN + THREE.format("task: rerank\n", "task: custom\n"), [(3, 7, 9)]),
        ("m.yaml", (PLAIN + BOTH.format("task: rerank\n", "task: custom\n")).replace("\n", "\r\n"), [(3, 5, 7)]),
        ("m.yaml", "\ufeff" + BOTH.format("kind: Model\n", "kind: Template\n") + "key: a\n", [(1, 3, 5)]),
        ("m.yaml", PLAIN + "description: |\n  text\n" + BOTH.format("  a\n", "  b\n"), [(5, 7, 9)]),
        ("m.yaml", PLAIN + "tags: [\n" + BOTH.format("a,\n", "b,\n") + "]\n", [(4, 6, 8)]),
        ("m.yaml", PLAIN + BOTH.format("a: 1\n", "") + BOTH.format("", "b: 1\n"), [(3, 5, 6), (7, 8, 10)]),
        ("m.yaml", PLAIN + BOTH.format("---\nkind: Model\nkey: b\n", "---\nkind: Model\nkey: c\n"), [(3, 7, 11)]),
        ("m.json", '{"kind": "Model",\n' + BOTH.format('"key": "a"\n', '"key": "b"\n') + "}\n", [(2, 4, 6)]),
    ],
)
def test_each_conflict_is_one_problem_at_its_first_marker(file, text, lines):
    """What the parser stumbles over behind it is not told: it is gone once the merge is resolved."""
    problems = document.load(text, file).problems
    assert [(one.file, one.line, one.column, one.rule) for one in problems] == [
        (file, begin, 1, "syntax") for begin, _, _ in lines
    ]
    for one, (begin, middle, end) in zip(problems, lines, strict=True):
        assert one.message.endswith(f"between the markers on lines {begin}, {middle} and {end}")
        assert "unresolved merge" in one.message
        assert one.suggestion


def test_what_is_wrong_above_a_conflict_is_told_too():
    """It does not follow from the merge."""
    text = "key: [a\n---\n" + PLAIN + BOTH.format("a: 1\n", "a: 2\n")
    assert [one.line for one in document.load(text, "m.yaml").problems] == [2, 5]


@pytest.mark.parametrize(
    "text",
    [
        PLAIN + "description: |\n  <<<<<<< HEAD\n  a\n  =======\n  b\n  >>>>>>> x\n",
        PLAIN + "description: <<<<<<< HEAD\n",
        PLAIN + "# <<<<<<< HEAD\n# =======\n# >>>>>>> x\n",
    ],
)
def test_a_text_about_conflicts_is_none(text):
    """Git writes its markers at the beginning of a line; what is indented is the author's."""
    loaded = document.load(text, "m.yaml")
    assert loaded.problems == ()
    assert len(loaded.documents) == 1
