"""The field rules: what each of them does to the form in which two objects are compared."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from reconciler.core.rule_tree import rules_of
from reconciler.core.rules import (
    OPAQUE,
    CannotClear,
    Constraint,
    Immutable,
    Normalized,
    Ref,
    ServerDefault,
    ServerOwned,
    Unordered,
    WriteOnly,
)
from reconciler.core.spec import (
    PRESENT,
    canonical_json,
    hide_secrets,
    is_reference,
    left_to_server,
    normalized,
    references_in,
    secrets_in,
    without_nulls,
)

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**9), 10**9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


class Inner(BaseModel):
    token: Annotated[str | None, WriteOnly(keeps="presence")] = None
    burst: Annotated[int | None, ServerDefault("10")] = None
    rate: int | None = None


class Thing(BaseModel):
    name: str | None = None
    aliased: Annotated[str | None, Field(alias="theName")] = None
    url: Annotated[str | None, Normalized(lambda text: str(text).rstrip("/"), "a slash")] = None
    tags: Annotated[list[str] | None, Unordered()] = None
    steps: list[str] | None = None
    status: Annotated[str | None, ServerOwned("the controller's")] = None
    visible: Annotated[str | None, ServerDefault("private")] = None
    project: Annotated[str | None, Immutable("once")] = None
    tuned: Annotated[str | None, CannotClear("sticky")] = None
    key: Annotated[str | None, WriteOnly()] = None
    kept: Annotated[str | None, WriteOnly(keeps="reference")] = None
    adapter: Annotated[str | None, Ref("Adapter")] = None
    uses: list[Annotated[str, Ref("Tool")]] | None = None
    inner: Inner | None = None
    parts: list[Inner] | None = None
    named: dict[str, Inner] | None = None
    headers: dict[str, Annotated[str, WriteOnly(only_references=True)]] | None = None
    note: Annotated[str | None, Constraint(lambda text: "is long" if len(text) > 3 else None, "cut")] = None
    free: dict[str, Any] | None = None


ROOT = rules_of(Thing)


def form(**spec: Any) -> Any:
    return normalized(spec, ROOT)


def test_a_rule_is_found_at_its_field_through_unions_aliases_and_collections() -> None:
    """`rules_of` reads annotations however they are nested."""
    assert ROOT.children["status"].rule(ServerOwned) == ServerOwned("the controller's")
    assert "theName" in ROOT.children
    assert ROOT.find(("inner", "burst")).rule(ServerDefault) is not None  # type: ignore[union-attr]
    assert ROOT.find(("parts", "0", "token")).rule(WriteOnly) is not None  # type: ignore[union-attr]
    assert ROOT.find(("named", "any", "rate")) is not None
    assert ROOT.find(("uses", "3")).rule(Ref).kind == "Tool"  # type: ignore[union-attr]


def test_a_pointer_to_no_field_is_told_from_one_into_free_data() -> None:
    """Anything may lie below free-form data, nothing else below a declared object."""
    assert ROOT.find(("nonsense",)) is None
    assert ROOT.find(("inner", "nonsense")) is None
    assert ROOT.find(("free", "whatever", "deep")) is OPAQUE


def test_server_owned_fields_are_never_compared() -> None:
    """Whatever the server puts there, the two sides are equal."""
    assert form(status="ready", name="a") == form(name="a")


def test_a_canonical_field_is_compared_in_its_one_form() -> None:
    """Both sides pass through the rule's function."""
    assert form(url="https://a/") == form(url="https://a") != form(url="https://b")


def test_an_unordered_list_is_compared_as_a_set() -> None:
    """Neither order nor repetition counts; in any other list both do."""
    assert form(tags=["b", "a", "a"]) == form(tags=["a", "b"])
    assert form(steps=["b", "a"]) != form(steps=["a", "b"])


def test_three_is_three_point_nought_and_true_is_not_one() -> None:
    """Many servers turn integers into floats; none turns booleans into numbers."""
    assert form(free={"n": [3, 3.5]}) == form(free={"n": [3.0, 3.5]})
    assert canonical_json(True) != canonical_json(1)
    assert canonical_json(form(free={"n": True})) != canonical_json(form(free={"n": 1}))


