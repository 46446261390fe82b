"""reconciler.yaml: contract §2."""

from __future__ import annotations

import pytest
from cli.project import Project

BROKEN = {
    "unknown field": ("ownr: us\n", "reconciler.yaml:1:1: error[unknown-field]", "did you mean 'owner'?"),
    "wrong type": ("owner: 3\n", "reconciler.yaml:1:8: error[wrong-type]", ""),
    "unknown driver": (
        "registries:\n  x: {driver: locl}\n",
        "reconciler.yaml:2:15: error[unknown-driver]",
        "did you mean 'local'",
    ),
    "wrong setting": (
        "registries:\n  x: {driver: local, pth: x}\n",
        "reconciler.yaml:2:22: error[unknown-field]",
        "did you mean 'path'?",
    ),
    "setting of a wrong type": (
        "registries:\n  x:\n    driver: local\n    path: 3\n",
        "reconciler.yaml:4:11: error[wrong-type]",
        "",
    ),
    "no driver": ("registries:\n  x: {}\n", "reconciler.yaml:2:6: error[missing-field]", ""),
    "same place": (
        "registries:\n  x: {driver: local, path: r.db}\n  y: {driver: local, path: ./z/../r.db}\n",
        "reconciler.yaml:3:3: error[same-place]",
        "'x'",
    ),
    "bad name": ('registries:\n  "a b": {driver: local}\n', "reconciler.yaml:2:3: error[bad-name]", ""),
    "guards": ("guards: {max_deletes: -1}\n", "reconciler.yaml:1:23: error[out-of-range]", ""),
    "literal key": ("fingerprint_key: hunter2\n", "reconciler.yaml:1:18: error[literal-secret]", ""),
    "reference in a variable": ("variables: {a: '${env:X}'}\n", "reconciler.yaml:1:16: error[bad-reference]", ""),
    "not a map": ("- a\n", "reconciler.yaml:1:1: error[wrong-type]", ""),
    "two documents": ("owner: a\n---\nowner: b\n", "reconciler.yaml:3:1: error[one-document]", ""),
    "duplicate key": ("owner: a\nowner: b\n", "reconciler.yaml:2:1: error[duplicate-key]", ""),
    "syntax": ("owner: [a\n", "reconciler.yaml:2:1: error[syntax]", ""),
}


@pytest.mark.parametrize(("text", "place", "help_text"), BROKEN.values(), ids=BROKEN)
def test_a_wrong_configuration_is_told_at_its_place(project: Project, text: str, place: str, help_text: str) -> None:
    """Every problem has file, line, column and rule; what was probably meant is said; no secret is repeated."""
    project.manifest("a")
    project.write("reconciler.yaml", text)
    answer = project.run("plan")
    assert answer.code == 1
    assert place in answer.err
    assert help_text in answer.err
    assert "hunter2" not in answer.both


def test_all_problems_are_told_at_once(project: Project) -> None:
    """One run, all of them."""
    project.write("reconciler.yaml", "ownr: us\nguards: {max_deletes: x}\nregistries: {a: {}, b: [1]}\n")
    assert len(project.run("plan", "--format", "json").json("error")["problems"]) == 4


def test_without_a_configuration_there_is_one_local_registry(project: Project) -> None:
    """manifests/, a registry `local` under .reconciler, owner `local`."""
    (project.root / "reconciler.yaml").unlink()
    project.manifest("a")
    project.apply()
    assert project.ok("list", "--format", "json").json("list")["resources"][0]["owner"] == "local"
    assert (project.root / ".reconciler/registry.db").is_file()
    assert project.run("plan", "--env", "prod").code == 64


def test_an_empty_configuration_has_no_registry(project: Project) -> None:
    """A model that would go nowhere is an error, not silence."""
    project.manifest("a")
    project.write("reconciler.yaml", "")
    assert "error[no-registry]" in project.run("validate").out


def test_a_local_registry_has_an_owner_even_where_none_is_given(project: Project) -> None:
    """`local`, or `local/<environment>`."""
    project.write(
        "reconciler.yaml",
        "registries: {x: {driver: local, path: r.db, default: true}}\nenvironments: {prod: {registries: {x: {path: p.db}}}}\n",
    )
    project.manifest("a")
    project.apply()
    project.apply("--env", "prod")
    owners = [
        project.ok("list", *env, "--format", "json").json("list")["resources"][0]["owner"]
        for env in ((), ("--env", "prod"))
    ]
    assert owners == ["local", "local/prod"]


