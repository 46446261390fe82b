"""YAML text to plain data: the core schema of YAML 1.2, and every rule with its place."""

from __future__ import annotations

import time
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from work import IN_PROPORTION, cpu, growth

from reconciler.core.document import MAX_DEPTH, MAX_VALUES, load, places
from reconciler.core.document import yaml_nodes as nodes
from reconciler.core.document.yaml_text import MAX_BROKEN


def values(text: str) -> list[Any]:
    loaded = load(text, "m.yaml")
    assert loaded.problems == ()
    return [document.value for document in loaded.documents]


def problems(text: str) -> list[tuple[int, int, str]]:
    return [(problem.line, problem.column, problem.rule) for problem in load(text, "m.yaml").problems]


SCALARS = [
    ("no", "no"), ("on", "on"), ("y", "y"), ("1:30", "1:30"), ("2026-11-20", "2026-11-20"), ("1_000", "1_000"),
    ("0b1", "0b1"), ("0777", 777), ("-012", -12), ("+12", 12), ("0o17", 15), ("0x1F", 31), ("-0x1F", "-0x1F"),
    (".5", 0.5), ("1.", 1.0), ("1e3", 1000.0), ("-.5e-2", -0.005), ("1.5E+3", 1500.0), (".", "."), ("+", "+"),
    ("", None), ("~", None), ("null", None), ("Null", None), ("NULL", None), ("nUll", "nUll"), ("true", True),
    ("True", True), ("FALSE", False), ("tRue", "tRue"), ("'12'", "12"), ('"no"', "no"), ("|-\n 12", "12"),
    ("!!str 12", "12"), ('!!int "12"', 12), ("!!float 1", 1.0), ("!!float 0x10", 16.0), ("!!bool 'true'", True),
    ("!!null ''", None), ("! 12", "12"), ("!", ""), ("&x ! 12", "12"), ("! &x 12", "12"), ("!!map {}", {}),
    ("!!seq []", []), ("!<tag:yaml.org,2002:str> 1", "1"), ("٣", "٣"), ("a\u2028b", "a\u2028b"),
    ('"a\x85b"', "a\x85b"), ("1٣", "1٣"), ('"\\u2029\\U0001F600"', "\u2029\U0001f600"), ("<<", "<<"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), SCALARS, ids=[repr(text) for text, _ in SCALARS])
def test_scalar(text: str, value: object) -> None:
    """A scalar means what YAML 1.2's core schema says, and has its type."""
    found = values(f"a: {text}\n")
    assert found == [{"a": value}]
    assert [type(member["a"]) for member in found] == [type(value)]


@pytest.mark.parametrize(("text", "value"), SCALARS, ids=[repr(text) for text, _ in SCALARS])
def test_pure_python(text: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without libyaml, everything means the same."""
    monkeypatch.setattr(nodes, "_Fast", type("Fast", (nodes.Untagged, yaml.SafeLoader), {}))
    assert values(f"a: {text}\n") == [{"a": value}]


def test_pure_python_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without libyaml, the limits hold as well."""
    monkeypatch.setattr(nodes, "_Careful", type("Careful", (nodes.Counting, yaml.SafeLoader), {}))
    assert problems("[" * 500) == [(1, MAX_DEPTH + 1, "too-deep")]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1: a\nno: b\n0x1F: c\n!!int 3: d\n? ~\n: e\n", {"1": "a", "no": "b", "0x1F": "c", "3": "d", "~": "e"}),
        ("a: &x k\n*x : 1\n", {"a": "k", "k": 1}),
        ("a: &x [1]\nb: *x\nc: [*x, *x]\n", {"a": [1], "b": [1], "c": [[1], [1]]}),
        ("x: &a {p: 1, q: 2}\ny: {<<: *a, q: 3}\n", {"x": {"p": 1, "q": 2}, "y": {"p": 1, "q": 3}}),
        ("x: &a {p: 1, q: 2}\ny: {q: 3, <<: *a}\n", {"x": {"p": 1, "q": 2}, "y": {"p": 1, "q": 3}}),
        ("x: {<<: [{p: 1}, {p: 2, q: 2}]}\n", {"x": {"p": 1, "q": 2}}),
        ("x: {<<: {<<: {p: 1}, q: 2}}\n", {"x": {"p": 1, "q": 2}}),
        ("a: {'<<': 1}\nb: {! <<: 2}\nc: {!!str <<: 3}\n", {"a": {"<<": 1}, "b": {"<<": 2}, "c": {"<<": 3}}),
        ("'k\u2028': 'a\u2029'\nn: ['\x85']\n", {"k\u2028": "a\u2029", "n": ["\x85"]}),
        ("\ufeffa: 1\r\nb: ! 2\r\n", {"a": 1, "b": "2"}),
    ],
)  # fmt: skip
def test_structure(text: str, value: object) -> None:
    """Keys are text, aliases are copied, merge keys give way to explicit ones and earlier maps."""
    assert values(text) == [value]


