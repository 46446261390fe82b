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


def test_a_good_project_passes_both_hooks(hooks: Path, project: Path, environment: dict[str, str]) -> None:
    """pre-commit installs reconciler from this repository, and both hooks pass on what `reconciler init` wrote."""
    said = run(BIN / "pre-commit", "try-repo", hooks, "--all-files", "--verbose", cwd=project, env=environment).stdout
    assert said.count("Passed") == 2
    assert "1 manifest in 1 file: valid" in said


def test_a_bad_commit_is_stopped(hooks: Path, project: Path, environment: dict[str, str]) -> None:
    """A typo in a committed manifest fails with its file and line, a stale schema fails too, and files not committed are not blamed."""
    for name in ("typo", "elsewhere"):
        (project / f"manifests/{name}.yaml").write_text(
            f"kind: Model\nkey: {name}\ndispaly_name: Typo\nprovider: {{name: openai, model: gpt-5-nano}}\n", "utf-8"
        )
    (project / "schemas/manifest.schema.json").write_text("{}\n", "utf-8")
    changed = ("manifests/typo.yaml", "schemas/manifest.schema.json")
    said = run(BIN / "pre-commit", "try-repo", hooks, "--files", *changed, cwd=project, env=environment, code=1).stdout
    assert said.count("Failed") == 2
    assert "manifests/typo.yaml:3" in said
    assert "display_name" in said
    assert "elsewhere.yaml" not in said
    assert "stale: schemas/manifest.schema.json" in said
