"""A project in a folder, driven through the command line in this very process.

def test_it(project):
    project.manifest("chat", description="hello")
    assert project.run("plan").code == 0
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
from programs import HANGS

from reconciler.cli import main
from reconciler.core.document.dump import dump_yaml
from reconciler.core.schema.answers import OUTPUTS

CONFIG: Final = """\
owner: us
registries:
  local: {driver: local, path: registry.db, default: true}
"""
UNHURRIED: Final = Path(__file__).with_name("unhurried.py")
TERMINAL: Final = {chr(code) for code in (*range(0x20), *range(0x7F, 0xA0))} - {"\n"} | set("\u202e\u2066")


@dataclass(frozen=True)
class Answer:
    """What one run said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def both(self) -> str:
        return self.out + self.err

    def json(self, schema: str = "") -> dict[str, Any]:
        """stdout as the one JSON object that it must be, valid under that schema of ours."""
        data: dict[str, Any] = json.loads(self.out)
        if schema:
            jsonschema.Draft202012Validator(OUTPUTS[schema]).validate(data)
        return data


def model(key: str, **fields: Any) -> dict[str, Any]:
    """A Model behind an endpoint; None leaves a field out."""
    document = {"kind": "Model", "key": key, "endpoint": {"url": "https://llm.example.com/v1", "model": "m"}} | fields
    return {name: value for name, value in document.items() if value is not None}


@dataclass
class Project:
    """`root` is the working directory. `runs` keeps all that was said, for tests that look for what must never be."""

    root: Path
    capsys: pytest.CaptureFixture[str]
    runs: list[Answer] = field(default_factory=list)

    def write(self, name: str, text: str | bytes) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    def manifest(self, key: str, /, **fields: Any) -> Path:
        """manifests/<key>.yaml, with one Model."""
        return self.write(f"manifests/{key}.yaml", dump_yaml(model(key, **fields)))

    def remove(self, *keys: str) -> None:
        for key in keys:
            (self.root / f"manifests/{key}.yaml").unlink()

    def run(self, *words: str) -> Answer:
        """One run of the command, in this process."""
        self.capsys.readouterr()
        code = main.run(words)
        said = self.capsys.readouterr()
        answer = Answer(code, said.out, said.err)
        self.runs.append(answer)
        return answer

    def ok(self, *words: str) -> Answer:
        """A run that must end with 0."""
        answer = self.run(*words)
        assert answer.code == 0, answer.both
        return answer

    def apply(self, *words: str) -> Answer:
        return self.ok("apply", "--yes", *words)

    def plan(self, *words: str) -> dict[str, str]:
        """What is planned: `{"local/Model/chat": "create new"}`."""
        answer = self.run("plan", "--format", "json", *words)
        assert answer.code in (0, 4), answer.both
        return {
            change["address"]: f"{change['action']} {change['reason']}" for change in answer.json("plan")["changes"]
        }

    def stored(self) -> dict[str, Any]:
        """Every object's spec by address, as `get` tells it."""
        rows = self.ok("list", "--format", "json").json("list")["resources"]
        return {row["address"]: self.ok("get", row["address"], "--format", "json").json("get")["spec"] for row in rows}

    def keys(self) -> list[str]:
        return [row["key"] for row in self.ok("list", "--format", "json").json("list")["resources"]]

    def sql(self, statement: str, *values: Any, database: str = "registry.db") -> list[Any]:
        """Behind our back: straight into the registry's file."""
        connection = sqlite3.connect(self.root / database)
        try:
            with connection:
                return connection.execute(statement, values).fetchall()
        finally:
            connection.close()

    def spoil(self, key: str, **fields: Any) -> None:
        """Changes fields of a stored object behind our back."""
        where = (
            "object_id = (SELECT id FROM object WHERE key = ? AND deleted_at IS NULL) ORDER BY revision DESC LIMIT 1"
        )
        ((number, text),) = self.sql(f"SELECT rowid, spec FROM revision WHERE {where}", key)
        self.sql("UPDATE revision SET spec = ? WHERE rowid = ?", json.dumps({**json.loads(text), **fields}), number)

    def command(self, *words: str, unhurried: bool = False, **how: Any) -> subprocess.CompletedProcess[str]:
        """One run as a process of its own. `unhurried`: without the limits that the program sets itself."""
        command = [sys.executable, str(UNHURRIED), *words] if unhurried else argv(*words)
        return subprocess.run(command, cwd=self.root, capture_output=True, text=True, timeout=HANGS, **how)


def argv(*words: str) -> list[str]:
    return [sys.executable, "-m", "reconciler", *words]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, **more}


@pytest.fixture
def project(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty project with one local registry, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    made = Project(tmp_path, capsys)
    made.write("reconciler.yaml", CONFIG)
    return made
