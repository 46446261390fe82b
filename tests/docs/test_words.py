"""Each stable word that the code can say is in the table that explains it, and each word of a table can be said."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from docs.emitted import PACKAGE, literals, modules, passed

from reconciler.applier.report import OUTCOME_REASONS, UNCHANGED
from reconciler.controller import status
from reconciler.core import errors, problem_rules
from reconciler.core.actions import ACTIONS
from reconciler.core.answer_words import CONDITION_MEANINGS
from reconciler.core.problem_rules import BAD_VALUE, GROUPS, RULES, help_uri
from reconciler.planner.guards import GUARDS
from reconciler.planner.reasons import REASONS

WORD = re.compile(r"[a-z]+(-[a-z]+)*")
ROOT = PACKAGE.parent

RULE_TAKERS = {"Finding": 0, "Problem": 3, "Pattern": 1, "Mistake": 0, "PydanticCustomError": 0}

# How a rule reaches a Problem where it is no literal: it was one, or a table's word, further up.
HANDED_ON = {
    "rule",
    "self.rule",
    "mistake.rule",
    "finding.rule",
    "refused.rule",
    "line['type']",
    "BAD_VALUE",
    "error.code",
}
GUARDS_OF_KINDS = "rule.guard.removeprefix('allow_').replace('_', '-')"  # named by the kinds that declare NeedsConsent


def rules_said() -> set[str]:
    """The rules that are given to a Finding or a Problem, or are the type of a validator's error."""
    words = {value.word for value in passed("rule", RULE_TAKERS) if value.word}
    return {word.replace("_", "-") for word in words} - {"wrong-items"}  # which becomes wrong-type


def codes(root: type[errors.ReconcilerError]) -> set[str]:
    """The codes of an error and of all that derive from it."""
    return {root.code}.union(*(codes(error) for error in root.__subclasses__()))


def test_every_rule_is_explained() -> None:
    """A rule without an entry in the table would have no page, no `helpUri` and no sentence."""
    assert rules_said() | {BAD_VALUE} | codes(errors.ReconcilerError) == set(RULES)


def test_no_rule_comes_from_elsewhere() -> None:
    """What is given for a rule is a literal or is handed on: a word that is put together here would escape the table."""
    given = {value for value in passed("rule", RULE_TAKERS) if value.word is None}
    assert {value for value in given if value.expression not in HANDED_ON | {GUARDS_OF_KINDS}} == set()


@pytest.mark.parametrize("path", sorted((PACKAGE.parent / "tests" / "examples" / "invalid").glob("*.expected")))
def test_the_rules_of_the_examples_are_explained(path: Path) -> None:
    """What the examples of invalid manifests are refused for is in the table."""
    assert {line.split()[-1] for line in path.read_text(encoding="utf-8").splitlines()} <= set(RULES)


def test_every_reason_is_explained() -> None:
    """A reason that a change is given is in the table, as an argument or as the first of a pair of word and message."""
    words = {value.word for value in passed("reason", {}) if value.place.startswith("reconciler/planner/")}
    for _, tree in modules(PACKAGE / "planner"):
        for node in ast.walk(tree):
            if isinstance(node, ast.Tuple) and len(node.elts) == 2 and isinstance(node.elts[0], ast.Constant):
                words.add(node.elts[0].value)
    assert {word for word in words if isinstance(word, str) and WORD.fullmatch(word)} <= {*REASONS, *ACTIONS}


def test_every_reason_can_be_given() -> None:
    """The table explains no reason that no code gives."""
    said = {word for folder in ("planner", "endpoint", "render", "project") for word in said_in(folder)}
    assert set(REASONS) - said == set()


def said_in(folder: str) -> set[str]:
    return {word for word, place in literals(PACKAGE / folder).items() if "/reasons.py:" not in place}


def test_every_guard_is_explained() -> None:
    """Each guard that can trip has its entry, and each entry is a guard."""
    given = {
        value.word for value in passed("name", {"Guard": 0}) if value.place.startswith("reconciler/planner/guards")
    }
    assert given - {None} == set(GUARDS)


def test_every_reason_of_an_outcome_is_explained() -> None:
    """Why an outcome is not what was planned: each word of the report, and each code of a registry's error."""
    values = passed("reason", {})
    words = {value.word for value in values if value.word is not None and value.place.startswith("reconciler/applier/")}
    assert words - {"", UNCHANGED} | codes(errors.RegistryError) | {"interrupted"} == set(OUTCOME_REASONS)


def test_every_reason_of_a_condition_is_explained() -> None:
    """Whatever the controller gives as a reason, of a condition or of a row, `reconciler explain` knows."""
    takers = {"Trouble": 0, "Condition": 2}
    given = [value for value in passed("reason", takers) if value.place.startswith("reconciler/controller/")]
    words = {value.word for value in given if value.word is not None and WORD.fullmatch(value.word)}
    others = {*RULES, *REASONS, *GUARDS, *OUTCOME_REASONS, *ACTIONS}
    assert words - others == set(CONDITION_MEANINGS) - {status.SUSPENDED}
    assert others | set(CONDITION_MEANINGS) >= status.WAITING


def test_a_table_has_each_word_once() -> None:
    """Two groups of rules that hold one word would explain it twice, and only one would be read."""
    assert sum(map(len, GROUPS.values())) == len(RULES)


def test_the_words_are_words_and_the_sentences_are_sentences() -> None:
    """Words are lower case with hyphens; what explains them begins with a capital or code and ends with a full stop."""
    sentences = [text for rule in RULES.values() for text in rule]
    sentences += [text for reason in REASONS.values() for text in reason[1:] if text]
    sentences += [guard.meaning for guard in GUARDS.values()] + list(OUTCOME_REASONS.values())
    assert [text for text in sentences if not re.fullmatch(r"[A-Z`][\s\S]*\.", text)] == []
    assert [word for word in (*RULES, *REASONS, *GUARDS, *OUTCOME_REASONS) if not WORD.fullmatch(word)] == []


def test_the_documentation_has_one_address() -> None:
    """`helpUri` and the package's metadata lead to the same site."""
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'Documentation = "{problem_rules.DOCUMENTATION}"' in pyproject
    assert help_uri("unknown-field") == f"{problem_rules.DOCUMENTATION}reference/rules.html#unknown-field"
    assert help_uri("a-plugins-own-rule") is None
