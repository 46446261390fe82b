"""The workflow and the action that `init --ci github` writes, carried out step by step against GitHub's interface and the real `gh`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from pipelines.github_api import GitHub, github_api
from pipelines.github_runner import Event, Run, Runner, pull_request
from pipelines.story import Repository, repository

WORKFLOW = "models.yml"


@pytest.fixture
def github() -> Iterator[GitHub]:
    with github_api() as server:
        yield server


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return repository(tmp_path)


@pytest.fixture
def runner(tmp_path: Path, repo: Repository, github: GitHub) -> Runner:
    return Runner(tmp_path / "runner", repo.folder, github)


def started(runner: Runner, event: Event, workflow: str = WORKFLOW) -> Run:
    """The run that an event starts."""
    found = runner.start(workflow, event)
    assert found is not None
    return found


def applied(runner: Runner, sha: str) -> Run:
    """The run of what was merged, approved."""
    run = started(runner, Event("push", sha)).go_on(approved=True)
    assert run.results == {"plan": "success", "apply": "success"}
    return run


def changed_by_hand(registry: Path) -> None:
    """Somebody changes every object in the registry itself."""
    with sqlite3.connect(registry) as database:
        database.execute("""UPDATE revision SET spec = json_set(spec, '$.display_name', 'By hand')""")
        database.execute("UPDATE object SET revision = revision + 1")
        database.execute("UPDATE revision SET revision = revision + 1")
    database.close()


def test_three_commits(repo: Repository, runner: Runner, github: GitHub) -> None:
    """A change is planned on its pull request and applied once it is approved; the next updates the comment; one that changes nothing has none."""
    repo.model("chat")
    first = repo.commit()
    proposed = started(runner, pull_request(first))
    assert proposed.results == {"validate": "success", "preview": "success"}
    assert len(github.bodies()) == 1
    assert "local/Model/chat" in github.bodies()[0]
    assert github.bodies()[0] in proposed.jobs["preview"].summary

    repo.model("chat", display_name="Chat")
    second = repo.commit()
    started(runner, pull_request(second))
    assert len(github.bodies()) == 1
    assert "Chat" in github.bodies()[0]

    merged = started(runner, Event("push", second))
    assert merged.results == {"plan": "success", "apply": "waiting"}
    assert "local/Model/chat" in merged.jobs["plan"].summary
    assert [file.name for file in merged.artifacts["models-plan"].iterdir()] == ["plan.json"]
    assert [file.name for file in merged.artifacts["models-plan-report"].iterdir()] == ["report.html"]
    assert merged.go_on(approved=True).results == {"plan": "success", "apply": "success"}
    outputs = merged.jobs["apply"].steps["apply"]
    assert {name: outputs[name] for name in ("changes", "creates", "updates", "deletes", "exit-code")} == {
        "changes": "true",
        "creates": "1",
        "updates": "0",
        "deletes": "0",
        "exit-code": "0",
    }

    third = repo.commit()
    started(runner, pull_request(third))
    assert github.bodies() == []
    assert started(runner, Event("push", third)).results == {"plan": "success"}


def test_one_comment_among_many(repo: Repository, runner: Runner, github: GitHub) -> None:
    """It is found on whatever page it is; what people wrote stays, though it bears the mark; so does another project's comment."""
    repo.model("chat")
    sha = repo.commit()
    started(runner, pull_request(sha))
    [ours] = github.bodies()
    mark = ours.splitlines()[0]
    github.comments.clear()
    others = [
        *(github.comment(f"talk {number}", login="ann") for number in range(120)),
        github.comment(f"{mark}\nquoted", login="mallory"),
        github.comment(mark.replace("plan", "plan ml") + "\nanother project's"),
    ]
    twice = [github.comment(f"{mark}\nold {number}") for number in range(2)]
    before = {number: github.comments[number]["body"] for number in others}
    github.log.clear()
    started(runner, pull_request(sha))
    left = {number: one["body"] for number, one in github.comments.items()}
    assert left == before | {twice[0]: ours}
    assert github.log == [
        f"PATCH /repos/acme/models/issues/comments/{twice[0]} 200",
        f"DELETE /repos/acme/models/issues/comments/{twice[1]} 204",
    ]


