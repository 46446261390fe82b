"""`reconciler delete` and the manifests: what they protect stays, and what they declare comes back."""

from __future__ import annotations

import itertools

import pytest
from cli.project import Project
from registry.memory import server
from registry.memory_server import Server

_places = itertools.count(1)


@pytest.fixture
def place(project: Project, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server of `mem`, whose notes and secrets have no room for a mark."""
    url = f"memory://delete-{next(_places)}"
    project.write(
        "reconciler.yaml", f"owner: us\nregistries:\n  mem: {{driver: memory, url: '{url}', default: true}}\n"
    )
    monkeypatch.setenv("KEY", "s3cret-key")
    return server(url)


def note(project: Project, protected: str) -> None:
    project.write("manifests/n.yaml", f"kind: memory/Note\nkey: n\ntext: x\nprotected: {protected}\n")


def test_a_manifest_protects_what_has_no_room_for_a_mark(project: Project, place: Server) -> None:
    """4, with the place of the protection; the object stays. Once the manifest says so, it goes."""
    note(project, "true")
    project.apply()
    answer = project.run("delete", "n", "--yes", "--format", "json")
    assert answer.code == 4, answer.both
    (outcome,) = answer.json("apply")["outcomes"]
    assert (outcome["address"], outcome["status"], outcome["reason"]) == ("mem/Note/n", "blocked", "protected")
    answer = project.run("delete", "n", "--yes")
    assert answer.code == 4
    assert "its manifest protects it: set `protected: false` in manifests/n.yaml:1" in answer.out
    assert place.keys("Note") == ["n"]
    note(project, "false")
    assert project.ok("delete", "n", "--yes").err.startswith("warning: manifests/n.yaml:1 still declares it")
    assert place.keys("Note") == []


def test_a_protection_counts_before_it_is_applied(project: Project, place: Server) -> None:
    """Also where the registry has room for the mark, and does not have it yet: what stands beside the model stays too."""
    endpoint = {"url": "https://llm.example.com/v1", "model": "m", "api_key": "${env:KEY}"}
    project.manifest("chat", endpoint=endpoint)
    project.apply()
    project.manifest("chat", endpoint=endpoint, protected=True)
    before = list(place.writes)
    answer = project.run("delete", "chat", "--yes")
    assert (answer.code, "its manifest protects it" in answer.out) == (4, True), answer.both
    report = project.run("delete", "chat", "--yes", "--format", "json").json("apply")
    assert {row["address"].split("/")[1]: (row["status"], row["reason"]) for row in report["outcomes"]} == {
        "Model": ("blocked", "protected")
    }
    assert place.writes == before


def test_what_a_manifest_protects_does_not_go_with_a_model(project: Project, place: Server) -> None:
    """The secret that it protects stays, and so does what refers to it; the model, which nothing protects, goes."""
    endpoint = {"url": "https://llm.example.com/v1", "model": "m", "api_key": "${env:KEY}"}
    project.manifest("chat", endpoint=endpoint)
    project.apply()
    project.remove("chat")
    project.write(
        "manifests/secret.yaml",
        "kind: memory/Secret\nkey: reconciler-chat-api-key\nvalue: ${env:KEY}\nprotected: true\n",
    )
    answer = project.run("delete", "mem/Model/chat", "--yes")
    assert answer.code == 4
    assert (place.keys("Model"), place.keys("Secret")) == ([], ["reconciler-chat-api-key"])


@pytest.mark.parametrize("why", ["protected", "referenced"])
def test_what_stays_is_not_said_to_come_back(project: Project, place: Server, why: str) -> None:
    """A delete that was blocked deletes nothing, so the next apply creates nothing."""
    if why == "protected":
        project.manifest("a", protected=True)
    else:
        project.write("manifests/a.yaml", "kind: memory/Adapter\nkey: a\ncode: x = 1\n")
        project.write("manifests/m.yaml", "kind: memory/Model\nkey: m\nadapter: a\n")
    project.apply()
    answer = project.run("delete", "a", "--yes")
    assert (answer.code, answer.err) == (4, ""), answer.both


def test_nothing_is_deleted_while_a_manifest_has_a_mistake(project: Project, place: Server) -> None:
    """It may be the one that protects the object: 1, with the place of the mistake."""
    note(project, "true")
    project.apply()
    path = project.root / "manifests/n.yaml"
    path.write_text(path.read_text().replace("text:", "txet:"))
    answer = project.run("delete", "n", "--yes")
    assert answer.code == 1, answer.both
    assert "manifests/n.yaml:3:1" in answer.err
    assert project.ok("list").out.count("mem/Note/n") == 1
    path.unlink()
    project.ok("delete", "n", "--yes")
