"""YAML with its comments: what belongs to what, what scalars mean, and that what is written is read back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from work import IN_PROPORTION, growth

from reconciler.core.document import Span, load
from reconciler.core.document.comment_lines import Survey, comments_of
from reconciler.core.document.comments import compose, dump_commented, load_commented
from reconciler.core.document.trees import Item, List, Map, Member, Node, Scalar, find, plain_data, scalars_of

NOWHERE = Span(1, 1, 1, 1)


def tree(text: str, *tags: str) -> Map:
    node, problems = load_commented(dedent(text), "a.yaml", frozenset(tags))
    assert not problems
    assert isinstance(node, Map)
    return node


KEPT = [
    "# header\n\n# the key\nkey: a # beside\nconfig: # of the map\n  # inside\n  url: x\n\n  flow: {a: 1, b: 'x'} # flow\n",
    "a: 1\n# between\n\nb: 2\n# tail\n",
    "a:\n  b: 1\n  # last, and as deep as b\nc: 1\n",
    "a:\n  - x # one\n  # above z\n  - z\n  - k: 1 # two\n    # above l\n    l: 2\n  # below the list\nb: 1\n",
    "code: |\n  # no comment\n  x\n# a comment\nb: |-\n  the\n  last\n",
    'a: "# no comment"\nb: x#y # one\nc: {}\nd: []\n',
    'a: "x # no comment" # one\nb: "# none" # two\n',
    "a: 0.20\nb: 0x1F\nc: ~\nd: True\n",
    "a: \"x\"\nb: 'it''s \"so\"'\nc: plain\n",
]


@pytest.mark.parametrize("text", KEPT)
def test_what_is_read_is_written_again(text: str) -> None:
    """Comments, blank lines, quotes and numbers come out as they went in."""
    assert dump_commented(tree(text)) == text


MOVED = [
    ("a: | # beside a block\n  x\n", "# beside a block\na: |\n  x\n"),
    ("a: {\n  b: 1, # one\n  # two\n  c: 2 } # three\n", "a:\n  b: 1 # one\n  # two\n  c: 2 # three\n"),
    ("a:   1     # far\n", "a: 1 # far\n"),
    ("a: >\n  b\n  c\n", "a: |\n  b c\n"),
    ("a:\n- b\n- c\n", "a:\n  - b\n  - c\n"),
    ("a: # of the list\n- b\n", "# of the list\na:\n  - b\n"),
    ("x: &x {a: 1}\nw: *x\nz: {<<: *x, b: 2}\n", "x: {a: 1}\nw: {a: 1}\nz: {a: 1, b: 2}\n"),
    ("a: 'x\n  y'\n", "a: 'x y'\n"),
    ("a: 1\r\n# b\r\nc: 2\r\n", "a: 1\n# b\nc: 2\n"),
    ("\ufeffa: 1\n", "a: 1\n"),
]


@pytest.mark.parametrize(("before", "after"), MOVED)
def test_what_cannot_stay_is_moved(before: str, after: str) -> None:
    """Each form that is written differently: no comment is lost and no value changed."""
    assert dump_commented(tree(before)) == after


ALIASES = [
    ("a: &x 1\nb:\n  # one\n  - 2\n  # two\n  - *x # beside\n  # three\n  - 3\n# four\nc: 1\n", "1"),
    ("a: &x {k: v}\n# top\nb:\n  - *x # beside\n  # below\nc: 1\n", "{k: v}"),
    ("a: &x k\n# m\nb:\n  # z\n  *x : 1 # q\n  # w\n  j: *x\n# end\nc: 3\n", "k"),
    ("a: [1,\n  &x k, *x]\n# m\nb:\n  - - *x\n    # n\n    - *x\n  # o\n  - *x\n", "k"),
]


@pytest.mark.parametrize(("text", "value"), ALIASES)
def test_comments_stay_at_aliases(text: str, value: str) -> None:
    """An alias stands where it is written, not where its anchor is: its comments are those of what it is replaced with."""
    plain = text.replace("&x ", "").replace("*x :", f"{value}:").replace("*x", value)
    assert dump_commented(tree(text)) == dump_commented(tree(plain))


def _composed(text: str) -> SimpleNamespace:
    """The node of a map that has one member on each second line: composing so long a text would take longer than what is measured."""

    def node(value: Any, start: int, line: int) -> SimpleNamespace:
        begin, end = (SimpleNamespace(index=place, line=line, column=0) for place in (start, start + 1))
        return SimpleNamespace(value=value, start_mark=begin, end_mark=end, style=None, flow_style=False)

    places = [match.start() for match in re.finditer("^k", text, re.MULTILINE)]
    members = [(node("k", at, 2 * n + 1), node("1", at + 3, 2 * n + 1)) for n, at in enumerate(places)]
    return node(members, 0, 0)


def test_comments_of_a_long_file_are_found_in_one_pass() -> None:
    """Thousands of comments: the time grows as the file does, and not as its square."""
    texts = {count: "# c\nk: 1\n" * count for count in (1_500, 12_000)}
    roots = {count: _composed(text) for count, text in texts.items()}
    assert len(comments_of(texts[12_000], roots[12_000], []).above) == 12_000
    assert growth(lambda count: comments_of(texts[count], roots[count], []), 1_500) < IN_PROPORTION


SCALARS = (
    "no yes On off true ~ null 1:30 0777 0o17 0x1f 0b11 0b_ 1_000 12e3 1.5e+3 .5 -1 +2 2026-11-20 = a:b $x".split()
)


@pytest.mark.parametrize("text", SCALARS)
def test_a_scalar_means_what_it_means_to_pyyaml(text: str) -> None:
    """A plain scalar has its meaning of YAML 1.1, and our loader of YAML 1.2 reads what is written just so."""
    try:
        expected = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):
        expected = text
    expected = expected if isinstance(expected, (bool, int, float, type(None))) else text
    node = tree(f"a: {text}\n")
    assert plain_data(node) == {"a": expected}
    written = load(dump_commented(node), "x.yaml").documents[0].value["a"]
    assert (type(written), written) == (type(expected), expected)


def test_tags() -> None:
    """A known tag is kept on its scalar, `!!str` makes text, and any other tag is a problem at its place."""
    node = tree("a: !include some file.txt\nb: !!str no\nc: !!int 7\nd: ! 5\n", "!include")
    assert [(scalar.value, scalar.tag) for scalar in scalars_of(node)] == [
        ("some file.txt", "!include"),
        ("no", ""),
        (7, ""),
        ("5", ""),
    ]
    for text in ("a: !other x\n", "a: !include {b: 1}\n"):
        root, problems = load_commented(text, "a.yaml", frozenset(("!include",)))
        assert root is None
        assert [(problem.rule, problem.line, problem.column) for problem in problems] == [("unknown-tag", 1, 4)]


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        ("a: [\n", ["syntax"]),
        ("a: 1\na: 2\n", ["duplicate-key"]),
        ("a: 1\n---\nb: 2\n", ["one-document"]),
        ("a: &a [*a]\n", ["recursive-alias"]),
        ("a: .inf\n", ["not-json"]),
        ("", []),
        ("# nothing\n", []),
        ("---\nnull\n", []),
    ],
)
def test_bad_input_never_raises(text: str, rules: list[str]) -> None:
    """What the loader of manifests refuses is refused here, in the same words; nothing is no problem."""
    root, problems = load_commented(text, "a.yaml")
    assert root is None
    assert [problem.rule for problem in problems] == rules


def test_places() -> None:
    """Every key and value knows its file, its line and its columns; JSON as well."""
    node, member = find(tree("a:\n  b: 'x y'\n"), ("a", "b"))
    assert node.place == Span(2, 6, 2, 11)
    assert member is not None
    assert (member.file, member.place) == ("a.yaml", Span(2, 3, 2, 4))
    root, problems = load_commented('{"a": {"b": ["x", 1]}}', "a.json")
    assert not problems
    assert root is not None
    assert plain_data(root) == {"a": {"b": ["x", 1]}}
    assert find(root, ("a", "b", "0"))[0].place == Span(1, 14, 1, 17)
    assert find(root, ("a", "x", "y"))[0].place == Span(1, 7, 1, 22)


TRICKY = ["", "no", "a: b", "# x", " x", "x ", "- a", "\n", "a\n\nb\n", " a\nb", "'", '"', "a, b", "[a", "{a", "1:30"]
TRICKY += ["<<", "~", "---", "...", "%x", "\t", "!x", "&a", "*a", "@", ":", "a:", "?", "\u2028", "\x85", "a\u2028b\n"]
words = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from([*TRICKY, "x" * 150 + " y"])
values = words | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False, allow_infinity=False)
scalars = st.builds(
    lambda value, style: Scalar(value, "", NOWHERE, style), values, st.sampled_from(["", '"', "'", "|", ">"])
)
above = st.lists(st.sampled_from(["", "# c", "# d: e", "#"]), max_size=3).map(tuple)
beside = st.sampled_from(["", "# beside"])


def _trees(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    parts = st.tuples(nodes, above, beside)
    maps = st.builds(
        lambda parts, flow, below: Map(
            tuple(Member(key, part[0], "", NOWHERE, *part[1:]) for key, part in parts.items()), "", NOWHERE, flow, below
        ),
        st.dictionaries(words, parts, max_size=3),
        st.booleans(),
        above,
    )
    lists = st.builds(
        lambda parts, flow, below: List(tuple(Item(*part) for part in parts), "", NOWHERE, flow, below),
        st.lists(parts, max_size=3),
        st.booleans(),
        above,
    )
    return maps | lists


trees = st.recursive(scalars, _trees, max_leaves=8)
maps = _trees(trees).filter(lambda node: isinstance(node, Map) and bool(node.members))


@given(maps)
def test_what_is_written_is_read_as_it_was_meant(root: Map) -> None:
    """Whatever a tree holds, with comments anywhere, our loader gives its data back, and another import its comments."""
    text = dump_commented(root)
    loaded = load(text, "x.yaml")
    assert not loaded.problems, text
    assert loaded.documents[0].value == plain_data(root), text


commented = st.recursive(
    st.booleans() | st.just("flow"),
    lambda nodes: st.lists(nodes, min_size=1, max_size=4) | st.dictionaries(st.sampled_from("klm"), nodes, min_size=1),
    max_leaves=12,
).filter(lambda node: isinstance(node, dict))


def _lines(node: Any, indent: str, used: list[str], *, aliases: bool) -> Iterator[str]:
    """YAML with a comment above and beside each entry. True is a value that is met again: an anchor, or its alias."""
    for name, value in node.items() if isinstance(node, dict) else (("", item) for item in node):
        head = f"{indent}{name}:" if name else f"{indent}-"
        yield f"{indent}# above {len(used)}"
        used.append("")
        if isinstance(value, (dict, list)):
            yield head
            yield from _lines(value, f"{indent}  ", used, aliases=aliases)
        elif value is True and aliases:
            yield f"{head} {'*x' if 'x' in used else '&x word'} # beside {len(used)}"
            used.append("x")
        else:
            word = {True: "word", False: "other"}.get(value, "[f, {g: h}]")
            yield f"{head} {word} # beside {len(used)}"
            used.append("")
        yield f"{indent}# below {len(used)}"
        used.append("")


@given(commented)
def test_no_comment_moves_at_an_alias(root: dict[str, Any]) -> None:
    """Wherever aliases stand, entries are found in the order of the text, and comments as if the values were written out."""
    text, plain = ("\n".join([*_lines(root, "", [], aliases=aliases), ""]) for aliases in (True, False))
    assert dump_commented(tree(text)) == dump_commented(tree(plain))
    (composed,), marks = compose(text)
    lines = [entry.line for entry in Survey(composed, marks).entries]
    assert lines == sorted(lines)


block_maps = st.recursive(
    st.just(Scalar("x", "", NOWHERE)),
    lambda nodes: st.lists(st.tuples(nodes, above, beside), min_size=1, max_size=3).map(
        lambda parts: Map(
            tuple(Member(f"k{number}", part[0], "", NOWHERE, *part[1:]) for number, part in enumerate(parts)),
            "",
            NOWHERE,
        )
    ),
    max_leaves=8,
).filter(lambda node: isinstance(node, Map))


@given(block_maps)
def test_no_comment_is_lost(root: Map) -> None:
    """Reading what was written gives the same comments at the same members."""
    text = dump_commented(root)
    assert dump_commented(tree(text)) == text
    assert [line.strip() for line in text.split("\n") if line.strip().startswith("#")] == _comments(root)


def _comments(node: Node) -> list[str]:
    """The comments on lines of their own, in order."""
    if not isinstance(node, Map):
        return []
    return [
        line for member in node.members for line in (*(line for line in member.above if line), *_comments(member.value))
    ]