def test_aliases_share_nothing() -> None:
    """Changing what one alias gave changes no other."""
    [value] = values("a: &x [1]\nb: *x\n")
    value["a"].append(2)
    assert value == {"a": [1, 2], "b": [1]}


def test_documents() -> None:
    """Empty documents are skipped and not counted; each document knows its first line."""
    loaded = load("# c\n---\n---\n# c\na: 1\n---\n~\n---\nnull\n--- !!null\n---\n\n- b\n...\n", "m.yaml")
    assert [(d.value, d.index, d.line) for d in loaded.documents] == [({"a": 1}, 0, 5), (["b"], 1, 13)]
    assert loaded.problems == ()


@pytest.mark.parametrize("text", ["", "\n", "# only\n", "---", "---\n---\n", "~", "null\n...\n"])
def test_empty(text: str) -> None:
    """A file with nothing in it is no error."""
    assert values(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: .inf\nb: -.INF\nc: .nan\n", [(1, 4, "not-json"), (2, 4, "not-json"), (3, 4, "not-json")]),
        ("a: 1e999\nb: !!float .inf\n", [(1, 4, "not-json"), (2, 4, "not-json")]),
        (f"a: {'9' * 4001}\n", [(1, 4, "not-json")]),
        (f"a: {'9' * 100_000}\n", [(1, 4, "not-json")]),
        (f"a: 0x{'f' * 4000}\n", [(1, 4, "not-json")]),
        (f"a: !!float {'9' * 5000}\n", [(1, 4, "not-json")]),
        ("? [a]\n: 1\n? {b: 1}\n: 2\n", [(1, 3, "key-not-scalar"), (3, 3, "key-not-scalar")]),
        ("? &x [a]\n: 1\n? *x\n: 2\n", [(1, 3, "key-not-scalar")]),
        ("a: 1\nb: {c: 1, c: 2}\na: 2\n", [(2, 11, "duplicate-key"), (3, 1, "duplicate-key")]),
        ("1: a\n'1': b\n", [(2, 1, "duplicate-key")]),
        ("a: &x {p: 1}\nb:\n  <<: *x\n  <<: *x\n", [(4, 3, "duplicate-key")]),
        ("a: &x {p: 1, p: 2}\nb: *x\nc: {<<: *x}\n", [(1, 14, "duplicate-key")]),
        ("a: {<<: 1}\nb: {<<: [{}, 2]}\n", [(1, 5, "merge-not-map"), (2, 5, "merge-not-map")]),
        ("a: !x 1\nb: !x [!!set {}]\n!y c: 1\n", [(1, 4, "unknown-tag"), (2, 4, "unknown-tag"), (2, 8, "unknown-tag"),
                                               (3, 1, "unknown-tag")]),
        ("a: !!timestamp 2020-01-01\n", [(1, 4, "unknown-tag")]),
        ("a: !!int x\nb: !!map []\nc: !!str {}\nd: !!bool yes\n", [(1, 4, "tag-mismatch"), (2, 4, "tag-mismatch"),
                                                                  (3, 4, "tag-mismatch"), (4, 4, "tag-mismatch")]),
        ("!!int x", [(1, 1, "tag-mismatch")]),
        ("a: &a [*a]\n", [(1, 4, "recursive-alias")]),
        ("- &a {x: &b [*a]}\n", [(1, 3, "recursive-alias")]),
        ("a: &a {<<: *a}\n", [(1, 4, "recursive-alias")]),
    ],
)  # fmt: skip
def test_rule(text: str, expected: list[tuple[int, int, str]]) -> None:
    """Each rule has its place, and all that is wrong is said at once."""
    assert problems(text) == expected
    assert load(text, "m.yaml").documents == ()


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ("a:\n\tb: 1\n", 2, 1, "found a tab where indentation is expected; use spaces"),
        ("a: b: c\n", 1, 5, "':' is not expected here"),
        ("a: 1\n b: 2\n", 2, 3, "check the indentation"),
        ("b: 1\na: 'x\n\nc: 1\n", 2, 4, "the text that begins here is never closed"),
        ("a: [1, 2\nb: 3\n", 2, 2, "expected ',' or ']' in the list that begins on line 1"),
        ("a: {b: 1\n", 2, 1, "expected ',' or '}' in the map that begins on line 1"),
        ("a: @x\n", 1, 4, "a value cannot begin with '@'"),
        ("a: *nope\n", 1, 4, "this alias names no anchor above it"),
        ("a: &x 1\nb: &x 2\n", 2, 4, "the anchor is defined twice; the first is on line 1"),
        ("- a\nb\n", 3, 1, "expected ':' after the key on line 2"),
        ("a: - b\n", 1, 4, "a list item is not expected here"),
        ('a: "\\q"\n', 1, 5, "unknown escape"),
        ('a: "\\ud83d\\ude00"\n', 1, 7, "this escape is no character"),
        ("a: !x!y z\n", 1, 4, "no %TAG line defines"),
        ("%YAML 1.3\n---\na: 1\n", 1, 1, "1.2 is"),
        ("é: 1\nñ: 'ü\x07'\n", 2, 6, "U+0007"),
        (" a: 1\nb: 2\n", 2, 1, "the document ended above this"),
        ("%TAG !a! b\n" * 101 + "---\n" + "a: [[]]\n" * 100, 1, 1, "more than 100 %TAG"),
    ],
)  # fmt: skip
def test_syntax(text: str, line: int, column: int, words: str) -> None:
    """A syntax error is told in plain words, at the place to look at, and its document is not used."""
    loaded = load(text, "m.yaml")
    [problem] = loaded.problems
    assert (problem.file, problem.line, problem.column, problem.rule) == ("m.yaml", line, column, "syntax")
    assert words in problem.message
    assert loaded.documents == ()


