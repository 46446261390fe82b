"""The files in tests/examples are the specification of manifests: every one is accepted, or refused at the places beside it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import pytest
from cli.project import Project

EXAMPLES: Final = Path(__file__).resolve().parents[1] / "examples"
CONFIG: Final = """\
owner: us
variables: {host: llm.example.com, number: 3, flag: true}
registries:
  local: {driver: local, path: registry.db, default: true}
  two: {driver: local, path: two.db}
"""


def examples(folder: str) -> list[str]:
    return sorted(path.name for path in (EXAMPLES / folder).iterdir() if path.suffix != ".expected")


def lay_out(project: Project, folder: str, name: str) -> None:
    project.write("reconciler.yaml", CONFIG)
    project.write("manifests/text.txt", "some text\n")
    project.write("manifests/secret.txt", "hunter2\n")
    project.write("outside.txt", "outside of nothing: the project's root is its parent")
    shutil.copy(EXAMPLES / folder / name, project.root / "manifests" / name)


def found(project: Project) -> list[str]:
    problems = project.run("validate", "--format", "json").json("validate")["problems"]
    return [
        f"{problem['file'].removeprefix('manifests/')}:{problem['line']}:{problem['column']} {problem['rule']}"
        for problem in problems
    ]


@pytest.mark.parametrize("name", examples("valid"))
def test_a_valid_example_is_accepted(project: Project, name: str) -> None:
    """What the examples call valid has not one warning, even with --strict, and can be planned."""
    lay_out(project, "valid", name)
    answer = project.run("validate", "--strict")
    assert answer.code == 0, answer.both
    project.ok("plan")


@pytest.mark.parametrize("name", examples("invalid"))
def test_an_invalid_example_is_refused_at_its_places(project: Project, name: str) -> None:
    """Every problem is told in one run, with file, line, column and a stable rule; nothing is planned."""
    lay_out(project, "invalid", name)
    expected = (EXAMPLES / "invalid" / f"{name}.expected").read_text().split("\n")
    assert found(project) == [line for line in expected if line]
    assert project.run("apply", "--yes").code == 1
    assert not (project.root / "registry.db").exists()


@pytest.mark.parametrize("output", ["text", "json", "github", "sarif", "junit"])
@pytest.mark.parametrize("name", ["literal-secrets.yaml", "override-secrets.yaml", "hidden-secrets.yaml"])
def test_a_literal_secret_is_never_repeated(project: Project, name: str, output: str) -> None:
    """Whoever wrote a secret into a manifest by mistake does not find it in the CI's log as well."""
    lay_out(project, "invalid", name)
    assert "hunter2" not in project.run("validate", "--format", output).both
    assert "hunter2" not in project.run("plan").both
