"""Members that no kind declares: set apart, sent back as they were read, and never shown where they may be a secret."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from reconciler.core.model import ModelSpec
from reconciler.core.rules import WriteOnly
from reconciler.core.shape import fits, shape_of, split, wrong_type
from reconciler.core.spec import MAX_DEPTH, too_deep
from reconciler.core.unmanaged import Hidden, combined, fit, hidden_in, hide, revealed, shown, without_hidden
from reconciler.registry.http.payload import encode, secrets_in
from reconciler.registry.http.payload import shown as printed


class Part(BaseModel):
    """An item of a list."""

    name: str
    weight: float | None = None


class Options(BaseModel):
    """Members of its own, and any other."""

    model_config = ConfigDict(extra="allow")

    seed: int | None = None


class Thing(BaseModel):
    """Every sort of place."""

    title: str | None = None
    parts: list[Part] | None = None
    named: dict[str, Part] | None = None
    options: Options | None = None
    anything: dict[str, Any] | None = None
    key: Annotated[str | None, WriteOnly()] = None


SHAPE = shape_of(Thing)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
strange = st.dictionaries(st.sampled_from(["x", "x_token", "password", "é/~"]), json_values, max_size=2)


def having(members: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda own, others: {**others, **own}, st.fixed_dictionaries({}, optional=members), strange)


part = having({"name": st.text(max_size=3), "weight": st.integers()})
things = having(
    {
        "title": st.text(max_size=5),
        "parts": st.lists(part, max_size=4),
        "named": st.dictionaries(st.text(max_size=3), part, max_size=3),
        "options": st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3),
        "anything": st.dictionaries(st.text(max_size=3), json_values, max_size=3),
    }
)


def plain(value: Any) -> Any:
    """Without undeclared members that are null, which are as good as absent."""
    known, others = split(value, SHAPE)
    return combined(known, others)


@given(things)
def test_what_is_set_apart_is_put_together_again(thing: dict[str, Any]) -> None:
    """Split, hidden, fitted to the same object and combined: the object, member for member."""
    if wrong_type(thing, SHAPE) is not None:
        return
    known, others = split(thing, SHAPE)
    assert wrong_type(known, SHAPE) is None
    assert split(known, SHAPE) == (known, {})
    tree, lost = fit(hide(others, known), known, known, SHAPE)
    assert revealed(combined(known, tree)) == plain(thing) or lost


odd_values = st.recursive(
    st.sampled_from([None, True, 1, 1.5, float("nan"), "text", b"bytes", ("a", "tuple")]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "weight", "seed", "x", 1]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(things | st.dictionaries(st.sampled_from([*Thing.model_fields, "x", 1]), odd_values, max_size=4))
def test_what_fits_has_no_wrong_type_and_nothing_to_be_set_apart(thing: dict[Any, Any]) -> None:
    """The short way for nearly all rows never says more than the long one, which it saves."""
    if fits(thing, SHAPE, MAX_DEPTH):
        assert wrong_type(thing, SHAPE) is None
        assert split(thing, SHAPE) == (thing, {})


@pytest.mark.parametrize("outer", [dict, list])
def test_what_fits_is_never_too_deep(outer: type) -> None:
    """The short way counts the levels itself, and allows as many as the long one."""

    def nested(levels: int) -> dict[str, Any]:
        value: Any = {} if outer is dict else []
        for _ in range(levels - 3):
            value = {"x": value} if outer is dict else [value]
        return {"metadata": {"x": value}}

    shape = shape_of(ModelSpec)
    assert fits(nested(MAX_DEPTH), shape, MAX_DEPTH)
    assert not too_deep(nested(MAX_DEPTH))
    assert not fits(nested(MAX_DEPTH + 1), shape, MAX_DEPTH)
    assert too_deep(nested(MAX_DEPTH + 1))


@given(things)
def test_what_is_left_of_a_row_fits(thing: dict[str, Any]) -> None:
    """So the short way is taken at all; null in free data, and what is a secret by its shape, is left to the long one."""
    known, _ = split(thing, SHAPE)
    if wrong_type(known, SHAPE) is None and "null" not in json.dumps(known):
        assert fits(known, SHAPE, MAX_DEPTH)


@given(strange)
def test_what_is_hidden_is_shown_nowhere_and_sent_as_it_was(tree: dict[str, Any]) -> None:
    """No text but the body of a request has it, and the redaction of messages knows every text in it."""
    hidden = hide(tree, {})
    assert revealed(hidden) == tree
    assert list(hidden_in(without_hidden(hidden))) == []
    for pointer in hidden_in(hidden):
        assert pointer
    assert "***" in repr(hidden) or list(hidden_in(hidden)) == []


@pytest.mark.parametrize(
    "name", ["api_key", "accessToken", "X-Auth", "password", "client_secret", "Authorization", "connection_pin"]
)
@pytest.mark.parametrize("value", ["s3cret", 123456, ["s3cret"], {"any": {"thing": "s3cret"}}])
def test_a_telling_name_hides_whatever_it_holds(name: str, value: Any) -> None:
    """At every level, also below a map that we know of."""
    for tree, spec in (
        ({name: value}, {}),
        ({"options": {name: value}}, {"options": {}}),
        ({"parts": [{name: value}]}, {"parts": [{}]}),
    ):
        hidden = hide(tree, spec)
        assert "s3cret" not in repr(hidden) + repr(shown(hidden)) + printed(hidden)
        assert revealed(hidden) == tree
        assert b"s3cret" in encode(hidden) or value == 123456
        assert all(secret.reveal() in ("s3cret", "123456") for secret in secrets_in(hidden))


@pytest.mark.parametrize(
    "tree", [{"max_tokens": 5}, {"token_limit": 4096}, {"has_api_key": True}, {"secret": None}, {"tokens": []}]
)
def test_what_is_no_secret_stays_readable(tree: dict[str, Any]) -> None:
    """A number of tokens, a yes or no, and nothing at all."""
    assert hide(tree, {}) == tree


@pytest.mark.parametrize("text", ["https://user:s3cret@host/", "Bearer abcdefghijkl", "sk-abcdefgh12345678"])
def test_a_text_that_gives_itself_away_is_hidden(text: str) -> None:
    """Whatever its name."""
    assert shown(hide({"note": text}, {})) == {"note": "***"}


def test_what_may_be_a_secret_is_neither_copied_nor_pickled() -> None:
    """Those would be ways out."""
    for way in (copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            way(Hidden("s3cret"))
    assert f"{Hidden('s3cret')} {Hidden('s3cret')!r} {Hidden('s3cret')!s}" == "*** *** ***"


@pytest.mark.parametrize(
    "mask", ["****", "sk-…9f3a", "abc***xyz", "<redacted>", "REDACTED", "(hidden)", "xxxxxxxx", "••••••"]
)
def test_a_mask_is_lost_and_said(mask: str) -> None:
    """Sent back, it would be written over the secret that it stands for."""
    tree = hide({"config": {"x_token": mask, "plain": 1}}, {"config": {}})
    assert fit(tree, {"config": {}}, {"config": {}}, SHAPE) == ({"config": {"plain": 1}}, ("/config/x_token",))


A, B, C = {"name": "a"}, {"name": "b"}, {"name": "c"}


@pytest.mark.parametrize(
    ("after", "expected", "lost"),
    [
        ([A, B], [{"x": 1}, {"x": 2}], ()),
        ([B, A], [{"x": 2}, {"x": 1}], ()),
        ([B], [{"x": 2}], ()),  # an item that is gone takes its own with it
        ([A, C], [{"x": 1}, {"x": 2}], ()),  # edited in its place
        ([C, A, B], [{}, {"x": 1}, {"x": 2}], ()),
        ([C], {}, ("/parts/0/x", "/parts/1/x")),  # nobody can tell which of them it was
    ],
)
def test_items_keep_their_own(after: list[Any], expected: Any, lost: tuple[str, ...]) -> None:
    """By equality first, then by place; else it is lost, and said."""
    tree, gone = fit({"parts": [{"x": 1}, {"x": 2}]}, {"parts": [A, B]}, {"parts": after}, SHAPE)
    assert tree == ({"parts": expected} if expected else {})
    assert gone == lost


def test_a_map_that_needs_its_own_members_takes_the_others_along() -> None:
    """A list item's map without its name would be refused; a map without any need goes on with what is left."""
    tree = {"named": {"a": {"x": 1}}, "options": {"x": 1}}
    before = {"named": {"a": A}, "options": {"seed": 1}}
    assert fit(tree, before, {"named": {}, "options": None}, SHAPE) == ({"options": {"x": 1}}, ("/named/a/x",))


