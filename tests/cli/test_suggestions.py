"""What is answered to an option or a command that does not exist."""

from __future__ import annotations

import pytest
from cli.every_command import EVERY
from cli.project import Project

from reconciler.cli.suggestions import DESTRUCTIVE, for_command, for_option


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        ("apply --dry-run", "reconciler plan"),
        ("apply --auto-approve", "--yes"),
        ("apply -y", "--yes"),
        ("plan --json", "--format json"),
        ("plan -o json", "--format json"),
        ("plan --detailed-exit-code", "--detailed-exitcode"),
        ("diff", "'plan'"),
        ("destroy x", "'delete'"),
        ("aply", "'apply'"),
        ("controller rum", "'run'"),
    ],
)
def test_other_tools_words_lead_to_ours(project: Project, words: str, hint: str) -> None:
    """Who comes from Terraform or kubectl is told our word."""
    answer = project.run(*words.split())
    assert answer.code == 64
    assert hint in answer.err


@pytest.mark.parametrize("option", sorted(DESTRUCTIVE))
@pytest.mark.parametrize("command", sorted(EVERY))
def test_no_typo_is_answered_with_what_destroys(command: str, option: str) -> None:
    """Each letter of each destructive option left out, doubled or swapped, on each command: none is suggested."""
    known = [name for parameter in EVERY[command].params for name in parameter.opts]
    for place in range(2, len(option)):
        for typo in (option[:place] + option[place + 1 :], option[:place] + option[place] + option[place:]):
            hint = for_option(typo, known) or ""
            assert not any(name in hint.split() or f"{name}?" in hint.split() for name in DESTRUCTIVE), (typo, hint)


def test_destructive_options_are_all_known() -> None:
    """An option whose help says that it deletes, overwrites or takes over stands in the set."""
    for command, found in EVERY.items():
        for parameter in found.params:
            text = (getattr(parameter, "help", "") or "").lower()
            if (
                any(word in text.split() for word in ("delete", "deleted", "overwrite", "over"))
                and parameter.name != "select"
            ):
                assert set(parameter.opts) <= DESTRUCTIVE, (command, parameter.opts, text)


def test_a_command_is_suggested_only_if_it_is_there() -> None:
    """The table names no command that we do not have."""
    assert for_command("diff", ["apply"]) is None
