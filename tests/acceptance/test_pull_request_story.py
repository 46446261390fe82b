"""One project in its repository, as `init --ci github` starts it, from a typo that pre-commit stops to a way back to an earlier revision.

Everything is real but the two servers: git, pre-commit, every step of the workflow, `gh`. LatticeFlow's registry is emulated, and so is
GitHub's interface. The embedded registry lies outside of the checkouts, where every job finds it.
"""

from __future__ import annotations

import base64
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from subprocess import CompletedProcess
from urllib.parse import quote

import pytest
from hook_repository import hook_repository
from pipelines.github_api import GitHub, github_api
from pipelines.github_runner import Event, Run, Runner, pull_request
from programs import BIN, git_environment, run
from registry.aigo.server import Server, aigo

MODEL_SECRET = "sk-live-7Q9xTz3LrVbN5mKd"
NEW_SECRET = "sk-live-Xw2PqY8sKdRf4GhJ"
FINGERPRINT_KEY = "2b7e151628aed2a6abf7158809cf4f3c"
WORKFLOW = "models.yml"
CONFIG = """\
owner: platform-team
fingerprint_key: ${{env:FINGERPRINT_KEY}} # seals plans, and tells whether a secret is new
registries:
  local: {{driver: local, path: {path}, default: true}}
  aigo: {{driver: latticeflow, url: "{url}", api_key: "${{env:AIGO_API_KEY}}", owns: ["*"], default: true}}
guards: {{max_deletes: 3, max_delete_percent: 30}}
"""


@dataclass
class Team:
    """The people, and what they work with."""

    folder: Path
    settings: dict[str, str]
    runner: Runner
    github: GitHub
    aigo: Server

    def git(self, *words: str) -> str:
        return run("git", *words, cwd=self.folder, env=self.settings).stdout.strip()

    def write(self, key: str, text: str) -> None:
        (self.folder / f"manifests/{key}.yaml").write_text(text, "utf-8")

    def read(self, key: str) -> str:
        return (self.folder / f"manifests/{key}.yaml").read_text("utf-8")

    def commit(self, message: str) -> str:
        """A commit that the hooks let through. One that they stop to bring a manifest into form is made again, with that."""
        commit = ("git", "commit", "--quiet", "--message", message)
        self.git("add", "--all")
        stopped = run(*commit, cwd=self.folder, env=self.settings, code=None).returncode
        if stopped:
            self.git("add", "--all")
            run(*commit, cwd=self.folder, env=self.settings)
        return self.git("rev-parse", "HEAD")

    def propose(self, sha: str) -> str:
        """The comment that a pull request gets."""
        proposed = self.start(pull_request(sha))
        assert proposed.results == {"validate": "success", "preview": "success"}, proposed.said
        [comment] = self.github.bodies()
        return comment

    def start(self, event: Event) -> Run:
        found = self.runner.start(WORKFLOW, event)
        assert found is not None
        return found

    def merge(self, sha: str, event: str = "push", **inputs: object) -> Run:
        """What was merged, up to the approval."""
        merged = self.start(Event(event, sha, inputs=inputs))
        assert merged.results == {"plan": "success", "apply": "waiting"}, merged.said
        return merged

    def approve(self, merged: Run) -> Run:
        done = merged.go_on(approved=True)
        assert done.results == {"plan": "success", "apply": "success"}, done.said
        return done

    def reconciler(self, *words: str) -> CompletedProcess[str]:
        """A command of somebody at the keyboard, with the registry's key."""
        return run(BIN / "reconciler", *words, cwd=self.folder, env={"AIGO_API_KEY": self.aigo.key})


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    """A new project, its hooks installed, its workflow committed."""
    settings = {
        **git_environment(tmp_path),
        "PRE_COMMIT_HOME": str(tmp_path / "pre-commit"),
        "PRE_COMMIT_COLOR": "never",
    }
    folder, hooks = tmp_path / "project", tmp_path / "hooks"
    folder.mkdir()
    hooks.mkdir()
    with github_api() as github, aigo() as server:
        runner = Runner(
            tmp_path / "runner",
            folder,
            github,
            {"AIGO_API_KEY": server.key, "FINGERPRINT_KEY": FINGERPRINT_KEY},
            {"models": {"SUPPORT_LLM_KEY": MODEL_SECRET}},
        )
        team = Team(folder, settings, runner, github, server)
        team.git("init", "--quiet")
        run(BIN / "reconciler", "init", cwd=folder)
        (folder / "reconciler.yaml").write_text(CONFIG.format(path=tmp_path / "registry.db", url=server.url), "utf-8")
        (folder / "manifests/support-chat.yaml").write_text(MANIFEST, "utf-8")
        run(BIN / "reconciler", "schema", cwd=folder)
        run(BIN / "reconciler", "init", "--ci", "github", cwd=folder)
        offered = hook_repository(hooks, settings)
        config = folder / ".pre-commit-config.yaml"
        text = config.read_text("utf-8")
        text = re.sub(r"repo: .*", f"repo: {offered}", text)
        head = run("git", "rev-parse", "HEAD", cwd=offered, env=settings).stdout.strip()
        config.write_text(re.sub(r"rev: .*", f"rev: {head}", text), "utf-8")
        run(BIN / "pre-commit", "install", cwd=folder, env=settings)
        yield team
        keep(team)


