"""`--changed-since REF`: what counts as changed, what is still checked, and that nothing is deleted. With a real git."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from cli.project import CONFIG, Project
from programs import git_environment, run

from reconciler.project.git import changed_paths


class Repository:
    """A git repository around a project, with all that is there committed on `main`."""

    def __init__(self, project: Project, root: Path, env: dict[str, str]) -> None:
        self.project, self.root, self.env = project, root, env
        self.git("init", "--quiet")
        self.commit()

    def git(self, *words: str, code: int = 0) -> str:
        return run("git", *words, cwd=self.root, env=self.env, code=code).stdout

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "x")


@pytest.fixture
def repository(
    project: Project, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Repository:
    """Three models on main, in the registry as well; the branch `work` is checked out."""
    for name, value in (env := git_environment(tmp_path_factory.mktemp("settings"))).items():
        monkeypatch.setenv(name, value)
    for key in ("one", "two", "three"):
        project.manifest(key)
    project.apply()
    project.write(".gitignore", "registry.db*\n.reconciler/\n")
    made = Repository(project, project.root, env)
    made.git("checkout", "--quiet", "-b", "work")
    return made


def planned(project: Project, *words: str) -> dict[str, str]:
    return project.plan("--changed-since", "main", *words)


def test_committed_staged_unstaged_and_untracked_files_count(repository: Repository) -> None:
    """Whatever differs from where the branch left main is planned, and nothing else is."""
    project = repository.project
    project.spoil("three", description="changed behind our back")
    project.manifest("one", description="committed")
    repository.commit()
    project.manifest("two", description="staged")
    repository.git("add", "--all")
    project.manifest("two", description="staged, and changed again")
    text = project.manifest("four").read_text()
    project.remove("four")
    project.write("manifests/vier é [*].yaml", text)
    assert planned(project) == {
        "local/Model/one": "update changed",
        "local/Model/two": "update changed",
        "local/Model/four": "create new",
    }


def test_a_template_that_is_gone_counts_below_a_glob_with_a_fixed_beginning(repository: Repository) -> None:
    """`teams/a*/models` means all that its fixed part holds: a Model that extends what is gone there is told."""
    project = repository.project
    project.write("reconciler.yaml", CONFIG + 'manifests: ["teams/a*/models"]\n')
    project.write("teams/ann/models/t.yaml", "kind: Template\nkey: base\ndescription: shared\n")
    model = "kind: Model\nkey: a\nextends: base\nprovider: {name: openai, model: x}\n"
    project.write("teams/ann/models/a.yaml", model)
    repository.commit()
    repository.git("branch", "--force", "before")
    (project.root / "teams/ann/models/t.yaml").unlink()
    answer = project.run("validate", "--changed-since", "before")
    assert answer.code == 1
    assert "unknown-template" in answer.out
    assert "teams/ann/models/t.yaml is gone" in answer.err


def test_what_main_did_meanwhile_does_not_count(repository: Repository) -> None:
    """The commit where both parted is compared with, as in a pull request."""
    project = repository.project
    repository.git("checkout", "--quiet", "main")
    project.manifest("three", description="on main")
    repository.commit()
    repository.git("checkout", "--quiet", "work")
    project.manifest("one", description="here")
    assert list(planned(project)) == ["local/Model/one"]


def test_nothing_changed_is_nothing_to_do(repository: Repository) -> None:
    """Without a change all three commands end well, and read no registry."""
    project = repository.project
    (project.root / "registry.db").unlink()
    for words in (("validate",), ("plan",), ("apply", "--yes")):
        answer = project.ok(*words, "--changed-since", "main")
        assert "no manifest changed" in answer.err
    assert not (project.root / "registry.db").exists()


def test_nothing_is_deleted_and_that_is_said(repository: Repository) -> None:
    """A manifest that is gone, renamed or wants its object absent deletes nothing, and each is named."""
    project = repository.project
    project.remove("one")
    repository.git("mv", "manifests/two.yaml", "manifests/renamed.yaml")
    project.write("manifests/three.yaml", "kind: Model\nkey: three\nstate: absent\n")
    answer = project.ok("apply", "--yes", "--changed-since", "main")
    assert project.keys() == ["one", "three", "two"]
    for said in (
        "manifests/one.yaml is gone",
        "manifests/two.yaml is gone",
        "local/Model/three (manifests/three.yaml:1)",
    ):
        assert said in answer.err


def test_checks_across_documents_hold(repository: Repository) -> None:
    """A clash with a manifest that did not change is found; what is wrong in others alone is not told."""
    project = repository.project
    project.write("manifests/broken.yaml", "kind: Model\nkey: broken\nnone: 1\n")
    repository.commit()
    repository.git("branch", "--force", "main", "work")
    project.write("manifests/clash.yaml", "kind: Model\nkey: one\nprovider: {name: openai, model: gpt-5-nano}\n")
    answer = project.run("validate", "--changed-since", "main", "--format", "json")
    problems = answer.json("validate")["problems"]
    assert answer.code == 1
    assert {problem["file"] for problem in problems} == {"manifests/clash.yaml"}
    assert any("manifests/one.yaml" in problem["message"] for problem in problems)


def test_a_file_that_a_manifest_refers_to_counts(repository: Repository) -> None:
    """The text behind ${file:...} is part of the manifest."""
    project = repository.project
    project.write("texts/about.md", "first")
    project.manifest("one", description="${file:../texts/about.md}")
    repository.commit()
    repository.git("branch", "--force", "main", "work")
    project.write("texts/about.md", "second")
    assert list(planned(project)) == ["local/Model/one"]
    (project.root / "texts/about.md").unlink()
    answer = project.run("validate", "--changed-since", "main")
    assert (answer.code, "manifests/one.yaml" in answer.out) == (1, True)


def test_the_configuration_counts_for_all(repository: Repository) -> None:
    """A change of reconciler.yaml may change every object; still nothing is an orphan."""
    project = repository.project
    project.manifest("four")
    project.write("reconciler.yaml", CONFIG + "variables: {a: b}\n")
    project.spoil("two", description="changed behind our back")
    assert planned(project) == {"local/Model/four": "create new", "local/Model/two": "update drifted"}


def test_a_project_in_a_folder_of_the_repository(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Names from git are those from its top; other projects' files are not ours, and hooks may set GIT_DIR."""
    top = tmp_path_factory.mktemp("top")
    env = git_environment(tmp_path_factory.mktemp("settings"))
    shutil.copytree(project.root, top / "infra/models")
    made = Repository(project, top, env)
    for name in ("infra/models/manifests/a.yaml", "infra/other.yaml", "infra/models/[x] -y.yaml"):
        path = top / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    made.git("branch", "base")
    elsewhere = {
        **os.environ,
        **env,
        "GIT_DIR": str(project.root),
        "GIT_INDEX_FILE": "/nowhere",
        "GIT_EXTERNAL_DIFF": "false",
    }
    found = changed_paths(top / "infra/models", "base", elsewhere)
    assert found.changed == {
        str(top / name) for name in ("infra/models/manifests/a.yaml", "infra/other.yaml", "infra/models/[x] -y.yaml")
    }
    assert not found.gone