def test_an_environment_is_merged_over_the_rest(project: Project) -> None:
    """Maps merge, lists and scalars replace, null removes; nothing leaks into the others."""
    project.write(
        "reconciler.yaml",
        "owner: us\nvariables: {a: one, b: two}\nmanifests: [manifests, more]\n"
        "registries: {x: {driver: local, path: x.db, default: true}, y: {driver: local, path: y.db, default: true}}\n"
        "environments:\n  prod: {variables: {a: ONE, b: null}, manifests: [manifests], registries: {y: null, x: {path: prod.db}}}\n",
    )
    project.manifest("a", description="${var:a}")
    project.write("more/b.yaml", "kind: Model\nkey: b\ndescription: ${var:b}\n")
    assert set(project.plan()) == {"x/Model/a", "x/Model/b", "y/Model/a", "y/Model/b"}
    assert set(project.plan("--env", "prod")) == {"x/Model/a"}
    project.apply("--env", "prod")
    assert not (project.root / "x.db").exists()
    assert project.ok("get", "a", "--env", "prod", "--format", "json").json("get")["spec"]["description"] == "ONE"
    project.manifest("a", description="${var:b}")
    assert "unset-variable" in project.run("validate", "--env", "prod").out
    assert project.run("validate").code == 0


def test_an_environment_that_does_not_exist_is_wrong_usage(project: Project) -> None:
    """A close name is suggested, else those there are."""
    project.write("reconciler.yaml", "environments: {prod: {}, staging: {}}\n")
    assert "did you mean 'prod'?" in project.run("plan", "--env", "prd").err
    answer = project.run("plan", "--env", "zzz")
    assert (answer.code, "prod, staging" in answer.err) == (64, True)


@pytest.mark.parametrize("value", ["null", "[1]", "text", "3"])
def test_an_environment_that_is_no_map_is_a_problem(project: Project, value: str) -> None:
    """Chosen or not, it is told at its place."""
    project.write("reconciler.yaml", f"environments: {{prod: {value}}}\n")
    for words in ((), ("--env", "prod")):
        answer = project.run("plan", *words)
        assert (answer.code, "reconciler.yaml:1:22: error[wrong-type]" in answer.err) == (1, True), answer.both


def test_a_problem_of_an_environment_is_told_where_the_environment_says_it(project: Project) -> None:
    """Not at the value that it replaces."""
    project.write(
        "reconciler.yaml",
        "owner: us\nregistries: {x: {driver: local}}\nenvironments:\n  prod:\n    registries: {x: {path: 3}}\n",
    )
    assert "reconciler.yaml:5:28: error[wrong-type]" in project.run("plan", "--env", "prod").err


def test_paths_are_relative_to_the_configuration(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever one stands, manifests, the registry and references mean the same."""
    project.write(
        "sub/reconciler.yaml",
        "manifests: [../models]\nregistries: {x: {driver: local, path: ../data/r.db, default: true}}\n",
    )
    project.write("models/a.yaml", "kind: Model\nkey: a\n")
    for here in (project.root, project.root / "sub", project.root / "models"):
        monkeypatch.chdir(here)
        project.apply("--config", str(project.root / "sub/reconciler.yaml"))
    assert (project.root / "data/r.db").is_file()


def test_variables_keep_their_yaml_text(project: Project) -> None:
    """Numbers and booleans stand for the text that YAML would write."""
    project.write(
        "reconciler.yaml",
        "variables: {n: 3, f: 0.5, t: true, s: text}\nregistries: {x: {driver: local, path: r.db, default: true}}\n",
    )
    project.manifest(
        "a",
        description="${var:n} ${var:f} ${var:t} ${var:s}",
        endpoint={"url": "https://x.example.com", "timeout": "${var:f}"},
    )
    project.apply()
    spec = project.stored()["x/Model/a"]
    assert (spec["description"], spec["endpoint"]["timeout"]) == ("3 0.5 true text", 0.5)
