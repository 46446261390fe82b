"""Where a plan comes from: the commit of a pipeline or of the work tree, and the project's folder."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from reconciler import __version__
from reconciler.project.origin import commit_of, origin_of, project_folder

A, B, C = "a" * 40, "b" * 40, "c" * 40


def git(folder: Path, *words: str) -> str:
    who = ("-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository of one commit, with a project in a folder."""
    folder = tmp_path / "repository"
    (folder / "deploy" / "models").mkdir(parents=True)
    (folder / "deploy" / "models" / "reconciler.yaml").write_text("owner: us\n")
    git(tmp_path, "init", "--quiet", str(folder))
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "-m", "first")
    return folder


def test_outside_of_a_pipeline_it_is_what_is_checked_out(repository: Path, tmp_path: Path) -> None:
    """With a word where files differ from it, on a tag too, and nothing where there is no repository."""
    head = git(repository, "rev-parse", "HEAD")
    git(repository, "tag", "v1")
    assert origin_of(repository / "deploy" / "models", {}).commit == head
    (repository / "deploy" / "models" / "reconciler.yaml").write_text("owner: them\n")
    origin = origin_of(repository / "deploy" / "models", {})
    assert (origin.commit, origin.version, origin.project) == (f"{head}-dirty", __version__, "deploy/models")
    assert commit_of(tmp_path / "nowhere", {}) == ""


def test_a_hook_of_another_repository_does_not_mislead(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """git names its own repository to its hooks, by variables."""
    head = git(repository, "rev-parse", "HEAD")
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "--quiet")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert commit_of(repository, {}) == head


def test_without_git_there_is_no_commit(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan does without."""
    monkeypatch.setenv("PATH", "")
    assert commit_of(repository, {}) == ""


@pytest.mark.parametrize(
    ("environ", "commit"),
    [
        ({"GITHUB_EVENT_NAME": "push", "GITHUB_SHA": B}, B),
        ({"GITHUB_EVENT_NAME": "pull_request", "GITHUB_SHA": B, "event": {"pull_request": {"head": {"sha": A}}}}, A),
        ({"GITHUB_EVENT_NAME": "pull_request", "GITHUB_SHA": B, "event": {"pull_request": None}}, B),
        (
            {"GITHUB_EVENT_NAME": "pull_request", "GITHUB_SHA": B, "event": {"pull_request": {"head": {"sha": "<b>"}}}},
            B,
        ),
        ({"GITHUB_EVENT_NAME": "pull_request", "GITHUB_SHA": B}, B),
        (
            {
                "GITHUB_EVENT_NAME": "pull_request_target",
                "GITHUB_SHA": B,
                "event": {"pull_request": {"head": {"sha": A}}},
            },
            B,
        ),
        ({"CI_COMMIT_SHA": B}, B),
        ({"CI_COMMIT_SHA": B, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": ""}, B),
        ({"CI_COMMIT_SHA": B, "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": C}, C),
        ({"GITHUB_SHA": "; rm -rf"}, ""),
    ],
)
def test_in_a_pipeline_it_is_the_one_that_people_know(tmp_path: Path, environ: dict[str, object], commit: str) -> None:
    """The head of a pull request rather than GitHub's merge of it; nothing that is no commit."""
    variables = {name: str(value) for name, value in environ.items() if name != "event"}
    if "event" in environ:
        (tmp_path / "event.json").write_text(json.dumps(environ["event"]))
        variables["GITHUB_EVENT_PATH"] = str(tmp_path / "event.json")
    assert commit_of(tmp_path, variables) == commit


def test_the_folder_is_the_one_in_the_repository(repository: Path, tmp_path: Path) -> None:
    """Empty for the top of the repository, and where there is none."""
    assert project_folder(repository, {}) == ""
    assert project_folder(repository / "deploy", {}) == "deploy"
    assert project_folder(tmp_path, {}) == ""
