"""`exclude` leaves files out of the manifests, and never lets anything be deleted that such a file declares."""

from __future__ import annotations

import json
from typing import Any, Final

import pytest
from cli.project import Project

from reconciler.manifest.ignored import keys_in

CHART: Final = "replicaCount: 1\nimage: {repository: nginx}\n"
LOST: Final = "kind: Model\nkey: lost\nendpoint: {url: 'https://llm.example.com/v1', model: m, api_key: '${env:KEY}'}\n"


def configure(project: Project, text: str) -> None:
    registries = "registries: {local: {driver: local, path: .db, default: true}}\nguards: {max_deletes: 50, max_delete_percent: 100}\n"
    project.write("reconciler.yaml", f"owner: us\n{registries}{text}\n")


def problems(project: Project, *words: str) -> list[str]:
    found = project.run("validate", "--format", "json", *words).json("validate")["problems"]
    return [f"{item['file']}:{item['line']} {item['rule']}" for item in found]


WAYS: Final = {
    "for all, by name": "exclude: [values.yaml]",
    "for all, from the configuration": "exclude: [manifests/charts/*.yaml]",
    "for all, a folder": "exclude: [manifests/charts/]",
    "of one path": "manifests: [{path: manifests, exclude: ['**/values.yaml']}]",
    "of one path, from that path": "manifests: [{path: manifests, exclude: [charts/values.yaml]}]",
    "of a glob": "manifests: [{path: 'manif*', exclude: [manifests/charts]}]",
    "in an environment": "environments: {prod: {exclude: [charts]}}",
}


@pytest.mark.parametrize("way", WAYS)
def test_an_excluded_file_is_not_read(project: Project, way: str) -> None:
    """Neither read nor warned of, wherever the glob stands."""
    words = ("--env", "prod") if "environment" in way else ()
    project.manifest("a")
    project.write("manifests/charts/values.yaml", CHART)
    configure(project, "")
    assert problems(project, *words[:0]) == ["manifests/charts/values.yaml:1 foreign-file"]
    configure(project, WAYS[way])
    answer = project.ok("validate", "--strict", *words)
    assert answer.out == "1 manifest in 1 file: valid\n"


@pytest.mark.parametrize("name", ["x.yaml", "x.ymal", ".x.yaml", "x.yaml.bak", "x.json"])
@pytest.mark.parametrize("text", ["", "kind: [\n", "# nothing\n", LOST, "\xff"])
def test_nothing_is_said_of_what_is_excluded(project: Project, name: str, text: str) -> None:
    """Whatever it is called, and whatever it holds."""
    project.manifest("a")
    project.write(f"manifests/{name}", text.encode("latin-1"))
    configure(project, "exclude: ['x.*', '.x.*']")
    assert [line for line in problems(project) if "unused-exclude" not in line] == []


def test_a_path_reads_what_another_excludes(project: Project) -> None:
    """A glob of one path is none of another path's business, also where the file is named on the command line."""
    project.manifest("a")
    project.write(
        "manifests/x.json", json.dumps({"kind": "Model", "key": "x", "provider": {"name": "openai", "model": "m"}})
    )
    configure(project, "manifests: [{path: manifests, exclude: ['*.json']}, manifests/x.json]")
    assert project.ok("validate", "--strict").out == "2 manifests in 2 files: valid\n"
    assert project.ok("validate", "manifests/x.json").both == "1 manifest in 1 file: valid\n"


# --- the command line ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["manifests/charts/values.yaml", "manifests/charts", "manifests/charts/*.yaml", "manifests/broken.yaml"]
)
@pytest.mark.parametrize("command", [("validate",), ("plan",), ("drift",), ("apply", "--yes")])
def test_an_excluded_path_is_skipped_with_a_note(project: Project, command: tuple[str, ...], path: str) -> None:
    """pre-commit names the files of a commit, and knows nothing of the globs: no error, and a word on stderr."""
    project.manifest("a")
    project.write("manifests/charts/values.yaml", CHART)
    project.write("manifests/broken.yaml", "kind: [\n")
    configure(project, "manifests: [{path: manifests, exclude: [charts, broken.yaml]}]")
    answer = project.ok(*command, path)
    assert "is read at manifests/" in answer.err
    assert "`exclude` in reconciler.yaml leaves it out" in answer.err
    assert "note" not in answer.out


