"""`reconciler import`: all files or none, what it says, and that a second run changes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from cli.project import Project
from importing.imports import model

AIGO = """\
owner: us
registries:
  aigo: {driver: latticeflow, url: "https://aigo.example.com", api_key: "${env:LF_API_KEY}", default: true}
  local: {driver: local, path: registry.db}
variables: {HOST: "https://llm.example.com"}
"""
SECRET = "s3cr3t-Zx81"
CHAT = f"""\
# our chat
key: chat
display_name: Chat
config:
  url: $HOST/v1
  model_key: $MODEL
  api_key: << secrets.KEY >>
  custom_headers: {{X-Token: {SECRET}}}
secrets: {{KEY: $KEY}}
"""


@pytest.fixture
def aigo(project: Project) -> Project:
    """A project with a registry of the driver latticeflow, and one file of `lf`."""
    project.write("reconciler.yaml", AIGO)
    project.write("lf/models/chat.yaml", CHAT)
    return project


def _files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_what_it_says(aigo: Project) -> None:
    """The files on stdout; on stderr warnings, counts, and what is left to define: never a secret."""
    answer = aigo.ok("import", "lf", "-o", "manifests")
    assert answer.out == "manifests/models/chat.yaml\nmanifests/secrets/KEY.yaml\n"
    assert "lf/models/chat.yaml:8:29: warning[literal-secret]" in answer.err
    assert "1 model, 1 secret written to manifests" in answer.err
    assert 'variables:\n  MODEL: ""\n' in answer.err
    assert "What is secret does not belong there, but in a latticeflow/Secret:\n" in answer.err
    assert "HOST" not in answer.err
    assert "Set in the environment, for apply: CHAT_X_TOKEN, KEY" in answer.err
    assert SECRET not in answer.both


def test_json(aigo: Project) -> None:
    """The same for machines, in one object."""
    answer = aigo.ok("import", "lf", "-o", "manifests", "--format", "json").json()
    assert answer["format_version"] == "1.0"
    assert answer["files"][0] == {
        "path": "manifests/models/chat.yaml",
        "kind": "latticeflow/Model",
        "key": "chat",
        "source": "lf/models/chat.yaml",
    }
    assert (answer["variables"], answer["environment"]) == (["MODEL"], ["CHAT_X_TOKEN", "KEY"])
    assert [problem["rule"] for problem in answer["problems"]] == ["literal-secret"]


def test_what_is_written_is_valid(aigo: Project) -> None:
    """`validate` finds nothing wrong once the variables are defined."""
    aigo.ok("import", "lf", "-o", "manifests")
    aigo.write("reconciler.yaml", AIGO.replace("variables: {", "variables: {MODEL: m, "))
    assert aigo.ok("validate").out == "2 manifests in 2 files: valid\n"


def test_nothing_is_overwritten_without_force(aigo: Project) -> None:
    """A second run is refused; with --force it writes the same bytes."""
    aigo.ok("import", "lf", "-o", "manifests", "--registry", "aigo")
    before = _files(aigo.root / "manifests")
    assert b"registry: aigo\n" in before["models/chat.yaml"]
    answer = aigo.run("import", "lf/**/*.yaml", "-o", "manifests")
    assert answer.code == 1
    assert "manifests/models/chat.yaml, manifests/secrets/KEY.yaml: there already" in answer.err
    aigo.ok("import", "lf/**/*.yaml", "-o", "manifests", "--registry", "aigo", "--force")
    assert _files(aigo.root / "manifests") == before


def test_a_problem_keeps_its_own_object_out_and_no_other(aigo: Project) -> None:
    """All problems of all files are told, no secret is; what is right is written, and the exit code says that it was not all."""
    aigo.write("lf/bad.yaml", model(f"api_key: {SECRET}", "rate: 1"))
    aigo.write("lf/worse.yaml", "kind: Model\nkey: a\n")
    answer = aigo.run("import", "lf", "-o", "manifests")
    assert answer.code == 5
    assert answer.out == "manifests/models/chat.yaml\nmanifests/secrets/KEY.yaml\n"
    assert "lf/bad.yaml:6:1: error[unknown-field]" in answer.err
    assert "lf/worse.yaml:1:7: error[already-a-manifest]" in answer.err
    assert "2 problems: what they are in was not written" in answer.err
    assert SECRET not in answer.both
    assert sorted(_files(aigo.root / "manifests")) == ["models/chat.yaml", "secrets/KEY.yaml"]


def test_where_everything_is_wrong_nothing_is_written(aigo: Project) -> None:
    """Then it is an error like any other, in JSON, too."""
    aigo.write("bad/bad.yaml", model(f"api_key: {SECRET}", "rate: 1"))
    answer = aigo.run("import", "bad", "-o", "out")
    assert (answer.code, answer.out) == (1, "")
    assert "error: 1 problem, so nothing was written" in answer.err
    assert not (aigo.root / "out").exists()
    failed = aigo.run("import", "bad", "-o", "out", "--format", "json")
    assert {problem["severity"] for problem in failed.json("error")["problems"]} == {"error", "warning"}
    assert SECRET not in failed.both


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("lf",), 64, "-o"),
        (("-o", "out"), 64, "PATH"),
        (("nothing", "-o", "out"), 1, "no such file or folder"),
        (("empty", "-o", "out"), 1, "no file to import in empty"),
        (("lf", "-o", "lf/models/chat.yaml"), 1, "is not a folder"),
        (("lf", "-o", "out", "--registry", "aigoo"), 64, "did you mean 'aigo'?"),
        (("lf", "-o", "out", "--registry", "local"), 64, "takes no latticeflow/Model"),
    ],
)
def test_wrong_use(aigo: Project, words: tuple[str, ...], code: int, said: str) -> None:
    """Each mistake on the command line is told, and nothing is written."""
    (aigo.root / "empty").mkdir()
    answer = aigo.run("import", *words)
    assert (answer.code, answer.out) == (code, "")
    assert said in answer.err
    assert not (aigo.root / "out").exists()


def test_without_a_configuration(aigo: Project) -> None:
    """A project may begin with an import: no reconciler.yaml is needed."""
    (aigo.root / "reconciler.yaml").unlink()
    answer = aigo.ok("import", "lf", "-o", "manifests", "--registry", "aigo")
    assert 'variables:\n  HOST: ""\n  MODEL: ""\n' in answer.err


def test_a_folder_without_models(aigo: Project) -> None:
    """Warnings alone are no failure."""
    aigo.write("none/run.yaml", "datasets: []\n")
    answer = aigo.ok("import", "none", "-o", "out")
    assert answer.out == ""
    assert "nothing written to out" in answer.err
