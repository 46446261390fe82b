"""`history`, and the way back: `get --revision` and `export --revision`, applied."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from cli.project import Project
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

KEYED = {"url": "https://llm.example.com/v1", "model": "m", "api_key": "${env:KEY}"}


@pytest.fixture
def changed(project: Project) -> Project:
    """A model that was created, changed, and changed again."""
    project.manifest("a", description="one", tags=["x"], limits={"requests_per_minute": 60})
    project.apply()
    project.manifest("a", description="two", limits={"requests_per_minute": 90})
    project.apply()
    project.manifest("a", labels={"team": "cx"})
    project.apply()
    return project


def revisions(project: Project, key: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = project.ok("history", key, "--format", "json").json("history")["revisions"]
    return rows


def spec_of(project: Project, key: str, *more: str) -> Any:
    return project.ok("get", key, *more, "--format", "json").json("get")["spec"]


def bring_back(project: Project, key: str, number: str) -> None:
    """Apply the exported manifest of a revision in the place of the manifest of today."""
    project.ok("export", key, "--revision", number, "-o", f"manifests/{key}.yaml", "--force")
    project.apply()
    assert project.plan() == {}


def test_each_revision_tells_the_fields_that_it_changed(changed: Project) -> None:
    """Before and after of each, in the direction of time; the first has one for each field."""
    third, second, first = revisions(changed, "a")
    assert [field["path"] for field in first["fields"]] == ["/description", "/endpoint", "/limits", "/tags", "/task"]
    assert all("before" not in field for field in first["fields"])
    assert second["fields"] == [
        {"path": "/description", "before": "one", "after": "two", "sensitive": False},
        {"path": "/limits/requests_per_minute", "before": 60, "after": 90, "sensitive": False},
        {"path": "/tags", "before": ["x"], "sensitive": False},
    ]
    assert [(field["path"], "after" in field) for field in third["fields"]] == [
        ("/description", False),
        ("/labels", True),
        ("/limits", False),
    ]
    text = changed.ok("history", "a").out
    assert "~ /limits/requests_per_minute:  60 → 90" in text
    assert "- /limits:" in text


def test_a_rename_and_a_protection_are_told(project: Project) -> None:
    """The key of each time, the action, and the change of the mark alone."""
    project.manifest("old")
    project.apply()
    project.remove("old")
    project.manifest("new", previous_keys=["old"], protected=True)
    project.apply()
    newest, first = revisions(project, "new")
    assert [(row["action"], row["key"], row["protected"]) for row in (newest, first)] == [
        ("rename", "new", True),
        ("create", "old", False),
    ]
    assert "~ protected: false → true" in project.ok("history", "new").out


def test_no_secret_is_in_a_history(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new reference, and a credential in an address: each is a change, none is shown."""
    monkeypatch.setenv("KEY", "s3cret-one")
    project.manifest("a", endpoint=KEYED)
    project.apply()
    monkeypatch.setenv("OTHER", "s3cret-two")
    project.manifest("a", endpoint={**KEYED, "api_key": "${env:OTHER}"})
    project.apply()
    project.spoil("a", description="https://me:hunter2@llm.example.com/v1?api_key=hunter3")
    rows = revisions(project, "a")
    assert {"path": "/endpoint/api_key", "sensitive": True} in rows[0]["fields"]
    told = project.ok("history", "a", "--full").out + json.dumps(rows) + project.ok("get", "a", "--revision", "2").out
    assert not [word for word in ("s3cret", "hunter2", "hunter3") if word in told]


def test_a_revision_comes_back(changed: Project) -> None:
    """Exported and applied, the object is what it was, and the next plan is empty; so is the way forth again."""
    past = {number: spec_of(changed, "a", "--revision", number) for number in "123"}
    assert past["3"] == spec_of(changed, "a")
    for number in "132":
        bring_back(changed, "a", number)
        assert spec_of(changed, "a") == past[number]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    states=st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "description": st.sampled_from(["one", "${x", "three\nlines\n", "é"]),
                "tags": st.lists(st.sampled_from("abc"), unique=True, max_size=3),
                "metadata": st.dictionaries(
                    st.sampled_from("pq"), st.one_of(st.integers(0, 3), st.just("x")), max_size=2
                ),
                "limits": st.just({"max_concurrency": 4}),
                "endpoint": st.just(KEYED),
            },
        ),
        min_size=2,
        max_size=4,
    ),
    data=st.data(),
)
def test_whatever_it_was_it_comes_back(
    project: Project, monkeypatch: pytest.MonkeyPatch, states: list[dict[str, Any]], data: st.DataObject
) -> None:
    """Any earlier state, also of what was deleted since: applied again it is equal, and nothing is left to do."""
    monkeypatch.setenv("KEY", "s3cret")
    (project.root / "registry.db").unlink(missing_ok=True)
    escaped = [
        {**state, "description": state["description"].replace("${", "$${")} if "description" in state else state
        for state in states
    ]
    for state in escaped:
        project.manifest("a", **state)
        project.apply()
    rows = revisions(project, "a")
    if data.draw(st.booleans(), label="deleted"):
        project.ok("delete", "a", "--yes")
    row = data.draw(st.sampled_from(rows), label="revision")
    bring_back(project, "a", row["revision"])
    assert spec_of(project, "a") == row["spec"]


