"""A scratch repository with a project in it, and the commits of a story."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from programs import BIN, git_environment, run

# The registry stands for one that every job reaches: it lies outside of the repository.
CONFIG = """\
owner: us
registries:
  local: {{driver: local, path: {registry}, default: true}}
"""


@dataclass
class Repository:
    """A git repository in a folder, with a project in `project` (from its top)."""

    folder: Path
    settings: Mapping[str, str]
    project: str = "."

    def git(self, *words: str) -> str:
        return run("git", *words, cwd=self.folder, env=self.settings).stdout.strip()

    def write(self, name: str, text: str) -> None:
        """A file of the project."""
        path = self.folder / self.project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def model(self, key: str, **fields: str) -> None:
        lines = [f"kind: Model\nkey: {key}\nprovider: {{name: openai, model: gpt-5-nano}}"]
        self.write(
            f"manifests/{key}.yaml", "\n".join([*lines, *(f"{name}: {text}" for name, text in fields.items())]) + "\n"
        )

    def remove(self, name: str) -> None:
        (self.folder / self.project / name).unlink()

    def commit(self, message: str = "x") -> str:
        """All that is there, as a commit; its SHA."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD")


def repository(folder: Path, *, project: str = ".", ci: str = "github") -> Repository:
    """A repository whose project is planned and applied by the pipeline that `init --ci` writes."""
    top = folder / "repository"
    top.mkdir()
    made = Repository(top, git_environment(folder), project)
    made.git("init", "--quiet")
    made.write("reconciler.yaml", CONFIG.format(registry=folder / "registry.db"))
    made.write("manifests/.keep", "")
    run(BIN / "reconciler", "init", project, "--ci", ci, cwd=top)
    return made
