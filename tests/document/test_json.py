"""JSON text to plain data: stricter than the decoder of the standard library."""

from __future__ import annotations

import pytest
from work import IN_PROPORTION, growth

from reconciler.core.document import MAX_DEPTH, MAX_VALUES, load


def problems(text: str) -> list[tuple[int, int, str]]:
    return [(problem.line, problem.column, problem.rule) for problem in load(text, "m.json").problems]


def test_value() -> None:
    """A file holds one document; YAML's readings do not apply; the suffix may be in capitals."""
    loaded = load('\n {"a": [1, 2.5, "no", null, true], "b": "\\ud83d\\ude00"}\n', "M.JSON")
    [document] = loaded.documents
    assert document.value == {"a": [1, 2.5, "no", None, True], "b": "\U0001f600"}
    assert (document.index, document.line, loaded.problems) == (0, 2, ())


def test_null_is_empty() -> None:
    """A null on top is an empty document."""
    assert load("null\n", "m.json").documents == ()
    assert load("null\n", "m.json").problems == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": 1,\n "a": 2, "b": {"c": 1, "c": 2}}', [(2, 2, "duplicate-key"), (2, 24, "duplicate-key")]),
        ('{"a": 1, "\\u0061": 2}', [(1, 10, "duplicate-key")]),
        ("[NaN, Infinity,\n-Infinity, 1e999]", [(1, 2, "not-json"), (1, 7, "not-json"), (2, 1, "not-json"), (2, 12, "not-json")]),
        (f"[{'9' * 4001}]", [(1, 2, "not-json")]),
        ('["\\ud800", {"\\udc00": 1}]', [(1, 2, "not-unicode"), (1, 13, "not-unicode")]),
        ('["\ud800"]', [(1, 2, "not-unicode")]),
    ],
)  # fmt: skip
def test_rule(text: str, expected: list[tuple[int, int, str]]) -> None:
    """What JSON forbids and the decoder lets pass is found, all at once, each with its place."""
    assert problems(text) == expected
    assert load(text, "m.json").documents == ()


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("", 1, 1, "the file is empty"),
        ("{'a': 1}", 1, 2, "JSON wants double quotes"),
        ('{\n  // c\n "a": 1}', 2, 3, "JSON has no comments"),
        ('{"a": 1} {}', 1, 10, "one value"),
        ('{"a" 1}', 1, 6, "expected ':'"),
        ('["é" 1]', 1, 6, "expected ','"),
        ('["a\nb"]', 1, 4, "inside text"),
        ('["a', 1, 2, "never closed"),
        ('["\\x"]', 1, 3, "escape"),
        ('{"a": 1, "a": 2,\n', 2, 1, "expected a key"),
    ],
)
def test_syntax(text: str, line: int, column: int, words: str) -> None:
    """A syntax error is told in plain words, with its place."""
    [problem] = load(text, "m.json").problems
    assert (problem.line, problem.column, problem.rule) == (line, column, "syntax")
    assert words in problem.message


@pytest.mark.parametrize("text", ['{"a": 1,}', "[1,]"])
def test_trailing_comma(text: str) -> None:
    """A trailing comma is called by its name."""
    [problem] = load(text, "m.json").problems
    assert problem.message == "a comma before the end of a map or list is not JSON"


@pytest.mark.parametrize("text", ["[" * 1_000_000, '{"a":' * 1_000_000, "[" * 200 + "]" * 200])
def test_too_deep(text: str) -> None:
    """Depth is bounded before the decoder, which recurses, sees the text."""
    [problem] = load(text, "m.json").problems
    assert problem.rule == "too-deep"


@pytest.mark.parametrize("text", ["[", '{"a":'])
def test_depth_is_found_in_one_pass(text: str) -> None:
    """A text of eight times the depth takes eight times as long to refuse, and not its square."""
    assert growth(lambda depth: load(text * depth, "m.json"), 100_000) < IN_PROPORTION


def test_limits_are_exact() -> None:
    """At the limit is within it, one more is not; brackets inside text do not count."""
    assert problems("[" * MAX_DEPTH + '"' + "[" * 500 + '\\"["' + "]" * MAX_DEPTH) == []
    assert problems("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)) == [(1, MAX_DEPTH + 1, "too-deep")]
    assert problems("[" + ",".join("1" * (MAX_VALUES - 1)) + "]") == []
    assert problems("[" + ",".join("1" * MAX_VALUES) + "]") == [(1, 1, "too-many-values")]


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ('{"a": [1, {"b/c": NaN}]}', "/a/1/b~1c"),
        ('{"a": {"b": 1, "b": 2}}', "/a/b"),
        ('[[], [], ["\\ud800"]]', "/2/0"),
        ('{"a": {"\\ud800": 1}}', "/a"),
        ("NaN", ""),
        ('{"a": ', ""),
    ],
)
def test_pointers(text: str, pointer: str) -> None:
    """A problem inside the document says where in it; a syntax error cannot."""
    assert [problem.pointer for problem in load(text, "m.json").problems] == [pointer]


def test_nothing_is_dropped_in_silence() -> None:
    """A duplicate key beyond what the scan looks at is refused all the same."""
    text = "[" + "1," * (4 * MAX_VALUES) + '{"a": 1, "a": 2}]'
    assert problems(text) == [(1, 1, "too-many-values")]
