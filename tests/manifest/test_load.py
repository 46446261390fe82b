"""Files to manifests."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.manifest.discover import discover
from reconciler.manifest.load import Reader
from reconciler.manifest.manifests import Manifests


def read(root: Path, **files: str) -> Manifests:
    for name, text in files.items():
        (root / f"{name}.yaml").write_text(text)
    return Reader(root, {"v": "V"}).read(discover(["."], root, root))


def test_every_document_of_every_file(tmp_path: Path) -> None:
    """Each with its file, line and place in the file; empty ones skipped."""
    found = read(tmp_path, a="kind: Model\nkey: a\n---\n---\nkind: Model\nkey: b\n", b="# nothing\n")
    assert [(item.key, item.source.file, item.source.line) for item in found.manifests] == [
        ("a", "a.yaml", 1),
        ("b", "a.yaml", 5),
    ]
    assert (found.files, dict(found.counts)) == (2, {"a.yaml": 2, "b.yaml": 0})


def test_empty_documents_do_not_shift_the_places(tmp_path: Path) -> None:
    """A problem behind empty documents is told on its own line."""
    found = read(tmp_path, a="---\n---\nkind: Model\nkey: a\n---\n# nothing\n---\nkind: Model\nkey: b\nfoo: 1\n")
    assert [(problem.line, problem.column) for problem in found.problems] == [(10, 1)]


def test_one_broken_document_leaves_the_others(tmp_path: Path) -> None:
    """All problems of all files in one run."""
    found = read(
        tmp_path,
        a="kind: Model\nkey: a\nfoo: 1\n---\nkind: Model\nkey: b\n",
        b="kind: Model\nkey: [\n",
        c="kind: Model\nkey: c\n",
    )
    assert [item.key for item in found.manifests] == ["b", "c"]
    assert [(problem.file, problem.line) for problem in found.problems] == [("a.yaml", 3), ("b.yaml", 3)]


def test_form_and_references_are_told_together(tmp_path: Path) -> None:
    """A typo in a field does not hide an unset variable; nothing is told twice."""
    found = read(
        tmp_path,
        a="kind: Model\nkey: a\nfoo: 1\ndescription: ${var:nothing}\nendpoint: {url: https://x.example.com, api_key: 'x ${env:A}'}\n",
    )
    assert [problem.rule for problem in found.problems] == ["unknown-field", "unset-variable", "literal-secret"]


def test_stdin_has_its_own_name(tmp_path: Path) -> None:
    """Problems of standard input are told in `<stdin>`."""
    found = Reader(tmp_path, {}).read_stdin(b"kind: Model\nkey: a\nfoo: 1\n", tmp_path)
    assert [(problem.file, problem.line) for problem in found.problems] == [("<stdin>", 3)]
    assert Reader(tmp_path, {}).read_stdin(b"\xff", tmp_path).problems[0].rule == "encoding"


def test_a_file_that_goes_away_meanwhile_is_a_problem(tmp_path: Path) -> None:
    """Not a hole in the state."""
    (tmp_path / "a.yaml").write_text("kind: Model\nkey: a\n")
    found = discover(["."], tmp_path, tmp_path)
    (tmp_path / "a.yaml").unlink()
    assert [problem.rule for problem in Reader(tmp_path, {}).read(found).problems] == ["unreadable"]


@pytest.mark.parametrize("opened", ["${", "\\x24{", "\\u0024\\u007b", "\\U00000024{", "$\\\n  {"], ids=repr)
def test_a_reference_is_one_however_it_is_spelt(tmp_path: Path, opened: str) -> None:
    """What counts is the value, and not whether something else in the file is written as a reference."""
    (tmp_path / "note.txt").write_text("N")
    text = f'kind: Model\nkey: a\ndescription: "{opened}var:v}} {opened}file:note.txt}}"\n'
    for found in (read(tmp_path, a=text), read(tmp_path, a=f"{text}# ${{\n")):
        assert found.problems == ()
        assert [item.model.description for item in found.manifests if item.model] == ["V N"]
    found = read(tmp_path, a=f'kind: Model\nkey: a\ndescription: "{opened}var:nothing}}"\n')
    assert [problem.rule for problem in found.problems] == ["unset-variable"]
