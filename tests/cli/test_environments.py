"""Environments side by side: all of them validated, each problem with its own, and what they share is told and never pruned."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator

import pytest
from cli.project import Project
from registry.aigo.server import aigo

CONFIG = """\
owner: team
variables: {host: llm.example.com}
registries:
  local: {driver: local, path: registry.db, default: true}
environments:
  dev: {registries: {local: {path: dev.db}}}
  prod: {registries: {local: {path: prod.db}}, variables: {host: null}}
"""
MODEL = "kind: Model\nkey: chat\nendpoint: {url: 'https://${var:host}/v1', model: m}\n"


@pytest.fixture
def two(project: Project) -> Project:
    project.write("reconciler.yaml", CONFIG)
    project.write("manifests/chat.yaml", MODEL)
    return project


def problems(project: Project, *words: str) -> list[tuple[str, str, str | None]]:
    data = project.run("validate", "--format", "json", *words).json("validate")
    return [(found["rule"], found["severity"], found["environment"]) for found in data["problems"]]


def test_a_problem_of_one_environment_says_which(two: Project) -> None:
    """Green would be a lie: `--env prod plan` stops there."""
    assert problems(two) == [("unset-variable", "error", "prod")]
    answer = two.run("validate")
    assert (answer.code, "(environment prod)" in answer.out) == (1, True)
    assert problems(two, "--env", "dev") == []
    assert [rule for rule, _, _ in problems(two, "--env", "prod")] == ["unset-variable"]


def test_a_problem_of_all_is_told_once(two: Project) -> None:
    """And bears no environment."""
    two.write("manifests/chat.yaml", MODEL + "colour: red\n")
    found = problems(two)
    assert found.count(("unknown-field", "error", None)) == 1
    assert len(found) == 2


def test_environments_that_write_to_one_place_are_an_error(two: Project) -> None:
    """Each would meet the other's objects as a stranger's; the message names the other place."""
    two.write("reconciler.yaml", CONFIG.replace("prod.db", "dev.db").replace("{host: null}", "{}"))
    assert problems(two) == [("same-place", "error", "dev"), ("same-place", "error", "prod")]
    assert "reconciler.yaml:7" in two.run("validate").out


def test_an_environment_that_shares_the_base_s_place_is_warned_of(two: Project) -> None:
    """The base may be no more than a template."""
    two.write("reconciler.yaml", CONFIG.replace("{path: prod.db}", "{}").replace("{host: null}", "{}"))
    assert problems(two) == [("same-place", "warning", "prod")]
    assert two.run("validate").code == 0
    assert two.run("validate", "--strict").code == 1


def test_a_manifest_is_checked_in_the_environments_that_it_belongs_to(two: Project) -> None:
    """A folder of prod's alone says nothing of dev's variables."""
    two.write(
        "reconciler.yaml",
        CONFIG.replace("variables: {host: null}", "manifests: [prod], variables: {only: x}"),
    )
    two.write("prod/chat.yaml", MODEL.replace("var:host", "var:only"))
    assert problems(two) == []
    assert problems(two, "prod/chat.yaml") == []
    assert problems(two, "manifests/chat.yaml") == []
    two.write("prod/chat.yaml", MODEL.replace("var:host", "var:typo"))
    assert problems(two, "prod/chat.yaml") == [("unset-variable", "error", "prod")]


def test_a_base_without_manifests_is_a_template(two: Project) -> None:
    """Teams that only ever use `--env` need no manifests outside of their environments."""
    two.write(
        "reconciler.yaml",
        CONFIG.replace("dev.db}}", "dev.db}}, manifests: [dev]").replace(
            "variables: {host: null}", "manifests: [prod]"
        ),
    )
    (two.root / "manifests/chat.yaml").unlink()
    two.write("dev/chat.yaml", MODEL)
    two.write("prod/chat.yaml", MODEL)
    assert problems(two) == []


def test_prune_leaves_what_another_environment_declares(two: Project) -> None:
    """With one owner for all, by `owns` or by a mark, the other's manifests are looked at first."""
    two.write("reconciler.yaml", CONFIG.replace("{host: null}", "{}") + "  live: {manifests: [live], guards: {}}\n")
    two.write("live/other.yaml", MODEL.replace("chat", "other"))
    # the same place and, by hand, the same mark: what `owns` does in a registry without room for marks
    two.apply("--env", "live")
    two.sql("UPDATE revision SET mark = replace(mark, 'team/live', 'team')")
    plan = two.run("plan", "--prune", "--format", "json").json("plan")
    assert [change["address"] for change in plan["changes"]] == ["local/Model/chat"]
    assert plan["orphans"] == []
    two.write("live/other.yaml", "kind: Model\nkey: [\n")
    answer = two.run("apply", "--prune", "--yes")
    assert (answer.code, "unreadable-environment" in answer.both) == (4, True)


