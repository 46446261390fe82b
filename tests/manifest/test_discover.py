"""Which files are manifests."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.manifest.discover import discover


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "m/a.yaml",
        "m/b.yml",
        "m/c.json",
        "m/D.YAML",
        "m/notes.txt",
        "m/x.yaml.bak",
        "m/.hidden.yaml",
        "m/.git/e.yaml",
        "m/sub/f.yaml",
        "g.yaml",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return tmp_path


def names(tree: Path, *paths: str, cwd: Path | None = None) -> list[str]:
    found = discover(paths, tree, cwd or tree)
    return [file.shown for file in found.files] + [f"{problem.file} {problem.rule}" for problem in found.problems]


def test_a_folder_is_read_recursively_without_hidden_things(tree: Path) -> None:
    """*.yaml, *.yml and *.json in any case of the suffix; nothing that begins with a dot; sorted."""
    assert names(tree, "m") == ["m/D.YAML", "m/a.yaml", "m/b.yml", "m/c.json", "m/sub/f.yaml"]


def test_a_file_is_taken_by_its_name_whatever_it_is_called(tree: Path) -> None:
    """Who names a file means it, hidden or not."""
    assert names(tree, "m/notes.txt", "m/.hidden.yaml") == ["m/.hidden.yaml", "m/notes.txt"]


def test_globs_are_ours_to_expand(tree: Path) -> None:
    """A quoted glob works as in a shell, ** included; one that matches nothing is a problem."""
    assert names(tree, "m/*.y*ml") == ["m/a.yaml", "m/b.yml"]
    assert names(tree, "**/f.yaml") == ["m/sub/f.yaml"]
    assert names(tree, "m/*.nothing") == ["m/*.nothing no-such-path"]


def test_a_file_whose_name_looks_like_a_glob_is_that_file(tree: Path) -> None:
    """`[a].yaml` may exist."""
    (tree / "[a].yaml").write_text("")
    assert names(tree, "[a].yaml") == ["[a].yaml"]


def test_each_file_is_found_once(tree: Path) -> None:
    """However many paths lead to it."""
    assert names(tree, "m/a.yaml", "./m/a.yaml", "m/../m/a.yaml", "m/sub/../a.yaml", "m/a.*") == ["m/a.yaml"]


def test_names_are_shown_from_the_working_directory(tree: Path) -> None:
    """Upward too, and never longer than needed."""
    assert names(tree, "m/sub", "g.yaml", cwd=tree / "m") == ["../g.yaml", "sub/f.yaml"]
    assert names(tree, "m", cwd=tree / "m/sub") == ["../D.YAML", "../a.yaml", "../b.yml", "../c.json", "f.yaml"]


@pytest.mark.parametrize("path", ["nothing", "g.yaml/below", "nothing/below.yaml", "a\0b"])
def test_what_is_not_there_is_a_problem(tree: Path, path: str) -> None:
    """A typo in a path never means an empty set of manifests."""
    assert [problem.rule for problem in discover([path], tree, tree).problems] == ["no-such-path"]