def test_duplicate_names_the_first() -> None:
    """A duplicate key names the line of the first, and covers its own token."""
    [problem] = load("a: 1\nbc: 2\nd: 3\nbc: 4\n", "m.yaml").problems
    assert problem.message == "the key 'bc' is given twice; the first is on line 2"
    assert (problem.line, problem.column, problem.end_line, problem.end_column) == (4, 1, 4, 3)


@pytest.mark.parametrize("broken", ["c: [\n", "c: 'x\x07'\n", "c: *x\n", "%YAML 9.9\n---\nc: 1"])
def test_documents_before_a_broken_one(broken: str) -> None:
    """What stands before a syntax error is still given."""
    loaded = load(f"a: 1\n---\nb: 1\nb: 2\n---\n# c\n---\nb: 2\n---\n{broken}", "m.yaml")
    assert [(d.value, d.index) for d in loaded.documents] == [({"a": 1}, 0), ({"b": 2}, 2)]
    assert [problem.rule for problem in loaded.problems] == ["duplicate-key", "syntax"]


@pytest.mark.parametrize(
    ("broken", "line"),
    [
        ("a: [1\n", 4),
        ("a: 'x\n", 4),
        ("a: b: c\n", 3),
        ('a: "\\q"\n', 3),
        (" a: 1\nb: 1\n", 4),
        ("a: *x\n", 3),
        ("null\nb: 1\n", 4),
        ("!y a: 1\n b: 1\n", 4),
        ("a: |\n x\n\ty: [\n", 5),
    ],
)
def test_documents_behind_a_broken_one(broken: str, line: int) -> None:
    """A file is read on from the next document; a broken one keeps its index, and what follows its line, column and index."""
    text = f"z: 1\n---\n{broken}---\nb: 2\n--- # c\nc: [2]\nc: 1\n---\n---\nd: 'ü\\'\n"
    for crlf in (text, text.replace("\n", "\r\n")):
        loaded = load(crlf, "m.yaml")
        behind = 3 + broken.count("\n")
        assert [(d.value, d.index, d.line) for d in loaded.documents] == [
            ({"z": 1}, 0, 1), ({"b": 2}, 2, behind + 1), ({"d": "ü\\"}, 4, behind + 7)
        ]  # fmt: skip
        found = [(p.line, p.rule) for p in loaded.problems if p.rule != "unknown-tag"]
        assert found == [(line, "syntax"), (behind + 4, "duplicate-key")]
        known = places(crlf, "m.yaml")
        assert [known.key(index, f"/{key}")[:2] for index, key in ((0, "z"), (2, "b"), (3, "c"), (4, "d"))] == [
            (1, 1), (behind + 1, 1), (behind + 3, 1), (behind + 7, 1)
        ]  # fmt: skip