WRONG = {
    "prune": (("plan", "--changed-since", "main", "--prune"), "cannot be combined with --changed-since"),
    "stdin": (("validate", "-", "--changed-since", "main"), "cannot be combined with `-`"),
    "a saved plan": (("apply", "--plan", "p.json", "--changed-since", "main"), "a saved plan says itself"),
    "no commit": (("plan", "--changed-since", "nope"), "there is no such commit here"),
    "an option": (("plan", "--changed-since", "--output=x"), "that is no name of a commit"),
    "nothing": (("validate", "--changed-since", ""), "it is empty: leave it out"),
    "a file's name": (("validate", "--changed-since", "main:manifests"), "there is no such commit here"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_usage(repository: Repository, name: str) -> None:
    """What makes no sense ends with 64, before anything is read or written."""
    words, said = WRONG[name]
    answer = repository.project.run(*words)
    assert answer.code == 64
    assert said in answer.err
    assert not (repository.root / "x").exists()


def test_without_a_repository(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """No repository, and no git at all: 64, and what to do."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.root.parent))
    project.manifest("one")
    answer = project.run("validate", "--changed-since", "main")
    assert (answer.code, "needs a git repository" in answer.err) == (64, True)
    monkeypatch.setenv("PATH", "")
    answer = project.run("validate", "--changed-since", "main")
    assert (answer.code, "there is no git" in answer.err) == (64, True)


def test_a_shallow_clone(
    repository: Repository, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A clone without the commit names the git command that helps, and with it done all is well."""
    project = repository.project
    project.manifest("one", description="committed")
    repository.commit()
    clone = tmp_path_factory.mktemp("clone")
    source = f"file://{repository.root}"
    run("git", "clone", "--quiet", "--depth=1", "--branch=work", source, clone, cwd=clone, env=repository.env)
    monkeypatch.chdir(clone)
    answer = project.run("validate", "--changed-since", "origin/main")
    hint = "git fetch --unshallow origin main:refs/remotes/origin/main"
    assert answer.code == 64
    assert hint in answer.err
    run(*hint.split(), cwd=clone, env=repository.env)
    assert "1 manifest file changed" in project.ok("validate", "--changed-since", "origin/main").err


@pytest.mark.parametrize(
    "reference",
    ["${file:../about.md}", "\\x24{file:../about.md}", "${file:../\\x61bout.md}", "${file:../\\\n  about.md}"],
    ids=repr,
)
def test_a_file_that_changed_is_found_however_the_reference_is_spelt(repository: Repository, reference: str) -> None:
    """An escape of YAML or JSON is another spelling of the same value."""
    project = repository.project
    (repository.root / "about.md").write_text("before")
    text = project.write("manifests/one.yaml", (repository.root / "manifests/one.yaml").read_text())
    text.write_text(f'{text.read_text()}description: "{reference}"\n')
    project.apply()
    repository.commit()
    repository.git("checkout", "--quiet", "-b", "later")
    (repository.root / "about.md").write_text("after")
    assert list(project.plan("--changed-since", "work")) == ["local/Model/one"]


@pytest.mark.parametrize(("kind", "extends"), [("Template", "extends"), ("\\x54emplate", "\\u0065xtends")])
def test_a_template_that_changed_is_found_however_it_is_spelt(repository: Repository, kind: str, extends: str) -> None:
    """Of the template and of the Model that extends it."""
    project = repository.project
    base = project.write("manifests/base.yaml", f'kind: "{kind}"\nkey: base\nlabels: {{team: cx}}\n')
    text = repository.root / "manifests/one.yaml"
    text.write_text(f'{text.read_text()}"{extends}": base\n')
    project.apply()
    repository.commit()
    repository.git("checkout", "--quiet", "-b", "later")
    base.write_text(base.read_text().replace("cx", "ops"))
    assert list(project.plan("--changed-since", "work")) == ["local/Model/one"]