@settings(max_examples=200)
@given(json_values, st.sampled_from(["title", "parts", "named", "options", "anything", "key"]))
def test_a_wrong_type_is_told_by_its_place_and_never_by_its_value(value: Any, name: str) -> None:
    """What passes has the types that the model allows; of what does not, no more than its type is told."""
    wrong = wrong_type({name: value}, SHAPE)
    if wrong is None:
        split({name: value}, SHAPE)
    else:
        assert wrong.pointer.startswith(f"/{name}")
        assert str(wrong).endswith(("text", "number", "boolean", "map", "list", "JSON has"))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1: 2}, object(), {"a": {None: 1}}, [b"x"], ("a",)])
def test_what_json_cannot_hold_is_no_value(value: Any) -> None:
    """Also where anything is allowed: a driver of somebody else's may return what no server could."""
    assert wrong_type({"anything": {"x": value}}, SHAPE) is not None


class Custom(BaseModel):
    """The form of a connection that has no name."""

    form: Annotated[Literal["custom"] | None, "a rule"] = None


class Hosted(BaseModel):
    """Another form."""

    form: Literal["hosted"]


class Connected(BaseModel):
    """Something with a connection of either form."""

    connection: Annotated[Custom | Hosted, "a rule"] | None = None


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ({}, {"form": "custom"}, True),
        ({"form": "hosted"}, {"form": "hosted"}, True),
        ({"form": "custom"}, {"form": "hosted"}, False),
        ({"form": "hosted"}, {}, False),
    ],
)
def test_what_stands_in_one_form_of_a_union_is_lost_in_another(before: Any, after: Any, kept: bool) -> None:
    """A server takes the members of one type of connection for unknown ones of another, and refuses the whole."""
    tree = {"connection": {"x": 1}}
    fitted = fit(tree, {"connection": before}, {"connection": after}, shape_of(Connected))
    assert fitted == ((tree, ()) if kept else ({}, ("/connection/x",)))
