"""Rows of MLflow as objects, without a server: marks and tags that are not what ours are."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.resource import Mark
from reconciler.registry.driver import MisreadError
from reconciler.registry.mlflow.marks import foreign, mark_of, tags_of
from reconciler.registry.mlflow.wire import model_of_row
from reconciler.registry.rows import mark_in

POINTERS = st.text("ab", min_size=1).map(lambda name: f"/{name}")
TEXTS = st.text("ab-", min_size=1)
MARKS = st.builds(
    Mark,
    TEXTS,
    TEXTS,
    st.booleans(),
    st.just("") | TEXTS,
    st.lists(POINTERS, max_size=2).map(tuple),
    st.dictionaries(POINTERS, TEXTS, max_size=2),
    st.just("") | TEXTS,
)


def pairs(tags: dict[str, str]) -> list[dict[str, str]]:
    """Tags as the server writes them."""
    return [{"key": key, "value": value} for key, value in tags.items()]


@given(MARKS, st.dictionaries(TEXTS, TEXTS, max_size=2))
def test_a_mark_is_read_as_it_was_written(mark: Mark, theirs: dict[str, str]) -> None:
    """Beside the user's tags, and those that a later version of ours, or MLflow, has put there."""
    tags = {**theirs, "mlflow.source": "x", "reconciler.later": "{", **tags_of(mark)}
    found = model_of_row({"name": "m", "tags": pairs(tags)}, "it", {})
    assert found.mark == mark == mark_of(tags)
    assert found.spec.get("tags", {}) == theirs == foreign(tags)
    assert found.unmanaged == {}


@pytest.mark.parametrize(
    ("tags", "why"),
    [
        ({"a": "b"}, "its tags are no list of pairs"),
        ("ab", "its tags are no list of pairs"),
        (["a"], "its tags are no list of pairs"),
        ([{"key": "a", "value": "b"}, None], "its tags are no list of pairs"),
        ([{"value": "b"}], "it has no key"),
        ([{"key": "", "value": "b"}], "it has no key"),
        ([{"key": 1, "value": "b"}], "it has no key"),
        ([{"key": "a", "value": 1}], "a tag of it is no text"),
        (pairs({"reconciler.owner": "o"}), "its tags is no mark of ours"),
        (pairs({"reconciler.owner": "o", "reconciler.key": "k", "reconciler.protected": "{"}), "no mark of ours"),
        (pairs({"reconciler.owner": "o", "reconciler.key": "k", "reconciler.excluded": '"/a"'}), "no mark of ours"),
    ],
)
def test_tags_of_another_form_are_told(tags: Any, why: str) -> None:
    """Such a model is unreadable, which is no model without tags: it would be taken for nobody's."""
    with pytest.raises(MisreadError, match=why):
        model_of_row({"name": "m", "tags": tags}, "it", {})


@pytest.mark.parametrize("tags", [None, [], [{"key": "reconciler.key", "value": "k"}]])
def test_without_an_owner_there_is_no_mark(tags: Any) -> None:
    """A mark that was half written, or half taken away, is none."""
    assert model_of_row({"name": "m", "tags": tags}, "it", {}).mark is None


def test_a_value_that_is_absent_or_null_is_empty() -> None:
    """As the server has it."""
    row = {"name": "m", "tags": [{"key": "a"}, {"key": "b", "value": None}]}
    assert model_of_row(row, "it", {}).spec == {"tags": {"a": "", "b": ""}}


def test_a_mark_may_be_any_map() -> None:
    """Drivers of other packages read theirs from wherever they keep it."""
    data = MappingProxyType({"owner": "o", "key": "k", "fingerprints": MappingProxyType({"/a": "b"})})
    assert mark_in(data) == Mark("o", "k", fingerprints={"/a": "b"})
