"""Rows against their kinds, for every driver: whatever stands in whatever place, the row is read or unreadable, and nothing after that fails."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from registry.memory import DRIVER as MEMORY

from reconciler.core import pointer as pointers
from reconciler.core.errors import PermanentError
from reconciler.core.kind import Kind
from reconciler.core.resource import Address, Listing, RegistryFacts, Resource, Unreadable
from reconciler.core.spec import canonical_json, normalized, references_in, secrets_in
from reconciler.core.telling import without_credentials
from reconciler.planner import diff
from reconciler.registry.catalog import DRIVERS, load_driver
from reconciler.registry.reading import checked
from reconciler.registry.rows import MisreadError, only, read_row

KINDS: Final = {
    f"{driver.name}/{kind.name}": kind
    for driver in (*(load_driver(name) for name in DRIVERS), MEMORY)
    for kind in driver.kinds.values()
}
hostile = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def declared(kind: Kind) -> list[str]:
    """The pointer of every field that a kind declares; items of lists and members of maps by one example."""
    return [pointers.join("0" if part == "*" else part for part in path) for path, _ in kind.root.walk() if path]


def row_with(pointer: str, value: Any) -> dict[str, Any]:
    """A row in which that value stands there, with lists where the pointer has numbers."""
    for part in reversed(pointers.split(pointer)):
        value = [value] if part == "0" else {part: value}
    return value if isinstance(value, dict) else {}


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_value_in_any_place_is_read_or_unreadable(name: str, data: st.DataObject) -> None:
    """And what was read goes through every rule of its kind: comparing, hashing, secrets and references."""
    kind = KINDS[name]
    row = row_with(data.draw(st.sampled_from(declared(kind))), data.draw(hostile))
    address = Address("one", kind.name, "key")
    facts = RegistryFacts("one", {kind.name: kind})
    verbatim = Resource(address, row)
    try:
        found = read_row(kind, address, row)
    except MisreadError:
        with pytest.raises(PermanentError, match="cannot be read"):
            checked(verbatim, facts)
        return
    for resource in (found, checked(found, facts), checked(verbatim, facts)):
        assert resource is not None
        assert canonical_json(normalized(resource.spec, kind.root))
        assert diff.applied(resource.spec, kind, ())
        list(references_in(resource.spec, kind.root))
        assert all(isinstance(pointer, str) for pointer, _ in secrets_in(resource.spec, kind.root))


@given(st.dictionaries(st.sampled_from(["id", "api_key", "made", "by"]), hostile, max_size=4))
def test_facts_of_the_server_are_fit_to_be_shown_however_one_looks(facts: dict[str, Any]) -> None:
    """They are made so late: before that nothing of the row may be seen either, and what is no JSON is nobody's."""
    kind = MEMORY.kinds["Note"]
    secret = {"token": "hunter2", "list": ["sk-live-" + "a1" * 10]}
    found = read_row(kind, Address("one", "Note", "a"), {}, server_facts={**facts, "nothing": None, "auth": secret})
    assert "hunter2" not in repr(found)
    assert "sk-live" not in repr(found)
    assert found.server_facts["auth"] == "***"
    shown = dict(found.server_facts)
    assert shown.keys() <= {*facts, "auth"}
    assert len(found.server_facts) == len(shown)
    assert found.server_facts == shown
    assert canonical_json(without_credentials(found.server_facts)) == canonical_json(shown)


@pytest.mark.parametrize(
    "spoilt",
    [
        Resource(Address("one", "Note", ["a"]), {}),  # type: ignore[arg-type]
        Resource(Address("one", "Note", ""), {}),
        Resource(Address("one", "Strange", "a"), {}),
        Resource(Address("one", "Note", "a"), ["text"]),  # type: ignore[arg-type]
        Resource(Address("one", "Note", "a"), {"text": 7}),
        Resource(Address("one", "Note", "a"), {}, id=7),  # type: ignore[arg-type]
        Resource(Address("one", "Note", "a"), {}, revision={"a": 1}),  # type: ignore[arg-type]
        Resource(Address("one", "Note", "a"), {}, unmanaged={"x": float("nan")}),
    ],
)
def test_what_a_driver_returns_is_looked_at(spoilt: Resource) -> None:
    """A driver of somebody else's that forgets to look does no harm: the object is an error, and says so."""
    with pytest.raises(PermanentError, match="cannot be read"):
        checked(spoilt, RegistryFacts("one", MEMORY.kinds))


def test_what_only_the_constraints_refuse_is_read() -> None:
    """A word that a newer server knows, a longer text, a number out of bounds: shown, and compared."""
    row = {"model_type": "hologram", "display_name": "x" * 5000, "config": {"temperature": 55, "n": 2.0}}
    found = read_row(KINDS["watsonx/Model"], Address("one", "Model", "m"), row)
    assert found.spec["model_type"] == "hologram"
    assert found.spec["config"] == {"temperature": 55, "n": 2.0}


def test_one_of_several_is_never_taken_for_the_only_one() -> None:
    """And one that is misread is an error, once for all drivers."""
    address = Address("one", "Note", "a")

    def misread(row: Any) -> Resource:
        raise MisreadError("it makes no sense")

    with pytest.raises(PermanentError, match="2 objects of this key"):
        only(address, [{}, {}], misread)
    with pytest.raises(PermanentError, match="one/Note/a cannot be read: it makes no sense"):
        only(address, [{}], misread)
    assert only(address, [], misread) is None


def test_a_listing_of_rows() -> None:
    """Objects and rows that cannot be read, apart; what is no object is left out."""
    note = Resource(Address("one", "Note", "a"), {})
    assert Listing.of([note, Unreadable("x"), None]) == Listing((note,), (Unreadable("x"),))
