"""Line and column of what stands at a JSON pointer."""

from __future__ import annotations

import pytest
from work import IN_PROPORTION, growth

from reconciler.core.document import Span, places

YAML = """\
# comment
kind: Model
endpoint:
  url: http://x   # why
  headers: {X-A: é, "B": [1, 22]}
text: |
  one
  two

tags:
  - a
  - b: 1
    c:

---
---
base: &b
  p: 1
use: {<<: *b, q: *b}
"""
JSON = '{"kind": "M\\ud83d\\ude00",\n  "list": [1, {"a": -2.5}],\n  "empty": {}}\n'

CASES = [
    (0, "", (2, 1, 13, 7), (2, 1, 13, 7)),
    (0, "/kind", (2, 1, 2, 5), (2, 7, 2, 12)),
    (0, "/endpoint", (3, 1, 3, 9), (4, 3, 5, 34)),
    (0, "/endpoint/url", (4, 3, 4, 6), (4, 8, 4, 16)),
    (0, "/endpoint/headers/X-A", (5, 13, 5, 16), (5, 18, 5, 19)),
    (0, "/endpoint/headers/B/1", (5, 30, 5, 32), (5, 30, 5, 32)),
    (0, "/text", (6, 1, 6, 5), (6, 7, 8, 6)),
    (0, "/tags/1/c", (13, 5, 13, 6), (13, 7, 13, 7)),
    (0, "/endpoint/missing/deep", (4, 3, 5, 34), (4, 3, 5, 34)),
    (0, "/missing", (2, 1, 13, 7), (2, 1, 13, 7)),
    (0, "/tags/7", (11, 3, 13, 7), (11, 3, 13, 7)),
    (1, "/use/p", (18, 3, 18, 4), (18, 6, 18, 7)),
    (1, "/use/q/p", (18, 3, 18, 4), (18, 6, 18, 7)),
    (1, "/use/q", (19, 15, 19, 16), (17, 7, 18, 7)),
    (9, "/x", (1, 1, 1, 1), (1, 1, 1, 1)),
]
JSON_CASES = [
    ("", (1, 1, 3, 15), (1, 1, 3, 15)),
    ("/kind", (1, 2, 1, 8), (1, 10, 1, 25)),
    ("/list", (2, 3, 2, 9), (2, 11, 2, 27)),
    ("/list/1", (2, 15, 2, 26), (2, 15, 2, 26)),
    ("/list/1/a", (2, 16, 2, 19), (2, 21, 2, 25)),
    ("/empty", (3, 3, 3, 10), (3, 12, 3, 14)),
    ("/empty/x", (3, 12, 3, 14), (3, 12, 3, 14)),
]


@pytest.mark.parametrize(("index", "pointer", "key", "value"), CASES)
def test_yaml(index: int, pointer: str, key: tuple[int, ...], value: tuple[int, ...]) -> None:
    """Keys and values have their own places; what is missing has that of the nearest that contains it."""
    found = places(YAML, "m.yaml")
    assert (found.key(index, pointer), found.value(index, pointer)) == (Span(*key), Span(*value))


@pytest.mark.parametrize(("pointer", "key", "value"), JSON_CASES)
def test_json(pointer: str, key: tuple[int, ...], value: tuple[int, ...]) -> None:
    """JSON has places as YAML has, also where libyaml could not read it."""
    found = places(JSON, "m.json")
    assert (found.key(0, pointer), found.value(0, pointer)) == (Span(*key), Span(*value))


@pytest.mark.parametrize(
    ("text", "shown"),
    [("a: [", "m.yaml"), ("[1", "m.json"), ("[" * 10_000, "m.yaml"), ("[" * 10_000, "m.json"), ("\x07", "m.yaml"),
     ("", "m.yaml"), ("", "m.json"), ("null", "m.json"), ("a: &a [*a, {<<: *a}]", "m.yaml"), ("? [a]\n: 1", "m.yaml")],
)  # fmt: skip
def test_broken(text: str, shown: str) -> None:
    """Broken text has places too: the beginning, at worst."""
    assert places(text, shown).key(0, "/a/0/0/0").line == 1


def test_documents_before_a_broken_one() -> None:
    """The index of a document does not change because a later one is broken."""
    assert places("a: 1\n---\n~\n---\nb: 2\n---\nc: \x07", "m.yaml").key(1, "/b") == Span(5, 1, 5, 2)


def test_many_documents() -> None:
    """The places of a file of many documents take time in proportion to it."""
    assert places("---\na: 1\n" * 30_000, "m.yaml").key(29_999, "/a") == Span(60_000, 1, 60_000, 2)
    assert growth(lambda n: places("---\na: 1\n" * n, "m.yaml").key(n - 1, "/a"), 2_000) < IN_PROPORTION


def test_merge_bomb() -> None:
    """Looking through merge keys visits each map once."""
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{i}: &a{i} {{<<: [{', '.join([f'*a{i - 1}'] * 9)}]}}" for i in range(1, 40)]
    assert places("\n".join(lines), "m.yaml").key(0, "/a39/x") == Span(1, 10, 1, 11)


def test_columns() -> None:
    """CRLF, wide characters and YAML 1.1's line breaks count as editors count them."""
    text = "a: '\u2028\U0001f600'\r\nb: {c: '\x85', d: 2}\r\n"
    assert places(text, "m.yaml").key(0, "/b/d") == Span(2, 13, 2, 14)
