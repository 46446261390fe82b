"""Plain data to YAML and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.core.document import load
from reconciler.core.document.dump import dump_yaml

AMBIGUOUS = ["no", "on", "y", "N", "1:30", "0777", "0o17", "0x1F", "0b1", "2026-11-20", "2026-11-20T10:00:00Z", "1_000",
             "~", "", "null", "True", ".inf", "-.INF", ".NaN", "<<", "=", "1e3", "+1", ".5", "190:20:30", "1,000"]  # fmt: skip
ODD = [*AMBIGUOUS, "---", "...", "- a", "a: b", "a #b", "# a", "a:", " a", "a ", "%x", "x\n\n", "\n x", "a\n b\n", "a \nb",
       "\ta\nb", "\n", "it's", 'a "b"', "c:\\d", "@a", "`a", "*a", "&a", "!a", "|", "> a", "? a", "x" * 2000, "é: \x85"]  # fmt: skip
texts = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text(st.sampled_from("ab \n\t:#-?*&!%@`'\"\\|>[]{},.0129eExo_~+<=é\u2028\x85\ufeff\r\x00\U0001f600")),
    st.sampled_from(ODD),
)
leaves = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
data = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=15
).filter(lambda value: value is not None)


def read(text: str, shown: str) -> Any:
    loaded = load(text, shown)
    assert loaded.problems == ()
    [document] = loaded.documents
    return document.value


def exact(value: Any) -> str:
    """Tells 1 from 1.0 and true, and -0.0 from 0.0; keeps the order of keys."""
    return json.dumps(value)


@settings(max_examples=500, deadline=None)
@given(data)
def test_round_trip(value: Any) -> None:
    """What is dumped is loaded again, by us and by a reader of YAML 1.1."""
    text = dump_yaml(value)
    assert exact(read(text, "m.yaml")) == exact(value)
    assert exact(yaml.safe_load(text)) == exact(value)


@settings(max_examples=300, deadline=None)
@given(data)
def test_json_round_trip(value: Any) -> None:
    """JSON is read as it was written, escaped or not, also as YAML where it is YAML."""
    assert exact(read(json.dumps(value), "m.json")) == exact(value)
    text = json.dumps(value, ensure_ascii=False)
    assert exact(read(text, "m.json")) == exact(value)
    if len(text) < 1000 and not any("\x7f" <= sign <= "\x9f" or sign in "\ufeff\ufffe\uffff" for sign in text):
        assert exact(read(text, "m.yaml")) == exact(value)


@pytest.mark.parametrize("text", AMBIGUOUS)
def test_ambiguous_text_is_quoted(text: str) -> None:
    """Text that some YAML reads as something else stands in quotes, as a key too; only `n` is a field of ours."""
    key = text if text in ("y", "N") else f'"{text}"'
    assert dump_yaml({text: text}) == f'{key}: "{text}"\n'


def test_form() -> None:
    """Block style, keys in their order, indented lists, literal blocks, long lines left long."""
    value = {
        "kind": "Model", "key": "gpt-oss-120b", "b": {"url": "https://x.example/v1", "k": "${env:KEY}"}, "a": [],
        "list": ["x y", {"p": 1, "q": [1.5, None]}, ["m", {}], True], "prompt": "One.\n\n  Two: é 😀\n", "rest": "a\nb",
        "more": "a\n\n", "long": "word " * 60 + "end", "quote": 'say "no"', "line": "a\u2028b", "1e16": 1e16,
    }  # fmt: skip
    assert dump_yaml(value, header="# yaml-language-server: $schema=x.json\n") == (
        "# yaml-language-server: $schema=x.json\nkind: Model\nkey: gpt-oss-120b\n"
        "b:\n  url: https://x.example/v1\n  k: ${env:KEY}\na: []\n"
        "list:\n  - x y\n  - p: 1\n    q:\n      - 1.5\n      - null\n  - - m\n    - {}\n  - true\n"
        "prompt: |\n  One.\n\n    Two: é 😀\nrest: |-\n  a\n  b\nmore: |+\n  a\n\n"
        f'long: {"word " * 60}end\nquote: say "no"\nline: "a\\u2028b"\n"1e16": 1.0e+16\n'
    )


def test_long_keys() -> None:
    """A key longer than parsers look for its colon is written in the explicit form."""
    value = {"k" * 2000: {"a": 1}, "l" * 2000: "x", "m" * 2000: [{"n" * 2000: 1}]}
    assert read(dump_yaml([value]), "m.yaml") == [value]


@pytest.mark.parametrize("sign", ["\x00", "\x1b", "\x7f", "\x9b", "\u202e", "\u2066", "\ufeff", "\ud800"])
def test_dangerous_characters_are_escaped(sign: str) -> None:
    """Controls, and what turns the text around it, never stand in the file as such."""
    assert dump_yaml({sign: f"a\n{sign}b"}).isascii()


@pytest.mark.parametrize(("value", "error"), [(float("inf"), ValueError), ({1: 2}, TypeError), ([b"x"], TypeError)])
def test_not_json(value: Any, error: type[Exception]) -> None:
    """What JSON cannot hold is not written."""
    with pytest.raises(error):
        dump_yaml(value)