def test_a_rename_in_between_is_not_undone(project: Project) -> None:
    """The fields come back under the key of today, however the object is named; nothing is made or deleted."""
    project.manifest("old", description="one")
    project.apply()
    project.remove("old")
    project.manifest("new", previous_keys=["old"], description="two")
    project.apply()
    for key in ("new", "old"):
        answer = project.ok("export", key, "--revision", "1")
        assert yaml.safe_load(answer.out)["key"] == "new"
        assert "old is called new today" in answer.err
    assert project.ok("get", "new", "--revision", "1", "--format", "json").json("get")["address"] == "local/Model/old"
    bring_back(project, "new", "1")
    assert project.keys() == ["new"]
    assert spec_of(project, "new")["description"] == "one"


@pytest.mark.parametrize("now", [True, False])
def test_protection_is_that_of_today(project: Project, now: bool) -> None:
    """An old revision neither lifts a protection that was set since, nor sets one that was lifted."""
    project.manifest("a", description="one", protected=not now)
    project.apply()
    project.manifest("a", description="two", protected=now)
    project.apply()
    manifest = yaml.safe_load(project.ok("export", "a", "--revision", "1").out)
    assert (manifest["description"], manifest.get("protected", False)) == ("one", now)


def test_what_was_deleted_and_made_again_has_one_history(project: Project) -> None:
    """Numbers go on, so every state is reachable by one; the deletion's is what was deleted."""
    project.manifest("a", description="first life")
    project.apply()
    project.ok("delete", "a", "--yes")
    project.manifest("a", description="second life")
    project.apply()
    assert [(row["revision"], row["action"]) for row in revisions(project, "a")] == [
        ("3", "create"),
        ("2", "delete"),
        ("1", "create"),
    ]
    assert spec_of(project, "a", "--revision", "1")["description"] == "first life"
    answer = project.ok("export", "a", "--revision", "2")
    assert yaml.safe_load(answer.out)["description"] == "first life"
    assert "revision 2 is the deletion" in answer.err


def test_a_number_of_two_objects_is_refused(project: Project) -> None:
    """What an older version counted twice is never guessed: both states are named, with the way to either."""
    project.manifest("a", description="first life")
    project.apply()
    project.ok("delete", "a", "--yes")
    project.manifest("a", description="second life")
    project.apply()
    project.sql("UPDATE object SET revision = 1 WHERE id = 2")
    project.sql("UPDATE revision SET revision = 1 WHERE object_id = 2")
    answer = project.run("get", "a", "--revision", "1")
    assert answer.code == 1
    assert "is 2 of them" in answer.err
    assert "--format json" in answer.err


@pytest.mark.parametrize("command", ["get", "export"])
def test_a_revision_that_is_not_there_is_an_error_that_names_the_others(changed: Project, command: str) -> None:
    """With those that exist; and so is a key that never was."""
    answer = changed.run(command, "a", "--revision", "7")
    assert (answer.code, answer.out) == (1, "")
    assert "local/Model/a has no revision '7'" in answer.err
    assert "there is: 3, 2, 1" in answer.err
    assert changed.run(command, "never", "--revision", "1").code == 1


def test_a_revision_that_cannot_be_read_is_never_exported(changed: Project) -> None:
    """An empty manifest would take every field away."""
    changed.sql("UPDATE revision SET spec = 'nonsense' WHERE revision = 2")
    for command in ("get", "export"):
        answer = changed.run(command, "a", "--revision", "2")
        assert (answer.code, answer.out) == (1, "")
        assert "cannot be read: not JSON" in answer.err
    assert "! it cannot be read: not JSON" in changed.ok("history", "a").out


def test_export_of_a_revision_overwrites_nothing(changed: Project) -> None:
    """A file stays without --force; several objects are a usage error."""
    before = Path("manifests/a.yaml").read_text()
    assert changed.run("export", "a", "--revision", "1", "-o", "manifests/a.yaml").code == 1
    assert Path("manifests/a.yaml").read_text() == before
    assert changed.run("export", "--all", "--revision", "1").code == 64
    assert changed.run("export", "a", "b", "--revision", "1").code == 64


@pytest.mark.parametrize(
    "words", [("history", "KEY"), ("get", "KEY", "--revision", "1"), ("export", "KEY", "--revision", "1")]
)
def test_a_registry_without_a_history_says_so(project: Project, words: tuple[str, ...]) -> None:
    """By name, whether the key or the address was given, and where else to look."""
    project.write(
        "reconciler.yaml", "owner: us\nregistries:\n  mem: {driver: memory, url: 'memory://none', default: true}\n"
    )
    for key in ("a", "mem/Model/a"):
        answer = project.run(*(key if word == "KEY" else word for word in words))
        assert answer.code == 1
        assert "mem keeps no history" in answer.err
        assert "git log" in answer.err


def test_other_registries_of_the_model_are_told(project: Project) -> None:
    """The exported manifest is of one registry: in the place of one that names two, it would orphan the other's object."""
    project.write(
        "reconciler.yaml",
        "owner: us\nregistries:\n  local: {driver: local, path: registry.db, default: true}\n"
        "  second: {driver: local, path: second.db, default: true}\n",
    )
    project.manifest("a", description="one")
    project.apply()
    answer = project.ok("export", "local/Model/a", "--revision", "1")
    assert yaml.safe_load(answer.out)["registries"] == {"local": {}}
    assert "declared for second too" in answer.err
