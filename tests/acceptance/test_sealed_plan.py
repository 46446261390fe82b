"""A saved plan against whoever can edit it: sealed where there is a key, and of its time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from cli.project import CONFIG, Answer, Project
from programs import HANGS

from reconciler.core.spec import digest

KEY: Final = "a-key-of-more-than-16-characters"
SEALED: Final = CONFIG + 'fingerprint_key: "${env:FINGERPRINT_KEY}"\n'
Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def sealed(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A saved plan that creates `a`, in a project with a key."""
    monkeypatch.setenv("FINGERPRINT_KEY", KEY)
    project.write("reconciler.yaml", SEALED)
    project.manifest("a", description="reviewed")
    project.ok("plan", "--save", "plan.json")
    return project


def edit(project: Project, change: Edit) -> None:
    """Edits the plan file and takes its digest again."""
    path = project.root / "plan.json"
    data = json.loads(path.read_text())
    change(data)
    whole = {name: value for name, value in data.items() if name not in ("digest", "seal")}
    seal = {"seal": data["seal"]} if "seal" in data else {}
    path.write_text(json.dumps(whole | {"digest": digest(whole)} | seal))


def refused(project: Project, match: str) -> Answer:
    answer = project.run("apply", "--plan", "plan.json", "--yes")
    assert answer.code in (1, 4), answer.both
    assert match in answer.err
    assert project.keys() == []
    return answer


# --- the seal -------------------------------------------------------------------------------------------------


def test_a_sealed_plan_is_applied(sealed: Project) -> None:
    """The seal is beside the digest, and says nothing of the key."""
    text = (sealed.root / "plan.json").read_text()
    assert len(json.loads(text)["seal"]) == 64
    assert KEY not in text
    sealed.ok("apply", "--plan", "plan.json", "--yes")
    assert sealed.keys() == ["a"]


def test_the_layout_of_the_file_is_not_sealed(sealed: Project) -> None:
    """Whoever formats JSON edits nothing."""
    path = sealed.root / "plan.json"
    path.write_text(json.dumps(json.loads(path.read_text()), sort_keys=True))
    sealed.ok("apply", "--plan", "plan.json", "--yes")


EVERYTHING: Final[dict[str, Edit]] = {
    "a consent": lambda data: data["saved"]["consents"].update(prune=True),
    "its age": lambda data: data["saved"]["issued"].update(expires="2999-01-01T00:00:00Z"),
    "its number": lambda data: data["saved"]["issued"].update(nonce="0" * 32),
    "a value": lambda data: data["saved"]["writes"]["local/Model/a"]["desired"]["spec"].update(description="z"),
    "a warning": lambda data: data.update(problems=[]) or data["orphans"].append("local/Model/x"),
    "a label": lambda data: data["saved"]["writes"]["local/Model/a"]["desired"]["labels"].update(a="b"),
    "what nobody reads": lambda data: data.update(later={"x": 1}),
}


@pytest.mark.parametrize("change", EVERYTHING.values(), ids=EVERYTHING)
def test_the_seal_is_over_everything(sealed: Project, change: Edit) -> None:
    """Also over what a later version may read."""
    edit(sealed, change)
    refused(sealed, "seal of plan.json is wrong")


@pytest.mark.parametrize("seal", [None, "", "0" * 64, 7, ["x"]])
def test_a_plan_without_its_seal_is_refused(sealed: Project, seal: Any) -> None:
    """Where the project has a key, an unsealed plan is not one of its own."""
    edit(sealed, lambda data: data.pop("seal") if seal is None else data.update(seal=seal))
    refused(sealed, "plan.json")


