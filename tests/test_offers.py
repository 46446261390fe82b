"""What a registry's platform has ready: it is created with what names it, and otherwise left where it is."""

from __future__ import annotations

from dataclasses import replace

from reconciler.core.resource import Address, Desired, DesiredState, Listing, RemoteState, Resource
from reconciler.planner.matching import add_builtins

READY = Address("one", "Adapter", "ready")
OFFER = Resource(READY, {"code": "x"})


def naming(target: Address | None = READY, *, absent: bool = False, key: str = "m") -> Desired:
    """A model that names an adapter."""
    references = {} if target is None else {"/adapter": target}
    return Desired(Resource(Address("one", "Model", key), {}), key, absent=absent, references=references)


def state(*items: Desired) -> DesiredState:
    return DesiredState(items, frozenset(item.address for item in items), True, len(items))


def remote(*stored: Resource, offered: tuple[Resource, ...] = (OFFER,)) -> RemoteState:
    return RemoteState({"one": Listing(stored, (), offered)}, {})


def test_what_is_named_and_offered_is_desired() -> None:
    """Once, whoever names it, in its place among the others, and declared, so that it is no orphan."""
    before = state(naming(), naming(key="n"))
    after = add_builtins(before, remote())
    assert [str(item.address) for item in after.resources] == ["one/Adapter/ready", "one/Model/m", "one/Model/n"]
    assert after.resources[0] == Desired(OFFER, "ready")
    assert after.declared == before.declared | {READY}
    assert (after.complete, after.documents) == (True, 2)


def test_what_nobody_names_is_left_on_offer() -> None:
    """Nor is it created for what is to go."""
    for item in (naming(None), naming(READY._replace(key="other")), naming(READY._replace(registry="two"))):
        assert add_builtins(state(item), remote()) == state(item)
    assert add_builtins(state(naming(absent=True)), remote()) == state(naming(absent=True))
    assert add_builtins(state(naming()), remote(offered=())) == state(naming())


def test_what_is_there_already_or_declared_is_not_offered_again() -> None:
    """Whatever the registry has, or a manifest says, counts, and not what the platform would make of it."""
    assert add_builtins(state(naming()), remote(replace(OFFER, id="7"))) == state(naming())
    own = Desired(Resource(READY, {"code": "mine"}), "ready")
    assert add_builtins(state(own, naming()), remote()) == state(own, naming())
    elsewhere = replace(state(naming()), declared=frozenset({READY}))  # a selection left it out
    assert add_builtins(elsewhere, remote()) == elsewhere
