"""From a pydantic model class to the tree of its rules: what two variants of one object may say."""

from __future__ import annotations

from typing import Annotated, ClassVar

import pytest
from pydantic import BaseModel

from reconciler.core.kind import Kind
from reconciler.core.rule_tree import rules_of
from reconciler.core.rules import (
    RULES,
    CannotClear,
    Default,
    Immutable,
    NeedsConsent,
    Ref,
    ServerDefault,
    Superset,
    WriteOnly,
)
from reconciler.core.spec import left_to_server
from reconciler.registry import catalog


class Plain(BaseModel):
    url: str | None = None
    secret: Annotated[str | None, WriteOnly()] = None
    mode: Annotated[str | None, Default("plain", "so its client has it")] = None


class Hosted(BaseModel):
    provider: Annotated[str | None, Ref("Provider")] = None
    secret: Annotated[str | None, WriteOnly()] = None
    mode: str | None = None


class Fixed(BaseModel):
    url: Annotated[str | None, Immutable("once")] = None


class Silent(BaseModel):
    secret: str | None = None


def test_a_union_has_the_members_of_every_variant() -> None:
    """Each with its rules; what is there where a member is absent may differ from variant to variant."""

    class Thing(BaseModel):
        how: Plain | Hosted | None = None

    how = rules_of(Thing).children["how"]
    assert set(how.children) == {"url", "secret", "mode", "provider"}
    assert how.children["provider"].rule(Ref) is not None
    assert how.children["secret"].secret is not None
    assert [name for name, _ in how.defaulted] == ["mode"]
    assert how.holds_secrets
    assert how.holds_references


@pytest.mark.parametrize(("one", "other", "name"), [(Plain, Fixed, "url"), (Plain, Silent, "secret")])
def test_two_variants_that_say_different_things_of_a_member_are_a_mistake(
    one: type[BaseModel], other: type[BaseModel], name: str
) -> None:
    """Nobody knows which variant an object is of while it is compared: told when the driver is imported, whichever comes first."""
    for first, second in ((one, other), (other, one)):
        thing = type("Thing", (BaseModel,), {"__annotations__": {"how": first | second | None}, "how": None})
        with pytest.raises(TypeError, match=f"two variants say different things of '{name}'"):
            rules_of(thing)


def test_where_the_rules_are_is_known_beforehand() -> None:
    """The paths of lists that a server adds to, of values with consequences, and of what it defaults."""

    class Inner(BaseModel):
        risky: Annotated[bool | None, NeedsConsent(True, "allow_it", "it runs")] = None
        shared: Annotated[list[str] | None, Superset("it adds")] = None

    class Thing(BaseModel):
        inner: Inner | None = None
        name: Annotated[str | None, ServerDefault("x")] = None

    root = rules_of(Thing)
    assert root.consent_paths == (("inner", "risky"),)
    assert root.shared_lists == (("inner", "shared"),)
    assert root.holds_defaults
    assert not root.children["inner"].holds_defaults


class Open(BaseModel, extra="allow"):
    undeclared: ClassVar = (CannotClear("an update merges"),)

    note: str | None = None
    rank: Annotated[str | None, ServerDefault("the server fills it in")] = None


class Holder(BaseModel):
    inside: Open | None = None
    either: Open | Plain | None = None


def test_members_that_an_open_object_does_not_declare_have_rules_too() -> None:
    """Those that its class gives them, wherever it stands; a declared member keeps its own."""
    root = rules_of(Holder)
    for place in ("inside", "either"):
        found, declared = root.find((place, "anything")), root.find((place, "note"))
        assert found is not None
        assert found.rule(CannotClear) is not None
        assert declared is not None
        assert declared.rule(CannotClear) is None


def test_what_the_server_defaults_is_found_beside_undeclared_members() -> None:
    """A declared member that is not set is left to the server, whatever else is there."""
    assert left_to_server({"inside": {"anything": 1}}, rules_of(Holder)) == ("/inside/rank", "/either/rank")


@pytest.mark.parametrize(
    "kind",
    [
        pytest.param(kind, id=f"{name}/{kind.name}")
        for name in catalog.names()
        for kind in catalog.load_driver(name).kinds.values()
    ],
)
def test_a_walk_that_passes_over_what_holds_no_rule_misses_none(kind: Kind) -> None:
    """`held` names the type of every rule at or below a node, also of one that is a form of another (`OpenChoice`)."""
    for _, node in kind.root.walk():
        for rule in RULES:
            asked = any(below.rule(rule) is not None for _, below in node.walk())
            assert (rule in node.held) == asked, rule
