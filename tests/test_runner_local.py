"""A registry that is a file on a pipeline's runner is gone when the run ends: every command says so, and none where it is not so."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.project import CONFIG, Project
from programs import git_environment, run

RULE = "registry-not-kept"
READING = (
    ("plan",),
    ("apply", "--yes"),
    ("drift",),
    ("list",),
    ("get", "chat"),
    ("history", "chat"),
    ("info", "chat"),
    ("export", "chat"),
    ("test", "chat"),
    ("models", "openai"),
    ("delete", "chat", "--yes"),
)


@pytest.fixture
def checkout(project: Project, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project with one model, in a fresh checkout on a runner."""
    for name, text in git_environment(tmp_path_factory.mktemp("git")).items():
        monkeypatch.setenv(name, text)
    run("git", "init", "--quiet", cwd=project.root)
    project.manifest("chat", endpoint=None, provider={"name": "openai", "model": "gpt-5-nano"})
    monkeypatch.setenv("CI", "true")
    return project


def test_every_command_says_so(checkout: Project) -> None:
    """The first, which finds no file, and those after it in the same run: what they find was made there, and goes too."""
    for words in READING:
        assert checkout.run(*words).both.count(RULE) == 1, words
    assert (checkout.root / "registry.db").exists()
    [problem] = checkout.run("plan", "--format", "json").json("plan")["problems"]
    assert (problem["rule"], problem["severity"], problem["file"], problem["line"]) == (
        RULE,
        "warning",
        "reconciler.yaml",
        3,
    )
    assert "registry.db" in checkout.run("plan", "--format", "markdown").out


def test_checks_of_files_say_nothing(checkout: Project) -> None:
    """They ask no registry; and a warning would be an error with --strict."""
    assert RULE not in checkout.ok("validate", "--strict").both
    assert RULE not in checkout.ok("schema", "--out", "schemas").both


@pytest.mark.parametrize("variable", ["false", "0", ""])
def test_on_a_machine_of_ones_own_nothing_is_said(
    variable: str, checkout: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", variable)
    assert RULE not in checkout.run("plan").both


def test_a_file_in_git_is_kept(checkout: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was in the checkout, whoever brings it back there."""
    checkout.run("apply", "--yes")
    run("git", "add", "registry.db", cwd=checkout.root)
    for words in READING[:-1]:
        assert RULE not in checkout.run(*words).both, words


def test_a_file_outside_of_the_checkout_is_kept_once_it_is_there(
    checkout: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """On a runner that stays, only the first run says so."""
    place = tmp_path_factory.mktemp("disk") / "registry.db"
    checkout.write("reconciler.yaml", CONFIG.replace("registry.db", str(place)))
    assert RULE in checkout.run("apply", "--yes").both
    assert RULE not in checkout.run("plan").both


def test_without_git_nobody_can_tell(checkout: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file that is there may have been brought back from a cache, and then nothing is said against it."""
    checkout.run("apply", "--yes")
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert RULE not in checkout.run("plan").both
