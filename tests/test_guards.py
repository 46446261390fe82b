"""The guards against deleting too much, at each of their boundaries."""

from __future__ import annotations

import pytest

from reconciler.planner import guards
from reconciler.planner.guards import Deletions, Limits, tripped


def names(count: int, owned: int, allowed: int | None = None, limits: Limits = Limits()) -> list[str]:
    return [guard.name for guard in tripped({"one": Deletions(count, owned)}, limits, allowed)]


@pytest.mark.parametrize(("count", "found"), [(0, []), (5, []), (6, ["max-deletes"])])
def test_more_than_max_deletes_trips(count: int, found: list[str]) -> None:
    """Five of a thousand are allowed, six are not."""
    assert names(count, 1000) == found


@pytest.mark.parametrize(
    ("count", "owned", "found"),
    [
        (2, 10, []),
        (2, 9, ["max-delete-percent"]),
        (3, 15, []),
        (3, 14, ["max-delete-percent"]),
        (5, 25, []),
        (2, 2, ["max-delete-percent"]),
    ],
)
def test_more_than_the_percentage_of_what_we_own_trips(count: int, owned: int, found: list[str]) -> None:
    """A fifth of what we owned before the run is allowed, more is not."""
    assert names(count, owned) == found


@pytest.mark.parametrize("owned", [0, 1, 2, 3])
def test_one_single_delete_never_trips_the_percentage(owned: int) -> None:
    """Else nobody could ever delete one of three."""
    assert names(1, owned) == []


def test_one_single_delete_trips_a_limit_of_none() -> None:
    """`max_deletes: 0` means what it says."""
    assert names(1, 100, limits=Limits(0, 100)) == ["max-deletes"]


def test_a_limit_of_no_percent_still_lets_one_delete_pass() -> None:
    """The percentage is about shares, and one is no share."""
    assert names(1, 100, limits=Limits(5, 0)) == []
    assert names(2, 100, limits=Limits(5, 0)) == ["max-delete-percent"]


def test_deleting_what_is_not_ours_is_measured_against_itself() -> None:
    """`state: absent` may delete unmarked objects: two of none is everything."""
    assert names(2, 0) == ["max-delete-percent"]


def test_both_limits_are_told_at_once() -> None:
    """One run tells everything that is wrong with it."""
    assert names(6, 6) == ["max-deletes", "max-delete-percent"]


@pytest.mark.parametrize(
    ("count", "allowed", "found"),
    [(7, 7, []), (7, 6, ["allow-deletes"]), (1, 0, ["allow-deletes"]), (0, 0, []), (100, 100, [])],
)
def test_allow_deletes_lifts_both_limits_up_to_its_number(count: int, allowed: int, found: list[str]) -> None:
    """At most N in the whole run, whatever the limits say."""
    assert names(count, count, allowed) == found


def test_allow_deletes_is_for_the_whole_run_and_the_limits_are_for_each_registry() -> None:
    """Five in each of two registries is allowed; with a number, ten are ten."""
    both = {"one": Deletions(5, 100), "two": Deletions(5, 100)}
    assert tripped(both, Limits(), None) == ()
    assert [guard.name for guard in tripped(both, Limits(), 9)] == ["allow-deletes"]


def test_each_registry_trips_on_its_own() -> None:
    """The message names the registry; what would lift it counts the whole run."""
    found = tripped({"one": Deletions(6, 100), "two": Deletions(1, 100)}, Limits(), None)
    assert [(guard.name, guard.override) for guard in found] == [("max-deletes", "--allow-deletes 7")]
    assert found[0].message.startswith("one: ")


@pytest.mark.parametrize(("count", "owned"), [(6, 100), (2, 2)])
def test_the_flag_that_a_guard_names_lifts_it(count: int, owned: int) -> None:
    """The exact flag and the exact number."""
    override = tripped({"one": Deletions(count, owned)}, Limits(), None)[0].override
    assert override is not None
    assert names(count, owned, int(override.removeprefix("--allow-deletes "))) == []


@pytest.mark.parametrize(
    "guard", [guards.no_documents(), guards.partial(), guards.no_owner("one"), guards.empty_source(("a: empty",))]
)
def test_some_guards_are_lifted_by_nothing(guard: guards.Guard) -> None:
    """No document, half the manifests, nobody's: no flag makes that right."""
    assert guard.override is None


def test_a_value_with_consequences_says_what_allows_it() -> None:
    """No flag does: it is written down in reconciler.yaml, where others see it."""
    guard = guards.consent("one/Model/m", "/trust", "allow_trust_remote_code", "its code runs on the server")
    assert (guard.name, guard.override) == ("allow-trust-remote-code", None)
    assert guard.message == (
        "one/Model/m sets /trust: its code runs on the server;"
        " `guards: {allow_trust_remote_code: true}` in reconciler.yaml allows it"
    )


def test_silent_sources_are_named_up_to_a_number() -> None:
    """Each with why; many of them make no message that nobody reads."""
    assert "a: empty; b: empty" in guards.empty_source(("a: empty", "b: empty")).message
    many = guards.empty_source([f"f{number}: empty" for number in range(9)]).message
    assert "f4: empty, and 4 more" in many
    assert "f5" not in many
