"""Backups, registries that are folders, and manifests lie apart from each other, wherever links lead."""

from __future__ import annotations

import pytest
from cli.project import CONFIG, Project


@pytest.fixture
def stored(project: Project) -> Project:
    """A project with `a` stored and taken out of the manifests."""
    project.manifest("a")
    project.manifest("b")
    project.apply()
    project.remove("a")
    (project.root / "there").symlink_to("manifests")
    (project.root / "manifests/.kept").mkdir()
    return project


@pytest.mark.parametrize("folder", ["manifests", "manifests/old", "there", "there/old", ".", "x/../manifests"])
@pytest.mark.parametrize("command", [["apply", "--prune", "--yes"], ["delete", "a", "--yes"]])
def test_a_backup_among_the_manifests_is_refused(stored: Project, folder: str, command: list[str]) -> None:
    """The next run would take what was removed for what is wanted."""
    answer = stored.run(*command, "--backup", folder)
    assert answer.code == 64
    assert "where manifests are read from" in answer.err
    assert stored.keys() == ["a", "b"]


@pytest.mark.parametrize("folder", ["manifests/.kept", "old", ".reconciler/x"])
def test_a_backup_elsewhere_is_written(stored: Project, folder: str) -> None:
    """Hidden folders are never read."""
    stored.ok("apply", "--prune", "--yes", "--backup", folder)
    assert list((stored.root / folder).rglob("a.yaml"))
    assert stored.plan() == {}


def test_a_saved_plan_and_its_backup(stored: Project) -> None:
    """The backup's folder is given when the plan is applied."""
    stored.ok("plan", "--prune", "--save", "plan.json")
    assert stored.run("apply", "--plan", "plan.json", "--backup", "manifests/x").code == 64
    stored.ok("apply", "--plan", "plan.json", "--backup", "x")


@pytest.mark.parametrize("glob", ["teams/*/models", "teams/**/*.yaml"])
def test_below_a_glob_everything_may_be_read(project: Project, glob: str) -> None:
    """What the fixed part of a glob names is the manifests' as a whole."""
    project.write("reconciler.yaml", f"{CONFIG}manifests: ['{glob}']\n")
    project.write("teams/cx/models/a.yaml", "kind: Model\nkey: a\nprovider: {name: openai, model: m}\n")
    assert project.run("apply", "--yes", "--backup", "teams/old").code == 64
    project.ok("apply", "--yes", "--backup", "old")


@pytest.mark.parametrize("path", ["manifests", "manifests/configs", "there/configs", "."])
def test_a_registry_among_the_manifests_is_refused(project: Project, path: str) -> None:
    """Its files read like manifests, and theirs like its."""
    project.manifest("a")
    (project.root / "there").symlink_to("manifests")
    project.write(
        "reconciler.yaml", f"owner: us\nregistries:\n  f: {{driver: insidellms, path: '{path}', default: true}}\n"
    )
    answer = project.run("validate")
    assert answer.code == 1
    assert "writes files to its folder" in answer.both
    assert "reconciler.yaml:3" in answer.both
