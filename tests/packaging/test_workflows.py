"""The workflows: they hold to GitHub's published schema and to our rules, and the steps of the pipeline to copy do what they say."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from programs import BIN, ROOT, run

FOLDER = ROOT / ".github" / "workflows"
FILES = ("ci.yml", "dependencies.yml", "models.yml")
SHA = re.compile(r"^[\w./-]+@[0-9a-f]{40}$")


def _workflow(name: str) -> dict[str, Any]:
    # BaseLoader leaves every scalar a string, so that the key `on` is not YAML 1.1's true
    loaded: dict[str, Any] = yaml.load((FOLDER / name).read_text("utf-8"), Loader=yaml.BaseLoader)
    return loaded


def _script(job: str, step: str) -> str:
    steps = _workflow("models.yml")["jobs"][job]["steps"]
    script: str = next(item["run"] for item in steps if item.get("name") == step)
    return script


def test_every_workflow_is_looked_at() -> None:
    """A new workflow joins these tests."""
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(FILES)


@pytest.mark.parametrize("name", FILES)
def test_schema(name: str) -> None:
    """The workflow holds to the schema that GitHub's workflows are published with."""
    run(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", FOLDER / name, cwd=ROOT)


@pytest.mark.parametrize("name", FILES)
def test_rights_and_limits(name: str) -> None:
    """A workflow starts without any right, each job asks for no more than reading, and each ends in time."""
    workflow = _workflow(name)
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"] in ({}, {"contents": "read"})
        assert int(job["timeout-minutes"]) <= 60


@pytest.mark.parametrize("name", FILES)
def test_actions_are_pinned(name: str) -> None:
    """Every action is pinned by its commit, and its version stands beside it."""
    lines = [line.strip() for line in (FOLDER / name).read_text("utf-8").splitlines() if "uses:" in line]
    assert lines
    for line in lines:
        action, _, version = line.removeprefix("- ").removeprefix("uses:").strip().partition(" # ")
        assert SHA.match(action), line
        assert re.match(r"^v\d+\.\d+\.\d+$", version), line


def test_one_gate() -> None:
    """The job `required` waits for every other job of ci.yml."""
    jobs = _workflow("ci.yml")["jobs"]
    assert sorted(jobs["required"]["needs"]) == sorted(set(jobs) - {"required"})


def test_breaks_by_others_are_looked_for_every_week() -> None:
    """The newest and the oldest dependencies are tried on a schedule, and never as a condition of a change."""
    workflow = _workflow("dependencies.yml")
    assert set(workflow["on"]) == {"schedule", "workflow_dispatch"}
    (schedule,) = workflow["on"]["schedule"]
    assert re.fullmatch(r"\d+ \d+ \* \* [0-6]", schedule["cron"])
    commands = [step["run"] for job in workflow["jobs"].values() for step in job["steps"] if "run" in step]
    assert commands == [f"make {targets} PYTHON=python" for targets in ("newest", "update minimum", "audit")]


def test_forks_see_no_credentials() -> None:
    """Only the plan of a pull request from this repository, and the apply of what was merged, could name credentials; validate cannot."""
    jobs = _workflow("models.yml")["jobs"]
    assert "github.event.pull_request.head.repo.full_name == github.repository" in jobs["plan"]["if"]
    assert jobs["apply"]["if"] == "github.event_name == 'push'"
    assert "pull_request_target" not in _workflow("models.yml")["on"]
    text = (FOLDER / "models.yml").read_text("utf-8")
    assert "secrets." not in text[text.index("  validate:") : text.index("  plan:")]


def test_two_applies_never_overlap() -> None:
    """Applies queue in one group, and none is cancelled while it runs."""
    assert _workflow("models.yml")["jobs"]["apply"]["concurrency"] == {
        "group": "models-apply",
        "cancel-in-progress": "false",
    }


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout of a user's project."""
    for name in ("manifests", "schemas"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "reconciler.yaml", tmp_path)
    return tmp_path


def _runner(script: str, project: Path, *, code: int = 0) -> tuple[str, str, str]:
    """Runs a step as GitHub does. Returns what it printed, its summary and its outputs."""
    summary, outputs = project / "summary.md", project / "outputs.txt"
    for file in (summary, outputs):
        file.write_text("", "utf-8")
    env = {
        "GITHUB_STEP_SUMMARY": str(summary),
        "GITHUB_OUTPUT": str(outputs),
        "PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin",
    }
    done = run("bash", "-eo", "pipefail", "-c", script, cwd=project, env=env, code=code)
    return done.stdout, summary.read_text("utf-8"), outputs.read_text("utf-8")


def test_validate_annotates(project: Path) -> None:
    """On a pull request a typo fails the job, as an annotation at its file and line."""
    (project / "manifests/typo.yaml").write_text("kind: Model\nkey: typo\ntaks: rerank\n", "utf-8")
    said, _, _ = _runner(_script("validate", "Validate"), project, code=1)
    assert "::error file=manifests/typo.yaml,line=3" in said


def test_a_pull_request_sees_the_plan(project: Path) -> None:
    """On a pull request the plan is in the summary, changes are no failure, and the registry stays as it was."""
    said, summary, _ = _runner(_script("plan", "Plan"), project)
    assert "Merging changes the registries" in said
    assert "support-chat" in summary
    _, again, _ = _runner(_script("plan", "Plan"), project)
    assert again == summary


def test_what_is_merged_is_applied_once(project: Path) -> None:
    """On main the saved plan is applied; the next push finds nothing to do; a plan that is applied twice fails as refused."""
    _, summary, outputs = _runner(_script("apply", "Plan"), project)
    assert "code=2" in outputs
    assert "support-chat" in summary
    said, report, _ = _runner(_script("apply", "Apply"), project)
    assert "::notice title=Models::Applied." in said
    assert "Applied: 13 created" in report
    said, _, _ = _runner(_script("apply", "Apply"), project, code=4)
    assert "::error title=Models::Refused" in said
    said, _, outputs = _runner(_script("apply", "Plan"), project)
    assert "code=0" in outputs
    assert "Nothing to do" in said


def test_bad_manifests_are_never_applied(project: Path) -> None:
    """On main invalid manifests fail the plan, so that the apply step does not run."""
    (project / "manifests/typo.yaml").write_text("kind: Model\nkey: typo\ntaks: rerank\n", "utf-8")
    _, _, outputs = _runner(_script("apply", "Plan"), project, code=1)
    assert "code=1" in outputs
    assert not (project / "plan.json").exists()
