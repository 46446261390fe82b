"""What a registry holds and cannot be read is there all the same: no command that looks calls it gone."""

from __future__ import annotations

import itertools

import pytest
import yaml
from cli.project import Project
from registry.memory import server
from registry.memory_server import Behaviour, Server

_places = itertools.count(1)
WHY = "a row that makes no sense"


@pytest.fixture
def place(project: Project) -> Server:
    """The server of `mem`, with the model `fine` and the model `odd`, which cannot be read. Beside it there is a local registry."""
    url = f"memory://unreadable-{next(_places)}"
    project.write(
        "reconciler.yaml",
        "owner: us\nregistries:\n  local: {driver: local, path: registry.db, default: true}\n"
        f"  mem: {{driver: memory, url: '{url}'}}\n",
    )
    there = server(url)
    there.put("Model", "fine", {"display_name": "Fine"})
    there.put("Model", "odd", {"display_name": "Odd"})
    there.become(Behaviour(broken=frozenset({"odd"})))
    return there


@pytest.mark.parametrize("key", ["odd", "mem/Model/odd"])
@pytest.mark.parametrize("words", [("get",), ("delete", "--yes"), ("export",), ("export", "fine"), ("test",)])
def test_what_cannot_be_read_is_there(project: Project, place: Server, words: tuple[str, ...], key: str) -> None:
    """By key and by address: the registry, what it holds and why that cannot be read, with 1; nothing is written."""
    answer = project.run(*words, key)
    assert (answer.code, answer.out) == (1, ""), answer.both
    assert f"error: mem holds 'odd' in a form that cannot be read: {WHY}\nhint: mend it in mem" in answer.err
    assert "no registry" not in answer.err
    assert place.writes == []
    if words[0] != "export":
        error = project.run(*words, key, "--format", "json").json("error")["error"]
        assert error["code"] == "registry"


def test_what_is_declared_and_cannot_be_read_is_not_new(project: Project, place: Server) -> None:
    """`apply` would not create it, so `test` does not say so; also where the manifest has another key."""
    for key, terms in (("odd", {}), ("other", {"key": "odd"})):
        project.manifest(key, registries={"mem": terms}, endpoint=None)
        answer = project.run("test", key)
        assert (answer.code, "holds it yet" in answer.err) == (1, False), answer.err
        assert f"mem holds 'odd' in a form that cannot be read: {WHY}" in answer.err
        project.remove(key)


@pytest.mark.parametrize("words", [("get",), ("delete", "--yes"), ("export",), ("test",)])
def test_a_row_without_a_key_may_be_what_is_asked_for(project: Project, place: Server, words: tuple[str, ...]) -> None:
    """Nobody can say that it is not; what can be read is answered as ever."""
    place.become(Behaviour(nameless=True))
    answer = project.run(*words, "gone")
    assert answer.code == 1
    assert "mem holds something that cannot be read and may be 'gone': a row without a key" in answer.err
    assert "no registry" not in answer.err
    assert project.run("get", "local/Model/gone").err.startswith("error: no registry holds 'local/Model/gone'")
    project.ok("get", "fine")


def test_what_can_be_read_is_in_nobody_s_way(project: Project, place: Server) -> None:
    """A row beside it that cannot be read changes nothing for the others, and what is nowhere is nowhere."""
    assert project.ok("get", "fine", "--format", "json").json("get")["address"] == "mem/Model/fine"
    project.ok("test", "fine")
    project.ok("export", "fine")
    assert "no registry holds 'gone'" in project.run("get", "gone").err


@pytest.mark.parametrize("output", ["yaml", "json"])
def test_export_of_all_says_what_it_leaves_out(project: Project, place: Server, output: str) -> None:
    """It writes what it can, warns of each row, and ends with 5: something is missing. On stdout and in files."""
    answer = project.run("export", "--all", "--format", output)
    documents = [yaml.safe_load(answer.out)] if output == "yaml" else answer.json()["manifests"]
    assert (answer.code, [document["key"] for document in documents]) == (5, ["fine"])
    warning = f"warning: mem holds something that cannot be read: Model/odd: {WHY}"
    assert answer.err.splitlines() == [warning]
    answer = project.run("export", "--all", "--format", output, "-o", "out")
    assert (answer.code, answer.err.splitlines()) == (5, ["1 manifest written", warning])
    assert [path.name for path in project.root.glob("out/**/*.*")] == [f"fine.{output}"]


def test_an_export_of_nothing_that_can_be_read(project: Project, place: Server) -> None:
    """The registries are not called empty."""
    place.become(Behaviour(broken=frozenset({"odd", "fine"}), nameless=True))
    answer = project.run("export", "--all")
    assert (answer.code, answer.out, "empty" in answer.err) == (5, "", False)
    assert answer.err.count("warning: mem holds something that cannot be read: ") == 3


def test_list_tells_machines_what_cannot_be_read(project: Project, place: Server) -> None:
    """With registry, kind, key and why, as far as they are known; the list is always there."""
    place.become(Behaviour(broken=frozenset({"odd"}), nameless=True))
    data = project.ok("list", "--format", "json").json("list")
    assert [row["key"] for row in data["resources"]] == ["fine"]
    assert data["unreadable"] == [
        {"registry": "mem", "kind": None, "key": None, "message": "a row without a key"},
        {"registry": "mem", "kind": "Model", "key": "odd", "message": WHY},
    ]
    place.become(Behaviour())
    assert project.ok("list", "--format", "json").json("list")["unreadable"] == []


def test_a_list_of_nothing_that_can_be_read(project: Project, place: Server) -> None:
    """What cannot be read is not nothing."""
    place.become(Behaviour(broken=frozenset({"odd", "fine"})))
    answer = project.ok("list")
    assert answer.out == "Nothing is there that can be read.\n"
    assert f"warning: mem holds something that cannot be read: Model/odd: {WHY}" in answer.err