def test_the_rest_of_the_paths_is_looked_at(project: Project) -> None:
    """As it is without the one that is skipped."""
    project.manifest("a", labels=3)
    project.write("manifests/values.yaml", CHART)
    configure(project, "exclude: [values.yaml]")
    answer = project.run("validate", "manifests/values.yaml", "manifests/a.yaml")
    assert answer.code == 1
    assert "1 error in 1 file" in answer.both


# --- prune --------------------------------------------------------------------------------------------------------

HIDING: Final[dict[str, tuple[str, str]]] = {
    "by its name": ("manifests/lost.yaml", LOST),
    "in a folder": ("manifests/old/lost.yaml", LOST),
    "a copy that is none of ours": ("manifests/lost.yaml.bak", LOST),
    "as JSON": ("manifests/lost.json", '{"kind":"Model","key":"lost"}'),
    "in flow style": ("manifests/lost.yaml", '{"key": "lost", "kind": "Model"}\n'),
    "in quotes": ("manifests/lost.yaml", "'kind': 'Model'\n'key': 'lost'\n"),
    "beside others": ("manifests/lost.yaml", "kind: Model\nkey: other\n---\n" + LOST),
    "with Windows lines": ("manifests/lost.yaml", LOST.replace("\n", "\r\n")),
    "in a file that is no YAML": ("manifests/lost.yaml", LOST + "{{- if .Values.x }}\n"),
    "under another key there": (
        "manifests/lost.yaml",
        "kind: Model\nkey: other\nregistries:\n  local:\n    key: lost\n",
    ),
}


@pytest.mark.parametrize("hidden", HIDING)
def test_what_a_glob_hides_is_not_pruned(project: Project, hidden: str) -> None:
    """A manifest that was read before, and that a new glob hides, is still there: nothing at all is deleted."""
    name, text = HIDING[hidden]
    configure(project, "")
    project.manifest("a")
    file = project.write("manifests/lost.yaml", LOST)
    project.apply()
    file.unlink()
    project.write(name, text)
    configure(project, "exclude: ['lost.*']")
    plan = project.run("plan", "--format", "json").json("plan")
    assert "local/Model/lost" in plan["orphans"]
    answer = project.run("apply", "--prune", "--yes", "--format", "json")
    assert answer.code == 4, answer.both
    told = project.run("plan", "--prune", "--format", "json").json("plan")["guards"]
    assert [(guard["name"], guard["override"]) for guard in told] == [("excluded-source", None)]
    assert f"local/Model/lost (in {name})" in told[0]["message"]
    assert project.keys().count("lost") == 1


def test_a_glob_that_hides_too_much_is_not_pruned(project: Project) -> None:
    """All manifests but one, then all: another guard says so, and `validate` warns."""
    configure(project, "")
    for key in "abc":
        project.manifest(key)
    project.apply()
    configure(project, "exclude: ['[ab].yaml']")
    assert "excluded-source" in project.run("plan", "--prune").both
    for glob in ("manifests", "*", "manifests/**", "*.yaml"):
        configure(project, f"exclude: ['{glob}']")
        assert {"manifests:1 no-document", "manifests:1 no-manifests"} == set(problems(project))
        answer = project.run("apply", "--prune", "--yes")
        assert answer.code in (1, 4), answer.both
    assert project.keys() == ["a", "b", "c"]


