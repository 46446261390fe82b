"""The files that `init --ci` writes hold to the published schemas and to the linters of those who know best, wherever the project lies."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from pipelines.pins import pinned, uses
from programs import BIN, ROOT, run

WHERE: Final = {
    "top": (".", ()),
    "subfolder": ("ml/fraud models", ()),
    "environment": (".", ("--env", "staging")),
}
CONFIG: Final = """\
owner: us
registries:
  gateway: {driver: litellm, url: "https://gateway.example.com", token: "${env:GATEWAY_TOKEN}", default: true}
environments: {staging: {registries: {gateway: {url: "https://staging.example.com"}}}}
"""
MANIFEST: Final = """\
kind: Model
key: chat
endpoint: {url: "https://llm.example.com/v1", model: m, api_key: "${env:CHAT_KEY}"}
"""


@pytest.fixture(scope="module", params=WHERE)
def written(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with both pipelines."""
    folder, options = WHERE[request.param]
    top = tmp_path_factory.mktemp(request.param)
    run("git", "init", "--quiet", cwd=top)
    (top / folder / "manifests").mkdir(parents=True)
    (top / folder / "reconciler.yaml").write_text(CONFIG, "utf-8")
    (top / folder / "manifests/chat.yaml").write_text(MANIFEST, "utf-8")
    for system in ("github", "gitlab"):
        run(BIN / "reconciler", "init", folder, "--ci", system, *options, cwd=top)
    return top


def workflow(top: Path) -> Path:
    [found] = (top / ".github/workflows").iterdir()
    return found