# --- prune, where no mark can tell whose an object is ---------------------------------------------------------


UNMARKED = """\
owner: us
registries:
  aigo: {{driver: latticeflow, url: '{base}', api_key: '${{env:AIGO_KEY}}', owns: ['*'], default: true}}
environments:
  dev: {{manifests: [dev]}}
  prod: {{manifests: [prod], registries: {{aigo: {prod}}}}}
"""
OTHER = "kind: Model\nkey: %s\ndisplay_name: A model\nendpoint: {url: 'https://llm.example.com/v1', model: m}\n"


@pytest.fixture
def unmarked(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Two environments in one AI GO!, each with its model there. Called with what prod's registry says, it writes the configuration."""
    with aigo() as running:
        monkeypatch.setenv("AIGO_KEY", running.key)
        monkeypatch.setenv("PROD_URL", running.url)

        def configure(prod: str, base: str = running.url) -> None:
            project.write("reconciler.yaml", UNMARKED.format(base=base, prod=prod))

        for name in ("dev", "prod"):
            project.write(f"{name}/{name}.yaml", OTHER % f"of-{name}")
        configure("{url: '${env:PROD_URL}'}")
        for name in ("dev", "prod"):
            project.ok("apply", "--yes", "--env", name)
        yield configure


def pruned(project: Project, *more: str) -> tuple[int, list[str], list[str]]:
    """The exit code of a plan of dev with --prune, what it deletes, and the guards that stop it."""
    answer = project.run("plan", "--prune", "--env", "dev", "--format", "json", *more)
    plan = answer.json("plan")
    return (
        answer.code,
        [change["address"] for change in plan["changes"] if change["action"] == "delete"],
        [guard["name"] for guard in plan["guards"]],
    )


@pytest.mark.parametrize("prod", ["{url: '${env:PROD_URL}'}", "{ulr: x}"], ids=["not set", "typo"])
def test_prune_is_refused_where_another_environments_place_is_unknown(
    project: Project, unmarked: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, prod: str
) -> None:
    """As in a job that has no variables of prod's: the model of prod stays. What prod does not declare goes."""
    assert pruned(project) == (0, [], [])
    unmarked(prod)
    monkeypatch.delenv("PROD_URL")
    code, _, guards = pruned(project)
    assert (code, guards) == (4, ["unreadable-environment"])
    if "PROD_URL" in prod:
        project.write("dev/dev.yaml", OTHER % "another")
        (project.root / "prod/prod.yaml").write_text(OTHER % "of-nobody")
        code, deleted, guards = pruned(project, "--allow-deletes", "2")
        assert (code, guards) == (0, [])
        assert sorted(deleted) == ["aigo/Model/of-dev", "aigo/Model/of-prod"]


@pytest.mark.parametrize("broken", ["kind: [", "", None], ids=["error", "empty", "missing"])
def test_prune_is_refused_where_the_base_cannot_be_read(
    project: Project, unmarked: Callable[[str], None], broken: str | None
) -> None:
    """A base that says nothing is a template only where it has no manifests at all."""
    text = (project.root / "reconciler.yaml").read_text()
    project.write("reconciler.yaml", text + "manifests: [base]\n")
    project.write("base/base.yaml", OTHER % "of-base")
    project.ok("apply", "--yes")
    assert pruned(project) == (0, [], [])
    if broken is None:
        shutil.rmtree(project.root / "base")
    else:
        project.write("base/base.yaml", broken)
    code, _, guards = pruned(project)
    assert (code, guards) == (4, ["unreadable-environment"])
