"""A secret's value is nowhere: not in an answer, a log, an error, a traceback, a plan, a backup or the registry's file."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from cli.project import Project, environment

VALUES = {
    "FP": "fp-7d1c0f59",
    "KEY": "key-5b7e2a11",
    "TOKEN": "token-0c9d8e77",
    "OTHER": "other-\u00e9-4f3a2b1c",
}
IN_FILE = "file-99aabbcc"
UNUSED = "unused-12ab34cd"
CONFIG = """\
owner: us
fingerprint_key: ${env:FP}
registries: {local: {driver: local, path: registry.db, default: true}}
"""


@pytest.fixture
def secretive(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A project full of secrets; at its end, all that was ever said and every file but theirs is searched for the values."""
    for name, value in VALUES.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("UNUSED_SECRET", UNUSED)
    project.write("reconciler.yaml", CONFIG)
    project.write("manifests/secret.txt", IN_FILE + "\n")
    headers = {"X-Token": "${env:TOKEN}", "X-Tenant": "acme", "X-Other": "${env:OTHER}"}
    project.manifest("a", endpoint={"url": "https://x.example.com", "api_key": "${env:KEY}", "headers": headers})
    project.manifest("b", endpoint={"url": "https://x.example.com", "api_key": "${file:secret.txt}"})
    yield project
    values = [*VALUES.values(), IN_FILE, UNUSED]
    for answer in project.runs:
        for value in values:
            assert value not in answer.both
    for path in project.root.rglob("*"):
        if path.is_file() and path.name != "secret.txt":
            data = path.read_bytes()
            for value in values:
                assert value.encode() not in data, path


def test_no_command_says_a_secret(secretive: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command, in every format, with -v, through create, rotation, rename and deletion."""
    project = secretive
    for output in ("text", "json", "markdown"):
        project.run("plan", "-v", "--format", output, "--save", f"plan-{output}", "--output", f"json=o-{output}.json")
    assert project.run("apply", "--yes", "-v").code == 0
    monkeypatch.setenv("KEY", VALUES["TOKEN"])
    for output in ("text", "json", "markdown"):
        assert "rotate" in project.run("plan", "-v", "--format", output).out
        project.run("drift", "--format", output)
    project.run("apply", "--yes", "--format", "json")
    for output in ("text", "json", "github", "sarif", "junit"):
        project.run("validate", "--format", output)
    for words in (("list",), ("get", "a"), ("history", "a"), ("export", "a")):
        project.run(*words)
        project.run(*words, "--format", "json")
    project.ok("export", "--all", "-o", "out")
    project.remove("a")
    project.manifest("c", previous_keys=["a"], endpoint={"url": "https://x.example.com", "api_key": "${env:KEY}"})
    project.run("apply", "--yes", "--backup", "kept")
    project.ok("delete", "b", "--yes")
    project.ok("schema")


def test_no_failure_says_a_secret(secretive: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing values, stale plans, conflicts, broken files and bugs."""
    project = secretive
    project.ok("plan", "--save", "plan.json")
    project.apply()
    project.run("apply", "--plan", "plan.json", "-v")
    monkeypatch.delenv("KEY")
    project.run("apply", "--yes", "--rotate", "a")
    monkeypatch.setenv("KEY", "")
    project.manifest(
        "d", endpoint={"url": "https://x.example.com", "api_key": "${env:KEY}", "headers": {"X-Token": "${env:TOKEN}"}}
    )
    assert project.run("apply", "--yes", "--format", "json").code == 1
    project.write("manifests/broken.yaml", 'kind: Model\nkey: e\nendpoint: {url: x, api_key: ["${env:KEY}"}\n')
    project.run("validate")
    (project.root / "manifests/broken.yaml").unlink()
    project.write("registry.db", "no database")
    project.run("apply", "--yes")

    def broken(*given: object, **more: object) -> None:
        raise RuntimeError("a bug")

    (project.root / "registry.db").unlink()
    monkeypatch.setenv("KEY", VALUES["KEY"])
    monkeypatch.setattr("reconciler.registry.local.store.Store.create", broken)
    answer = project.run("apply", "--yes")
    assert (answer.code, "Traceback" in answer.err) == (3, True)


def test_a_secret_that_is_no_utf_8_is_no_bug(secretive: Project) -> None:
    """The environment holds bytes; ours are taken as they are."""
    ran = secretive.command("apply", "--yes", env={**os.environb, b"KEY": b"caf\xe9-\xff"})
    assert ran.returncode == 0, ran.stderr


def test_a_secret_in_a_variable_is_refused(project: Project) -> None:
    """`variables` cannot smuggle the environment into a description."""
    project.write(
        "reconciler.yaml", 'variables: {x: "${env:KEY}"}\nregistries: {local: {driver: local, default: true}}'
    )
    project.manifest("a", description="${var:x}")
    answer = project.run("plan")
    assert (answer.code, "bad-reference" in answer.err) == (1, True)


def test_the_value_reaches_nobody_without_being_asked_for(project: Project) -> None:
    """validate and plan never look at the environment: they do the same with and without the values."""
    project.manifest("a", endpoint={"url": "https://x.example.com", "api_key": "${env:SOME_KEY}"})
    for command in (("validate",), ("plan", "--format", "json")):
        without, with_value = (
            project.command(*command, env=environment(**more)) for more in ({}, {"SOME_KEY": "hunter2"})
        )
        assert (without.returncode, without.stdout) == (with_value.returncode, with_value.stdout)