def loaded(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(path.read_text("utf-8"), Loader=yaml.BaseLoader)
    return found


def scripts(value: Any) -> Iterator[str]:
    """Every `run:` of a workflow or an action."""
    if isinstance(value, dict):
        if "run" in value:
            yield value["run"]
        for below in value.values():
            yield from scripts(below)
    elif isinstance(value, list):
        for below in value:
            yield from scripts(below)


def test_published_schemas(written: Path) -> None:
    """GitHub's of workflows and actions, GitLab's of CI files."""
    check = (BIN / "check-jsonschema", "--builtin-schema")
    run(*check, "vendor.github-workflows", workflow(written), cwd=written)
    run(*check, "vendor.github-actions", written / ".github/actions/reconciler/action.yml", cwd=written)
    jobs = (written / ".gitlab").iterdir()
    run(*check, "vendor.gitlab-ci", "--data-transform", "gitlab-ci", ".gitlab-ci.yml", *jobs, cwd=written)


def test_linters(written: Path) -> None:
    """actionlint (with shellcheck) and zizmor, which looks for what an attacker would, find nothing."""
    path = {"PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin"}
    run(BIN / "actionlint", cwd=written, env=path)
    run(BIN / "zizmor", "--offline", "--no-progress", "--quiet", "--min-severity=medium", ".", cwd=written)


def test_scripts_of_the_action(tmp_path: Path) -> None:
    """shellcheck finds nothing in them, and no expression stands in one: inputs are variables and never code."""
    found = list(scripts(loaded(ROOT / "action.yml")))
    assert len(found) >= 5
    for number, script in enumerate(found):
        assert "${{" not in script
        file = tmp_path / f"{number}.sh"
        file.write_text(f"#!/bin/bash\n{script}", "utf-8")
        run(BIN / "shellcheck", "--severity=style", file, cwd=tmp_path)


def test_actions_are_pinned(written: Path) -> None:
    """Those of others by commit; ours is the copy in the repository."""
    files = [workflow(written), written / ".github/actions/reconciler/action.yml"]
    for line in (line for file in files for line in uses(file.read_text("utf-8"))):
        assert pinned(line) or line == "./.github/actions/reconciler"


def test_least_rights(written: Path) -> None:
    """No job may do more than it does, none keeps git's credentials, and only the job that waits for an approval has models' secrets."""
    found = loaded(workflow(written))
    assert found["permissions"] == {}
    read = {"contents": "read"}
    assert {name: job["permissions"] for name, job in found["jobs"].items()} == {
        "validate": read,
        "preview": read | {"pull-requests": "write"},
        "plan": read,
        "apply": read,
        "drift": read | {"issues": "write"},
    }
    secrets = {name: "secrets." in str(job) for name, job in found["jobs"].items()}
    assert secrets == {"validate": False, "preview": True, "plan": True, "apply": True, "drift": True}
    named = {name for name, job in found["jobs"].items() if "CHAT_KEY" in str(job)}
    assert named == {name for name, job in found["jobs"].items() if "environment" in job} == {"apply"}
    for job in found["jobs"].values():
        assert int(job["timeout-minutes"]) <= 60
        for step in job["steps"]:
            assert "checkout" not in step.get("uses", "") or step["with"]["persist-credentials"] == "false"


def test_the_page_names_all_that_the_action_takes_and_gives() -> None:
    """No input and no output is left out of docs/ci/github.md, and none is named there that is none."""
    action = loaded(ROOT / "action.yml")
    page = (ROOT / "docs/ci/github.md").read_text("utf-8")
    for heading, members in (("| Input |", action["inputs"]), ("| Output |", action["outputs"])):
        rows = page[page.index(heading) :].split("\n\n")[0].splitlines()[2:]
        named = {name for row in rows for name in re.findall(r"`([\w-]+)`", row.split("|")[1])}
        assert named == set(members)


def test_nothing_is_overwritten(written: Path, tmp_path: Path) -> None:
    """What is there stays; --force writes the pipeline anew, and nothing else: .gitlab-ci.yml is the whole repository's."""
    top = tmp_path / "copy"
    shutil.copytree(written, top)
    mine = [
        workflow(top),
        next((top / ".gitlab").iterdir()),
        top / ".gitlab-ci.yml",
        next(top.rglob("reconciler.yaml")),
    ]
    folder = mine[-1].parent
    environment = ("--env", "staging") if "staging" in mine[0].name else ()
    theirs = mine[-1].read_text("utf-8") + "# mine\n"
    for path in mine:
        path.write_text(theirs if path == mine[-1] else "# mine\n", "utf-8")
    for system in ("github", "gitlab"):
        run(BIN / "reconciler", "init", folder, "--ci", system, *environment, cwd=top)
    assert [path.read_text("utf-8").endswith("# mine\n") for path in mine] == [True, True, True, True]
    said = ""
    for system in ("github", "gitlab"):
        said += run(BIN / "reconciler", "init", folder, "--ci", system, "--force", *environment, cwd=top).stderr
    assert [path.read_text("utf-8").endswith("# mine\n") for path in mine] == [False, False, True, True]
    assert f"include: [{{local: {mine[1].relative_to(top)}}}]" in said
    assert not (folder / "manifests/support-chat.yaml").exists()


def test_a_change_outside_of_the_folder_starts_nothing(written: Path) -> None:
    """A project in a subfolder has its own workflow, which looks at its folder; one that is the repository looks at everything."""
    found = loaded(workflow(written))
    filters = [(found["on"][event] or {}).get("paths") for event in ("pull_request", "push")]
    if workflow(written).name == "models-ml-fraud-models.yml":
        own = [".github/workflows/models-ml-fraud-models.yml", ".github/actions/reconciler/**"]
        assert filters == [["ml/fraud models/**", *own]] * 2
        assert all(step["with"]["working-directory"] == "ml/fraud models" for step in ours(found))
    else:
        assert filters == [None, None]
        assert all("working-directory" not in step["with"] for step in ours(found))


def ours(found: dict[str, Any]) -> list[dict[str, Any]]:
    steps = [step for job in found["jobs"].values() for step in job["steps"]]
    return [step for step in steps if step["uses"].startswith("./")]


@pytest.mark.parametrize("folder", ["a*b", "a${{ github.token }}", 'a"b', "a\nb", "!a", "a#b", "[a]"])
def test_a_folder_that_a_pipeline_would_misread(folder: str, tmp_path: Path) -> None:
    """It is refused with what to do: quoted for one reader, it would still be a pattern or an expression for another."""
    run("git", "init", "--quiet", cwd=tmp_path)
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "reconciler.yaml").write_text("owner: us\n", "utf-8")
    said = run(BIN / "reconciler", "init", folder, "--ci", "github", cwd=tmp_path, code=64).stderr
    assert "rename it" in said
    assert not (tmp_path / ".github").exists()
