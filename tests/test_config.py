"""reconciler.yaml: contract §2."""

from __future__ import annotations

import os

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
    "owner": ("owner: t/dev\n", "reconciler.yaml:1:8: error[bad-owner]", ""),
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


@pytest.mark.parametrize(("text", "owner"), [("", "local"), ("owner: us\n", "us"), ("registries:\n", "local")])
def test_a_configuration_without_registries_has_the_local_one(project: Project, text: str, owner: str) -> None:
    """As without a configuration; the owner is the one that is configured, else `local`."""
    project.manifest("a")
    project.write("reconciler.yaml", text)
    project.apply()
    (row,) = project.ok("list", "--format", "json").json("list")["resources"]
    assert (row["address"], row["owner"]) == ("local/Model/a", owner)
    assert (project.root / ".reconciler/registry.db").is_file()


def test_no_registries_are_no_registry(project: Project) -> None:
    """`registries: {}` says so, and a model that would go nowhere is an error, not silence."""
    project.manifest("a")
    project.write("reconciler.yaml", "registries: {}\n")
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
    project.write("more/b.yaml", "kind: Model\nkey: b\nprovider: {name: openai, model: m}\ndescription: ${var:b}\n")
    assert set(project.plan()) == {"x/Model/a", "x/Model/b", "y/Model/a", "y/Model/b"}
    assert set(project.plan("--env", "prod")) == {"x/Model/a"}
    project.apply("--env", "prod")
    assert not (project.root / "x.db").exists()
    assert project.ok("get", "a", "--env", "prod", "--format", "json").json("get")["spec"]["description"] == "ONE"
    project.manifest("a", description="${var:b}")
    assert "unset-variable" in project.run("validate", "--env", "prod").out
    problems = project.run("validate", "--format", "json").json("validate")["problems"]
    assert [(problem["rule"], problem["environment"]) for problem in problems] == [("unset-variable", "prod")]


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


WRONG_ENVIRONMENTS = {
    "unknown field": ("{gards: {max_deletes: 3}}", "4:10: error[unknown-field]", "did you mean 'guards'?"),
    "unknown field that is null": ("{gards: null}", "4:10: error[unknown-field]", "did you mean 'guards'?"),
    "unknown guard": ("{guards: {max_delets: 3}}", "4:19: error[unknown-field]", "max_deletes"),
    "unknown guard that is null": ("{guards: {max_delets: null}}", "4:19: error[unknown-field]", "max_deletes"),
    "environments": ("{environments: {}}", "4:10: error[unknown-field]", ""),
    "wrong type": ("{owner: 3}", "4:17: error[wrong-type]", ""),
    "no driver": ("{registries: {y: {path: p.db}}}", "4:26: error[missing-field]", ""),
}


@pytest.mark.parametrize(("patch", "place", "help_text"), WRONG_ENVIRONMENTS.values(), ids=WRONG_ENVIRONMENTS)
def test_every_environment_is_checked_wherever_one_is(project: Project, patch: str, place: str, help_text: str) -> None:
    """A mistake in an environment is found in the pull request that makes it, not on the day of its first use."""
    project.manifest("a")
    project.write(
        "reconciler.yaml",
        "registries: {x: {driver: local, path: x.db, default: true}}\n"
        f"environments:\n  staging: {{}}\n  prod: {patch}\n",
    )
    for words in (("validate",), ("validate", "--env", "staging"), ("plan",), ("validate", "--env", "prod")):
        answer = project.run(*words)
        assert answer.code == 1, words
        assert f"reconciler.yaml:{place}" in answer.err
        assert help_text in answer.err
        assert answer.err.count("error[") == 1, answer.err


def test_validate_checks_the_settings_of_every_environment(project: Project) -> None:
    """What only the driver knows is wrong is told with the rest, once, and other environments can still be planned."""
    project.manifest("a")
    project.write(
        "reconciler.yaml",
        "registries: {x: {driver: local, path: x.db, default: true}}\nenvironments:\n"
        "  a: {registries: {x: {pth: y}}}\n  b: {registries: {x: {path: 3}}}\n  c: {registries: {x: {pth: null}}}\n",
    )
    problems = project.run("validate", "--format", "json").json("error")["problems"]
    assert [(problem["line"], problem["rule"]) for problem in problems] == [
        (3, "unknown-field"),
        (4, "wrong-type"),
        (5, "unknown-field"),
    ]
    project.ok("plan")


def test_an_environment_may_remove_what_its_driver_does_not_know(project: Project) -> None:
    """A null that removes something is no unknown field, and what is wrong outside the environments is told once."""
    project.write(
        "reconciler.yaml",
        "variables: {a: one}\nregistries: {x: {driver: local, path: x.db, default: true}}\n"
        "environments: {prod: {variables: {a: null, b: null}, registries: {x: {path: null}, y: null}, owner: null}}\n",
    )
    project.manifest("a")
    project.ok("validate")
    project.ok("validate", "--env", "prod")
    project.write("reconciler.yaml", "owner: 3\nenvironments: {a: {}, b: {}}\n")
    assert len(project.run("validate", "--format", "json").json("error")["problems"]) == 1


@pytest.mark.parametrize("kind", ["FIFO", "folder", "link", "circle"])
def test_a_configuration_that_is_no_file_is_not_passed_over(
    project: Project, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """The search upward ends at whatever bears the name, at once, and names it: the defaults would be a surprise."""
    project.manifest("a")
    file = project.root / "reconciler.yaml"
    file.unlink()
    if kind == "FIFO":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    else:
        file.symlink_to("reconciler.yaml" if kind == "circle" else "elsewhere/nothing.yaml")
    expected = {
        "FIFO": "a FIFO",
        "folder": "a folder",
        "link": "a link to a file that is not there",
        "circle": "cycle",
    }
    for folder, shown in ((project.root, "reconciler.yaml"), (project.root / "manifests", "../reconciler.yaml")):
        monkeypatch.chdir(folder)
        for words in (("plan",), ("list", "--config", shown)):
            answer = project.run(*words)
            assert answer.code == 1
            assert answer.err.startswith(f"{shown}:1:1: error[")
            assert "cannot be read" in answer.err
            assert expected[kind] in answer.err


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
