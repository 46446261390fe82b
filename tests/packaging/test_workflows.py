"""The workflows of this repository: they hold to GitHub's published schema and to our rules. What models.yml does is tested in tests/pipelines."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from hook_repository import hook_repository
from pipelines.github_api import github_api
from pipelines.github_runner import Runner, pull_request
from pipelines.pins import pinned, uses
from programs import BIN, ROOT, git_environment, run

from reconciler import __version__

FOLDER = ROOT / ".github" / "workflows"
FILES = ("ci.yml", "dependencies.yml", "models.yml", "release.yml")
MAY_WRITE = {
    ("models.yml", "preview"): {"pull-requests"},
    ("models.yml", "drift"): {"issues"},
    ("release.yml", "attest"): {"attestations", "id-token"},
    ("release.yml", "publish"): {"id-token"},
    ("release.yml", "release"): {"contents"},
}
OWN_VERSION = 'default: "" # `init --ci` writes its own version here'


def _workflow(name: str) -> dict[str, Any]:
    # BaseLoader leaves every scalar a string, so that the key `on` is not YAML 1.1's true
    loaded: dict[str, Any] = yaml.load((FOLDER / name).read_text("utf-8"), Loader=yaml.BaseLoader)
    return loaded


def test_every_workflow_is_looked_at() -> None:
    """A new workflow joins these tests."""
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted(FILES)


@pytest.mark.parametrize("name", FILES)
def test_schema(name: str) -> None:
    """The workflow holds to the schema that GitHub's workflows are published with."""
    run(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", FOLDER / name, cwd=ROOT)


def test_linters() -> None:
    """actionlint (with shellcheck) and zizmor, which looks for what an attacker would, find nothing in them and in our action."""
    files = [FOLDER / name for name in FILES]
    run(BIN / "actionlint", *files, cwd=ROOT, env={"PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin"})
    strict = ("--offline", "--no-progress", "--quiet", "--min-severity=medium")
    run(BIN / "zizmor", *strict, *files, ROOT / "action.yml", cwd=ROOT)


@pytest.mark.parametrize("name", FILES)
def test_rights_and_limits(name: str) -> None:
    """A workflow starts without any right, each job writes no more than is listed here, and each ends in time."""
    workflow = _workflow(name)
    assert workflow["permissions"] == {}
    for job_name, job in workflow["jobs"].items():
        writes = {right for right, how in job["permissions"].items() if how != "read"}
        assert writes == MAY_WRITE.get((name, job_name), set())
        assert int(job["timeout-minutes"]) <= 60


@pytest.mark.parametrize("name", FILES)
def test_actions_are_pinned(name: str) -> None:
    """Every action of others is pinned by its commit, and its version stands beside it."""
    used = uses((FOLDER / name).read_text("utf-8"))
    assert used
    assert [line for line in used if not pinned(line) and line != "./"] == []


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


def test_a_release_is_attested_before_it_is_published() -> None:
    """Only a tag starts it; what publishes waits for an approval, needs what attests, and runs no step that builds."""
    workflow = _workflow("release.yml")
    assert workflow["on"] == {"push": {"tags": ["v*"]}}
    jobs = workflow["jobs"]
    assert {name: job.get("needs") for name, job in jobs.items()} == {
        "build": None,
        "attest": "build",
        "publish": "attest",
        "release": "publish",
    }
    assert {name for name, job in jobs.items() if job.get("environment") == "release"} == {"publish", "release"}
    builds = [step["run"] for step in jobs["build"]["steps"] if "run" in step]
    assert builds[:2] == ["make audit PYTHON=python", "make sbom PYTHON=python"]
    told = [step["with"] for step in jobs["attest"]["steps"] if step["uses"].startswith("actions/attest@")]
    assert told[0]["subject-path"] == "dist/*"
    assert told[1]["sbom-path"] == "dist/model-reconciler.cdx.json"
    assert "make" not in str(jobs["release"]["steps"])


def test_we_use_what_we_offer(tmp_path: Path) -> None:
    """models.yml is what `init --ci github` writes for this project, but for the action, which lies at the top here."""
    for name in ("manifests", "reconciler.yaml"):
        shutil.copytree(ROOT / name, tmp_path / name) if (ROOT / name).is_dir() else shutil.copy(ROOT / name, tmp_path)
    run("git", "init", "--quiet", cwd=tmp_path)
    run(BIN / "reconciler", "init", "--ci", "github", cwd=tmp_path)
    written = (tmp_path / ".github/workflows/models.yml").read_text("utf-8")
    assert (FOLDER / "models.yml").read_text("utf-8") == written.replace(
        "uses: ./.github/actions/reconciler", "uses: ./"
    )
    offered = (tmp_path / ".github/actions/reconciler/action.yml").read_text("utf-8")
    assert (ROOT / "action.yml").read_text("utf-8") == offered.replace(f'default: "{__version__}"', OWN_VERSION)


def test_the_action_installs_what_it_comes_with(tmp_path: Path) -> None:
    """In a checkout of this repository models.yml runs the action at its top, which pip installs from there, and our manifests are valid."""
    settings = git_environment(tmp_path)
    top = tmp_path / "reconciler"
    top.mkdir()
    for name in ("action.yml", "reconciler.yaml"):
        shutil.copy(ROOT / name, top)
    for name in ("manifests", ".github"):
        shutil.copytree(ROOT / name, top / name)
    hook_repository(top, settings)
    sha = run("git", "rev-parse", "HEAD", cwd=top, env=settings).stdout.strip()
    with github_api() as github:
        runner = Runner(tmp_path / "runner", top, github, installs=True)
        done = runner.start("models.yml", pull_request(sha, fork=True))
    assert done is not None
    assert done.results == {"validate": "success"}, done.said
    assert "manifests in" in done.said
