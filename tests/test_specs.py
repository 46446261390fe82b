"""What the rules of a kind make of one object."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from reconciler.core.rule_tree import rules_of
from reconciler.core.rules import OPAQUE, Default, Node, Superset, Unordered
from reconciler.core.spec import (
    MAX_DEPTH,
    canonical_json,
    canonical_text,
    digest,
    normalized,
    same_json,
    too_deep,
    with_defaults,
    without_added,
)


def nested(levels: int, *, of: str = "map") -> Any:
    """That many maps, or lists, inside each other."""
    value: Any = {} if of == "map" else []
    for _ in range(levels - 1):
        value = {"x": value} if of == "map" else [value]
    return value


@pytest.mark.parametrize("of", ["map", "list"])
def test_what_goes_deeper_than_a_manifest_may_is_too_deep(of: str) -> None:
    """Told by counting levels, so that no depth is too much for the telling."""
    assert not too_deep(nested(1, of=of))
    assert not too_deep(nested(MAX_DEPTH, of=of))
    assert too_deep(nested(MAX_DEPTH + 1, of=of))
    assert too_deep(nested(50_000, of=of))
    assert not too_deep({"wide": [{"a": [1, "text", None]}] * 1000})


def test_two_excluded_items_of_one_list_are_both_left_out() -> None:
    """The first one that goes does not make the second one another."""
    assert normalized({"l": [1, 2, 3]}, OPAQUE, ("/l/0", "/l/1")) == normalized(
        {"l": [8, 9, 3]}, OPAQUE, ("/l/1", "/l/0")
    )


def test_equal_data_has_one_digest() -> None:
    """Whatever the order of its keys; True is not 1; and halves of surrogate pairs have one too."""
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1}) != digest({"a": True})
    assert len(digest({"file": "\udcff"})) == 64


def _code(holder: Mapping[str, Any]) -> bool:
    return holder.get("type") == "code"


class Inner(BaseModel):
    type: Annotated[str | None, Default("url", "so its client has it")] = None
    timeout: Annotated[int | None, Default(30, "so its client has it", _code)] = None
    shared: Annotated[list[str] | None, Superset("the server adds to it")] = None


class Thing(BaseModel):
    inner: Inner | None = None
    parts: list[Inner] | None = None
    task: Annotated[str | None, Default("chat", "so its client has it")] = None
    shared: Annotated[list[str] | None, Superset("the server adds to it")] = None
    exact: list[str] | None = None


ROOT = rules_of(Thing)


@pytest.mark.parametrize(
    ("spec", "whole"),
    [
        ({}, {"task": "chat"}),
        ({"task": None}, {"task": "chat"}),
        ({"task": "rerank"}, {"task": "rerank"}),
        ({"inner": {}}, {"inner": {"type": "url"}, "task": "chat"}),
        ({"inner": {"type": "code"}}, {"inner": {"type": "code", "timeout": 30}, "task": "chat"}),
        ({"inner": {"type": "code", "timeout": 0}}, {"inner": {"type": "code", "timeout": 0}, "task": "chat"}),
        (
            {"parts": [{}, {"type": "code"}]},
            {"parts": [{"type": "url"}, {"type": "code", "timeout": 30}], "task": "chat"},
        ),
    ],
    ids=str,
)
def test_what_is_left_to_defaults_is_written_out(spec: dict[str, Any], whole: dict[str, Any]) -> None:
    """Where the object that holds it is there, and is of the form that has it; nothing is changed in place."""
    before = repr(spec)
    assert with_defaults(spec, ROOT) == whole
    assert with_defaults(whole, ROOT) == whole
    assert repr(spec) == before


@pytest.mark.parametrize(
    ("stored", "wanted", "left"),
    [
        (["a", "b", "theirs"], ["b", "a"], ["b", "a"]),
        (["a"], ["a"], ["a"]),
        (["theirs"], [], []),
        (["theirs"], ["a"], ["theirs"]),
        (None, ["a"], None),
        (["theirs"], None, ["theirs"]),
    ],
    ids=str,
)
def test_what_a_server_adds_to_a_list_is_left_alone(stored: Any, wanted: Any, left: Any) -> None:
    """As long as all that was declared is in it; else both sides are shown as they are. In no other list."""

    def whole(items: Any) -> dict[str, Any]:
        lists = {} if items is None else {"shared": items, "exact": items}
        return lists | {"inner": dict(lists)}

    found = without_added(whole(stored), whole(wanted), ROOT)
    assert found.get("shared") == left
    assert found["inner"].get("shared") == left
    assert found.get("exact") == stored


_leaves = st.sampled_from([None, True, False, 0, 1, 0.0, -0.0, 1.0, float("nan"), "", "a", "1", 2**70])
_values = st.recursive(
    _leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=5,
)


@given(_values, _values)
def test_values_are_the_same_json_exactly_where_their_texts_are(one: Any, other: Any) -> None:
    """1 is neither true nor 1.0, and the order of members says nothing."""
    assert same_json(one, other) is (canonical_json(one) == canonical_json(other))
    assert same_json(one, copy.deepcopy(one))


@given(_values | st.dictionaries(st.text(), st.text() | st.floats() | st.integers()))
def test_the_canonical_text_is_that_of_json_itself(value: Any) -> None:
    """Plans and marks hold hashes of it: however it is written, it stays the same text."""
    assert canonical_json(value) == json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


@given(st.text() | st.text(st.characters(max_codepoint=127) | st.characters(categories=["Cs", "Zl"])))
def test_the_canonical_text_of_a_text_is_its_own(text: str) -> None:
    """Fingerprints hold hashes of texts that were written either way."""
    assert canonical_text(text) == canonical_json(text)


@given(st.lists(st.text(st.sampled_from('a!"\\b'), max_size=3)) | st.lists(_values, max_size=4))
def test_a_list_that_is_a_set_has_one_form(items: list[Any]) -> None:
    """Sorted by the canonical texts, each once, whatever is in it."""
    form = normalized(items, Node(rules=(Unordered("a set"),)))
    plain = normalized(items, OPAQUE)
    assert [canonical_json(item) for item in form] == sorted(set(map(canonical_json, plain)))