def test_reading_on_keeps_its_bounds() -> None:
    """Half a million broken documents are given up after twenty, in one pass; what a bad directive is for is not read."""
    assert growth(lambda count: load("---\na: [\n" * count, "m.yaml"), 20_000) < IN_PROPORTION
    loaded = load("---\na: [\n" * 500_000, "m.yaml")
    assert len(loaded.problems) == MAX_BROKEN
    assert loaded.documents == ()
    loaded = load("%YAML 9.9\n---\na: 1\n---\nb: 1\n", "m.yaml")
    assert [(d.value, d.index) for d in loaded.documents] == [({"b": 1}, 1)]
    assert len(load("a: [\n---\nb: 'x\x07'\n", "m.yaml").problems) == 2
    assert len(load("a: 1\n...\n%YAML 1.2\n---\nb: 'x\x07'\n", "m.yaml").problems) == 1


def test_an_unfinished_document_takes_no_other_with_it() -> None:
    """A document that is wrong in itself and then not finished leaves the one before it."""
    loaded = load("a: 1\n---\n b: !x 1\nc: 1\n", "m.yaml")
    assert [(d.value, d.index) for d in loaded.documents] == [({"a": 1}, 0)]
    assert [problem.rule for problem in loaded.problems] == ["unknown-tag", "syntax"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [1, {b/c: .inf}]\n", ["/a/1/b~1c"]),
        ("a: {b: 1, b: 2}\n", ["/a/b"]),
        ("a: {? [b] : !x 1}\n", ["/a", "/a"]),
        ("a: [&x {b: !!int c}]\nd: *x\ne: {<<: *x}\n", ["/a/0/b"]),
        ("a: [{<<: 1}]\n", ["/a/0/<<"]),
        ("a: [&x [*x]]\n", ["/a/0"]),
        ("!!int x\n", [""]),
        ("a\u2028: !x 1\n", ["/a\u2028"]),
        ("a: [\n", [""]),
        (f"{'a' * 1000}: [!x 1]\n? {'b' * 4000}\n: !x 1\n", [f"/{'a' * 1000}/0", ""]),
    ],
)
def test_pointers(text: str, expected: list[str]) -> None:
    """A problem inside a document says where in it, as a pointer that leads there; a syntax error cannot."""
    assert [problem.pointer for problem in load(text, "m.yaml").problems] == expected


def test_lone_surrogate() -> None:
    """Text that no UTF-8 could hold is a problem, not a crash."""
    assert problems("a: 1\nb: \ud800\n") == [(2, 4, "not-unicode")]


def test_messages_hold_no_values() -> None:
    """A value may be a secret: no message repeats it."""
    loaded = load("a: !!int s3cret\nb: !x s3cret\nc: !!float 's3cret'\n", "m.yaml")
    assert len(loaded.problems) == 3
    assert "s3cret" not in repr(loaded.problems)
    loaded = load("password: !s3cret\n---\npassword: *s3cret\n", "m.yaml")
    assert [problem.rule for problem in loaded.problems] == ["unknown-tag", "syntax"]
    assert "s3cret" not in repr(loaded.problems)


