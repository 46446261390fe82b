"""A project without reconciler.yaml: the embedded registry stands in for it, and that is said."""

from __future__ import annotations

import json

import pytest

NOTE = "no reconciler.yaml was found from {root} upward: the embedded registry .reconciler/registry.db is used"


@pytest.fixture
def bare(project):
    """A project without reconciler.yaml."""
    (project.root / "reconciler.yaml").unlink()
    return project


@pytest.mark.parametrize(
    "words",
    [
        ["plan"],
        ["plan", "manifests/chat.yaml"],
        ["apply"],
        ["drift"],
        ["list"],
        ["get", "chat"],
        ["get", "chat", "--revision", "1"],
        ["history", "chat"],
        ["export", "--all"],
        ["export", "chat", "--revision", "1"],
        ["delete", "chat"],
    ],
    ids=" ".join,
)
def test_whoever_is_in_the_wrong_folder_is_told_which_registry_is_used(bare, words):
    """Each command that reads or writes registries says on stderr which one stands in, and why; stdout is as ever."""
    bare.manifest("chat")
    answer = bare.run(*words)
    assert f"note: {NOTE.format(root=bare.root)}\n" in answer.err
    assert "no reconciler.yaml" not in answer.out


def test_the_note_is_said_until_something_is_written(bare):
    """Whoever works without a configuration on purpose hears it up to the first apply, and never again."""
    bare.manifest("chat")
    assert "note: no reconciler.yaml" in bare.apply().err
    for words in (["plan"], ["drift"], ["list"], ["get", "chat"], ["apply"]):
        assert bare.ok(*words).err == ""


@pytest.mark.parametrize(
    "words", [["validate"], ["fmt", "--check"], ["info", "chat"], ["schema"], ["explain", "Model"]]
)
def test_the_note_is_not_said_by_what_reaches_no_registry(bare, words):
    """A command that works on files alone stays silent."""
    bare.manifest("chat")
    assert "note:" not in bare.run(*words).err


def test_a_project_with_a_configuration_hears_no_note(project):
    """A configuration that names the embedded registry, new as it may be, is meant."""
    project.manifest("chat")
    assert project.ok("plan").err == ""


def test_the_note_is_a_record_where_the_log_is_for_machines(bare):
    """`--log-format json` has the note as one record, with nothing else around it."""
    bare.manifest("chat")
    (record,) = bare.ok("--log-format", "json", "plan").err.splitlines()
    assert NOTE.format(root=bare.root) in json.loads(record)["message"]
