"""A runner of GitLab pipelines, as far as our template needs one: `include`, `extends`, `rules`, `needs`, artifacts and every script."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Final

import yaml
from programs import BIN, run

_TERM: Final = re.compile(r'\$(\w+) (==|!=) (?:"([^"]*)"|\$(\w+))')


class _Loader(yaml.SafeLoader):
    """GitLab's YAML, which can take a part of another job."""


class _Reference(list[str]):
    pass


_Loader.add_constructor("!reference", lambda loader, node: _Reference(loader.construct_sequence(node)))


def meets(rule: str, variables: Mapping[str, str]) -> bool:
    """Whether the `if` of a rule holds: comparisons with `&&` between them."""
    for term in rule.split(" && "):
        found = _TERM.fullmatch(term)
        assert found is not None, f"no condition that this runner knows: {term}"
        other = variables.get(found[4]) if found[4] else found[3]
        if (variables.get(found[1]) == other) != (found[2] == "=="):
            return False
    return True


@dataclass
class Job:
    """A job that ran, or waits for somebody to start it."""

    result: str
    log: str = ""
    reports: dict[str, Path] = field(default_factory=dict)
    folder: Path = Path()


@dataclass
class Pipeline:
    """A pipeline of one commit."""

    runner: Runner
    jobs: dict[str, Any]
    sha: str
    variables: dict[str, str]
    done: dict[str, Job] = field(default_factory=dict)

    def go_on(self, *, manual: bool = False) -> Pipeline:
        """Runs what can be run: a manual job only when somebody starts it."""
        for name, job in self.jobs.items():
            if name in self.done and self.done[name].result != "manual":
                continue
            rule = next((one for one in job["rules"] if meets(one["if"], self.variables)), None)
            needed = [self.done.get(one) for one in job.get("needs", ())]
            if rule is None or any(one is None or one.result != "success" for one in needed):
                continue
            if rule.get("when") == "manual" and not manual:
                self.done[name] = Job("manual")
            else:
                self.done[name] = self.runner.run_job(self, name, job, [one for one in needed if one])
        return self

    @property
    def results(self) -> dict[str, str]:
        """How each job ended, by its name without the project's."""
        return {name.partition(":")[2]: job.result for name, job in self.done.items()}


@dataclass
class Runner:
    """GitLab's side of a repository."""

    folder: Path
    repository: Path
    variables: Mapping[str, str]
    numbers: Iterator[int] = field(default_factory=count)

    def start(self, sha: str, **variables: str) -> Pipeline:
        """The pipeline of a commit, up to the first manual job."""
        files = [".gitlab-ci.yml"]
        loaded: dict[str, Any] = {}
        while files:
            text = run("git", "show", f"{sha}:{files.pop()}", cwd=self.repository).stdout
            found = yaml.load(text, Loader=_Loader)
            files += [one["local"] for one in found.pop("include", [])]
            loaded |= found
        workflow, top = loaded.pop("workflow"), loaded.pop("variables", {})
        every = {name: one["value"] for name, one in top.items()} | {
            **self.variables,
            **variables,
            "CI_COMMIT_SHA": sha,
        }
        assert any(meets(rule["if"], every) for rule in workflow["rules"])
        jobs = {name: {**loaded.get(job.get("extends"), {}), **job} for name, job in loaded.items() if name[0] != "."}
        for job in jobs.values():
            job["script"] = [line for part in job["script"] for line in _lines(part, loaded)]
        return Pipeline(self, jobs, sha, every).go_on()

    def run_job(self, pipeline: Pipeline, name: str, job: Mapping[str, Any], needed: list[Job]) -> Job:
        folder = self.folder / f"job-{next(self.numbers)}"
        tools = folder / "bin"
        tools.mkdir(parents=True)
        # what is tested here is in the place of what pip would install
        (tools / "python").write_text(f'#!/bin/sh\n[ "$1 $2" = "-m pip" ] || exec {BIN}/python "$@"\n', "utf-8")
        (tools / "python").chmod(0o755)
        (tools / "reconciler").symlink_to(BIN / "reconciler")
        checkout = folder / "checkout"
        run("git", "clone", "--quiet", self.repository, checkout, cwd=folder)
        run("git", "checkout", "--quiet", pipeline.sha, cwd=checkout)
        for one in needed:
            shutil.copytree(one.folder, checkout, dirs_exist_ok=True)
        given = {**pipeline.variables, "CI_PROJECT_DIR": str(checkout)}
        own = {name: _expanded(text, given) for name, text in job.get("variables", {}).items()}
        script = folder / "script.sh"
        script.write_text("\n".join([*job.get("before_script", ()), *job["script"]]), "utf-8")
        ended = subprocess.run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", str(script)],
            cwd=checkout,
            env={"PATH": f"{tools}:/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "CI": "true", **given, **own},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        artifacts = job.get("artifacts", {})
        kept = folder / "artifacts"
        kept.mkdir()
        for path in artifacts.get("paths", ()):
            if (checkout / path).exists():
                (kept / path).parent.mkdir(parents=True, exist_ok=True)
                (shutil.copytree if (checkout / path).is_dir() else shutil.copy)(checkout / path, kept / path)
        reports = {kind: checkout / path for kind, path in artifacts.get("reports", {}).items()}
        return Job("success" if ended.returncode == 0 else "failed", ended.stdout, reports, kept)


def _lines(part: Any, jobs: Mapping[str, Any]) -> list[str]:
    return jobs[part[0]][part[1]] if isinstance(part, _Reference) else [part]


def _expanded(text: str, variables: Mapping[str, str]) -> str:
    return re.sub(r"\$(\w+)", lambda match: variables.get(match[1], ""), text)