def laughs(form: str, first: str) -> str:
    lines = [f"a0: &a0 {first}"]
    lines += [f"a{i}: &a{i} {form % ', '.join([f'*a{i - 1}'] * 9)}" for i in range(1, 30)]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def largest() -> float:
    """The CPU seconds in which this machine reads a good file that is as large as one may be."""
    return cpu(lambda: load("- x\n" * (MAX_VALUES - 1), "m.yaml"))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (laughs("[%s]", "[x]"), "too-many-values"),
        (laughs("{<<: [%s]}", "{x: 1}"), "too-many-values"),
        ("- x\n" * (MAX_VALUES + 1), "too-many-values"),
        ("- x\n" * (3 * MAX_VALUES), "too-many-values"),
        ("[" + "a," * MAX_VALUES + "]", "too-many-values"),
        ("a: &a [" + "x," * 1000 + "]\nb: [" + "*a," * 100 + "]", "too-many-values"),
        ("[" * 1_000_000, "too-deep"),
        ("[" * 1_000_000 + "]" * 1_000_000, "too-deep"),
        ("- " * 1_000_000, "too-deep"),
        ("? " * 1_000_000, "too-deep"),
        ("{a: " * 1_000_000, "too-deep"),
        ("\n".join(" " * i + "a:" for i in range(3000)), "too-deep"),
        ("".join(f"- &a{i} [*a{i - 1}]\n" if i else "- &a0 []\n" for i in range(200)), "too-deep"),
    ],
    ids=["laughs", "merges", "list", "long list", "flow", "aliases", "open", "closed", "dashes", "questions", "maps",
         "block", "chain"],
)  # fmt: skip
def test_hostile(text: str, rule: str, largest: float) -> None:
    """What is made to take all time, memory or stack is refused in about the time in which the largest good file is read, whatever its size."""
    began = time.process_time()
    loaded = load(text, "m.yaml")
    assert time.process_time() - began < 5 * largest
    assert [problem.rule for problem in loaded.problems] == [rule]
    assert loaded.documents == ()


@pytest.mark.parametrize("opener", ["[", "{a: ", "[\n", "[{a: ", "- ", "? "])
@pytest.mark.parametrize("before", ["", "a: 1\n---\n", "x: [1, {b: 2}]\n---\n"])
def test_the_limit_of_depth_is_ours_whatever_libyaml_counts(opener: str, before: str) -> None:
    """libyaml from 0.2.6 on (PyYAML 6.0.4) stops at a thousand brackets by itself, older ones never: the answer is the same."""
    for levels in (MAX_DEPTH + 2, 999, 1_000, 1_001, 5_000):
        loaded = load(before + opener * levels, "m.yaml")
        depth = opener.count("[") + opener.count("{") or 1
        rules = [(problem.rule, problem.line) for problem in loaded.problems]
        place = (before + opener * (MAX_DEPTH // depth)).count("\n") + 1
        assert rules == [("too-deep", place)], levels
        assert len(loaded.documents) == (1 if before else 0)


def test_what_is_broken_before_too_many_brackets_is_told_first() -> None:
    """The scanner of libyaml reads ahead: what stops it may stand behind what is wrong."""
    assert problems("a: ]" + "[" * 2_000)[0][2] == "syntax"


def test_limits_are_exact() -> None:
    """At the limit is within it, one more is not; the place is where it is passed."""
    assert len(values("[" * MAX_DEPTH + "]" * MAX_DEPTH)) == 1
    assert problems("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)) == [(1, MAX_DEPTH + 1, "too-deep")]
    assert len(values("- x\n" * (MAX_VALUES - 1))) == 1
    assert problems("- x\n" * MAX_VALUES) == [(1, 1, "too-many-values")]


def test_expansion_is_bounded_per_file() -> None:
    """Many documents, each within its limit, cannot expand without end."""
    document = "a: &a [" + "x," * 300 + "]\nb: [" + "*a," * 300 + "]\n"
    loaded = load("---\n".join([document] * 50), "m.yaml")
    assert len(loaded.documents) == 1
    assert {problem.rule for problem in loaded.problems} == {"too-many-values"}


def test_many_duplicates() -> None:
    """Tens of thousands of duplicate keys do not take the square of their number."""

    def refuse(count: int) -> int:
        return len(load("".join(f"k{i}: 1\n" for i in range(count)) * 2, "m.yaml").problems)

    assert refuse(20_000) == 20_000
    assert growth(refuse, 1_000) < IN_PROPORTION


@given(
    st.lists(
        st.sampled_from(["a: 1", "b: |", "  x", "", "c: >-", "  'y z'", 'd: "p', '  q"', "# e", "---", "- f"]),
        max_size=12,
    )
)
def test_line_ends_change_nothing(lines: list[str]) -> None:
    """A file that git checked out on Windows holds the same values, problems and places."""
    text = "\n".join(lines)
    plain = load(text, "m.yaml")
    for ending in ("\r\n", "\r"):
        assert load(text.replace("\n", ending), "m.yaml") == plain