def test_what_cannot_be_planned_is_no_old_plan(repo: Repository, runner: Runner, github: GitHub) -> None:
    """A bad manifest is annotated at its line, and takes the place of the plan in the comment. Neither is applied."""
    repo.model("chat")
    started(runner, pull_request(repo.commit()))
    repo.model("chat", dispaly_name="Typo")
    sha = repo.commit()
    proposed = started(runner, pull_request(sha))
    assert proposed.results == {"validate": "failure", "preview": "failure"}
    assert "::error file=manifests/chat.yaml,line=4" in proposed.jobs["validate"].log
    [comment] = github.bodies()
    assert "failed" in comment
    assert "manifests/chat.yaml:4:1" in comment
    assert started(runner, Event("push", sha)).results == {"plan": "failure"}


@pytest.mark.parametrize(
    "who", [{"fork": True, "author": "mallory"}, {"author": "dependabot[bot]"}], ids=["fork", "dependabot"]
)
def test_who_has_no_credentials_validates_only(
    who: dict[str, object], repo: Repository, runner: Runner, github: GitHub
) -> None:
    """A fork's pull request is checked, and that job can write nowhere."""
    repo.model("chat")
    proposed = started(runner, pull_request(repo.commit(), **who))
    assert proposed.results == {"validate": "success"}
    assert github.log == []


def test_a_stale_plan_is_refused(repo: Repository, runner: Runner) -> None:
    """What changed between the plan and its approval stops it, and it writes nothing; so does a second approval of the same plan."""
    repo.model("chat")
    first = repo.commit()
    applied(runner, first)
    repo.model("chat", display_name="Chat")
    waiting = started(runner, Event("push", repo.commit()))
    changed_by_hand(runner.repository.parent / "registry.db")
    late = waiting.go_on(approved=True)
    assert late.results == {"plan": "success", "apply": "failure"}
    assert "::error title=Models::Refused" in late.jobs["apply"].log
    again = started(runner, Event("workflow_dispatch", repo.commit())).go_on(approved=True)
    assert again.results == {"plan": "success", "apply": "success"}
    again.jobs["apply"].result = "waiting"
    assert again.go_on(approved=True).results == {"plan": "success", "apply": "failure"}


def test_drift_is_one_issue(repo: Repository, runner: Runner, github: GitHub) -> None:
    """It is opened once, kept up to date, closed when all is well, and opened anew; issues of others stay as they are."""
    repo.model("chat")
    sha = repo.commit()
    applied(runner, sha)
    nightly = Event("schedule", sha)
    assert started(runner, nightly).results == {"drift": "success"}
    assert github.issues == {}
    registry = runner.repository.parent / "registry.db"
    changed_by_hand(registry)
    assert started(runner, nightly).results == {"drift": "success"}
    [issue] = github.open_issues
    assert issue["title"] == "Models drifted"
    assert "By hand" in issue["body"]
    theirs = github.issue("Quoted", issue["body"], login="mallory")
    issue["body"] = issue["body"].splitlines()[0]
    started(runner, nightly)
    assert "By hand" in issue["body"]
    assert [one["number"] for one in github.open_issues] == [issue["number"], theirs]

    healed = started(runner, Event("workflow_dispatch", sha)).go_on(approved=True)
    assert healed.results == {"plan": "success", "apply": "success"}
    started(runner, nightly)
    assert [one["number"] for one in github.open_issues] == [theirs]
    assert "All is well: https://github.com/acme/models/actions/runs/42" in github.bodies(issue["number"])


def test_prune_is_planned_approved_and_bounded(repo: Repository, runner: Runner) -> None:
    """Only a run that was asked to prunes; where a guard trips nothing is applied, until that run allows so many; never from a branch."""
    for number in range(8):
        repo.model(f"m{number}")
    applied(runner, repo.commit())
    for number in range(7):
        repo.remove(f"manifests/m{number}.yaml")
    sha = repo.commit()
    assert started(runner, Event("push", sha)).results == {"plan": "success"}
    asked = {"prune": True, "allow-deletes": ""}
    assert started(runner, Event("workflow_dispatch", sha, branch="change", inputs=asked)).results == {}
    stopped = started(runner, Event("workflow_dispatch", sha, inputs=asked))
    assert stopped.results == {"plan": "failure"}
    assert "--allow-deletes 7" in stopped.jobs["plan"].summary
    lifted = started(runner, Event("workflow_dispatch", sha, inputs={"prune": True, "allow-deletes": "7"}))
    assert lifted.results == {"plan": "success", "apply": "waiting"}
    assert "m6" in lifted.jobs["plan"].summary
    lifted.go_on(approved=True)
    assert lifted.jobs["apply"].steps["apply"]["deletes"] == "7"
    kept = {file.stem for file in lifted.artifacts["models-backup-1"].rglob("*.yaml")}
    assert kept == {f"m{number}" for number in range(7)}
