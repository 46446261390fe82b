"""A runner of GitHub workflows: it carries out what `on`, `if`, `needs`, `env`, `outputs` and `environment` say, and every `run:` step.

Secrets are not masked in what steps print, so that a test sees every leak.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final

import yaml
from pipelines.expressions import condition, filled
from pipelines.github_api import GitHub
from programs import BIN, run

REPOSITORY: Final = "acme/models"


@dataclass(frozen=True)
class Event:
    """What starts a workflow."""

    name: str
    sha: str
    branch: str = "main"
    payload: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    secrets: bool = True  # false for a fork


def pull_request(sha: str, branch: str = "change", fork: bool = False, author: str = "ann") -> Event:
    """Pull request 7, at one of its commits."""
    head = {"sha": sha, "ref": branch, "repo": {"full_name": "mallory/models" if fork else REPOSITORY}}
    payload = {
        "number": 7,
        "pull_request": {"number": 7, "head": head, "base": {"ref": "main"}, "user": {"login": author}},
    }
    return Event("pull_request", sha, branch, payload, secrets=not fork)


@dataclass
class Job:
    """A job that ran, did not, or waits for an approval."""

    result: str
    outputs: dict[str, str] = field(default_factory=dict)
    log: str = ""
    summary: str = ""
    steps: dict[str, dict[str, str]] = field(default_factory=dict)  # outputs of each step that has an id


@dataclass
class Run:
    """A run of one workflow."""

    runner: Runner
    workflow: dict[str, Any]
    event: Event
    jobs: dict[str, Job] = field(default_factory=dict)
    artifacts: dict[str, Path] = field(default_factory=dict)

    def go_on(self, *, approved: bool = False) -> Run:
        """Runs what can be run: a job with an `environment` only once that is approved."""
        for name, job in self.workflow["jobs"].items():
            if name in self.jobs and self.jobs[name].result != "waiting":
                continue
            needed = {one: self.jobs[one] for one in _list(job.get("needs"))}
            status = "success" if all(one.result == "success" for one in needed.values()) else "failure"
            contexts = self.runner.contexts(self.event, needed)
            if not condition(job.get("if"), contexts, status):
                self.jobs[name] = Job("skipped")
            elif "environment" in job and not approved:
                self.jobs[name] = Job("waiting")
            else:
                self.jobs[name] = self.runner.run_job(self, name, job, contexts)
        return self

    @property
    def results(self) -> dict[str, str]:
        """How each job ended, without those that were not meant to run."""
        return {name: job.result for name, job in self.jobs.items() if job.result != "skipped"}

    @property
    def said(self) -> str:
        """All that it shows to people: logs and summaries."""
        return "\n".join(f"{job.log}\n{job.summary}" for job in self.jobs.values())


@dataclass
class Runner:
    """GitHub's side of a repository: where it is, what secrets it has, the server that its jobs speak to."""

    folder: Path
    repository: Path
    github: GitHub
    secrets: Mapping[str, str] = field(default_factory=dict)
    environments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # secrets of each
    installs: bool = False  # whether pip really installs; else what is tested here is in its place
    runs: list[Run] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=count)

    def start(self, workflow: str, event: Event, folder: Path | None = None) -> Run | None:
        """The run of a workflow of that commit, up to the first approval; None where the event does not start it."""
        text = run("git", "show", f"{event.sha}:.github/workflows/{workflow}", cwd=folder or self.repository).stdout
        loaded = yaml.load(text, Loader=yaml.BaseLoader)  # every scalar a text, so that `on` is not YAML 1.1's true
        trigger = loaded["on"].get(event.name, "no")
        if trigger == "no" or (event.name == "push" and event.branch not in trigger["branches"]):
            return None
        self.runs.append(Run(self, loaded, event))
        return self.runs[-1].go_on()

    def contexts(self, event: Event, needed: Mapping[str, Job]) -> dict[str, Any]:
        payload = {**event.payload, "repository": {"default_branch": "main", "full_name": REPOSITORY}}
        return {
            "github": {
                "event_name": event.name,
                "event": payload,
                "repository": REPOSITORY,
                "ref_name": event.branch,
                "sha": event.sha,
                "run_attempt": "1",
            },
            "needs": {name: {"outputs": job.outputs, "result": job.result} for name, job in needed.items()},
            "inputs": dict(event.inputs),
        }

    def run_job(self, run_: Run, name: str, job: Mapping[str, Any], contexts: dict[str, Any]) -> Job:
        folder = self.folder / f"job-{next(self.numbers)}-{name}"
        token = f"ghs_{folder.name}"
        self.github.tokens[token] = job["permissions"]
        secrets = (
            {**self.secrets, **self.environments.get(job.get("environment", ""), {})} if run_.event.secrets else {}
        )
        job_ = _RunningJob(self, run_, folder, {**contexts, "secrets": secrets}, token)
        done = Job(
            "success" if job_.steps(job["steps"]) else "failure", {}, "".join(job_.log), job_.summary(), job_.outputs
        )
        done.outputs = {key: filled(text, {"steps": job_.context}) for key, text in job.get("outputs", {}).items()}
        del self.github.tokens[token]  # it ends with the job
        return done


