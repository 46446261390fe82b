"""An answer or a saved plan never takes the place of what a project lives on: its configuration, registries and manifests."""

from __future__ import annotations

import pytest
from cli.project import Project

ANSWERS = {
    "saved plan": ["plan", "--save", "{}"],
    "plan": ["plan", "--output", "json={}"],
    "report": ["apply", "--yes", "--output", "json={}"],
    "drift": ["drift", "--output", "markdown={}"],
    "validation": ["validate", "--output", "junit={}"],
    "answer to other manifests": ["plan", "others", "--output", "json={}"],
    "validation of other manifests": ["validate", "others/c.yaml", "--output", "sarif={}"],
}
CONFIG = """\
owner: us
registries:
  local: {driver: local, path: registry.db, default: true}
  runs: {driver: insidellms, path: runs}
"""


@pytest.fixture
def lived_in(project: Project) -> Project:
    """A project with one stored model, another one that waits, and manifests beside the configured ones."""
    project.write("reconciler.yaml", CONFIG)
    project.manifest("a", registries={"local": {}})
    project.write(
        "manifests/r.yaml", "kind: Model\nkey: r\nprovider: {name: openai, model: m}\nregistries: {runs: {}}\n"
    )
    project.write("others/c.yaml", "kind: Model\nkey: c\nprovider: {name: openai, model: m}\n")
    project.apply()
    project.manifest("b", registries={"local": {}})
    (project.root / "link.json").symlink_to("registry.db")
    return project


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize(
    "file",
    [
        "reconciler.yaml",
        "registry.db",
        "registry.db-wal",
        "link.json",
        "runs/r.yaml",
        "manifests/a.yaml",
        "manifests/new.json",
    ],
)
def test_what_a_project_lives_on_is_never_written_over(lived_in: Project, answer: str, file: str) -> None:
    """Neither with the answer nor with the error: every file is as it was."""
    before = _files(lived_in)
    said = lived_in.run(*(word.format(file) for word in ANSWERS[answer]))
    assert (said.code, _files(lived_in)) == (64, before)
    assert f"{file} was not written" in said.both


def test_the_manifests_of_this_run_are_not_written_over(lived_in: Project) -> None:
    before = _files(lived_in)
    assert lived_in.run("plan", "others", "--save", "others/c.yaml").code == 64
    assert lived_in.run("validate", "others/c.yaml", "--output", "text=others/c.yaml").code == 64
    assert _files(lived_in) == before


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("file", ["answer.json", "manifests/answer.md", "manifests/.answer.json", "new/answer.yaml"])
def test_any_other_file_is_written_again_and_again(lived_in: Project, answer: str, file: str) -> None:
    for _ in range(2):
        lived_in.run(*(word.format(file) for word in ANSWERS[answer]))
        assert (lived_in.root / file).stat().st_size


def test_a_broken_configuration_takes_no_answer(lived_in: Project) -> None:
    """It cannot be opened, and is told: into any file but itself."""
    lived_in.write("reconciler.yaml", f"{CONFIG}nonsense: 1\n")
    assert lived_in.run("plan", "--output", "json=answer.json").code == 1
    assert "nonsense" in (lived_in.root / "answer.json").read_text("utf-8")
    before = _files(lived_in)
    assert lived_in.run("plan", "--output", "json=reconciler.yaml").code == 64
    assert _files(lived_in) == before


@pytest.mark.parametrize("file", ["reconciler.yaml", "registry.db", "link.json", "runs/r.yaml"])
def test_an_export_never_takes_the_place_of_a_registry(lived_in: Project, file: str) -> None:
    """--force is about manifests."""
    before = _files(lived_in)
    for force in ([], ["--force"]):
        assert lived_in.run("export", "local/Model/a", "-o", file, *force).code in (1, 64)
    assert _files(lived_in) == before
    lived_in.ok("export", "local/Model/a", "-o", "manifests/a.yaml", "--force")


def _files(project: Project) -> dict[str, bytes]:
    found = project.root.rglob("*")
    return {
        str(path): path.read_bytes() for path in found if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }
