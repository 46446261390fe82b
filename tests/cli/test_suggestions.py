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
        ("apply -f manifests", "PATH"),
        ("plan --filename manifests", "PATH"),
        ("plan --target local/Model/chat", "the file that declares it as PATH"),
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


@pytest.mark.parametrize("command", ["get chat -f", "delete chat -f", "init --target x"])
def test_a_command_without_path_is_not_said_to_take_one(project: Project, command: str) -> None:
    """The hint is of the commands that it helps."""
    answer = project.run(*command.split())
    assert answer.code == 64
    assert "PATH" not in answer.err.partition("error:")[2]


@pytest.mark.parametrize("command", ["plan", "apply", "validate", "drift", "fmt"])
def test_a_key_in_the_place_of_a_path_is_told_its_file(project: Project, command: str) -> None:
    """By key and by address; what nobody declares is only not there."""
    project.write("manifests/x.yaml", "# a comment\nkind: Model\nkey: chat\nprovider: {name: openai, model: m}\n")
    for name, what in (("chat", "key"), ("local/Model/chat", "address")):
        answer = project.run(command, name)
        assert answer.code == 1, answer.both
        assert f"PATH is a file or folder: the {what} '{name}' is declared in manifests/x.yaml:2" in answer.both
    answer = project.run(command, "chess")
    assert ("no-such-path" in answer.both, "PATH" in answer.both) == (True, False)