def test_another_key_is_told(sealed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """With both of the reasons that there can be."""
    monkeypatch.setenv("FINGERPRINT_KEY", KEY[::-1])
    refused(sealed, "another `fingerprint_key`")


def test_the_key_must_be_there(sealed: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A seal that cannot be checked is not believed: not because the key has no value here, nor because none is configured."""
    monkeypatch.delenv("FINGERPRINT_KEY")
    refused(sealed, "FINGERPRINT_KEY is not set")
    sealed.write("reconciler.yaml", CONFIG)
    assert "set `fingerprint_key`" in refused(sealed, "no key is here").err


def test_a_plan_that_cannot_be_sealed_says_so(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pull request has no secrets: its plan is for reading, and apply will refuse it."""
    monkeypatch.delenv("FINGERPRINT_KEY", raising=False)
    project.write("reconciler.yaml", SEALED)
    project.manifest("a")
    assert "the plan is not sealed" in project.ok("plan", "--save", "plan.json").err
    monkeypatch.setenv("FINGERPRINT_KEY", KEY)
    refused(project, "not sealed")


@pytest.mark.parametrize("key", [None, KEY])
def test_consents_that_no_seal_covers_are_told(
    project: Project, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    """Without a key a consent that was edited in looks like one that was given: whoever applies sees it in words."""
    if key is not None:
        monkeypatch.setenv("FINGERPRINT_KEY", key)
        project.write("reconciler.yaml", SEALED)
    project.manifest("a")
    project.ok("plan", "--allow-deletes", "9", "--take-ownership", "them", "--save", "plan.json")
    answer = project.ok("apply", "--plan", "plan.json", "--yes")
    assert ("--allow-deletes 9 --take-ownership them" in answer.err) == (key is None)


# --- its time -------------------------------------------------------------------------------------------------


def moved(project: Project, at: timedelta, expires: timedelta) -> None:
    """The plan as if it had been saved at another time."""
    now = datetime.now(UTC)
    edit(
        project,
        lambda data: data["saved"]["issued"].update(at=(now + at).isoformat(), expires=(now + expires).isoformat()),
    )


@pytest.fixture
def saved(project: Project) -> Project:
    project.manifest("a")
    project.ok("plan", "--save", "plan.json")
    return project


@pytest.mark.parametrize(
    ("at", "expires", "match"),
    [
        (timedelta(days=-8), timedelta(days=-1), "has expired"),
        (timedelta(days=-8), timedelta(days=30), "has expired"),  # what the configuration allows counts as well
        (timedelta(hours=-1), timedelta(seconds=-1), "has expired"),
        (timedelta(minutes=10), timedelta(days=1), "it is only"),
    ],
)
def test_a_plan_out_of_its_time_is_refused(saved: Project, at: timedelta, expires: timedelta, match: str) -> None:
    """Expired, or from a future further off than clocks differ."""
    moved(saved, at, expires)
    refused(saved, match)


def test_clocks_may_differ(saved: Project) -> None:
    """By a few minutes."""
    moved(saved, timedelta(minutes=3), timedelta(days=1))
    saved.ok("apply", "--plan", "plan.json", "--yes")


def test_a_plan_of_no_time_is_refused(saved: Project) -> None:
    """As an older reconciler wrote it, or with its time cut out."""
    edit(saved, lambda data: data["saved"].pop("issued"))
    refused(saved, "when it was saved")


@pytest.mark.parametrize("issued", [{}, {"nonce": "../../x", "at": "x", "expires": "x"}, "now", {"nonce": "0" * 32}])
def test_nonsense_instead_of_its_time_is_refused(saved: Project, issued: Any) -> None:
    """The number becomes a file's name, so it must be one."""
    edit(saved, lambda data: data["saved"].update(issued=issued))
    refused(saved, "plan.json")


def test_the_configuration_says_how_long_a_plan_holds(project: Project) -> None:
    """`plans: {expire: 2h}`; in the file is the time until which."""
    project.write("reconciler.yaml", CONFIG + "plans: {expire: 2h}\n")
    project.manifest("a")
    project.ok("plan", "--save", "plan.json")
    issued = json.loads((project.root / "plan.json").read_text())["saved"]["issued"]
    span = datetime.fromisoformat(issued["expires"]) - datetime.fromisoformat(issued["at"])
    assert span == timedelta(hours=2)


@pytest.mark.parametrize("text", ["7", "0d", "-1h", "1w", "1.5h", "", "h", 3600])
def test_how_long_is_a_number_and_a_unit(project: Project, text: Any) -> None:
    """Anything else is a problem in reconciler.yaml, at its place."""
    project.write("reconciler.yaml", f"{CONFIG}plans: {{expire: {json.dumps(text)}}}\n")
    project.manifest("a")
    answer = project.run("plan")
    assert answer.code == 1
    assert "reconciler.yaml:4" in answer.err


# --- once -----------------------------------------------------------------------------------------------------


def replayed(project: Project) -> None:
    before = project.stored()
    answer = project.run("apply", "--plan", "plan.json", "--yes")
    assert answer.code == 4, answer.both
    assert "the plan was applied already" in answer.err
    assert project.stored() == before


def test_a_create_is_not_replayed_after_a_delete_by_hand(saved: Project) -> None:
    """Nothing of what it would touch has moved, as far as the registry shows; that it was applied is known all the same."""
    saved.ok("apply", "--plan", "plan.json", "--yes")
    saved.ok("delete", "a", "--yes")
    replayed(saved)


def test_there_and_back_again_is_no_reason_to_replay(project: Project) -> None:
    """A to B by a saved plan, by hand back to A, and once more."""
    project.manifest("a", description="A")
    project.apply()
    project.manifest("a", description="B")
    project.ok("plan", "--save", "plan.json")
    project.ok("apply", "--plan", "plan.json", "--yes")
    project.manifest("a", description="A")
    project.apply()
    replayed(project)


def test_the_registry_knows_what_was_applied_from_elsewhere(saved: Project) -> None:
    """The record is in the embedded registry's own file, not in the project's folder."""
    saved.ok("apply", "--plan", "plan.json", "--yes")
    assert not (saved.root / ".reconciler/plans").exists()
    assert [row[0] for row in saved.sql("SELECT actor IS NOT NULL AND ended_at IS NOT NULL FROM applied_plan")] == [1]


def test_two_processes_with_one_plan_file(saved: Project) -> None:
    """One applies it; the other one is refused, with nothing written."""
    command = [sys.executable, "-m", "reconciler", "apply", "--plan", "plan.json", "--yes"]
    pair = [subprocess.Popen(command, cwd=saved.root, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=HANGS)[1] for process in pair]
    assert sorted(process.returncode for process in pair) == [0, 4], said
    assert saved.sql("SELECT count(*) FROM revision") == [(1,)]


def test_a_plan_that_was_refused_may_be_applied_later(saved: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is recorded is the beginning of its writes, not the attempt."""
    saved.manifest("a", endpoint={"url": "https://h", "api_key": "${env:KEY_OF_A}"})
    saved.write("reconciler.yaml", SEALED)
    monkeypatch.setenv("FINGERPRINT_KEY", KEY)
    saved.ok("plan", "--save", "plan.json")
    assert saved.run("apply", "--plan", "plan.json", "--yes").code == 1  # KEY_OF_A has no value
    monkeypatch.setenv("KEY_OF_A", "value-of-a")
    saved.ok("apply", "--plan", "plan.json", "--yes")


def test_a_record_that_cannot_be_written_refuses_the_plan(project: Project) -> None:
    """Without it, nobody would know the second time. The registry here is a folder, which keeps no such record itself."""
    project.write("reconciler.yaml", "owner: us\nregistries: {f: {driver: insidellms, path: configs, default: true}}\n")
    project.write("manifests/a.yaml", "kind: Model\nkey: a\nprovider: {name: openai, model: gpt-5-nano}\n")
    project.ok("plan", "--save", "plan.json")
    project.write(".reconciler/plans", "in the way")
    answer = project.run("apply", "--plan", "plan.json", "--yes")
    assert answer.code == 4
    assert "record of applied plans" in answer.err
    assert not (project.root / "configs").exists()


# --- start-up -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [["plan"], ["apply", "--yes"], ["plan", "--save", "p.json"]])
def test_only_who_reads_a_plan_file_imports_jsonschema(project: Project, words: list[str]) -> None:
    """It costs a quarter of the start-up."""
    project.manifest("a")
    code = (
        "import sys; from reconciler.cli import main; "
        f"assert main.run({words!r}) == 0; assert 'jsonschema' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=project.root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
