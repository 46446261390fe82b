"""Rows of AI GO! that are not what they should be, whatever they hold: understood, or kept aside, and never a crash or a leak."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from registry.aigo.samples import CONFIGS, SECRET, model

from reconciler.core.resource import Resource
from reconciler.registry.latticeflow import wire
from reconciler.registry.latticeflow.kinds import KINDS
from reconciler.registry.rows import MisreadError

JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
IDS: Final = {"1": "chat-in-and-out"}
ROWS: Final = tuple(
    model(key, {"connection_type": "custom_connection", "adapter_id": "1"} | config) | {"id": key}
    for key, config in CONFIGS.items()
)
ADAPTER: Final = {
    "id": "1",
    "key": "a",
    "display_name": "A",
    "process_input": {"language": "jinja", "source_code": "{{ input }}"},
    "process_output": {"language": "jinja", "source_code": "{{ body }}"},
}


def places(value: Any, prefix: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(value, dict):
        return [prefix]
    return [prefix, *(place for name, item in value.items() for place in places(item, (*prefix, name)))]


def put(value: Any, place: tuple[str, ...], other: Any) -> Any:
    if not place:
        return other
    name, *rest = place
    return value | {name: put(value[name], tuple(rest), other)}


@given(data=st.data(), other=JSON)
def test_any_model_row_is_understood_or_kept_aside(data: st.DataObject, other: Any) -> None:
    """Anything may stand anywhere in a row: there is a Resource of plain data, or the one error that keeps the row aside."""
    row = data.draw(st.sampled_from(ROWS))
    spoiled = put(row, data.draw(st.sampled_from(places(row)[1:])), other)
    try:
        resource = wire.model_of(spoiled, "one", IDS)
    except MisreadError:
        assert wire.unreadable_of(spoiled, "Model", "one", "x", IDS).kind == "Model"
    else:
        assert isinstance(resource, Resource)
        json.dumps(resource.spec)


@given(data=st.data(), other=JSON)
def test_any_adapter_row_is_understood_or_kept_aside(data: st.DataObject, other: Any) -> None:
    """The same for an adapter; what is understood is a manifest that could be written."""
    spoiled = put(ADAPTER, data.draw(st.sampled_from(places(ADAPTER)[1:])), other)
    try:
        resource = wire.adapter_of(spoiled, "one")
    except MisreadError:
        assert wire.unreadable_of(spoiled, "Adapter", "one", "x", IDS).kind == "Adapter"
    else:
        assert set(resource.spec) <= set(KINDS["Adapter"].model.model_fields)


@given(row=JSON)
def test_any_secret_or_integration_row_is_understood_or_kept_aside(row: Any) -> None:
    """The same for the two kinds of which there is little to read."""
    if not isinstance(row, dict):
        row = {"name": row, "id": row, "config": row, "updated_at": row}
    for read in (lambda: wire.secret_of(row, "one", None), lambda: wire.integration_of(row, "one")):
        try:
            found = read()
        except MisreadError:
            continue
        assert found is None or set(found.spec) <= {"value", "api_key"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["key"])
def test_a_raw_key_in_a_row_is_dropped(row: dict[str, Any]) -> None:
    """Wherever AI GO! holds a raw key or names one: the value is gone before there is a Resource."""
    raw = json.loads(json.dumps(row).replace("<< secrets.LLM_KEY >>", SECRET).replace("sk-in-the-clear", SECRET))
    headers = raw["config"].get("custom_headers")
    if headers:
        raw["config"]["custom_headers"] = {"X-Api-Key": SECRET, "Authorization": SECRET}
    variables = raw["config"].get("environment")
    if variables:
        raw["config"]["environment"] = {"MY_TOKEN": SECRET, "password": SECRET}
    assert SECRET not in repr(wire.model_of(raw, "one", IDS))


@pytest.mark.parametrize("number", ["", None, 7], ids=str)
def test_a_row_without_an_id_that_can_be_asked_for_is_kept_aside(number: Any) -> None:
    """An empty one would be the address of all objects of the kind."""
    with pytest.raises(MisreadError, match="it has no id"):
        wire.model_of(ROWS[0] | {"id": number}, "one", IDS)
    with pytest.raises(MisreadError, match="it has no id"):
        wire.adapter_of(ADAPTER | {"id": number}, "one")
