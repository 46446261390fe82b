"""The pipelines that `init --ci` writes: templates, filled in for one project in its repository."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from reconciler import __version__
from reconciler.core.errors import UsageError
from reconciler.core.spec import REFERENCE
from reconciler.project.config_file import FILE
from reconciler.project.locate import repository_of
from reconciler.project.workspace import Workspace

_ACTION: Final = ".github/actions/reconciler"
GITLAB_FILE: Final = ".gitlab-ci.yml"
_BRANCH: Final = "main"
# What a path may hold without being a pattern to a path filter, an expression to a workflow, or the end of a YAML scalar.
_PLAIN: Final = re.compile(r"[\w./ @=,-]+")
_OWN_VERSION: Final = 'default: "" # `init --ci` writes its own version here'


@dataclass(frozen=True, slots=True)
class Place:
    """A project in its repository: the folder and the configuration's name there, the environment, the default branch.

    `read` are the variables that the registries' settings name, `write` those that manifests name beside them. `alone`
    is true where nothing outside of the folder belongs to the project.
    """

    root: Path
    folder: str
    config: str | None
    environment: str | None
    branch: str
    read: tuple[str, ...]
    write: tuple[str, ...]
    alone: bool

    @property
    def name(self) -> str:
        """The name of the pipeline, of its artifacts and of the environment whose approval it waits for."""
        where = "" if self.folder == "." else self.folder
        words = re.findall(r"\w+", f"{where} {self.environment or ''}")
        return "-".join(["models", *words])


def place_of(workspace: Workspace) -> Place:
    """The place of a workspace's project. Raises UsageError for a folder whose name a pipeline would misread."""
    project = workspace.project
    root = Path(repository_of(project.root, project.root, {}).root)
    folder = project.root.relative_to(root).as_posix()
    config = Path(project.file or FILE).name
    for name in (folder, config):
        if not _PLAIN.fullmatch(name):
            raise UsageError(
                f"{name!r} holds a character that has a meaning of its own in pipelines",
                hint="rename it: letters, digits, spaces and ./@=,-_ are safe",
            )
    read = _variables([entry.settings.model_dump() for entry in workspace.entries.values()], project.fingerprint_key)
    write = _variables([item.resource.spec for item in workspace.load().desired.resources])
    whole = [Path(os.path.realpath(project.root / path)) for path in project.manifests]
    return Place(
        root,
        folder,
        config if config != FILE else None,
        project.environment,
        _default_branch(root),
        read,
        tuple(name for name in write if name not in read),
        all(path.is_relative_to(project.root) for path in whole),
    )


def _variables(*values: Any) -> tuple[str, ...]:
    """The environment variables that references in plain data name."""
    text = json.dumps(values, default=str)
    return tuple(sorted({name for scheme, name in REFERENCE.findall(text) if scheme == "env"}))


def _default_branch(root: Path) -> str:
    """The branch that the remote says is its default, as a clone knows it; else `main`."""
    try:
        head = (root / ".git/refs/remotes/origin/HEAD").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return _BRANCH
    branch = head.strip().removeprefix("ref: refs/remotes/origin/")
    return branch if _PLAIN.fullmatch(branch) and " " not in branch else _BRANCH


def github(place: Place) -> dict[str, str]:
    """The workflow and the action that it uses, by their paths from the repository's root."""
    workflow = f".github/workflows/{place.name}.yml"
    options = {"working-directory": place.folder if place.folder != "." else None, "config": place.config}
    narrow = {"paths": [f"{place.folder}/**", workflow, f"{_ACTION}/**"]} if _filtered(place) else {}
    words = {
        "name": place.name,
        "environment": place.name,
        "branch": place.branch,
        "action": f"./{_ACTION}",
        "paths": _block(narrow, 4),
        "with": _block({**options, "environment": place.environment}, 10),
        "with_plan": _block(options, 10),
        "read": _secrets(place.read),
        "write": _secrets((*place.read, *place.write)),
    }
    own = f"default: {json.dumps(__version__)}"
    return {
        workflow: _filled("github.yml", words),
        f"{_ACTION}/action.yml": _template("action.yml").replace(_OWN_VERSION, own),
    }


def _filtered(place: Place) -> bool:
    """True where a change outside of the folder cannot matter. A repository that is one project has no filter to miss something."""
    return place.folder != "." and place.alone


def _secrets(names: Sequence[str]) -> str:
    """The `env` of a step whose registries or models need these variables."""
    return "".join(
        ["\n        env:", *(f"\n          {name}: ${{{{ secrets.{name} }}}}" for name in names)] if names else []
    )


def _block(members: Mapping[str, Any], indent: int) -> str:
    """Members of a YAML map as lines that go below others of the same indent."""
    return "".join(
        f"\n{' ' * indent}{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in members.items() if value
    )


def gitlab(place: Place) -> dict[str, str]:
    """The jobs, and the file that includes them, by their paths from the repository's root."""
    jobs = f".gitlab/{place.name}.gitlab-ci.yml"
    config = f" {shlex.quote(f'--config={place.config}')}" if place.config else ""
    environment = f" {shlex.quote(f'--env={place.environment}')}" if place.environment else ""
    changes = {"changes": [f"{place.folder}/**/*", jobs]} if _filtered(place) else {}
    words = {
        "name": place.name,
        "environment": place.name,
        "version": __version__,
        "folder": shlex.quote(place.folder),
        "options": config + environment,
        "config": config,
        "changes": _block(changes, 6),
        "read_variables": ", ".join(place.read) or "none",
        "write_variables": ", ".join(place.write) or "none",
    }
    return {jobs: _filled("gitlab.yml", words), GITLAB_FILE: _filled("gitlab-include.yml", {"jobs": jobs})}


def _filled(template: str, words: Mapping[str, str]) -> str:
    """A template with its `<<words>>` filled in. Raises KeyError for one that has no value."""
    return re.sub(r"<<(\w+)>>", lambda match: words[match[1]], _template(template))


def _template(name: str) -> str:
    return files(__name__).joinpath(name).read_text("utf-8")


def left_to_do(place: Place, system: str) -> Iterator[str]:
    """The steps that nobody but the owner of the repository can take, one in each text."""
    if system == "github":
        yield f"on GitHub: make the environment {place.name}, with its reviewers and secrets"
        return
    include = f".gitlab/{place.name}.gitlab-ci.yml"
    if include not in (place.root / GITLAB_FILE).read_text("utf-8", errors="replace"):
        yield f"in {GITLAB_FILE}: include: [{{local: {include}}}]"
    yield f"on GitLab: protect the environment {place.name}, schedule a pipeline, set MODELS_API_TOKEN"


PIPELINES: Final[Mapping[str, Callable[[Place], dict[str, str]]]] = {"github": github, "gitlab": gitlab}
