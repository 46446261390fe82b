"""The layout of the package, and the one home of each rule that several parts need."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

import reconciler
from reconciler.core import actions
from reconciler.planner.guards import DEFAULTS, Limits
from reconciler.project import config

ROOT: Final = Path(reconciler.__file__).parent
PACKAGES: Final = {"applier", "cli", "core", "endpoint", "manifest", "planner", "project", "registry", "render"}
BESIDE: Final = {"__init__.py", "__init__.pyi", "__main__.py", "py.typed"}
MODULES: Final = sorted(ROOT.rglob("*.py"))
WORDS: Final = {
    "actions": set(actions.WRITES),
    "statuses": set(actions.STATUSES),
    "what was done": set(actions.DONE.values()),
}


def test_there_are_nine_packages_and_nothing_else() -> None:
    """A new module goes into one of the nine; a tenth package is a decision about the architecture."""
    found = {path.name for path in ROOT.iterdir() if path.name != "__pycache__"}
    assert found == PACKAGES | (BESIDE & found)


def word_lists(text: str) -> Iterator[set[str]]:
    """The words of every literal tuple, list and set in a module."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            yield {one.value for one in node.elts if isinstance(one, ast.Constant) and isinstance(one.value, str)}


@pytest.mark.parametrize("words", WORDS)
def test_stable_words_are_listed_once(words: str) -> None:
    """A second list would be forgotten when a word is added."""
    lists = {str(path.relative_to(ROOT)): list(word_lists(path.read_text(encoding="utf-8"))) for path in MODULES}
    copies = [name for name, found in lists.items() if any(found_one >= WORDS[words] for found_one in found)]
    assert set(copies) <= {"core/actions.py"}


def test_the_scan_finds_a_copy() -> None:
    assert set(actions.STATUSES) in list(word_lists(f"COPY = {actions.STATUSES!r}"))


def test_a_summary_counts_every_end() -> None:
    """Each action that writes has a word for having been done, and each other status is counted under its own."""
    assert set(actions.DONE) == set(actions.WRITES)
    assert set(actions.SUMMARY) == {*actions.DONE.values(), "unchanged", *actions.STATUSES} - {"ok"}


@pytest.mark.parametrize("text", ["", "guards: {}\n", "guards: {max_deletes: null, max_delete_percent: null}\n"])
def test_the_guards_have_one_set_of_defaults(text: str, tmp_path: Path) -> None:
    """Without a configuration, without the fields and with nulls, the planner's own defaults are in force."""
    file = tmp_path / "reconciler.yaml"
    file.write_text(f"owner: us\n{text}", encoding="utf-8")
    assert config.load(file, start=tmp_path).limits == DEFAULTS == Limits()
    assert config.load(None, start=tmp_path / "elsewhere").limits == DEFAULTS
    fields = config.Guards.model_fields
    assert (fields["max_deletes"].default, fields["max_delete_percent"].default) == (
        DEFAULTS.max_deletes,
        DEFAULTS.max_delete_percent,
    )
