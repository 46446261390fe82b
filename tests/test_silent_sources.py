"""A source that stops speaking is never taken for one whose manifests were removed.

Each accident takes one manifest of several out of sight, by another way. Whatever the way and the layout, `validate` says so,
`--strict` fails, and `--prune` deletes nothing.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from cli.project import Project

from reconciler.manifest.discover import discover

MANIFEST: Final = "kind: Model\nkey: lost\nprovider: {name: openai, model: m}\n"
LAYOUTS: Final = {
    "a folder": ("[team, shared]", "shared/lost.yaml"),
    "a glob of files": ("[team, 'shared/*.yaml']", "shared/lost.yaml"),
    "a glob of any depth": ("[team, 'shared/**/*.yaml']", "shared/deep/lost.yaml"),
    "a glob of folders": ("[team, 'all/*/models']", "all/one/models/lost.yaml"),
    "a file": ("[team, shared/lost.yaml]", "shared/lost.yaml"),
    "a folder below": ("[team, shared]", "shared/deep/er/lost.yaml"),
}


def renamed(name: str) -> Callable[[Path], None]:
    return lambda file: shutil.move(file, file.with_name(name))


def written(data: str | bytes) -> Callable[[Path], None]:
    return lambda file: (file.write_bytes(data if isinstance(data, bytes) else data.encode()), None)[1]


def linked(target: str) -> Callable[[Path], None]:
    def accident(file: Path) -> None:
        file.unlink()
        file.symlink_to(target)

    return accident


def into_hidden_folder(file: Path) -> None:
    (file.parent / ".old").mkdir()
    shutil.move(file, file.parent / ".old" / file.name)


def into_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()  # as a container's bind mount of a missing file leaves it


def fifo(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


ENDINGS: Final = (
    "lost.ymal", "lost.yalm", "lost.yaml~", "lost.yaml.j2", "lost.yml.bak", "lost.yaml.orig", "lost.jsonc", "lost.json5",
    "lost.yaml.tmpl", "lost.yaml.disabled", "lost.yam", "lost.yamll", "lost.yl", "lost.jsn", "lost.YAML.BAK", "lost.yaml2",
    "lostyaml", "lost_yaml", "lost.yaml (1)", "lost.yaml.txt", "#lost.yaml#", "lost.yaml.", "lost.yaml ", ".lost.yaml",
    ".lost.yaml.swp", ".lost.json", "..lost.yml", ".yaml",
)  # fmt: skip
ACCIDENTS: Final = {
    **{f"named {name!r}": renamed(name) for name in ENDINGS},
    "0 bytes": written(""),
    "blank": written(" \n\n"),
    "only comments": written("# kind: Model\n"),
    "only dashes": written("---\n---\n"),
    "only a byte order mark": written(b"\xef\xbb\xbf"),
    "null": written("null\n"),
    "UTF-16": written("kind: Model".encode("utf-16")),
    "cut off": written("kind: Mod"),
    "a link that leads nowhere": linked("nowhere.yaml"),
    "a link in a circle": linked("lost.yaml"),
    "in a hidden folder": into_hidden_folder,
    "a folder in its place": into_folder,
    "a FIFO in its place": fifo,
}


def laid_out(project: Project, layout: str) -> Path:
    paths, name = LAYOUTS[layout]
    project.write(
        "reconciler.yaml",
        f"owner: us\nmanifests: {paths}\nregistries: {{local: {{driver: local, path: .db, default: true}}}}\n",
    )
    for key in "abcdefgh":
        project.write(f"team/{key}.yaml", f"kind: Model\nkey: {key}\nprovider: {{name: openai, model: m}}\n")
    return project.write(name, MANIFEST)


def refused(project: Project) -> None:
    """The one promise: the lost manifest's object stays, and all commands say that something is wrong."""
    told = project.run("validate", "--format", "json")
    rules = {problem["rule"] for problem in told.json("validate")["problems"]}
    assert rules & {"no-document", "ignored-file"} or told.code == 1, told.both
    assert project.run("validate", "--strict").code == 1
    answer = project.run("apply", "--prune", "--yes")
    assert answer.code in (1, 4), answer.both
    if answer.code == 4:
        assert "empty-source" in answer.both
    assert project.keys().count("lost") == 1


