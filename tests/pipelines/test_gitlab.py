"""The template that `init --ci gitlab` writes, carried out script by script against GitLab's interface."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from pipelines.gitlab_api import TOKEN, GitLab, gitlab_api
from pipelines.gitlab_runner import Pipeline, Runner
from pipelines.story import Repository, repository

MERGE_REQUEST = {
    "CI_PIPELINE_SOURCE": "merge_request_event",
    "CI_MERGE_REQUEST_IID": "7",
    "CI_MERGE_REQUEST_PROJECT_ID": "5",
    "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "5",
}
MAIN = {"CI_PIPELINE_SOURCE": "push", "CI_COMMIT_BRANCH": "main"}
NIGHTLY = {"CI_PIPELINE_SOURCE": "schedule", "CI_COMMIT_BRANCH": "main"}


@pytest.fixture
def gitlab() -> Iterator[GitLab]:
    with gitlab_api() as server:
        yield server


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    """The project lies in a folder of its repository."""
    return repository(tmp_path, project="ml", ci="gitlab")


@pytest.fixture
def runner(tmp_path: Path, repo: Repository, gitlab: GitLab) -> Runner:
    variables = {
        "GITLAB_CI": "true",
        "CI_API_V4_URL": gitlab.url,
        "CI_PROJECT_ID": "5",
        "CI_DEFAULT_BRANCH": "main",
        "CI_JOB_URL": "https://gitlab.example.com/jobs/1",
        "MODELS_API_TOKEN": TOKEN,
    }
    return Runner(tmp_path / "runner", repo.folder, variables)


def applied(runner: Runner, sha: str, **variables: str) -> Pipeline:
    pipeline = runner.start(sha, **MAIN, **variables)
    assert pipeline.results == {"plan": "success", "apply": "manual"}
    return pipeline.go_on(manual=True)


def test_three_commits(repo: Repository, runner: Runner, gitlab: GitLab) -> None:
    """A change is planned on its merge request and applied when somebody starts that; the note is one, and goes when nothing changes."""
    theirs = [*(gitlab.note(f"talk {number}", author=1) for number in range(130))]
    repo.model("chat")
    proposed = runner.start(repo.commit(), **MERGE_REQUEST)
    assert proposed.results == {"validate": "success", "preview": "success"}, proposed.done
    assert json.loads(proposed.done["models-ml:preview"].reports["terraform"].read_text()) == {
        "create": 1,
        "update": 0,
        "delete": 0,
    }
    [ours] = sorted(set(gitlab.notes) - set(theirs))
    assert "local/Model/chat" in gitlab.notes[ours]["body"]
    quoted = gitlab.note(gitlab.notes[ours]["body"], author=1)

    repo.model("chat", display_name="Chat")
    second = repo.commit()
    runner.start(second, **MERGE_REQUEST)
    assert sorted(gitlab.notes) == [*theirs, ours, quoted]
    assert "Chat" in gitlab.notes[ours]["body"]
    assert "Chat" not in gitlab.notes[quoted]["body"]

    assert applied(runner, second).results == {"plan": "success", "apply": "success"}
    runner.start(repo.commit(), **MERGE_REQUEST)
    assert sorted(gitlab.notes) == [*theirs, quoted]


def test_a_bad_manifest_is_shown_at_its_line(repo: Repository, runner: Runner, gitlab: GitLab) -> None:
    """In the Code Quality report, by its path in the repository; and the note says that it cannot be planned."""
    repo.model("chat", dispaly_name="Typo")
    proposed = runner.start(repo.commit(), **MERGE_REQUEST)
    assert proposed.results == {"validate": "failed", "preview": "failed"}
    [entry] = json.loads(proposed.done["models-ml:validate"].reports["codequality"].read_text())
    assert entry["location"] == {"path": "ml/manifests/chat.yaml", "lines": {"begin": 4}}
    [note] = gitlab.notes.values()
    assert "manifests/chat.yaml:4:1" in note["body"]


def test_a_fork_validates_only(repo: Repository, runner: Runner, gitlab: GitLab) -> None:
    """It has no credentials."""
    repo.model("chat")
    fork = MERGE_REQUEST | {"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "6"}
    assert runner.start(repo.commit(), **fork).results == {"validate": "success"}
    assert gitlab.log == []


def test_without_a_token_there_is_no_note(repo: Repository, runner: Runner, gitlab: GitLab) -> None:
    """The plan is an artifact all the same."""
    repo.model("chat")
    proposed = runner.start(repo.commit(), **MERGE_REQUEST, MODELS_API_TOKEN="")
    assert proposed.results == {"validate": "success", "preview": "success"}
    assert "chat" in (proposed.done["models-ml:preview"].folder / "models-ml-answers/plan.md").read_text()
    assert gitlab.log == []


def test_prune_drift_and_a_stale_plan(repo: Repository, runner: Runner, gitlab: GitLab) -> None:
    """Prune when a run is started with it; drift is one issue, closed when all is well; a plan that a registry moved away from is refused."""
    for key in ("chat", "embed"):
        repo.model(key)
    applied(runner, repo.commit())
    repo.remove("manifests/embed.yaml")
    sha = repo.commit()
    assert runner.start(sha, **NIGHTLY).results == {"drift": "success"}
    assert gitlab.issues == {}
    pruned = runner.start(sha, **MAIN, MODELS_PRUNE="true")
    assert "embed" in (pruned.done["models-ml:plan"].folder / "models-ml-answers/plan.md").read_text()
    waiting = runner.start(sha, **MAIN, MODELS_PRUNE="true")
    assert pruned.go_on(manual=True).results == {"plan": "success", "apply": "success"}
    assert waiting.go_on(manual=True).results == {"plan": "success", "apply": "failed"}

    with sqlite3.connect(repo.folder.parent / "registry.db") as database:
        database.execute("""UPDATE revision SET spec = json_set(spec, '$.display_name', 'By hand')""")
        database.execute("UPDATE revision SET revision = revision + 9")
        database.execute("UPDATE object SET revision = revision + 9")
    database.close()
    theirs = gitlab.issue("Quoted", "<!-- reconciler:drift ml -->", author=1)
    for _ in range(2):
        assert runner.start(sha, **NIGHTLY).results == {"drift": "success"}
    assert gitlab.open_issues == [theirs, theirs + 1]
    assert "By hand" in gitlab.issues[theirs + 1]["description"]
    applied(runner, sha)
    runner.start(sha, **NIGHTLY)
    assert gitlab.open_issues == [theirs]
    assert gitlab.said == ["All is well: https://gitlab.example.com/jobs/1"]
