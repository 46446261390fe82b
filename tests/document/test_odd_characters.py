"""Characters that nobody sees, or takes for others: named where they were meant as notation, let alone where they are text."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.document import LoadedDocuments, load

SPACES: Final = "\u00a0\u1680\u2000\u2003\u2007\u2009\u200a\u202f\u205f\u3000"
NOTHING: Final = "\ufeff\u200b\u200c\u200d\u2060\u00ad\u180e\u200e\u200f\u202a\u2066"
# Where `@` stands, the character was meant as part of the notation.
NOTATION: Final = (
    "key:@a\nb: c\n", "a: b\nkey:@c\n", "key:@\n  a: b\n", "key:@|\n  a\n", "key:@'a'\nb: c\n", "tags:\n  -@a\n  - b\n", "tags:\n  - a\n  -@b\n",
    "-@a\n", "a:\n@@b: 1\n@@c: 2\n", "a:\n@@b: 1\n  c: 2\n", "@a: 1\nb: 2\n", "a: {b:@c}\n", "a: {b: c,@d: e}\n", "a: [b,@c]\n", "a: {@b: c}\n",
    "a: 1\n---\n@b: 2\n", "a: 1\n@\nb: 2\n", "a:\n  b:@1\n  c:@2\n", "a:@{b: 1}\n", "- a:@b\n  c: d\n", "---@\na: 1\n", "a: 'x'@\nb: 1\n",
    "a: 1@# no comment\nb: 1\n", "a: b@\n", "a: @b\n", "a@: b\nc: d\n", "a@b: c\n",
)  # fmt: skip
# Where it stands, it is text.
TEXT: Final = (
    "a: b@c\n", "a: 'x@'\n", 'a: "@x"\n', "a: |\n  @x\n  y:@z\n", "a: >-\n  - x\n  -@y\n", "#@c\na: b\n", "a: b #@c\n", "'a@b': c\n", "a: x:@y\n",
    "a: b c@d\n  e f@g\n", "a: [b@c]\n", "模@型: b\n",
)  # fmt: skip


def told(loaded: LoadedDocuments) -> list[tuple[int, int, str]]:
    """Line and column of each, and the character that it names."""
    found = sorted((*loaded.problems, *loaded.warnings))
    return [(problem.line, problem.column, problem.message.partition(" ")[0]) for problem in found]


def places(form: str, sign: str) -> set[tuple[int, int, str]]:
    """Where a run of `@` in a form begins, as it should be told; the parser may skip what has no width."""
    begins = [
        index for index, char in enumerate(form) if char == "@" and (sign in NOTHING or form[index - 1 : index] != "@")
    ]
    name = f"U+{ord(sign):04X}"
    return {(form.count("\n", 0, at) + 1, at - form.rfind("\n", 0, at), name) for at in begins}


@pytest.mark.parametrize("form", NOTATION)
def test_what_nobody_sees_in_the_notation_is_named_at_its_place(form: str) -> None:
    """Whatever the parser makes of it: an error of syntax, another key, other text."""
    for sign in SPACES + NOTHING:
        loaded = load(form.replace("@", sign), "m.yaml")
        if sign in NOTHING and not told(loaded):
            assert load(form.replace("@", ""), "m.yaml") == loaded  # read as if it were not there
            continue
        assert set(told(loaded)) & places(form, sign), (f"U+{ord(sign):04X}", loaded)
        assert {problem.rule for problem in (*loaded.problems, *loaded.warnings)} == {"invisible-character"}


@pytest.mark.parametrize("form", TEXT)
def test_what_nobody_sees_in_text_is_text(form: str) -> None:
    """French prose has no-break spaces, emoji have joiners; comments and quoted texts have what they like."""
    for sign in "\u00a0\u202f\u3000\u200d\u200c":
        if sign in SPACES and form.startswith("模"):
            continue
        text = form.replace("@", sign)
        loaded = load(text, "m.yaml")
        assert told(loaded) == [], f"U+{ord(sign):04X}"
        assert len(loaded.documents) == 1


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: \u201cx: y\u201d\n", ["U+201C", "U+201D"]),
        ("a: \u201cx\u201d\n", ["U+201C", "U+201D"]),
        ("a: \u2018x\u2019\n", ["U+2018", "U+2019"]),
        ("a: \u00abx\u00bb\n", ["U+00AB", "U+00BB"]),
        ("a: \u201cx\n", ["U+201C"]),
        ("\u201ca\u201d: x\n", ["U+201C", "U+201D"]),
        ("a\uff1ax\nb\uff1ay\n", ["U+FF1A", "U+FF1A"]),
        ("a:\n  \u2013 x\n  \u2013 y\n", ["U+2013", "U+2013"]),
        ("a:\n  \u2022 x\n", ["U+2022"]),
    ],
)
def test_what_looks_like_notation_is_named(text: str, found: list[str]) -> None:
    """Word processors and input methods write quotes, colons and dashes of their own."""
    loaded = load(text, "m.yaml")
    assert [name for _, _, name in told(loaded)] == found
    assert {problem.rule for problem in (*loaded.problems, *loaded.warnings)} == {"lookalike-character"}


@pytest.mark.parametrize(
    "text",
    ["a: \u201csay\u201d no\n", "a: it\u2019s\n", "a: 模型\uff1a回答\n", "a: x \u2013 y\n", "'\u201ca\u201d': x\n"],
)
def test_typographic_text_is_text(text: str) -> None:
    """Quotes inside a sentence, an apostrophe, a Chinese colon, a dash between words."""
    assert told(load(text, "m.yaml")) == []


@pytest.mark.parametrize(
    ("text", "column", "rule"),
    [
        ('{"a":\u00a01}', 6, "invisible-character"),
        ("{\u201ca\u201d: 1}", 2, "lookalike-character"),
        ("\ufeff\ufeff{}", 1, "invisible-character"),
        ('{"a": 1,\u3000"b": 2}', 9, "invisible-character"),
    ],
)
def test_json_names_them_too(text: str, column: int, rule: str) -> None:
    """At their place."""
    (problem,) = load(text.removeprefix("\ufeff"), "m.json").problems
    assert (problem.column, problem.rule) == (column, rule)


@pytest.mark.parametrize(
    "text", ["key: e\ufeffkey: f\n", "key: e\ufeff---\nkey: f\n", "key: 'e'\ufeffkind: f\n", "- a\ufeff- b\n"]
)
def test_a_byte_order_mark_between_joined_files_is_named(text: str) -> None:
    """The first of them ended without a line end."""
    assert (1, text.index("\ufeff") + 1, "U+FEFF") in told(load(text, "m.yaml"))


@pytest.mark.parametrize("text", ["p:\n\ta: 1\n", "p:\n  \ta: 1\n  b: 2\n", "a: 1\n\tb: 2\n"])
def test_a_tab_in_the_indentation_is_named(text: str) -> None:
    """With what to write instead."""
    (problem,) = load(text, "m.yaml").problems
    assert problem.message == "found a tab where indentation is expected; use spaces"


def test_an_error_that_they_did_not_cause_is_told_as_it_is() -> None:
    """They may be there, and something else be wrong."""
    loaded = load("a: |\n  \u00a0x\nb: [\n", "m.yaml")
    assert [problem.rule for problem in loaded.problems] == ["syntax"]


@given(
    st.lists(
        st.sampled_from(
            ["a", ":", " ", "-", "\u00a0", "\ufeff", "\u201c", "\n", "{", "[", "'", "|", "\uff1a", "#", "---\n"]
        ),
        max_size=25,
    )
)
def test_no_text_is_too_odd(parts: list[str]) -> None:
    """Every place told lies in the text, and holds what is named."""
    text = "".join(parts).removeprefix("\ufeff")
    lines = text.split("\n")
    loaded = load(text, "m.yaml")
    for problem in (*loaded.problems, *loaded.warnings):
        if problem.message.startswith("U+"):
            sign = lines[problem.line - 1][problem.column - 1]
            assert f"{ord(sign):04X}" == problem.message.partition(" ")[0][2:]
