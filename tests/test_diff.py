"""What differs between a desired and a stored object: the promises of every field rule, on plain values."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from reconciler.core.kind import Kind
from reconciler.core.pointer import MISSING
from reconciler.core.resource import Address, Desired, Mark, Resource
from reconciler.core.rules import (
    CannotClear,
    Immutable,
    Normalized,
    ServerDefault,
    ServerOwned,
    Superset,
    Unordered,
    WriteOnly,
)
from reconciler.core.spec import PRESENT, is_reference, secrets_in
from reconciler.planner.diff import applied, created, difference, drifted, excluded, not_stored, observed

AT = Address("one", "Thing", "t")


class Inner(BaseModel):
    fixed: Annotated[str | None, Immutable("once")] = None
    sticky: Annotated[str | None, CannotClear("sticky")] = None
    free: str | None = None


class Named(BaseModel):
    name: str


class Thing(BaseModel):
    name: str | None = None
    url: Annotated[str | None, Normalized(lambda text: text.rstrip("/"), "a slash")] = None
    tags: Annotated[list[str] | None, Unordered()] = None
    status: Annotated[str | None, ServerOwned("the controller's")] = None
    visible: Annotated[str | None, ServerDefault("private")] = None
    project: Annotated[str | None, Immutable("once")] = None
    tuned: Annotated[str | None, CannotClear("sticky")] = None
    silent: Annotated[str | None, WriteOnly()] = None
    told: Annotated[str | None, WriteOnly(keeps="presence")] = None
    kept: Annotated[str | None, WriteOnly(keeps="reference")] = None
    headers: dict[str, Annotated[str, WriteOnly(keeps="presence", only_references=True)]] | None = None
    pinned: Annotated[str | None, WriteOnly(keeps="presence"), CannotClear("sticky")] = None
    either: Annotated[str | Named | None, WriteOnly()] = None
    told_either: Annotated[str | Named | None, WriteOnly(keeps="presence")] = None
    inner: Inner | None = None
    free: dict[str, Any] | None = None


KIND = Kind(Thing)


def want(ignore: tuple[str, ...] = (), **spec: Any) -> Desired:
    secrets = {place: value for place, value in secrets_in(spec, KIND.root) if is_reference(value)}
    return Desired(Resource(AT, spec), "t", ignore=ignore, secrets=secrets)


def have(mark: Mark | None = None, **spec: Any) -> Resource:
    return Resource(AT, spec, mark, "1", "17")


def changed(wanted: Desired, stored: Resource, **known: str) -> list[str]:
    prints = {f"/{name}": value for name, value in known.items()}
    return [found.path for found in difference(wanted, stored, KIND, prints).fields]


def marked(**fingerprints: str) -> Mark:
    return Mark("us", "t", fingerprints={f"/{name}": value for name, value in fingerprints.items()})


def test_equal_objects_do_not_differ() -> None:
    """Unset, server-owned and defaulted fields make no difference, nor does the form of what is canonical."""
    wanted = want(name="a", url="https://x", tags=["a", "b"])
    assert (
        changed(
            wanted, have(name="a", url="https://x/", tags=["b", "a"], status="ready", visible="private", project=None)
        )
        == []
    )


def test_a_change_descends_maps_and_not_lists() -> None:
    """The pointer leads as deep as maps go; a list is one value."""
    wanted = want(free={"a": {"b": 1}, "list": [1, {"x": 1}]})
    assert changed(wanted, have(free={"a": {"b": 2}, "list": [1, {"x": 2}]})) == ["/free/a/b", "/free/list"]


def test_of_a_map_that_an_update_merges_each_member_is_a_change_of_its_own() -> None:
    """Whether the map was there or not: what is not compared in it must not be written with it."""
    merging = replace(KIND, partial_update=True, merge_depth=2)

    def paths(wanted: Desired, stored: Resource) -> list[str]:
        return [found.path for found in difference(wanted, stored, merging, {}).fields]

    assert paths(want(free={"a": 1, "b": {"c": 2}}), have()) == ["/free/a", "/free/b"]
    assert paths(want(), have(free={"a": 1, "b": {"c": 2}})) == ["/free/a", "/free/b"]
    assert paths(want(free={}), have()) == ["/free"]
    sent = {"free": {"a": 1}}
    assert not_stored({}, have(**sent), merging, (), ("/free/a",)) == ("/free/a",)


def test_sides_that_are_absent_are_missing_and_not_null() -> None:
    """Absent is not null."""
    found = difference(want(name="a"), have(free={"x": None}), KIND, {}).fields
    assert [(one.path, one.before, one.after) for one in found] == [
        ("/free", {"x": None}, MISSING),
        ("/name", MISSING, "a"),
    ]


def test_a_field_taken_from_the_manifest_is_to_be_removed() -> None:
    """The manifest is the whole truth of the object."""
    assert changed(want(), have(name="a")) == ["/name"]


def test_a_server_default_is_compared_once_the_manifest_sets_it() -> None:
    """Absent means unmanaged, null means clear, a value means that value."""
    assert changed(want(), have(visible="private")) == []
    assert changed(want(visible=None), have(visible="private")) == ["/visible"]
    assert changed(want(visible="public"), have(visible="private")) == ["/visible"]
    assert excluded(want(), KIND) == ("/visible",)


def test_an_ignored_field_is_never_compared() -> None:
    """Whoever manages it elsewhere may do what they like."""
    assert (
        changed(
            want(ignore=("/name", "/free/x"), name="a", free={"x": 1, "y": 1}), have(name="b", free={"x": 2, "y": 1})
        )
        == []
    )


@pytest.mark.parametrize(
    ("wanted", "stored", "why"),
    [
        ({"project": "b"}, {"project": "a"}, "immutable"),
        ({}, {"project": "a"}, "immutable"),
        ({"project": "b"}, {}, "immutable"),
        ({}, {"tuned": "a"}, "cannot-clear"),
        ({"tuned": "b"}, {"tuned": "a"}, ""),
        ({"tuned": "b"}, {}, ""),
        ({"inner": {"free": "b"}}, {"inner": {"free": "a", "fixed": "f"}}, "immutable"),
        ({}, {"inner": {"fixed": "f"}}, "immutable"),
        ({}, {"inner": {"free": "a"}}, ""),
        ({}, {"inner": {"sticky": "a"}}, "cannot-clear"),
        ({"inner": {"free": "a"}}, {}, ""),
        ({"inner": {"fixed": "a"}}, {}, "immutable"),
    ],
)
def test_only_a_replace_can_change_what_is_immutable_or_cannot_be_cleared(
    wanted: dict[str, Any], stored: dict[str, Any], why: str
) -> None:
    """The rule counts where its own field differs, not wherever it lies near one that does."""
    found = difference(want(**wanted), have(**stored), KIND, {})
    assert found.fields
    assert found.why == why
    assert bool(found.replaces) == bool(why)


# --- secrets --------------------------------------------------------------------------------------------------


def test_a_secret_that_cannot_be_compared_is_no_change() -> None:
    """Without a fingerprint a stored secret is taken for the right one."""
    assert changed(want(silent="${env:A}"), have()) == []
    assert changed(want(told="${env:A}"), have(told=PRESENT)) == []
    assert changed(want(kept="${env:A}"), have(kept="${env:A}")) == []


def test_a_secret_that_the_registry_lacks_is_a_change() -> None:
    """Where the registry tells whether a secret is set, its absence counts."""
    assert changed(want(told="${env:A}"), have()) == ["/told"]
    assert changed(want(kept="${env:A}"), have()) == ["/kept"]


def test_a_secret_that_the_manifest_no_longer_has_is_removed() -> None:
    """As for every field. What is never read back is known to be there by its fingerprint."""
    assert changed(want(), have(told=PRESENT)) == ["/told"]
    assert changed(want(), have(kept="${env:A}")) == ["/kept"]
    assert changed(want(), have(marked(silent="0" * 16))) == ["/silent"]


def test_a_new_value_is_a_rotation() -> None:
    """Told by the fingerprint, whatever the reference is called."""
    stored = have(marked(told="1" * 16, kept="1" * 16), told=PRESENT, kept="${env:A}")
    found = difference(want(told="${env:A}", kept="${env:B}"), stored, KIND, {"/told": "2" * 16, "/kept": "1" * 16})
    assert found.rotated == ("/told",)
    assert [one.path for one in found.fields] == ["/told"]


def test_a_change_of_the_reference_alone_counts_only_where_the_value_is_not_compared() -> None:
    """The local registry keeps the text: without fingerprints that is what is compared."""
    assert changed(want(kept="${env:B}"), have(kept="${env:A}")) == ["/kept"]
    assert changed(want(kept="${env:B}"), have(marked(kept="1" * 16), kept="${env:A}"), kept="1" * 16) == []


def test_where_the_value_is_absent_rotation_cannot_be_judged() -> None:
    """There is a fingerprint and nothing to compare with it: that is said, and is no change."""
    found = difference(want(told="${env:A}"), have(marked(told="1" * 16), told=PRESENT), KIND, {})
    assert found.fields == ()
    assert found.unverified == ("/told",)


def test_a_first_fingerprint_is_kept_only_of_what_is_written() -> None:
    """Nobody knows what is stored, so the secret is written once, and from then on the fingerprint is true."""
    assert changed(want(told="${env:A}"), have(marked(), told=PRESENT), told="1" * 16) == ["/told"]
    assert changed(want(silent="${env:A}"), have(marked()), silent="1" * 16) == ["/silent"]
    assert changed(want(kept="${env:A}"), have(marked(), kept="${env:A}"), kept="1" * 16) == []


def test_rotation_can_be_asked_for() -> None:
    """`--rotate` writes every secret of the object again."""
    found = difference(want(told="${env:A}", silent="${env:B}"), have(told=PRESENT), KIND, {}, rotate=True)
    assert found.rotated == ("/silent", "/told")


def test_a_header_may_become_a_secret_and_a_secret_plain() -> None:
    """Both are changes, though one side is never shown."""
    assert changed(want(headers={"X": "${env:A}"}), have(headers={"X": "plain"})) == ["/headers/X"]
    assert changed(want(headers={"X": "plain"}), have(headers={"X": PRESENT})) != []
    assert changed(want(headers={"X": "${env:A}"}), have(headers={"X": PRESENT})) == []


def test_no_side_of_a_secret_is_shown() -> None:
    """Neither on a create nor on an update."""
    for found in (
        *created(want(told="${env:A}", name="n")),
        *difference(want(told="${env:A}"), have(), KIND, {}).fields,
    ):
        if found.path == "/told":
            assert found.sensitive
            assert found.before is MISSING
            assert found.after is MISSING


def test_a_secret_that_cannot_be_cleared_is_replaced_to_be_rid_of_it() -> None:
    """Removing it means replace; a new value does not."""
    assert difference(want(), have(pinned=PRESENT), KIND, {}).why == "cannot-clear"
    assert difference(want(pinned="${env:A}"), have(pinned=PRESENT), KIND, {}, rotate=True).why == ""


# --- marks and tokens -----------------------------------------------------------------------------------------


def test_the_hash_of_what_was_written_is_that_of_what_is_stored() -> None:
    """Else everything with a secret or a canonical form would seem to have drifted."""
    wanted = want(name="a", url="https://x", told="${env:A}", headers={"T": "${env:A}", "U": "u"}, kept="${env:K}")
    without = excluded(wanted, KIND)
    mark = Mark("us", "t", applied=applied(wanted.resource.spec, KIND, without), excluded=without)
    stored = {
        "name": "a",
        "url": "https://x/",
        "told": PRESENT,
        "headers": {"T": PRESENT, "U": "u"},
        "kept": "${env:K}",
        "visible": "x",
    }
    assert not drifted(have(mark, **stored), KIND)
    assert drifted(have(mark, **stored | {"name": "b"}), KIND)


def test_what_was_seen_does_not_depend_on_controllers() -> None:
    """Server-owned fields and revisions that move by themselves make no plan stale; ids, marks and fields do."""
    seen = observed(have(name="a", status="new"), KIND)
    assert observed(Resource(AT, {"name": "a", "status": "ready"}, None, "99", "17"), KIND) == seen
    assert observed(Resource(AT, {"name": "a"}, None, "1", "18"), KIND) != seen
    assert observed(have(marked(), name="a"), KIND) != seen
    assert observed(have(name="b"), KIND) != seen
    exact = replace(KIND, revision_is_etag=True)
    assert observed(have(name="a"), exact) != observed(Resource(AT, {"name": "a"}, None, "2", "17"), exact)


# --- reading back ---------------------------------------------------------------------------------------------


def test_only_what_was_sent_is_judged_in_read_back() -> None:
    """What the server adds is its own; what it drops or changes is not stored."""
    sent = {"name": "a", "tags": ["a"]}
    assert not_stored(sent, have(name="a", tags=["a"], visible="x", free={"y": 1}), KIND, ()) == ()
    assert not_stored(sent, have(name="b"), KIND, ()) == ("/name", "/tags")
    assert not_stored(sent, have(name="b", tags=["a"]), KIND, ("/name",)) == ()


def test_what_was_to_be_removed_and_is_still_there_is_not_stored() -> None:
    """Silence is not success, for secrets neither."""
    assert not_stored({}, have(name="a"), KIND, (), ("/name",)) == ("/name",)
    assert not_stored({}, have(told=PRESENT), KIND, (), ("/told",)) == ("/told",)
    assert not_stored({"told": "${env:A}"}, have(), KIND, ()) == ("/told",)
    assert not_stored({"silent": "${env:A}"}, have(), KIND, ()) == ()


REFERENCE = st.sampled_from(["${env:A}", "${env:B}"])
WORD = st.sampled_from(["a", "b"])
PLAIN = {
    "name": WORD,
    "url": st.sampled_from(["https://x", "https://x/", "https://y"]),
    "tags": st.lists(WORD, unique=True),
    "visible": WORD,
    "free": st.dictionaries(WORD, st.none() | st.integers(0, 1) | st.booleans(), max_size=2),
}
# the name of a secret that the registry keeps, which may stand where a secret may
NAMED = st.builds(dict, name=WORD)
SENT = st.fixed_dictionaries(
    {},
    optional=PLAIN
    | dict.fromkeys(("silent", "told", "kept"), REFERENCE)
    | dict.fromkeys(("either", "told_either"), REFERENCE | NAMED),
)
SEEN = st.fixed_dictionaries(
    {},
    optional=PLAIN
    | {"told": st.just(PRESENT), "kept": REFERENCE, "either": NAMED, "told_either": st.just(PRESENT) | NAMED},
)


@given(SENT, SEEN)
def test_an_update_that_did_nothing_is_never_taken_for_stored(sent: dict[str, Any], seen: dict[str, Any]) -> None:
    """What a plan finds to differ, reading back does, too: else a registry that drops a write is reported as done."""
    wanted, stored = want(**sent), have(**seen)
    paths = tuple(field.path for field in difference(wanted, stored, KIND, {}).fields)
    missed = not_stored(sent, stored, KIND, excluded(wanted, KIND), paths)
    assert bool(missed) == bool(paths)


# --- lists that a server adds to ------------------------------------------------------------------------------


class Shared(BaseModel):
    name: str | None = None
    members: Annotated[list[str] | None, Superset("the server adds whoever made it")] = None


SHARED = Kind(Shared)


def members(*names: str, **more: Any) -> Resource:
    return Resource(AT, {"members": list(names), **more}, id="17")


def test_what_a_server_adds_to_a_list_is_no_difference() -> None:
    """What is declared must be in it; what else is in it is left alone."""
    wanted = Desired(members("a", "b"), "t")
    assert difference(wanted, members("b", "theirs", "a"), SHARED, {}).fields == ()
    (found,) = difference(wanted, members("theirs", "a"), SHARED, {}).fields
    assert (found.path, found.before, found.after) == ("/members", ["theirs", "a"], ["a", "b"])


def test_what_a_server_adds_later_makes_no_plan_stale_and_is_no_drift() -> None:
    """It adds whenever it likes: what was seen and what was applied do not hold such a list."""
    assert observed(members("a"), SHARED) == observed(members("a", "theirs"), SHARED)
    assert observed(members("a"), SHARED) != observed(members("a", name="x"), SHARED)
    mark = Mark("us", "t", applied=applied({"members": ["a"]}, SHARED, ()))
    assert mark.applied == applied({"members": ["a", "theirs"]}, SHARED, ())
    assert not drifted(Resource(AT, {"members": ["a", "theirs"]}, mark), SHARED)
    assert drifted(Resource(AT, {"members": ["a"], "name": "x"}, mark), SHARED)


def test_what_a_server_adds_while_it_stores_is_stored_as_it_was_sent() -> None:
    """And what it leaves out of what was sent is not."""
    assert not_stored({"members": ["a"]}, members("theirs", "a"), SHARED, (), ("/members",)) == ()
    assert not_stored({"members": ["a", "b"]}, members("theirs", "a"), SHARED, ()) == ("/members",)


# --- secrets of which nobody sees anything --------------------------------------------------------------------


def test_a_secret_that_nobody_sees_is_told() -> None:
    """Without room for a mark, and without a word from the registry, nobody can tell whether it is stored."""
    unmarked = replace(KIND, markable=False)
    wanted = want(silent="${env:A}")
    assert difference(wanted, have(), unmarked, {}).unreadable_secrets == ("/silent",)
    assert difference(wanted, have(), unmarked, {}).fields == ()
    assert difference(wanted, have(silent=PRESENT), unmarked, {}).unreadable_secrets == ()
    assert difference(wanted, have(), unmarked, {}, rotate=True).unreadable_secrets == ()
    assert difference(wanted, have(), KIND, {}).unreadable_secrets == (), "a mark would say so"
    assert difference(want(told="${env:A}"), have(), unmarked, {}).unreadable_secrets == (), "its absence is told"


class Loose(BaseModel, extra="allow"):
    undeclared: ClassVar = (CannotClear("an update merges"),)

    free: str | None = None


class Around(BaseModel):
    inside: Loose | None = None


@pytest.mark.parametrize(
    ("before", "after", "replaces"),
    [
        ({"free": "x", "mine": 1}, {"mine": 1}, ()),
        ({"free": "x", "mine": 1}, {"free": "x"}, ("/inside/mine",)),
        ({"mine": 1}, {"mine": 2}, ()),
        ({}, {"mine": 1}, ()),
        ({"free": "x"}, None, ()),
        ({"mine": 1}, None, ("/inside",)),
    ],
)
def test_a_member_that_nobody_declares_follows_the_rules_of_its_object(
    before: dict[str, Any], after: dict[str, Any] | None, replaces: tuple[str, ...]
) -> None:
    """Where such members cannot be taken away, taking one away means replace, alone or with the map that holds it."""
    kind = Kind(Around)
    spec = {} if after is None else {"inside": after}
    found = difference(Desired(Resource(AT, spec), "t"), Resource(AT, {"inside": before}), kind, {})
    assert found.replaces == replaces