@pytest.mark.parametrize("accident", ACCIDENTS)
@pytest.mark.parametrize("layout", ["a folder", "a glob of any depth"])
def test_a_manifest_that_went_out_of_sight_is_not_pruned(project: Project, layout: str, accident: str) -> None:
    """Whatever was done to its file."""
    file = laid_out(project, layout)
    if layout == "a glob of any depth":  # the file is not alone: its folder still speaks
        project.write("shared/deep/other.yaml", "kind: Model\nkey: other\n")
    project.apply()
    ACCIDENTS[accident](file)
    refused(project)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_source_without_manifests_is_not_pruned(project: Project, layout: str) -> None:
    """An empty folder (a submodule that was not checked out), a missing one, a file that is gone: however it is configured."""
    file = laid_out(project, layout)
    if layout == "a glob of folders":
        project.write("all/two/models/other.yaml", "kind: Model\nkey: other\n")
    project.apply()
    file.unlink()
    refused(project)
    if layout == "a glob of folders":
        file.parent.rmdir()
        refused(project)


@pytest.mark.parametrize("target", ["nowhere", "models", "../shared/models"])
def test_a_link_to_a_folder_that_cannot_be_followed_is_not_pruned(project: Project, target: str) -> None:
    """Nothing in its name says that manifests lie behind it."""
    file = laid_out(project, "a folder")
    project.write("shared/models/other.yaml", "kind: Model\nkey: other\n")
    project.apply()
    file.unlink()
    shutil.rmtree(project.root / "shared/models")
    (project.root / "shared/models").symlink_to(target)
    refused(project)


@pytest.mark.parametrize("code", [errno.ESTALE, errno.EACCES, errno.EIO])
@pytest.mark.parametrize("where", ["folder", "entry", "link", "file"])
def test_a_file_system_that_fails_is_not_pruned(
    project: Project, monkeypatch: pytest.MonkeyPatch, where: str, code: int
) -> None:
    """A stale handle, a permission, a broken disk: in a folder, in one of its names, behind a link, in a file."""
    file = laid_out(project, "a folder")
    project.write("shared/other.yaml", "kind: Model\nkey: other\n")
    project.apply()
    if where == "link":
        file.unlink()
        file.with_name("models").symlink_to("elsewhere")
    fail(monkeypatch, where, code)
    refused(project)


def fail(monkeypatch: pytest.MonkeyPatch, where: str, code: int) -> None:
    scandir, stat, opened = os.scandir, os.stat, os.open

    class Entry:
        """A name in a folder about which the file system says nothing."""

        def __init__(self, entry: os.DirEntry[str]) -> None:
            self.name, self.path = entry.name, entry.path

        def is_symlink(self) -> bool:
            raise OSError(code, os.strerror(code), self.path)

        is_dir = is_file = is_symlink

    def failing(path: Any) -> Iterator[Any]:
        if where == "folder" and str(path).endswith("shared"):
            raise OSError(code, os.strerror(code), path)
        entries = list(scandir(path))
        return iter([Entry(entry) if where == "entry" and entry.name == "lost.yaml" else entry for entry in entries])

    def failing_stat(path: Any, *words: Any, **how: Any) -> os.stat_result:
        if where == "link" and str(path).endswith("models"):
            raise OSError(code, os.strerror(code), path)
        return stat(path, *words, **how)

    def failing_open(path: Any, *words: Any, **how: Any) -> int:
        if where == "file" and str(path).endswith("lost.yaml"):
            raise OSError(code, os.strerror(code), path)
        return opened(path, *words, **how)

    monkeypatch.setattr(os, "scandir", failing)
    monkeypatch.setattr(os, "stat", failing_stat)
    monkeypatch.setattr(os, "open", failing_open)


