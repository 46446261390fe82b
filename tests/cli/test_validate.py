"""`reconciler validate` in CI and in pre-commit: from any folder, in several formats, for several projects."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from cli.project import Project

CONFIG = "owner: team\nvariables: {{llm_host: {}}}\n"
MODEL = 'kind: Model\nkey: {}\nendpoint: {{url: "https://${{var:llm_host}}/v1", model: m}}\n'
TYPO = "kind: Model\nkey: {}\ndispaly_name: x\nprovider: {{name: openai, model: m}}\n"


@pytest.fixture
def repository(project: Project) -> Project:
    """A repository with two projects in folders of their own; the working directory is its root."""
    (project.root / "reconciler.yaml").unlink()
    (project.root / ".git").mkdir()
    for name in ("infra/models", "other"):
        project.write(f"{name}/reconciler.yaml", CONFIG.format("x.example.com"))
        project.write(f"{name}/manifests/good.yaml", MODEL.format("good"))
        project.write(f"{name}/manifests/typo.yaml", TYPO.format("typo"))
    return project


def uris(said: str) -> list[dict[str, str]]:
    results = json.loads(said)["runs"][0]["results"]
    return [result["locations"][0]["physicalLocation"]["artifactLocation"] for result in results]


@pytest.mark.parametrize("folder", [".", "infra", "infra/models", "infra/models/manifests", "other", "../beside"])
def test_reports_name_files_from_the_root_of_the_repository(
    repository: Project, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    """Annotations and code scanning find the file, whatever the working directory of the job."""
    (repository.root / folder).mkdir(exist_ok=True)
    monkeypatch.chdir(repository.root / folder)
    config = ("--config", str(repository.root / "infra/models/reconciler.yaml"))
    expected = {"uri": "infra/models/manifests/typo.yaml", "uriBaseId": "%SRCROOT%"}
    assert uris(repository.run(*config, "validate", "--format", "sarif").out) == [expected]
    said = repository.run(*config, "validate", "--format", "github").out
    assert said.startswith("::error file=infra/models/manifests/typo.yaml,line=3,col=1,")
    assert "::infra/models/manifests/typo.yaml:3:1: unknown field" in said


def test_without_git_a_runner_says_where_the_repository_is(
    repository: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkout without git's own folder, and one that no runner speaks of: then the working directory."""
    (repository.root / ".git").rmdir()
    monkeypatch.chdir(repository.root / "infra/models")
    assert uris(repository.run("validate", "--format", "sarif").out)[0]["uri"] == "manifests/typo.yaml"
    monkeypatch.setenv("GITHUB_WORKSPACE", str(repository.root))
    assert uris(repository.run("validate", "--format", "sarif").out)[0]["uri"] == "infra/models/manifests/typo.yaml"


@pytest.mark.parametrize(
    "path",
    [
        "infra/models/manifests/good.yaml",
        "infra/models/manifests/g*.yaml",
        "./infra/../infra/models/manifests/good.yaml",
    ],
)
def test_a_file_is_checked_in_the_project_that_it_lies_in(repository: Project, path: str) -> None:
    """As pre-commit names files: from the root of the repository, where there is no reconciler.yaml."""
    assert repository.ok("validate", path).out == "1 manifest in 1 file: valid\n"
    assert repository.ok("validate", str(repository.root / path)).out == "1 manifest in 1 file: valid\n"


def test_files_of_several_projects_are_checked_at_once_each_in_its_own(repository: Project) -> None:
    """One commit may touch many: one answer, with the problems of all, sorted."""
    repository.write("other/reconciler.yaml", "owner: other\n")
    files = ("other/manifests/good.yaml", "infra/models/manifests/good.yaml", "infra/models/manifests/typo.yaml")
    answer = repository.run("validate", *files, "--format", "json").json("validate")
    told = [(problem["file"], problem["rule"]) for problem in answer["problems"]]
    assert told == [
        ("infra/models/manifests/typo.yaml", "unknown-field"),
        ("other/manifests/good.yaml", "unset-variable"),
    ]
    assert (answer["files"], answer["documents"]) == (3, 3)
    refused = repository.run("plan", *files[:2])
    assert refused.code == 64
    assert "infra/models/reconciler.yaml, other/reconciler.yaml" in refused.err


def test_the_project_of_the_working_directory_goes_first(repository: Project) -> None:
    """Only where there is none are others looked for."""
    repository.write("reconciler.yaml", CONFIG.format("root.example.com"))
    repository.write("other/reconciler.yaml", "no: configuration\n")
    repository.ok("validate", "other/manifests/good.yaml")


def test_a_broken_project_is_told_for_its_files(repository: Project) -> None:
    """And not passed over for a default one."""
    repository.write("other/reconciler.yaml", "no: configuration\n")
    answer = repository.run("validate", "other/manifests/good.yaml")
    assert answer.code == 1
    assert "other/reconciler.yaml:1:1: error[unknown-field]" in answer.err


def parsed(kind: str, text: str) -> Any:
    if kind == "junit":
        return ElementTree.fromstring(text)
    return json.loads(text) if kind in ("json", "sarif", "codequality") else text


FORMATS = ("text", "json", "github", "sarif", "junit", "codequality")