def _list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())


class _RunningJob:
    """One job on a machine of its own, which is gone when it ends."""

    def __init__(self, runner: Runner, run_: Run, folder: Path, contexts: dict[str, Any], token: str) -> None:
        self.runner, self.run, self.contexts = runner, run_, contexts
        self.workspace, self.temp, self.home = folder / "workspace", folder / "temp", folder / "home"
        for path in (self.workspace, self.temp, self.home, folder / "bin"):
            path.mkdir(parents=True)
        self.folder = folder
        contexts["github"] = {**contexts["github"], "token": token}
        contexts["runner"] = {"temp": str(self.temp)}
        self.log: list[str] = []
        self.outputs: dict[str, dict[str, str]] = {}
        self.context: dict[str, Any] = {}
        # the real `gh`, led to the server; nothing else goes through the proxy
        gh = folder / "bin" / "gh"
        settings = f"GH_HOST=github.localhost HTTP_PROXY=http://127.0.0.1:{runner.github.port} GH_CONFIG_DIR={folder} GH_NO_UPDATE_NOTIFIER=1"
        gh.write_text(f'#!/bin/sh\nexec env {settings} {BIN}/gh "$@"\n', "utf-8")
        gh.chmod(0o755)

    def summary(self) -> str:
        file = self.folder / "summary.md"
        return file.read_text("utf-8") if file.exists() else ""

    def steps(self, steps: list[Mapping[str, Any]]) -> bool:
        """Runs the steps of the job or of an action. True if none failed."""
        return self._sequence(steps, self.contexts, {}, self.context, self.outputs)

    def _sequence(
        self,
        steps: list[Mapping[str, Any]],
        contexts: Mapping[str, Any],
        inherited: Mapping[str, str],
        context: dict[str, Any],
        outputs: dict[str, dict[str, str]],
    ) -> bool:
        status = "success"
        for step in steps:
            here = {**contexts, "steps": context}
            if not condition(step.get("if"), here, status):
                continue
            env = {**inherited, **{name: filled(text, here) for name, text in step.get("env", {}).items()}}
            given = {name: filled(text, here) for name, text in step.get("with", {}).items()}
            ended, produced = self._step(step, here, env, given)
            if "id" in step:
                context[step["id"]] = {"outputs": produced, "outcome": "success" if ended else "failure"}
                outputs[step["id"]] = produced
            if not ended:
                status = "failure"
        return status == "success"

    def _step(
        self, step: Mapping[str, Any], contexts: Mapping[str, Any], env: Mapping[str, str], given: Mapping[str, str]
    ) -> tuple[bool, dict[str, str]]:
        if "run" in step:
            return self._script(step, contexts, env)
        uses = step["uses"]
        if uses.startswith("./"):
            return self._action(self.workspace / uses, contexts, env, given)
        return getattr(self, "_" + uses.split("@")[0].replace("/", "_").replace("-", "_"))(given)

    def _script(
        self, step: Mapping[str, Any], contexts: Mapping[str, Any], env: Mapping[str, str]
    ) -> tuple[bool, dict[str, str]]:
        assert "${{" not in step["run"], "an expression inside of a script is a way to inject one"
        output = self.folder / "output.txt"
        output.write_text("", "utf-8")
        script = self.folder / "script.sh"
        script.write_text(step["run"], "utf-8")
        where = self.workspace / filled(step.get("working-directory", "."), contexts)
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=where,
            env={**self._environment(), **env, "GITHUB_OUTPUT": str(output)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        self.log.append(done.stdout)
        produced = dict(line.partition("=")[::2] for line in output.read_text("utf-8").splitlines())
        return done.returncode == 0, produced

    def _environment(self) -> dict[str, str]:
        event, file = self.run.event, self.folder / "event.json"
        file.write_text(json.dumps(self.contexts["github"]["event"]), "utf-8")
        pins = {
            name: text for name, text in os.environ.items() if name.startswith("PIP_")
        }  # the versions that tests have
        return pins | {
            "PATH": f"{self.folder}/bin:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTOR": "ann",
            "GITHUB_EVENT_NAME": event.name,
            "GITHUB_EVENT_PATH": str(file),
            "GITHUB_REF_NAME": event.branch,
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": "42",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": event.sha,
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "GITHUB_WORKSPACE": str(self.workspace),
            "RUNNER_TEMP": str(self.temp),
        }

    def _action(
        self, folder: Path, contexts: Mapping[str, Any], env: Mapping[str, str], given: Mapping[str, str]
    ) -> tuple[bool, dict[str, str]]:
        action = yaml.load((folder / "action.yml").read_text("utf-8"), Loader=yaml.BaseLoader)
        assert set(given) <= set(action["inputs"]), "an input that the action does not have"
        inputs = {name: given.get(name, about.get("default", "")) for name, about in action["inputs"].items()}
        if not self.runner.installs:
            self._installed(inputs["version"])
        context: dict[str, Any] = {}
        inside = {**contexts, "inputs": inputs}
        ended = self._sequence(action["runs"]["steps"], inside, {**env, "GITHUB_ACTION_PATH": str(folder)}, context, {})
        outputs = {name: filled(one["value"], {"steps": context}) for name, one in action["outputs"].items()}
        return ended, outputs

    def _installed(self, version: str) -> None:
        """Puts what is tested here where the action would install it."""
        place = self.temp / f"reconciler-{version or 'action'}" / "bin"
        if not place.exists():
            place.mkdir(parents=True)
            for name in ("reconciler", "python"):
                (place / name).symlink_to(BIN / name)

    def _actions_checkout(self, given: Mapping[str, str]) -> tuple[bool, dict[str, str]]:
        assert given["persist-credentials"] == "false"
        run("git", "clone", "--quiet", self.runner.repository, self.workspace, cwd=self.folder)
        run("git", "checkout", "--quiet", self.run.event.sha, cwd=self.workspace)
        return True, {}

    def _actions_setup_python(self, given: Mapping[str, str]) -> tuple[bool, dict[str, str]]:
        return True, {"python-path": sys.executable}

    def _actions_upload_artifact(self, given: Mapping[str, str]) -> tuple[bool, dict[str, str]]:
        source, place = Path(given["path"]), self.runner.folder / "artifacts" / self.folder.name / given["name"]
        if not source.exists():
            return given.get("if-no-files-found") != "error", {}
        assert given["name"] not in self.run.artifacts or given.get("overwrite") == "true"
        if source.is_dir():
            shutil.copytree(source, place)
        else:
            place.mkdir(parents=True)
            shutil.copy(source, place)
        self.run.artifacts[given["name"]] = place
        return True, {}

    def _actions_download_artifact(self, given: Mapping[str, str]) -> tuple[bool, dict[str, str]]:
        shutil.copytree(self.run.artifacts[given["name"]], given["path"], dirs_exist_ok=True)
        return True, {}
