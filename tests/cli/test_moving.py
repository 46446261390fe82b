"""A manifest that goes to another registry from now on: with `--prune` it is deleted in the old one once it is in the new one."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from cli.project import Project
from registry import memory
from registry.memory_server import Behaviour, Server

_places = itertools.count(1)
PRUNE = ("apply", "--prune", "--allow-deletes", "1", "--yes")


@pytest.fixture(params=["memory", "memory-exact"])
def two(project: Project, request: pytest.FixtureRequest) -> tuple[Server, Server]:
    """Two registries, of one driver or two, and a model in the first whose manifest says the second by now."""
    servers = Server(), Server()
    urls = [f"memory://moving-{next(_places)}" for _ in servers]
    memory.SERVERS.update(zip(urls, servers, strict=True))
    entries = "".join(
        f"  {name}: {{driver: {driver}, url: '{url}'}}\n"
        for name, driver, url in zip(("one", "two"), ("memory", request.param), urls, strict=True)
    )
    project.write("reconciler.yaml", f"owner: team\nregistries:\n{entries}")
    project.manifest("a", registries={"one": {}})
    project.manifest("stays", registries={"one": {}, "two": {}})
    project.apply()
    project.manifest("a", registries={"two": {}})
    return servers


def deletes(project: Project, allowed: int) -> dict[str, list[str]]:
    """What a plan deletes, models alone, and what each delete waits for."""
    words = ("plan", "--prune", "--allow-deletes", str(allowed), "--format", "json")
    changes = project.run(*words).json("plan")["changes"]
    return {
        one["address"]: one["depends_on"]
        for one in changes
        if one["action"] == "delete" and "/Model/" in one["address"]
    }


def test_it_is_created_before_it_is_deleted(project: Project, two: tuple[Server, Server]) -> None:
    one, other = two
    assert deletes(project, 1) == {"one/Model/a": ["two/Model/a"]}
    told = "its manifest goes to two/Model/a: it is deleted here after that"
    assert told in project.run("plan", "--prune", "--allow-deletes", "1").out
    assert project.run(*PRUNE).code == 0
    assert (one.keys("Model"), other.keys("Model")) == (["stays"], ["a", "stays"])
    assert deletes(project, 1) == {}


def test_where_it_cannot_be_created_it_stays_where_it_was(project: Project, two: tuple[Server, Server]) -> None:
    one, other = two
    other.become(Behaviour(refuses={"a": 1}))
    answer = project.run(*PRUNE)
    assert (answer.code, one.keys("Model"), other.keys("Model")) == (5, ["a", "stays"], ["stays"])
    assert "two/Model/a was not done, and this depends on it" in answer.out + answer.err
    assert project.run(*PRUNE).code == 0
    assert (one.keys("Model"), other.keys("Model")) == (["stays"], ["a", "stays"])


def test_where_its_key_is_anothers_it_stays_where_it_was(project: Project, two: tuple[Server, Server]) -> None:
    """The plan says so before anything is done."""
    one, other = two
    stranger = other.put("Model", "a", {"display_name": "a stranger's"}, {"owner": "strangers", "key": "a"})
    assert deletes(project, 1) == {}
    answer = project.run(*PRUNE)
    assert "it moves to two/Model/a, which is blocked or in conflict" in answer.out
    assert one.keys("Model") == ["a", "stays"]
    assert stranger.data["display_name"] == "a stranger's"


def test_one_that_was_in_both_is_deleted_once_it_is_in_sync_in_the_other(
    project: Project, two: tuple[Server, Server]
) -> None:
    project.manifest("stays", registries={"two": {}})
    assert deletes(project, 2)["one/Model/stays"] == []
    project.manifest("stays", registries={"two": {}}, display_name="changed")
    assert deletes(project, 2)["one/Model/stays"] == ["two/Model/stays"]


def test_one_whose_key_changes_on_the_way_waits_too(project: Project, two: tuple[Server, Server]) -> None:
    """The manifest of the old key is the one that goes to the other registry under the new one."""
    project.remove("a")
    project.manifest("b", previous_keys=["a"], registries={"two": {}})
    assert deletes(project, 1) == {"one/Model/a": ["two/Model/b"]}


# --- a run that leaves the new registry out -------------------------------------------------------------------

ALONE = ("--registry", "one", "--prune", "--allow-deletes", "2")


def test_it_stays_while_the_other_registry_does_not_hold_it(project: Project, two: tuple[Server, Server]) -> None:
    one, other = two
    before = one.keys("Model"), one.keys("Provider")
    told = "one/Model/a stays: it goes to two/Model/a, which does not hold it as its manifest says"
    assert told in project.ok("plan", *ALONE).both
    assert told in project.ok("apply", *ALONE, "--yes").both
    assert (one.keys("Model"), one.keys("Provider")) == before
    project.apply("--registry", "two")
    project.apply(*ALONE)
    assert (one.keys("Model"), one.keys("Provider")) == (["stays"], ["reconciler-stays"])
    assert other.keys("Model") == ["a", "stays"]
    assert "stays:" not in project.ok("plan", *ALONE).both


def test_it_stays_while_the_other_registry_holds_something_else_of_that_key(
    project: Project, two: tuple[Server, Server]
) -> None:
    """Another owner's object, or ours of another content: neither is what moves."""
    one, other = two
    other.put("Model", "a", {"display_name": "a stranger's"}, {"owner": "strangers", "key": "a"})
    assert "one/Model/a stays" in project.ok("apply", *ALONE, "--yes").both
    assert one.keys("Model") == ["a", "stays"]


def test_it_stays_while_the_other_registry_cannot_be_read(project: Project, two: tuple[Server, Server]) -> None:
    """One of the same driver may be the same place: then nothing at all is done."""
    one, other = two
    project.apply("--registry", "two")
    other.become(Behaviour(incomplete=True))
    answer = project.run("apply", *ALONE, "--yes")
    if "memory-exact" in Path("reconciler.yaml").read_text():
        assert answer.code == 0
        assert "one/Model/a stays: it goes to two/Model/a, which cannot be read" in answer.both
    else:
        assert answer.code == 4
        assert "same-place" in answer.both
    assert one.keys("Model") == ["a", "stays"]
    other.become(Behaviour())
    project.apply(*ALONE)
    assert one.keys("Model") == ["stays"]


def test_what_goes_nowhere_is_deleted_whatever_the_other_registry_does(
    project: Project, two: tuple[Server, Server]
) -> None:
    """It is not even asked."""
    one, other = two
    before = len(other.calls)
    project.remove("a")
    project.apply(*ALONE)
    assert len(other.calls) == before
    assert one.keys("Model") == ["stays"]


def test_one_that_is_renamed_on_the_way_stays_too(project: Project, two: tuple[Server, Server]) -> None:
    one, _ = two
    project.remove("a")
    project.manifest("b", previous_keys=["a"], registries={"two": {}})
    assert "one/Model/a stays: it goes to two/Model/b" in project.ok("apply", *ALONE, "--yes").both
    assert one.keys("Model") == ["a", "stays"]
