"""The hooks that .pre-commit-hooks.yaml offers, run by the real pre-commit in a project that is not ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from hook_repository import committed, hook_repository
from programs import BIN, git_environment, run


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Settings of git and pre-commit that know nothing of the machine's own."""
    folder = tmp_path_factory.mktemp("settings")
    return {**git_environment(folder), "PRE_COMMIT_HOME": str(folder / "pre-commit"), "PRE_COMMIT_COLOR": "never"}


@pytest.fixture(scope="module")
def hooks(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Path:
    """A repository that offers our hooks."""
    return hook_repository(tmp_path_factory.mktemp("hooks"), environment)


@pytest.fixture
def project(tmp_path: Path, environment: dict[str, str]) -> Path:
    """Somebody's project, as `reconciler init` starts it."""
    folder = tmp_path / "project"
    run(BIN / "reconciler", "init", folder, cwd=tmp_path)
    return committed(folder, environment)


def test_a_good_project_passes_every_hook(hooks: Path, project: Path, environment: dict[str, str]) -> None:
    """pre-commit installs reconciler from this repository, and the hooks pass on what `reconciler init` wrote."""
    said = run(BIN / "pre-commit", "try-repo", hooks, "--all-files", "--verbose", cwd=project, env=environment).stdout
    assert said.count("Passed") == 3
    assert "1 manifest in 1 file: valid" in said


def test_a_bad_commit_is_stopped(hooks: Path, project: Path, environment: dict[str, str]) -> None:
    """A typo in a committed manifest fails with its file and line, a stale schema fails too, and files not committed are not blamed."""
    for name in ("typo", "elsewhere"):
        (project / f"manifests/{name}.yaml").write_text(
            f"kind: Model\nkey: {name}\nprovider: {{name: openai, model: gpt-5-nano}}\ndispaly_name: Typo\n", "utf-8"
        )
    (project / "schemas/manifest.schema.json").write_text("{}\n", "utf-8")
    changed = ("manifests/typo.yaml", "schemas/manifest.schema.json")
    said = run(BIN / "pre-commit", "try-repo", hooks, "--files", *changed, cwd=project, env=environment, code=1).stdout
    assert said.count("Failed") == 2
    assert "manifests/typo.yaml:4" in said
    assert "display_name" in said
    assert "elsewhere.yaml" not in said
    assert "stale: schemas/manifest.schema.json" in said


MESSY = "key:   chat  # the key\nkind: Model\nprovider: {model: gpt-5-nano, name: openai}\n"
TIDY = "kind: Model\nkey: chat  # the key\nprovider: {name: openai, model: gpt-5-nano}\n"
BY_HAND = """\
repos:
  - repo: local
    hooks:
      - {id: validate, name: validate, entry: "RECONCILER validate --config infra/models/reconciler.yaml", FILES}
      - {id: schema, name: schema, entry: "RECONCILER schema --check --config infra/models/reconciler.yaml", NONE}
      - {id: fmt, name: fmt, entry: "RECONCILER fmt --config infra/models/reconciler.yaml", FILES}
"""


def test_fmt_mends_what_is_committed_and_stops_the_commit(
    hooks: Path, project: Path, environment: dict[str, str]
) -> None:
    """As every formatter's hook: the first run writes and fails, the second passes; other files stay as they are."""
    for name in ("chat", "elsewhere"):
        (project / f"manifests/{name}.yaml").write_text(MESSY.replace("chat", name), "utf-8")
    run("git", "add", "--all", cwd=project, env=environment)  # pre-commit sees a change in what git knows
    command = (BIN / "pre-commit", "try-repo", hooks, "reconciler-fmt", "--files", "manifests/chat.yaml")
    said = run(*command, cwd=project, env=environment, code=1).stdout
    assert "files were modified by this hook" in said
    assert (project / "manifests/chat.yaml").read_text("utf-8") == TIDY
    assert (project / "manifests/elsewhere.yaml").read_text("utf-8") != TIDY.replace("chat", "elsewhere")
    run(*command, cwd=project, env=environment)


def test_a_project_in_a_folder_with_its_configuration_named(tmp_path: Path, environment: dict[str, str]) -> None:
    """`--config` names the project; pre-commit gives names from the top of the repository, and none that is deleted."""
    top = tmp_path / "top"
    models = top / "infra/models"
    run(BIN / "reconciler", "init", models, cwd=tmp_path)
    keys = {"RECONCILER": str(BIN / "reconciler"), "FILES": "files: ^infra/models/manifests/, language: system"}
    text = BY_HAND.replace("NONE", "pass_filenames: false, language: system")
    for name, value in keys.items():
        text = text.replace(name, value)
    (top / ".pre-commit-config.yaml").write_text(text, "utf-8")
    (models / "manifests/going.yaml").write_text(TIDY.replace("chat", "going"), "utf-8")
    committed(top, environment)
    (models / "manifests/going.yaml").unlink()
    (models / "manifests/chat é.yaml").write_text(MESSY, "utf-8")
    run("git", "add", "--all", cwd=top, env=environment)
    said = run(BIN / "pre-commit", "run", cwd=top, env=environment, code=1).stdout
    assert said.count("Passed") == 2
    assert "files were modified by this hook" in said
    assert (models / "manifests/chat é.yaml").read_text("utf-8") == TIDY
    run("git", "add", "--all", cwd=top, env=environment)
    assert run(BIN / "pre-commit", "run", cwd=top, env=environment).stdout.count("Passed") == 3
