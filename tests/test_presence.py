"""What is at a path, where that cannot be told: it never counts as absent."""

from __future__ import annotations

import ast
import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from programs import ROOT

from reconciler.core import presence
from reconciler.core.errors import InputError, RefusedError
from reconciler.core.resource import Address
from reconciler.project.config_file import find
from reconciler.project.policy_files import policy_files
from reconciler.project.unfinished import UnfinishedRuns
from reconciler.testing.world import project

ASKS: Final = (presence.is_there, presence.is_named, presence.is_file, presence.is_folder)
SWALLOWING: Final = frozenset({"exists", "isfile", "isdir", "lexists", "is_file", "is_dir"})
# where nothing depends on it that matters, or absence is the safe answer: (module, function) → why
ALLOWED: Final = {
    ("manifest/cache.py", "_write"): "the cache: what cannot be used is a miss",
    ("manifest/cache.py", "sealing_key"): "a key that is there after all is not written over",
    ("manifest/cache.py", "_regular"): "the cache: what cannot be used is a miss",
    ("manifest/discover.py", "_entry"): "DirEntry's own, which raises",
    ("manifest/discover.py", "_passed_over"): "DirEntry's own, which raises",
    ("manifest/modeline.py", "modeline"): "a comment for editors",
    ("project/config.py", "_read"): "the wording of an error",
    ("project/locate.py", "repository_of"): "names a repository in messages; folders above may not be searched",
    ("project/plan_remarks.py", "_beside"): "a remark",
    ("project/runner_local.py", "_findings"): "a warning",
    ("registry/latticeflow/settings.py", "_is_repository"): "without a work tree the project's root counts as one",
    ("registry/local/objects.py", "delete"): "the registry's own, which raises",
}


def failing(monkeypatch: pytest.MonkeyPatch, code: int, names: Callable[[str], bool]) -> None:
    """From now on the system does not tell what is at these paths."""
    for name in ("stat", "listdir"):
        real = getattr(os, name)

        def call(path: Any, *args: Any, real: Callable[..., Any] = real, **kwargs: Any) -> Any:
            if isinstance(path, str | os.PathLike) and names(os.fspath(path)):
                raise OSError(code, os.strerror(code), os.fspath(path))
            return real(path, *args, **kwargs)

        monkeypatch.setattr(os, name, call)


@pytest.mark.parametrize("ask", ASKS)
@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES, errno.ESTALE])
def test_what_cannot_be_looked_up_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ask: Callable[[Path], bool], code: int
) -> None:
    """With the path, what the system said, and what to do next."""
    failing(monkeypatch, code, lambda path: path.endswith("f"))
    with pytest.raises(InputError) as caught:
        ask(tmp_path / "f")
    assert str(tmp_path / "f") in caught.value.message
    assert os.strerror(code).lower() in caught.value.message
    assert caught.value.hint


def test_what_is_there_and_what_is_not(tmp_path: Path) -> None:
    """Files, folders, links that lead nowhere or in a circle, and names that nothing can have."""
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "nowhere").symlink_to("gone")
    (tmp_path / "circle").symlink_to("circle")
    found = {
        name: tuple(ask(tmp_path / name) for ask in ASKS)
        for name in ("file", "folder", "nowhere", "circle", "gone", "file/below", "x" * 300, "n\0l")
    }
    nothing = (False, False, False, False)
    assert found == {
        "file": (True, True, True, False),
        "folder": (True, True, False, True),
        "nowhere": (False, True, False, False),
        "circle": (False, True, False, False),
        "gone": nothing,
        "file/below": nothing,
        "x" * 300: nothing,
        "n\0l": nothing,
    }


def calls(tree: ast.AST, function: str = "") -> Iterator[tuple[str, ast.Call]]:
    """Each call in a module, with the innermost function that it stands in."""
    for node in ast.iter_child_nodes(tree):
        within = node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) else function
        if isinstance(node, ast.Call):
            yield within, node
        yield from calls(node, within)


def test_no_question_swallows_errors_where_the_answer_matters() -> None:
    """`os.path.exists` and its like say that nothing is there where the disk fails; who may ask so is listed with the reason."""
    asking = set()
    for file in sorted((ROOT / "reconciler").rglob("*.py")):
        for function, call in calls(ast.parse(file.read_text("utf-8"))):
            asked = call.func
            if isinstance(asked, ast.Attribute) and asked.attr in SWALLOWING and ast.unparse(asked.value) != "presence":
                asking.add((file.relative_to(ROOT / "reconciler").as_posix(), function))
    assert asking == ALLOWED.keys()


@pytest.mark.parametrize("code", [errno.EIO, errno.EACCES])
def test_a_configuration_that_cannot_be_looked_up_is_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    """Without it a run would go to other registries."""
    failing(monkeypatch, code, lambda path: path == str(tmp_path / "reconciler.yaml"))
    with pytest.raises(InputError, match=r"reconciler\.yaml cannot be looked up"):
        find(tmp_path)


def test_a_folder_above_that_may_not_be_searched_holds_no_configuration_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others' folders above are no concern of ours."""
    (tmp_path / "below").mkdir()
    failing(monkeypatch, errno.EACCES, lambda path: path.startswith(f"{tmp_path}/reconciler"))
    assert find(tmp_path / "below") is None


def test_a_folder_of_policies_that_cannot_be_looked_up_is_not_passed_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it forbids would be done."""
    (tmp_path / "policies").mkdir()
    failing(monkeypatch, errno.EIO, lambda path: path == str(tmp_path / "policies"))
    with pytest.raises(InputError, match="policies cannot be looked up"):
        policy_files(project(tmp_path, {}, "us"), tmp_path)


@pytest.mark.parametrize("name", ["unfinished", "f.1.json", "a"])
def test_a_note_of_an_unfinished_run_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The folder, the note, the backup that it names: what a run left deleted must not be forgotten."""
    runs = UnfinishedRuns(tmp_path)
    (tmp_path / "a").write_text("")
    note = runs.note("f", {Address("local", "Model", "a"): tmp_path / "a"})
    note.rename(note.with_name("f.1.json"))
    assert runs.backups()
    real = Path.read_bytes

    def read(path: Path) -> bytes:
        if path.name == name:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", read)
    failing(monkeypatch, errno.EIO, lambda path: os.path.basename(path) == name)
    with pytest.raises((InputError, RefusedError), match="cannot be looked up"):
        runs.backups()
    runs.forget(frozenset({Address("local", "Model", "a")}))
    monkeypatch.undo()
    assert note.with_name("f.1.json").exists() or name == "a"
