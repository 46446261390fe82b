"""Which files are manifests."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

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


def linked(place: Path, target: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(target)


@pytest.fixture
def inside(tree: Path) -> Path:
    """A project beside `m`, which is no concern of it; all links in it lead to `m` but one."""
    (tree / "p/sub").mkdir(parents=True)
    (tree / "p/sub/own.yaml").write_text("")
    linked(tree / "p/sub/evil.yaml", "../../m/a.yaml")
    linked(tree / "p/sub/far.yaml", str(tree / "m/a.yaml"))
    linked(tree / "p/away", "../m")
    linked(tree / "p/near.yaml", "sub/own.yaml")
    return tree / "p"


@pytest.mark.parametrize("path", ["sub/evil.yaml", "sub/far.yaml", "away", "away/", "away/a.yaml", "away/sub/f.yaml"])
def test_a_path_that_a_link_takes_outside_is_refused(inside: Path, path: str) -> None:
    """Who names a link gets nothing from beyond the project, as a file, as a folder or through one."""
    assert names(inside, path) == [f"{path.rstrip('/')} link-outside"]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("sub/*.yaml", ["sub/own.yaml", "sub/evil.yaml link-outside", "sub/far.yaml link-outside"]),
        ("sub/e*.yaml", ["sub/evil.yaml link-outside"]),
        ("*/evil.yaml", ["away link-outside", "sub/evil.yaml link-outside"]),
        ("**/own.yaml", ["sub/own.yaml", "away link-outside"]),
        ("away/*.yaml", ["away link-outside"]),
        ("away/**/*.yaml", ["away link-outside"]),
        ("aw*", ["away link-outside"]),
        ("sub/o*", ["sub/own.yaml"]),
    ],
)
def test_a_glob_leads_no_further_than_its_folder(inside: Path, path: str, found: list[str]) -> None:
    """A link that a glob matches, or passes through, is refused where a folder's would be; no other link is looked at."""
    assert names(inside, path) == found


def test_links_within_the_project_are_followed(inside: Path) -> None:
    """What is named may be a link to another place in the project, and is the file that it leads to."""
    assert names(inside, "near.yaml") == ["near.yaml"]
    assert names(inside, "near.yaml", "sub/own.yaml") == ["near.yaml"]
    assert names(inside, "nea*") == ["near.yaml"]


def test_files_outside_the_project_may_be_named(inside: Path, tree: Path) -> None:
    """Whoever writes a path that leads outside means it; only a link there may not lead on to somewhere else."""
    linked(tree / "m/alias.yaml", "a.yaml")
    linked(tree / "m/astray.yaml", "../g.yaml")
    assert names(inside, "../g.yaml", str(tree / "m/b.yml")) == ["../g.yaml", "../m/b.yml"]
    assert names(inside, "../m/[ab].y*ml") == ["../m/a.yaml", "../m/b.yml"]
    assert names(inside, "../m/sub") == ["../m/sub/f.yaml"]
    assert names(inside, "..")[:2] == ["../g.yaml", "../m/D.YAML"]
    assert names(inside, "../m/alias.yaml") == ["../m/alias.yaml"]
    assert names(inside, "../m/astray.yaml") == ["../m/astray.yaml link-outside"]


def test_a_project_may_be_reached_through_a_link(inside: Path, tree: Path) -> None:
    """What leads to the project itself is nobody's trick."""
    linked(tree / "alias", "p")
    assert names(tree / "alias", "sub/own.yaml") == ["sub/own.yaml"]
    assert names(tree / "alias", "sub/o*.yaml") == ["sub/own.yaml"]
    assert names(inside, str(tree / "alias/sub/own.yaml")) == ["../alias/sub/own.yaml"]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("path", ["m", "m/**/*.yaml", "m/**/**/**/*.yaml", "**/*.yaml", "m/*/*/*/*/*/*/*/*/*.yaml"])
def test_links_that_lead_back_come_to_an_end(tree: Path, path: str) -> None:
    """Two links to their own folder double the paths at each level; every folder is entered once all the same."""
    linked(tree / "m/l1", ".")
    linked(tree / "m/l2", ".")
    found = discover([path], tree, tree)
    assert {"m/l1", "m/l2"} <= {problem.file for problem in found.problems}
    assert {problem.rule for problem in found.problems} == {"symlink-loop"}


@pytest.mark.timeout(20)
def test_links_between_folders_come_to_an_end(tree: Path) -> None:
    """Folders that link to each other have endless paths, and few files."""
    for number in range(12):
        for other in range(12):
            linked(tree / f"n/{number}/{other + 100}", f"../{other}")
        (tree / f"n/{number}/x.yaml").write_text("")
    for path in ("n", "n/**/x.yaml", "n/**/**/*.yaml"):
        found = discover([path], tree, tree)
        assert len(found.files) == 12
        assert {problem.rule for problem in found.problems} == {"symlink-loop"}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("m/?.yaml", ["m/a.yaml"]),
        ("m/[!a-c].*", ["m/D.YAML", "m/x.yaml.bak"]),
        ("**/*.yaml", ["g.yaml", "m/a.yaml", "m/sub/f.yaml"]),
        ("m/**/sub/**/f.yaml", ["m/sub/f.yaml"]),
        ("m/*.txt", ["m/notes.txt"]),
        ("m/.h*", ["m/.hidden.yaml"]),
        ("m/.*/*.yaml", ["m/.git/e.yaml"]),
        ("m/**/.hidden.yaml", ["m/.hidden.yaml"]),
        ("m/.git/*.yaml", ["m/.git/e.yaml"]),
        ("s*", ["s* no-such-path"]),
        ("m/s*", ["m/sub/f.yaml"]),
        ("m/*/", ["m/sub/f.yaml"]),
        ("m/**", ["m/D.YAML", "m/a.yaml", "m/b.yml", "m/c.json", "m/sub/f.yaml"]),
        ("./m/./?.json", ["m/c.json"]),
        ("nothing/*.yaml", ["nothing/*.yaml no-such-path"]),
        ("g.yaml/*", ["g.yaml/* no-such-path"]),
        ("m/*/../a.yaml", ["m/*/../a.yaml no-such-path"]),
    ],
)
def test_globs_match_as_in_a_shell(tree: Path, path: str, found: list[str]) -> None:
    """`?`, classes and `**` for any depth; a folder that matches is read as a folder; what is hidden is matched by a dot alone."""
    assert names(tree, path) == found


def test_a_glob_may_stand_in_a_folder_whose_name_looks_like_one(tree: Path) -> None:
    """Only what is asked for is a pattern, not where the project lies."""
    (tree / "[x]").mkdir()
    (tree / "[x]/a.yaml").write_text("")
    assert names(tree / "[x]", "*.yaml") == ["a.yaml"]


@pytest.mark.parametrize("path", ["top", "top/*/x.yaml"])
def test_a_folder_that_cannot_be_read_is_not_called_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """The advice for an empty folder, a file that says so, would hide what it holds once it can be read again."""
    shut = tmp_path / "top/shut"
    shut.mkdir(parents=True)
    scandir = os.scandir

    def refused(folder: Any) -> Any:
        if os.fspath(folder) == str(shut):
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", refused)
    found = discover([path], tmp_path, tmp_path)
    assert [(problem.file, problem.rule) for problem in found.problems] == [("top/shut", "unreadable")]
    assert found.silent == ()
