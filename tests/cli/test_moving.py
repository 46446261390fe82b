"""A manifest that goes to another registry from now on: with `--prune` it is deleted in the old one once it is in the new one."""

from __future__ import annotations

import itertools

import pytest
from cli.project import Project
from registry import memory
from registry.memory_server import Behaviour, Server

_places = itertools.count(1)
PRUNE = ("apply", "--prune", "--allow-deletes", "1", "--yes")


@pytest.fixture
def two(project: Project) -> tuple[Server, Server]:
    """Two registries, and a model in the first whose manifest says the second by now."""
    servers = Server(), Server()
    urls = [f"memory://moving-{next(_places)}" for _ in servers]
    memory.SERVERS.update(zip(urls, servers, strict=True))
    entries = "".join(
        f"  {name}: {{driver: memory, url: '{url}'}}\n" for name, url in zip(("one", "two"), urls, strict=True)
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
