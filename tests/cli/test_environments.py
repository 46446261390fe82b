"""Environments side by side: all of them validated, each problem with its own, and what they share is told and never pruned."""

from __future__ import annotations

import pytest
from cli.project import Project

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
