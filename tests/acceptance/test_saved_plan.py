"""A saved plan is what was reviewed: applied as it is, once, or refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from cli.project import CONFIG, Project

from reconciler.core.spec import digest


@pytest.fixture
def saved(project: Project) -> Project:
    """A project with `a` stored, and a saved plan that updates `a` and creates `b`."""
    project.manifest("a", description="one")
    project.apply()
    project.manifest("a", description="two")
    project.manifest("b", endpoint={"url": "https://x.example.com", "api_key": "${env:KEY}"})
    project.ok("plan", "--save", "plan.json")
    return project


def refused(project: Project, code: int = 4) -> str:
    """Applies the plan, which must be refused with that code, and nothing may have been written."""
    before = project.stored()
    answer = project.run("apply", "--plan", "plan.json", "--yes", "--format", "json")
    assert answer.code == code, answer.both
    assert project.stored() == before
    message: str = answer.json("error")["error"]["message"]
    return message


def test_it_is_applied_without_a_question_and_without_manifests(saved: Project) -> None:
    """Self-contained: the manifests are not read again, and nobody is asked."""
    saved.remove("a", "b")
    report = saved.ok("apply", "--plan", "plan.json", "--format", "json").json("apply")
    assert (report["summary"]["updated"], report["summary"]["created"]) == (1, 1)
    assert saved.stored()["local/Model/a"]["description"] == "two"


def test_it_holds_the_answer_of_plan(saved: Project) -> None:
    """The file is what `plan --format json` printed, and more."""
    from_plan = saved.ok("plan", "--format", "json").json("plan")
    in_file = json.loads((saved.root / "plan.json").read_text())
    assert {name: in_file[name] for name in from_plan} == from_plan


def test_it_is_applied_once(saved: Project) -> None:
    """A second time it is stale, and lists what moved."""
    saved.ok("apply", "--plan", "plan.json")
    message = refused(saved)
    assert "local/Model/a" in message
    assert "local/Model/b" in message


def test_it_is_stale_when_an_object_moved(saved: Project) -> None:
    """What was reviewed is what is written over, or nothing is."""
    saved.spoil("a", description="meanwhile")
    assert "local/Model/a" in refused(saved)


def test_it_is_not_stale_when_something_else_moved(saved: Project) -> None:
    """Objects that the plan does not touch may change."""
    saved.manifest("c")
    saved.apply("manifests/c.yaml")
    saved.ok("apply", "--plan", "plan.json")


def test_it_is_refused_where_the_registry_is_another_place(saved: Project) -> None:
    """The same name with another path, or no longer there at all, is not what was reviewed."""
    saved.write("reconciler.yaml", "owner: us\nregistries: {local: {driver: local, path: other.db, default: true}}")
    assert "other.db" in refused(saved, 1)
    assert not (saved.root / "other.db").exists()
    saved.write("reconciler.yaml", "owner: us\nregistries: {else: {driver: local, path: other.db, default: true}}")
    assert "no longer in the configuration" in refused(saved, 1)


def test_it_carries_its_environment_and_consents(project: Project) -> None:
    """--env, --prune and the rest come from the plan, not from whoever applies it."""
    project.write(
        "reconciler.yaml",
        "owner: us\nregistries: {local: {driver: local, path: r.db, default: true}}\nenvironments: {prod: {}}\n",
    )
    for key in "abc":
        project.manifest(key)
    project.apply("--env", "prod")
    project.remove("a")
    project.ok("plan", "--env", "prod", "--prune", "--save", "plan.json")
    project.ok("apply", "--plan", "plan.json")
    assert project.keys() == ["b", "c"]
    assert {row["owner"] for row in project.ok("list", "--format", "json").json("list")["resources"]} == {"us/prod"}


def test_a_plan_of_an_environment_that_is_gone_is_refused(project: Project) -> None:
    """Without its environment the plan has lost its meaning."""
    project.write(
        "reconciler.yaml",
        "owner: us\nregistries: {local: {driver: local, path: r.db, default: true}}\nenvironments: {prod: {}}\n",
    )
    project.manifest("a")
    project.ok("plan", "--env", "prod", "--save", "plan.json")
    project.write("reconciler.yaml", "owner: us\nregistries: {local: {driver: local, path: r.db, default: true}}\n")
    answer = project.run("apply", "--plan", "plan.json")
    assert answer.code in (4, 64), answer.both
    assert "prod" in answer.err
    assert not (project.root / "r.db").exists()


def test_a_guarded_plan_is_refused_when_it_is_applied(project: Project) -> None:
    """Saving a plan lifts no guard."""
    for key in "abcdef":
        project.manifest(key)
    project.apply()
    project.remove("a", "b", "c")
    assert project.run("plan", "--prune", "--save", "plan.json").code == 4
    assert "--allow-deletes 3" in project.run("apply", "--plan", "plan.json").err
    assert len(project.keys()) == 6


def edited(change: Callable[[dict[str, Any]], Any], *, sign: bool = False) -> Callable[[str], str]:
    def edit(text: str) -> str:
        data = json.loads(text)
        change(data)
        if sign:
            data.pop("digest")
            data["digest"] = digest(data)
        return json.dumps(data)

    return edit


DAMAGE: dict[str, Callable[[str], str]] = {
    "edited": edited(
        lambda data: data["saved"]["writes"]["local/Model/b"]["desired"]["spec"].update(description="slipped in")
    ),
    "consent": edited(lambda data: data["saved"]["consents"].update(prune=True)),
    "unsigned": edited(lambda data: data.pop("digest")),
    "truncated": lambda text: text[: len(text) // 2],
    "empty": lambda text: "",
    "not JSON": lambda text: "kind: Model\n",
    "a list": lambda text: "[]",
    "null": lambda text: "null",
    "another file": lambda text: '{"format_version": "1.0"}',
    "a later version": edited(lambda data: data.update(format_version="2.0"), sign=True),
    "no version": edited(lambda data: data.update(format_version=7), sign=True),
    "signed nonsense": edited(lambda data: data.update(changes=[{"address": "x"}]), sign=True),
    "signed without the rest": edited(lambda data: data.pop("saved"), sign=True),
    "signed with a list": edited(lambda data: data.update(saved=[]), sign=True),
    "signed, no address": edited(lambda data: data["changes"][0].update(address="nowhere"), sign=True),
    "signed, other types": edited(
        lambda data: data["saved"]["consents"].update(allow_deletes="many", rotate=3), sign=True
    ),
    "signed, no object": edited(lambda data: data["saved"]["writes"]["local/Model/b"].pop("desired"), sign=True),
    "signed, spec a list": edited(
        lambda data: data["saved"]["writes"]["local/Model/b"]["desired"].update(spec=[]), sign=True
    ),
    "signed, kind unknown": lambda text: _signed(text.replace("local/Model/b", "local/Modle/b")),
    "signed, environment a list": edited(lambda data: data["saved"].update(environment=["prod"]), sign=True),
    "signed, registries a list": edited(lambda data: data["saved"].update(registries=["local"]), sign=True),
    "nested a million deep": lambda text: '{"format_version":' + "[" * 1_000_000,
    "a number without end": lambda text: '{"format_version": "1.0", "x": ' + "9" * 10_000 + "}",
}


def _signed(text: str) -> str:
    return edited(lambda data: None, sign=True)(text)


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_plan_that_is_not_what_was_saved_is_refused(saved: Project, damage: Callable[[str], str]) -> None:
    """Edited, cut, of another version, or made up by somebody who can sign: an error in words, exit 1, nothing written."""
    path = saved.root / "plan.json"
    path.write_text(damage(path.read_text()))
    assert "plan.json" in refused(saved, 1)


@pytest.mark.parametrize("what", ["missing", "folder", "latin-1"])
def test_a_plan_file_that_cannot_be_read_is_1(saved: Project, what: str) -> None:
    """A missing plan is bad input, not wrong usage."""
    path = saved.root / "plan.json"
    path.unlink()
    if what == "folder":
        path.mkdir()
    elif what == "latin-1":
        path.write_bytes(b"\xe9")
    assert "plan.json" in refused(saved, 1)


def test_a_plan_of_one_owner_is_not_applied_for_another(project: Project) -> None:
    """Changing `owner` between plan and apply would take objects over without anybody's consent."""
    project.manifest("a")
    project.apply()
    project.manifest("a", description="new")
    project.run("plan", "--save", "plan.json")
    project.write("reconciler.yaml", CONFIG.replace("owner: us", "owner: thief"))
    refused = project.run("apply", "--plan", "plan.json", "--yes")
    assert refused.code != 0
    assert "owner: thief" in refused.err
    assert [row["owner"] for row in project.run("list", "--format", "json").json("list")["resources"]] == ["us"]