MANIFEST = """\
# yaml-language-server: $schema=../schemas/manifest.schema.json
kind: Model
key: support-chat
display_name: Support chat
endpoint: {url: "https://llm.example.com/v1", model: gpt-oss-120b, api_key: "${env:SUPPORT_LLM_KEY}"}
"""


@pytest.mark.timeout(900)
def test_the_whole_story(team: Team) -> None:
    """Stopped at its line, seen, approved, applied; drift seen and healed; renamed; pruned within bounds; rolled back. And no secret anywhere."""
    # a typo does not get into a commit
    team.write("support-chat", MANIFEST.replace("display_name", "dispaly_name"))
    team.git("add", "--all")
    stopped = run("git", "commit", "--message", "typo", cwd=team.folder, env=team.settings, code=1)
    typo = next(n for n, line in enumerate(team.read("support-chat").split("\n"), start=1) if "dispaly_name" in line)
    assert f"manifests/support-chat.yaml:{typo}:1" in stopped.stdout + stopped.stderr  # as `fmt` left it
    assert "did you mean 'display_name'?" in stopped.stdout + stopped.stderr

    # the plan is on the pull request, and what is approved is that plan
    team.write("support-chat", MANIFEST)
    for number in range(6):
        team.write(
            f"batch-{number}", MANIFEST.replace("support-chat", f"batch-{number}").replace("Support", f"Batch {number}")
        )
    sha = team.commit("Support chat, and six for batches")
    comment = team.propose(sha)
    assert "local/Model/support-chat" in comment
    assert "aigo/Model/support-chat" in comment
    merged = team.merge(sha)
    assert team.aigo.writes == []
    team.approve(merged)
    assert set(team.aigo.state.models) == {"support-chat", *(f"batch-{number}" for number in range(6))}
    assert team.aigo.state.secrets["reconciler-support-chat-api-key"]["value"] == MODEL_SECRET

    # somebody changes it in the console: seen at night, healed by a new plan
    team.start(Event("schedule", sha))
    assert team.github.open_issues == []
    team.aigo.state.models["support-chat"]["display_name"] = "Renamed by hand"
    assert team.start(Event("schedule", sha)).results == {"drift": "success"}
    [issue] = team.github.open_issues
    assert "Renamed by hand" in issue["body"]
    team.approve(team.merge(sha, "workflow_dispatch"))
    assert team.aigo.state.models["support-chat"]["display_name"] == "Support chat"
    team.start(Event("schedule", sha))
    assert team.github.open_issues == []

    # another key, and the same past
    (team.folder / "manifests/support-chat.yaml").unlink()
    team.write("help-desk", MANIFEST.replace("key: support-chat", "key: help-desk\nprevious_keys: [support-chat]"))
    sha = team.commit("The support chat is the help desk")
    comment = team.propose(sha)
    assert "rename" in comment
    assert "support-chat" in comment
    team.approve(team.merge(sha))
    assert "help-desk" in team.aigo.state.models
    assert "support-chat" not in team.aigo.state.models
    past = json.loads(team.reconciler("history", "local/Model/help-desk", "--format", "json").stdout)["revisions"]
    assert [one["action"] for one in past] == ["rename", "create"]

    # deletions are asked for, bounded, and seen before anybody approves them
    for number in range(5):
        (team.folder / f"manifests/batch-{number}.yaml").unlink()
    sha = team.commit("Five batches are done")
    assert team.start(Event("push", sha)).results == {"plan": "success"}
    tripped = team.start(Event("workflow_dispatch", sha, inputs={"prune": True, "allow-deletes": ""}))
    assert tripped.results == {"plan": "failure"}
    assert "--allow-deletes" in tripped.jobs["plan"].summary
    lifted = team.merge(sha, "workflow_dispatch", **{"prune": True, "allow-deletes": "10"})
    assert "aigo/Model/batch-4" in lifted.jobs["plan"].summary
    team.approve(lifted)
    assert set(team.aigo.state.models) == {"help-desk", "batch-5"}

    # a change that was none, and the way back
    good = team.read("help-desk")
    team.write("help-desk", good.replace("gpt-oss-120b", "gpt-oss-20b"))
    team.approve(team.merge(team.commit("A smaller model")))
    history = team.reconciler("history", "local/Model/help-desk").stdout
    assert "gpt-oss-20b" in history
    back = ("export", "local/Model/help-desk", "--revision", "2", "-o", "manifests/help-desk.yaml", "--force")
    assert "aigo" in team.reconciler(*back).stderr  # that manifest is for one registry, so the line that says so goes
    team.write("help-desk", re.sub(r"^registries:.*\n(?:[ -].*\n)*", "", team.read("help-desk"), flags=re.MULTILINE))
    sha = team.commit("Back to revision 2")
    comment = team.propose(sha)
    assert "gpt-oss-120b" in comment
    team.approve(team.merge(sha))
    assert team.aigo.state.models["help-desk"]["config"]["model_key"] == "gpt-oss-120b"
    team.start(pull_request(sha))
    assert team.github.bodies() == []

    # a new secret, for the one registry that holds it
    team.runner.environments = {"models": {"SUPPORT_LLM_KEY": NEW_SECRET}}
    team.approve(team.merge(sha, "workflow_dispatch", rotate="aigo/Model/help-desk"))
    assert team.aigo.state.secrets["reconciler-help-desk-api-key"]["value"] == NEW_SECRET

    assert leaks(team) == []


def leaks(team: Team) -> list[str]:
    """Where a secret got to: every file of every job, artifact and repository, the registry, what GitHub holds, what was shown."""
    forms = [
        form
        for secret in (MODEL_SECRET, NEW_SECRET, FINGERPRINT_KEY, team.aigo.key)
        for form in (secret, quote(secret), base64.b64encode(secret.encode()).decode()[:-4])
    ]
    texts = {
        str(path): path.read_bytes().decode("utf-8", "replace")
        for path in team.folder.parent.rglob("*")
        if path.is_file()
    }
    texts |= {f"run {number}": run_.said for number, run_ in enumerate(team.runner.runs)}
    texts["github"] = repr((team.github.comments, team.github.issues, team.github.log))
    return [name for name, text in texts.items() if any(form in text for form in forms)]


def keep(team: Team) -> None:
    """For people: all that was shown, in the folder that KEEP_STORY names."""
    if folder := os.environ.get("KEEP_STORY"):
        for number, run_ in enumerate(team.runner.runs):
            Path(folder, f"{number:02}-{run_.event.name}.md").write_text(run_.said, "utf-8")