def test_null_in_a_declared_field_is_absent_and_in_free_data_it_is_null() -> None:
    """Absent is not null, but where a field is declared the two mean the same."""
    assert form(name=None, inner={"rate": None}) == form() == {}
    assert form(free={"a": None}) != form(free={})


@pytest.mark.parametrize("empty", [None, "", [], {}])
def test_a_server_default_is_cleared_by_null_and_by_empty(empty: Any) -> None:
    """Null or empty means clear, and clear equals unset."""
    assert form(visible=empty) == form()
    assert left_to_server({"visible": empty, "inner": {"burst": 1}}, ROOT) == ()


def test_zero_and_false_are_values_of_a_server_default() -> None:
    """Only null and empty clear: 0 does not."""
    assert normalized({"inner": {"burst": 0}}, ROOT) == {"inner": {"burst": 0}}


def test_a_server_default_that_is_not_set_is_nobodys_business() -> None:
    """Absent in the manifest means unmanaged, also inside objects, lists and maps."""
    assert left_to_server({}, ROOT) == ("/visible", "/inner/burst")
    assert left_to_server({"parts": [{"rate": 1}, {"burst": 2}], "visible": "x", "inner": {"burst": 1}}, ROOT) == (
        "/parts/0/burst",
    )
    assert left_to_server({"named": {"a/b": {}}, "visible": "x", "inner": {"burst": 1}}, ROOT) == ("/named/a~1b/burst",)


def test_an_object_that_holds_only_unseen_fields_equals_none() -> None:
    """A server that returns `{}` where nothing of ours is set has said nothing."""
    assert form(inner={}) == form(inner={"burst": None}) == form(inner={"token": None}) == form()
    assert form(headers={}) == form()
    assert form(free={}) != form()


def test_a_secret_that_is_never_read_back_is_not_compared_by_value() -> None:
    """Only a registry that keeps the reference's text has something to compare."""
    assert form(key="${env:A}") == form(key="${env:B}") == form()
    assert form(inner={"token": "${env:A}"}) == form()
    assert form(kept="${env:A}") != form(kept="${env:B}")


def test_what_is_excluded_is_compared_on_neither_side() -> None:
    """Ignored pointers and unmanaged fields are left out wherever they lie."""
    assert normalized({"name": "a", "free": {"x": 1, "y": 2}}, ROOT, ("/name", "/free/x", "/nowhere")) == {
        "free": {"y": 2}
    }


def test_secrets_are_found_wherever_they_are_declared() -> None:
    """In objects, lists, maps, and in headers only where the value is a reference."""
    spec = {
        "key": "${env:A}",
        "inner": {"token": "x"},
        "parts": [{"token": "${file:b}"}],
        "headers": {"X-Tenant": "acme", "X-Token": "${env:T}"},
        "free": {"key": "${env:NOT}"},
    }
    assert dict(secrets_in(spec, ROOT)) == {
        "/key": "${env:A}",
        "/inner/token": "x",
        "/parts/0/token": "${file:b}",
        "/headers/X-Token": "${env:T}",
    }


def test_hiding_leaves_references_and_the_fact_that_something_is_there() -> None:
    """No value of a secret gets past a driver."""
    hidden = hide_secrets({"key": "raw", "kept": "${env:A}", "parts": [{"token": "raw"}], "name": "raw"}, ROOT)
    assert hidden == {"key": PRESENT, "kept": "${env:A}", "parts": [{"token": PRESENT}], "name": "raw"}


def test_names_say_which_members_of_a_map_are_secret_whatever_they_hold() -> None:
    """A credential that somebody else wrote down in a header is hidden by its name, for every driver that declares it."""

    class Named(BaseModel):
        headers: dict[str, Annotated[str, WriteOnly(only_references=True, names=str.isupper)]] | None = None

    spec = {"headers": {"TOKEN": "raw", "KEPT": "${env:A}", "NONE": None, "tenant": "acme", "other": "${env:B}"}}
    root = rules_of(Named)
    assert dict(secrets_in(spec, root)) == {
        "/headers/TOKEN": "raw",
        "/headers/KEPT": "${env:A}",
        "/headers/other": "${env:B}",
    }
    assert hide_secrets(spec, root) == {"headers": spec["headers"] | {"TOKEN": PRESENT}}


