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
CONTROLLER: Final = "controller"  # the loop on Kubernetes, beside cli: what it needs is an extra
TESTING: Final = "testing"  # the contract suite for drivers: shipped, and imported by none of the others
BESIDE: Final = {"__init__.py", "__init__.pyi", "__main__.py", "py.typed"}
MODULES: Final = sorted(ROOT.rglob("*.py"))
WORDS: Final = {
    "actions": set(actions.WRITES),
    "statuses": set(actions.STATUSES),
    "what was done": set(actions.DONE.values()),
}


def test_there_are_nine_packages_the_controller_and_the_tests_of_drivers() -> None:
    """A new module goes into one of these; another package is a decision about the architecture."""
    found = {path.name for path in ROOT.iterdir() if path.name != "__pycache__"}
    assert found == PACKAGES | {CONTROLLER, TESTING} | (BESIDE & found)


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


def calls_of(names: set[str], text: str) -> set[str]:
    """Those of some functions that a module calls, by name or as an attribute."""
    called = {node.func for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call)}
    return names & {
        one.id if isinstance(one, ast.Name) else one.attr for one in called if isinstance(one, ast.Name | ast.Attribute)
    }


def test_a_project_is_planned_in_one_place() -> None:
    """The command line and Python share reading, checking of references and planning, so neither can leave one out."""
    planning = {"make_plan", "make_delete_plan", "check_references"}
    callers = {
        str(path.relative_to(ROOT)): calls
        for path in MODULES
        if path.relative_to(ROOT).parts[0] not in ("planner", TESTING)
        and (calls := calls_of(planning, path.read_text(encoding="utf-8")))
    }
    assert callers == {"project/planning.py": planning}
