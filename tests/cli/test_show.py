"""`show`: a saved plan as apply shows it, for who has the file and nothing else; and `--full`, by which nothing is left out."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from cli.project import CONFIG, Project

from reconciler.render.width import text_width

KEY = "0123456789abcdef0123"
SEALED = CONFIG + "fingerprint_key: ${env:FINGERPRINTS}\n"


@pytest.fixture
def saved(project: Project) -> Project:
    """A project with a saved plan that changes, creates and deletes."""
    for name in ("chat", "old"):
        project.manifest(name, description="before")
    project.apply()
    project.manifest("chat", description="after " * 40, endpoint={"url": "https://x.example.com/v1", "model": "m"})
    project.manifest("new", endpoint={"url": "https://x.example.com", "model": "m", "api_key": "${env:A_KEY}"})
    project.remove("old")
    project.ok("plan", "--prune", "--allow-deletes", "1", "--save", "plan.json")
    return project


def elsewhere(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """The plan file alone, in a folder of another machine."""
    folder = project.root / "elsewhere"
    folder.mkdir()
    shutil.copy(project.root / "plan.json", folder)
    shutil.rmtree(project.root / "manifests")
    for name in ("reconciler.yaml", "registry.db"):
        (project.root / name).unlink()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PATH", "")  # and without git
    return Project(folder, project.capsys)


def test_a_plan_file_is_all_that_it_takes(saved: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """No configuration, no registry, no secret: every format, on stdout and in files."""
    alone = elsewhere(saved, monkeypatch)
    text = alone.ok("show", "plan.json", "--output", "json=p.json", "--output", "markdown=p.md").out
    assert "-   delete   local/Model/old" in text
    assert "Consents: --prune --allow-deletes 1" in text
    assert "Plan: 1 to create, 1 to update, 1 to delete" in text
    answer = json.loads((alone.root / "p.json").read_text())
    assert answer == alone.ok("show", "plan.json", "--format", "json").json("plan")
    assert answer["fingerprint"] == json.loads((alone.root / "plan.json").read_text())["fingerprint"]
    comment = (alone.root / "p.md").read_text()
    assert comment == alone.ok("show", "plan.json", "--format", "markdown").out
    assert "> - `local/Model/old`" in comment
    assert f"Plan: `{answer['fingerprint'][:12]}` · Version: `" in comment
    assert {path.name for path in alone.root.iterdir()} == {"plan.json", "p.json", "p.md"}


@pytest.mark.parametrize("full", [(), ("--full",)], ids=["short", "full"])
def test_show_and_apply_show_the_same(saved: Project, full: tuple[str, ...]) -> None:
    """What was looked at is what is applied, word for word."""
    shown = saved.ok("show", "plan.json", *full).out
    applied = saved.ok("apply", "--plan", "plan.json", *full).out
    assert applied.startswith(shown)


def test_full_shows_every_field_and_without_it_a_line_counts(project: Project) -> None:
    """Six creates show no field, and say so; with --full all is there, in plan, apply, drift and show."""
    for number in range(6):
        project.manifest(f"m{number}", description="x" * 300)
    short = project.ok("plan", "--save", "plan.json").out
    assert "x" * 300 not in short
    assert "\n18 fields of 6 creates hidden: --full shows them\n" in short
    for words in (("plan",), ("show", "plan.json"), ("apply", "--yes")):
        whole = project.ok(*words, "--full").out
        assert whole.count("x" * 300) == 6
        assert "hidden" not in whole
    assert "--full" in project.ok("drift", "--help").out
    project.sql("UPDATE object SET deleted_at = 'now' WHERE key = 'm0'")
    assert "\n3 fields of 1 missing object hidden: --full shows them\n" in project.run("drift").out
    assert "x" * 300 in project.run("drift", "--full").out


def test_values_are_cut_to_a_screen_and_whole_in_a_pipe(saved: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """COLUMNS says that somebody looks at a screen, as through a pager; a pipe is for programs and logs."""
    piped = saved.ok("show", "plan.json").out
    assert "after " * 40 in piped
    assert "parts of" not in piped
    monkeypatch.setenv("COLUMNS", "70")
    narrow = saved.ok("show", "plan.json").out
    assert re.search(r"^parts of \d values hidden: --full shows them$", narrow, re.MULTILINE)
    assert max(map(text_width, narrow.splitlines())) <= 70
    assert "after " * 40 in saved.ok("show", "plan.json", "--full").out


def test_a_plan_that_was_applied_or_expired_is_shown_and_told_of(saved: Project) -> None:
    """It is shown as it was; stderr says why apply would refuse it."""
    before = saved.ok("show", "plan.json")
    assert "applied" not in before.err
    saved.ok("apply", "--plan", "plan.json")
    after = saved.ok("show", "plan.json")
    assert after.out == before.out
    assert "warning: the plan was applied already, at 2" in after.err
    assert "so apply will refuse it" in after.err


def test_seals(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the key is known, a wrong seal is refused; where it is not, a line says that apply checks it."""
    project.write("reconciler.yaml", SEALED)
    project.manifest("chat")
    monkeypatch.setenv("FINGERPRINTS", KEY)
    project.ok("plan", "--save", "plan.json")
    assert "the plan is sealed, and its seal is right" in project.ok("show", "plan.json").err
    monkeypatch.setenv("FINGERPRINTS", KEY[::-1])
    refused = project.run("show", "plan.json")
    assert (refused.code, refused.out) == (1, "")
    assert "the seal of plan.json is wrong" in refused.err
    monkeypatch.delenv("FINGERPRINTS")
    assert "apply checks the seal" in project.ok("show", "plan.json").err