def test_references_to_other_objects_are_found_with_their_kinds() -> None:
    """Empty ones refer to nothing."""
    found = list(references_in({"adapter": "a", "uses": ["x", ""]}, ROOT))
    assert found == [("/adapter", "Adapter", "a"), ("/uses/0", "Tool", "x")]


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("${env:A}", True), ("${file:a/b}", True), ("x${env:A}", False), ("${var:A}", False), (7, False)],
)
def test_only_a_whole_secret_reference_is_one(text: object, is_one: bool) -> None:
    """`${env:…}` or `${file:…}`, with nothing around it."""
    assert is_reference(text) is is_one


def test_without_nulls_keeps_those_that_mean_clear_and_those_of_the_user() -> None:
    """A declared null goes, unless it clears a server's default; free-form data stays as it is."""
    spec = {
        "name": None,
        "visible": None,
        "inner": {"rate": None, "burst": None},
        "free": {"a": None},
        "parts": [{"rate": None}],
    }
    assert without_nulls(spec, ROOT) == {"visible": None, "inner": {"burst": None}, "free": {"a": None}, "parts": [{}]}


@given(JSON)
def test_the_compared_form_is_a_fixed_point_and_changes_nothing(value: Any) -> None:
    """Comparing twice is comparing once, and the argument stays as it was."""
    spec = {"free": value} if not isinstance(value, dict) else {"free": value, "name": "n", "tags": ["b", "a"]}
    text = json.dumps(spec, sort_keys=True)
    once = normalized(spec, ROOT)
    assert canonical_json(normalized(once, ROOT)) == canonical_json(once)
    assert json.dumps(spec, sort_keys=True) == text


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=4))
def test_canonical_json_does_not_depend_on_the_order_of_keys(value: dict[str, Any]) -> None:
    """Equal values have equal texts."""
    assert canonical_json(dict(reversed(list(value.items())))) == canonical_json(value)


def test_a_canonical_form_of_nothing_is_as_good_as_absent() -> None:
    """Some values say what is there anyway: `fn` makes None of them."""

    class Sized(BaseModel):
        size: Annotated[str | None, Normalized(lambda text: None if text == "auto" else text, "auto is no size")] = None

    root = rules_of(Sized)
    assert normalized({"size": "auto"}, root) == normalized({}, root) == {}
    assert normalized({"size": "7b"}, root) == {"size": "7b"}


def test_a_server_default_may_depend_on_the_object_that_holds_it() -> None:
    """Where `when` says no, a field that the manifest leaves out is one that is to go."""

    class Deployed(BaseModel):
        engine: str | None = None
        replicas: Annotated[
            int | None, ServerDefault("1 where an engine runs", lambda holder: holder.get("engine") is not None)
        ] = None

    class Outer(BaseModel):
        deployed: Deployed | None = None
        many: list[Deployed] | None = None

    root = rules_of(Outer)
    assert left_to_server({"deployed": {"engine": "vllm"}}, root) == ("/deployed/replicas",)
    assert left_to_server({"deployed": {"engine": "vllm", "replicas": 2}}, root) == ()
    assert left_to_server({"deployed": {}}, root) == left_to_server({}, root) == ()
    assert left_to_server({"deployed": {}, "many": [{}, {"engine": "x"}]}, root) == ("/many/1/replicas",)


def test_a_name_that_leads_elsewhere_is_no_reference() -> None:
    """A file of a public hub is not in this registry, and nobody here knows whether it exists."""

    class Tuned(BaseModel):
        base: Annotated[str | None, Ref("Model", elsewhere=lambda key: key.startswith("hf://"))] = None
        more: list[Annotated[str, Ref("Model", elsewhere=lambda key: key.startswith("hf://"))]] | None = None

    spec = {"base": "hf://org/m", "more": ["hf://org/n", "ours"]}
    assert list(references_in(spec, rules_of(Tuned))) == [("/more/1", "Model", "ours")]
