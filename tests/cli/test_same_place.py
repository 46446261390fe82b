"""`--prune` where two entries of reconciler.yaml may be one place: also where one of them is left out by `--registry`."""

from __future__ import annotations

import json

import pytest
from cli.project import Project
from registry import memory
from registry.memory_server import Behaviour, Server

CONFIG = """\
owner: team
registries:
  one: {driver: memory, url: 'memory://cli-one'}
  two: {driver: memory, url: 'memory://cli-two'}
"""
ONE = ("--registry", "one")


@pytest.fixture
def shared(project: Project) -> Server:
    """One server under two addresses, with a model that goes to the first and one that goes to the second."""
    server = Server()
    memory.SERVERS.update({"memory://cli-one": server, "memory://cli-two": server})
    project.write("reconciler.yaml", CONFIG)
    project.manifest("a", registries={"one": {}})
    project.manifest("b", registries={"two": {}})
    project.apply()
    return server


def guards(project: Project, *words: str) -> list[str]:
    plan = project.run("plan", "--prune", "--format", "json", *words).json("plan")
    assert all(guard["name"] == "same-place" for guard in plan["guards"])
    return [guard["message"] for guard in plan["guards"]]


@pytest.mark.parametrize("words", [(), ONE])
def test_nothing_is_pruned_that_is_declared_under_the_other_name(
    project: Project, shared: Server, words: tuple[str, ...]
) -> None:
    answer = project.run("apply", "--prune", "--yes", *words)
    assert (answer.code, shared.keys("Model")) == (4, ["a", "b"])
    assert "two and one hold the same objects" in guards(project, *words)[0]


def test_what_an_entry_that_is_left_out_declares_is_not_pruned_where_it_cannot_be_read(
    project: Project, shared: Server
) -> None:
    """Nobody knows whether it is the same place; the message says what to do."""
    other = Server()
    other.become(Behaviour(incomplete=True))
    memory.SERVERS["memory://cli-two"] = other
    (message,) = guards(project, *ONE)
    assert "two, which was not read" in message
    assert "leave out --registry" in message
    assert project.run("apply", "--prune", "--yes", *ONE).code == 4
    assert shared.keys("Model") == ["a", "b"]


def test_two_places_are_pruned_together_or_alone(project: Project, shared: Server) -> None:
    """A model that was in both and goes to one alone from now on; an entry without such a model is not even read."""
    other = Server()
    memory.SERVERS["memory://cli-two"] = other
    project.apply()
    assert guards(project) == guards(project, *ONE) == []
    other.calls.clear()
    shared.rows = {row.id: row for row in shared.rows.values() if not row.key.endswith("b")}
    assert guards(project, *ONE) == []
    assert other.calls == []


def test_a_false_alarm_has_a_way_out(project: Project, shared: Server) -> None:
    """Two places that nothing tells apart: the message names the command that deletes the one object."""
    twin = Server()
    twin.rows, twin._ids = dict(shared.rows), shared._ids
    memory.SERVERS["memory://cli-two"] = twin
    (first, _) = guards(project)
    assert "`reconciler delete one/Model/b`" in first
    deleted = project.run("delete", "one/Model/b", "--yes", "--format", "json")
    assert (deleted.code, json.loads(deleted.out)["summary"]["deleted"]) == (0, 2)
    assert (shared.keys("Model"), twin.keys("Model")) == (["a"], ["a", "b"])