def test_several_formats_come_from_one_run(repository: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--output FORMAT=FILE` for each, and `--format` to stdout; warnings are errors in all of them with --strict."""
    monkeypatch.chdir(repository.root / "other")
    outputs = [f"--output={name}=out/{name}" for name in FORMATS]
    answer = repository.run("validate", *outputs)
    assert answer.code == 1
    for name in FORMATS:
        written = Path("out", name).read_text()
        assert "dispaly_name" in written
        assert parsed(name, written) is not None
        assert written == repository.run("validate", "--format", name).out
    assert repository.run("validate", "--output", "pdf=x").code == 64


@pytest.mark.parametrize("broken", ["no: configuration\n", "owner: [\n", "registries: {a: {driver: nope}}\n"])
def test_no_file_holds_the_answer_of_an_older_run(
    repository: Project, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """Where the configuration cannot be used, every file says so in its own format; what programs read says it on stdout, too."""
    monkeypatch.chdir(repository.root / "other")
    repository.write("other/reconciler.yaml", broken)
    answer = repository.run("validate", "--format", "sarif", *(f"--output={name}=out/{name}" for name in FORMATS))
    assert answer.code == 1
    assert uris(answer.out)[0]["uri"] == "other/reconciler.yaml"
    for name in FORMATS:
        written = Path("out", name).read_text()
        assert "reconciler.yaml" in written
        assert parsed(name, written) is not None


def test_strict_holds_in_every_format(project: Project) -> None:
    """A warning that fails the run is an error in each report of it."""
    project.manifest("a")
    project.write("manifests/b.ymal", "x")
    project.ok("validate")
    assert project.run("validate", "--strict", "--output", "json=a.json", "--output", "sarif=a.sarif").code == 1
    assert json.loads(Path("a.json").read_text())["problems"][0]["severity"] == "error"
    assert json.loads(Path("a.sarif").read_text())["runs"][0]["results"][0]["level"] == "error"


GLUED = "hunter2-correct-horse"
NAMES = (
    "api_key:{}",
    "api_key {}",
    "'api_key {}'",
    "api_key={}",
    "Authorization:Bearer {}",
    "https://me:{}@x.example.com",
)
PLACES = {
    "a manifest": ("manifests/a.yaml", "{{kind: Model, key: a, {0}}}"),
    "an endpoint": ("manifests/a.yaml", "{{kind: Model, key: a, endpoint: {{url: 'https://x', {0}}}}}"),
    "headers": ("manifests/a.yaml", "{{kind: Model, key: a, endpoint: {{url: 'https://x', headers: {{{0}}}}}}}"),
    "labels": ("manifests/a.yaml", "{{kind: Model, key: a, labels: {{{0}}}}}"),
    "a key given twice": ("manifests/a.yaml", "{{kind: Model, key: a, endpoint: {{{0}, {0}}}}}"),
    "a native kind": ("manifests/a.yaml", "{{kind: insidellms/RunConfig, key: a, {0}}}"),
    "the configuration": ("reconciler.yaml", "{{owner: us, {0}}}"),
    "a registry": ("reconciler.yaml", "{{registries: {{local: {{driver: local, {0}}}}}}}"),
    "a registry's name": ("reconciler.yaml", "{{registries: {{{0}}}}}"),
    "an environment": ("reconciler.yaml", "{{environments: {{prod: {{{0}}}}}}}"),
    "variables": ("reconciler.yaml", "{{variables: {{{0}}}}}"),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", PLACES)
def test_a_secret_that_became_a_name_is_not_told(project: Project, place: str, name: str) -> None:
    """To YAML `{api_key:VALUE}`, without the space, is all of it a name: no message, pointer or quoted line repeats the value."""
    file, text = PLACES[place]
    project.manifest("a")
    project.write(file, text.format(name.format(GLUED)) + "\n")
    answer = project.run("validate", *(f"--output={one}=out/{one}" for one in FORMATS))
    assert answer.code == 1, answer.both
    said = answer.both + "".join(Path("out", one).read_text() for one in FORMATS)
    assert "***" in said
    assert GLUED not in said


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "text",
    [
        "{{key: m, display_name: M, task: chat_completion, config: {{connection_type: custom_connection, {0}}}}}",
        "{{spec_version: v1, kind: model, name: virtual-model/openai/x, {0}, provider_config: {{{0}}}}}",
    ],
)
def test_import_does_not_tell_one_either(project: Project, text: str, name: str) -> None:
    """In other tools' files it is the same slip."""
    project.write("other.yaml", text.format(name.format(GLUED)) + "\n")
    assert GLUED not in project.run("import", "other.yaml", "-o", "new").both
    assert GLUED not in project.run("import", "other.yaml", "-o", "new", "--format", "json").both


def test_both_sides_of_a_merge_between_brackets_are_never_sent(project: Project) -> None:
    """YAML takes the markers for text, so only the loader can tell; the cache of manifests does not forget it."""
    text = "kind: Model\nkey: a\nprovider: {name: openai, model: m}\ntags: [\n<<<<<<< HEAD\na,\n=======\nb,\n>>>>>>> x\n]\n"
    project.write("manifests/a.yaml", text)
    for command in (["validate"], ["validate"], ["plan"], ["apply", "--yes"]):
        answer = project.run(*command)
        assert answer.code == 1
        assert "manifests/a.yaml:5:1: error[syntax]: an unresolved merge" in answer.both