def test_a_folder_that_is_meant_to_be_empty_says_so(project: Project) -> None:
    """A file `.keep` in it: then what was declared in it is pruned, as ever."""
    file = laid_out(project, "a folder")
    project.apply()
    file.unlink()
    project.write("shared/.keep", "")
    assert project.ok("validate", "--strict").out == "8 manifests in 8 files: valid\n"
    project.apply("--prune")
    assert project.keys().count("lost") == 0


def test_a_file_removed_beside_others_is_pruned(project: Project) -> None:
    """The way in which manifests are meant to go."""
    file = laid_out(project, "a folder")
    project.write("shared/other.yaml", "kind: Model\nkey: other\n")
    project.apply()
    file.unlink()
    project.apply("--prune")
    assert project.keys().count("lost") == 0


def test_a_project_of_kept_folders_is_valid_and_prunes_nothing(project: Project) -> None:
    """A starting project; that nothing at all is declared is a guard of its own."""
    project.write("manifests/.keep", "")
    assert project.ok("validate", "--strict").out == "0 manifests in 0 files: valid\n"
    assert "no-documents" in project.run("plan", "--prune").out


def test_other_tools_files_are_no_business_of_ours(project: Project) -> None:
    """Hidden files and folders that hold no manifest, other formats, and what tools keep in folders of their own."""
    for name in (".github/workflows/ci.yml", ".gitlab-ci.yml", ".pre-commit-config.yaml", ".vscode/settings.json"):
        project.write(name, "on: push\njobs: {a: {key: b}}\n")
    for name in (".git/x.yaml", ".reconciler/backup/1/local/Model/x.yaml", ".venv/lib/kind.yaml"):
        project.write(name, MANIFEST)
    for name in (
        "team/data.jsonl",
        "team/a.xml",
        "team/notes.md",
        "team/a.toml",
        "team/run.yang",
        "team/about-yaml.md",
    ):
        project.write(name, MANIFEST)
    found = discover(["."], project.root, project.root)
    assert found.silent == ()


def test_links_into_a_hidden_folder_are_read(project: Project) -> None:
    """As Kubernetes mounts a ConfigMap: the files lie in a hidden folder, and visible links lead to them."""
    (project.root / "manifests").mkdir()
    project.write("manifests/..2026_11_28/lost.yaml", MANIFEST)
    (project.root / "manifests/..data").symlink_to("..2026_11_28")
    (project.root / "manifests/lost.yaml").symlink_to("..data/lost.yaml")
    assert project.ok("validate", "--strict").out == "1 manifest in 1 file: valid\n"


@pytest.mark.parametrize(
    "name",
    [
        "reconciler.yml",
        ".reconciler.yaml",
        ".reconciler.yml",
        "Reconciler.yaml",
        "reconciler.json",
        "reconciler.yaml.txt",
    ],
)
def test_a_configuration_under_another_name_is_refused(
    project: Project, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """In the folder itself or above: never passed over, with the name to use; `--config` may name any."""
    text = (project.root / "reconciler.yaml").read_text()
    (project.root / "reconciler.yaml").unlink()
    project.write(name, text if not name.endswith(".json") else "{}")
    project.manifest("a")
    for command in (("validate",), ("plan",), ("apply", "--yes"), ("list",)):
        answer = project.run(*command)
        assert answer.code == 1
        assert f"{name} is not read: the configuration is called reconciler.yaml" in answer.both
    (project.root / "sub").mkdir()
    monkeypatch.chdir(project.root / "sub")
    assert f"../{name} is not read" in project.run("validate").both
    monkeypatch.chdir(project.root)
    project.ok("--config", name, "validate")


def test_two_configurations_beside_each_other_are_refused(project: Project) -> None:
    """Nobody knows which is meant; an answer kept as reconciler.json is no configuration."""
    project.manifest("a")
    project.write("reconciler.json", "{}")
    project.ok("validate")
    project.write("reconciler.yml", "owner: other\n")
    assert project.run("validate").code == 1