def test_the_ways_out_of_a_hidden_manifest(project: Project) -> None:
    """Its document is taken out of the file; or a draft that was never applied is in nobody's way."""
    configure(project, "")
    project.manifest("a")
    project.manifest("b")
    project.manifest("lost")
    project.apply()
    configure(project, "exclude: [lost.yaml, draft.yaml]")
    project.write("manifests/draft.yaml", LOST.replace("lost", "draft"))
    project.remove("b")
    assert project.run("apply", "--prune", "--yes").code == 4
    project.write("manifests/lost.yaml", "# gone\n")
    project.apply("--prune")
    assert project.keys() == ["a"]


@pytest.mark.parametrize("key", ["a b", "virtual-model/openai/gpt-4o", "it's", "a,b", "x"])
def test_keys_are_found_however_they_are_written(key: str) -> None:
    """In block and flow style, quoted and plain, before a comment; in what is no manifest of ours, none."""
    for line in (f"key: {key}", f"key: {key}   # old", f'"key": "{key}"', f'- {{kind: x/Y, "key": "{key}"}}'):
        assert key in keys_in(f"kind: x/Y\n{line}\n")
        assert keys_in(line.replace("kind: x/Y, ", "")) == frozenset()
    assert keys_in("kind: Model\napi_key: secret\nkey:\n") == frozenset()


# --- globs that do nothing ----------------------------------------------------------------------------------------


def test_a_glob_that_matches_nothing_is_warned_of(project: Project) -> None:
    """At its place, with the folder that it is relative to."""
    project.manifest("a")
    project.write("manifests/values.yaml", CHART)
    configure(
        project, "exclude:\n  - values.yaml\n  - valeus.yaml\nmanifests: [{path: manifests, exclude: [manifests/x]}]"
    )
    answer = project.ok("validate")
    assert "reconciler.yaml:6:5: warning[unused-exclude]" in answer.both
    assert "reconciler.yaml:7:41: warning[unused-exclude]" in answer.both
    assert "relative to manifests" in answer.both
    assert "unused" not in project.ok("plan").both, "a plan is no place for tidying up"
    assert problems(project, "manifests/a.yaml") == [], "of one file nothing can be said"


def test_a_glob_that_one_environment_needs_is_no_mistake(project: Project) -> None:
    """Nor is a template that only one of them extends."""
    project.manifest("a")
    project.write("manifests/t.yaml", "kind: Template\nkey: t\nprovider: {name: openai, model: m}\n")
    project.write("prod/values.yaml", CHART)
    project.write("prod/b.yaml", "kind: Model\nkey: b\nextends: t\n")
    dev = "dev: {registries: {local: {path: .dev}}}"
    prod = "prod: {manifests: [manifests, prod], registries: {local: {path: .prod}}}"
    configure(project, f"exclude: [values.yaml]\nenvironments: {{{dev}, {prod}}}")
    assert problems(project) == []
    assert problems(project, "--env", "dev") == []
    assert problems(project, "--env", "prod") == []
    (project.root / "prod/b.yaml").unlink()
    project.write("prod/c.yaml", "kind: Model\nkey: c\nprovider: {name: openai, model: m}\n")
    assert set(problems(project)) == {"manifests/t.yaml:2 unused-template"}


WRONG: Final[dict[str, Any]] = {
    "empty": ("exclude: ['']", 4, "bad-glob"),
    "upward": ("exclude: [../x]", 4, "bad-glob"),
    "negated": ("exclude: ['!x']", 4, "bad-glob"),
    "no list": ("exclude: x", 4, "wrong-type"),
    "a path without a path": ("manifests: [{exclude: [x]}]", 4, "missing-field"),
    "an unknown member": ("manifests: [{path: manifests, exclud: [x]}]", 4, "unknown-field"),
    "no path": ("manifests: [3]", 4, "wrong-type"),
}


@pytest.mark.parametrize("mistake", WRONG)
def test_a_wrong_glob_is_told_at_its_place(project: Project, mistake: str) -> None:
    """With line and rule, as everything in reconciler.yaml."""
    text, line, rule = WRONG[mistake]
    configure(project, text)
    (problem,) = project.run("validate", "--format", "json").json("error")["problems"]
    assert (problem["line"], problem["rule"]) == (line, rule)
