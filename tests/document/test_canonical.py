"""The canonical form of a text: the same data, comments and anchors, in order; and once is enough."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from textwrap import dedent

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from work import IN_PROPORTION, growth
from yaml_texts import written

from reconciler.core.document import LoadedDocuments, load
from reconciler.core.document.canonical import CannotFormatError, canonical_json, canonical_yaml
from reconciler.core.document.comments import second_reading
from reconciler.core.document.reorder import AS_IT_IS, KeyOrder

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").rglob("*.y*ml"))


def order(depth: int = 4) -> KeyOrder:
    """An order of keys on every level."""
    inside = order(depth - 1) if depth else AS_IT_IS
    return KeyOrder(dict.fromkeys(("kind", "key", "d", "c", "b", "a"), inside), each=inside, every=inside)


def formatted(text: str, keys: KeyOrder = order()) -> str:
    return canonical_yaml(text, lambda kind: keys)


def data(loaded: LoadedDocuments) -> list[str]:
    return [json.dumps(document.value, sort_keys=True) for document in loaded.documents]


def check(text: str) -> None:
    """What holds for every text whose documents have no problem."""
    once = formatted(text)
    assert formatted(once) == once
    assert data(load(once, "m.yaml")) == data(load(text, "m.yaml"))
    assert second_reading(once) == second_reading(text)
    assert "\t#" not in once


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 10**9))
def test_same_documents_and_comments_and_once_is_enough(seed: int) -> None:
    """Whatever people write: data, comments and anchors stay, and the second run changes nothing."""
    text = written(seed)
    if not load(text, "m.yaml").problems:
        check(text)


def test_a_comment_that_comes_to_the_top_stands_before_the_anchor_of_the_document() -> None:
    """With a blank line behind it, it would be read as a comment on the document the next time."""
    text = "--- &root\n1: x\n\n# c\n\nd: z\n"
    check(text)
    assert formatted(text) == '---\n# c\n\n&root\nd: z\n"1": x\n'


def test_the_generated_texts_are_worth_it() -> None:
    """Most texts of the property above are valid, and hold comments, anchors, merge keys, block scalars, brackets."""
    texts = [text for seed in range(150) if not load(text := written(seed), "m.yaml").problems]
    assert len(texts) > 70
    for sign in ("# c", "# b", "&n", "*n", "<<: ", "|", ">", "[a,", "? ", "---", "%YAML", "\n\n"):
        assert sum(sign in text for text in texts) > 2, sign


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9))
def test_a_reader_of_yaml_1_1_reads_the_same(seed: int) -> None:
    """PyYAML reads the canonical form as we do: no `no` is false there, no `1:30` a number."""
    text = written(seed)
    loaded = load(text, "m.yaml")
    if loaded.problems or "%YAML" in text:
        return
    values = [value for value in yaml.safe_load_all(formatted(text)) if value is not None]
    assert [json.dumps(value, sort_keys=True) for value in values] == data(loaded)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_examples(path: Path) -> None:
    """The examples of good and of bad manifests: those that can be parsed keep what they say."""
    text = path.read_bytes().decode(errors="replace").removeprefix("\ufeff")
    if not load(text, "m.yaml").problems:
        check(text)


MOVED = {
    "a comment goes with the key below it": (
        "# of a\na: 1\n# of kind\nkind: x\n",
        "# of kind\nkind: x\n# of a\na: 1\n",
    ),
    "a comment beside goes with its line, as far away as it was": (
        "a: 1   # one\nkind: x # two\n",
        "kind: x # two\na: 1   # one\n",
    ),
    "a header stays on top": (
        "# license\n\n# of a\na: 1\nkind: x\n",
        "# license\n\nkind: x\n# of a\na: 1\n",
    ),
    "a modeline stays on top": (
        "# yaml-language-server: $schema=x\na: 1\nkind: x\n",
        "# yaml-language-server: $schema=x\nkind: x\na: 1\n",
    ),
    "the block at the end stays there": (
        "a: 1\nkind: x\n\n# the end\n# of it\n",
        "kind: x\na: 1\n\n# the end\n# of it\n",
    ),
    "what is below a map goes with the map": (
        "a:\n    z: 1\n    # last\nkind: x\n",
        "kind: x\na:\n  z: 1\n  # last\n",
    ),
    "blank lines go with what follows, one at a time": (
        "a: 1\n\n\n\nb: 2\n\nkind: x\n",
        "kind: x\n\nb: 2\na: 1\n",
    ),
    "lists are indented": ("a:\n- 1\n-   z: 2\n    y: 3\n", 'a:\n  - 1\n  - z: 2\n    "y": 3\n'.replace('"y"', "y")),
    "several lines of brackets become a block": (
        "a: {\n  z: 1, # one\n  # two\n  c: 2 }\n",
        "a:\n  # two\n  c: 2\n  z: 1 # one\n",
    ),
    "one line of brackets stays one": ("a: { z: 1,c: [ 2 ,3] }\n", "a: {c: [2, 3], z: 1}\n"),
    "quotes where they are needed": (
        "a: 'x'\nb: \"no\"\nc: no\nz: '1:30'\nw: [\"a,b\", 'c']\n",
        'c: "no"\nb: "no"\na: x\nz: "1:30"\nw: ["a,b", c]\n',
    ),
    "numbers that YAML 1.1 would read otherwise": (
        "a: 0777\nb: 0o17\nc: 1e3\nd: 0x1F\nz: True\nw: ~\nv:\n",
        "d: 0x1F\nc: 1000.0\nb: 15\na: 777\nz: true\nw: null\nv:\n",
    ),
    "an alias stays behind its anchor": (
        "a: &x {z: 1}\nkind: m\nb: *x\n",
        "kind: m\na: &x {z: 1}\nb: *x\n",
    ),
    "a merge key follows the identity": (
        "a: 1\n<<: {z: 1}\nkey: k\n",
        "key: k\n<<: {z: 1}\na: 1\n",
    ),
    "a quoted << is a key like any other": ('z: 1\n"<<": 2\na: 3\n', 'a: 3\nz: 1\n"<<": 2\n'),
    "block scalars keep their lines": (
        "a: |\n     x\n       y\n\nb: >-\n   folded\n   text\n",
        "b: >-\n  folded\n  text\na: |\n  x\n    y\n",
    ),
    "text over several lines keeps them": ("a: some\n    text\nb: 'x\n\n   y'\n", "b: 'x\n\n  y'\na: some\n  text\n"),
    "documents stay apart as they were": (
        "# one\n---\na: 1\nkind: x\n\n\n--- # two\nkey: b\nkind: m\n...\n",
        "# one\n---\nkind: x\na: 1\n\n\n--- # two\nkind: m\nkey: b\n...\n",
    ),
    "a root in brackets becomes a block": ("{key: a, kind: b} # c\n", "kind: b # c\nkey: a\n"),
    "a key without a value is text, though it looks like a number beyond all bounds": (
        "kind: {1e999}\n",
        'kind: {"1e999": null}\n',
    ),
    "the last line gets its end": ("a: 1", "a: 1\n"),
    "an open last line of a block stays what it is": ("a: |\n   x", "a: |-\n  x\n"),
    "old line breaks are letters": ("a: 'x\u2028y'\n", 'a: "x\\u2028y"\n'),
}


@pytest.mark.parametrize(("before", "after"), MOVED.values(), ids=MOVED)
def test_form(before: str, after: str) -> None:
    """Each rule of the form, on the shortest text that shows it."""
    assert formatted(before) == after
    check(before)


def test_crlf_is_read_as_lf() -> None:
    """Line ends are no part of the form: who writes the file decides."""
    assert formatted("a: 1\r\nkind: x # c\r\n") == "kind: x # c\na: 1\n"


@pytest.mark.parametrize("text", ["", "\n\n", "# only\n\n# comments\n", "---\n", "---\n# c\n"])
def test_nothing_stays_nothing(text: str) -> None:
    """A text without a document is left as it is."""
    assert formatted(text) == text


def test_what_would_not_say_the_same_is_refused() -> None:
    """A directive that the following document needs is a limit: nothing is returned that means something else."""
    with pytest.raises(CannotFormatError, match="cannot be read without"):
        formatted("%TAG !y! tag:yaml.org,2002:\n---\na: !y!str b\nkind: x\n")


def test_work_grows_with_the_text() -> None:
    """Eight times the entries take about eight times the work, with anchors and comments."""
    texts = {size: "kind: x\n" + "".join(f"k{n}: &a{n} v # c\n" for n in range(size)) for size in (200, 1600)}
    assert growth(lambda size: formatted(texts[size]), 200) < IN_PROPORTION


def test_json() -> None:
    """JSON becomes two-space JSON in order, with what cannot be seen as escapes."""
    text = '{"a": [], "key": "\\u202ex", "kind": {"z": 1, "b": 1.0}}'
    after = '{\n  "kind": {\n    "b": 1.0,\n    "z": 1\n  },\n  "key": "\\u202ex",\n  "a": []\n}\n'
    assert canonical_json(text, lambda kind: order()) == after
    assert canonical_json(after, lambda kind: order()) == after


def test_comments_in_every_place() -> None:
    """No place loses a comment; this one names them all."""
    text = dedent("""\
        # 1
        a: # 2
          # 3
          - b # 4
          # 5
          - # 6
            c: | # 7
              # no
            # 8
          - [ # 9
            x, # 10
            # 11
            y # 12
            ] # 13
          # 14
        # 15
        kind: "x # no" # 16
        # 17
    """)
    check(text)
    assert Counter(re.findall(r"# \d+", formatted(text))) == Counter(f"# {number}" for number in range(1, 18))