def test_an_edited_plan_is_refused(saved: Project) -> None:
    """Nothing of it is shown, since nobody reviewed it so."""
    file = saved.root / "plan.json"
    file.write_text(file.read_text().replace('"after ', '"After '))
    refused = saved.run("show", "plan.json", "--format", "json")
    assert refused.code == 1
    assert refused.json("error")["error"]["code"] == "plan-file"
    assert "was edited or cut after it was saved" in refused.err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not a whole plan file"),
        ("kind: Model", "is not a whole plan file"),
        ("[]", "is not a plan file"),
        ("{}", "is not a plan file"),
        ('{"format_version": "2.0"}', "has format version '2.0', and this reconciler reads 1.x"),
        ('{"format_version": "1.0", "changes": []}', "it has no digest, as the JSON of `plan --format json` has none"),
    ],
)
def test_what_is_no_plan_is_refused_with_a_way_on(project: Project, text: str, message: str) -> None:
    """Kind 1, with what to do next, and no traceback."""
    project.write("p.json", text)
    refused = project.run("show", "p.json")
    assert (refused.code, refused.out) == (1, "")
    assert message in refused.err
    assert "\nhint: " in refused.err


def test_the_plan_itself_is_never_written_over(saved: Project) -> None:
    """An answer goes to another file."""
    before = (saved.root / "plan.json").read_bytes()
    refused = saved.run("show", "plan.json", "--output", "json=./plan.json")
    assert refused.code == 64
    assert "it is the saved plan" in refused.err
    assert (saved.root / "plan.json").read_bytes() == before
    assert saved.run("show", "missing.json").code == 1


def test_a_comment_names_its_commit(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """That of the pull request's head, and not of the merge that GitHub made; kept in the saved plan."""
    head, merge = "a" * 40, "b" * 40
    event = project.write("event.json", json.dumps({"pull_request": {"head": {"sha": head}}}))
    monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request")
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(event))
    monkeypatch.setenv("GITHUB_SHA", merge)
    project.manifest("chat")
    comment = project.ok("plan", "--save", "plan.json", "--format", "markdown").out
    assert f"Commit: `{head}`" in comment
    monkeypatch.setenv("GITHUB_EVENT_NAME", "push")
    assert f"Commit: `{merge}`" in project.ok("plan", "--format", "markdown").out
    assert f"Commit: {head}\n" in project.ok("show", "plan.json").out


def test_a_failure_bears_the_same_marker(project: Project) -> None:
    """So that it takes the place of the comment that the plan had."""
    project.write("reconciler.yaml", CONFIG + "environments: {prod: {}}\n")
    project.manifest("chat")
    Path(".git").mkdir()
    words = ("plan", "--env", "prod", "--output", "markdown=plan.md")
    project.ok(*words)
    first = (project.root / "plan.md").read_text().split("\n")[0]
    project.write("manifests/bad.yaml", "kind: Model\n")
    assert project.run(*words).code == 1
    assert (project.root / "plan.md").read_text().split("\n")[0] == first == "<!-- reconciler:plan env=prod -->"
