"""Help: what each command is for, by groups, with examples that can be typed."""

from __future__ import annotations

import shlex

import click
import pytest
from cli.every_command import EVERY
from cli.project import Project

from reconciler.cli.main import COMMANDS, FIRST, GROUPS, cli


@pytest.mark.parametrize("name", EVERY)
def test_every_command_has_an_example_and_shows_it(project: Project, name: str) -> None:
    """Nobody guesses how a command is called: its help ends with lines that can be typed."""
    examples = EVERY[name].examples
    assert examples
    shown = project.ok(*name.split(), "--help").out.partition("Examples:\n")[2]
    for line, purpose in examples.items():
        assert line in shown
        assert purpose.split()[0] in shown


@pytest.mark.parametrize(
    ("name", "line"), [(name, line) for name in EVERY for line in EVERY[name].examples], ids=lambda value: value
)
def test_every_example_is_understood(name: str, line: str) -> None:
    """Each example is parsed by its own command: no option that is gone, no value that is refused."""
    called = shlex.split(line.partition(" > ")[0])
    words = ["reconciler", *name.split()]
    assert called[: len(words)] == words
    context = click.Context(cli, info_name="reconciler")
    EVERY[name].make_context(name, called[len(words) :], parent=context)


def test_the_groups_name_each_command_once() -> None:
    """Every command stands in one group, and `--help` shows them all under its title."""
    names = [name for group in GROUPS.values() for name in group]
    assert len(names) == len(set(names))
    assert set(FIRST) <= set(names)


def test_help_is_grouped(project: Project) -> None:
    """The overview has the groups, the exit codes and nothing twice."""
    shown = project.ok("--help").out
    for title, group in GROUPS.items():
        section = shown.partition(f"{title}:\n")[2].partition("\n\n")[0]
        assert [line.split()[0] for line in section.splitlines()] == list(group)


def test_the_name_alone_shows_the_way_to_begin(project: Project) -> None:
    """Who types just the name sees a screenful at most: the first commands, and where the rest is."""
    answer = project.run()
    assert answer.code == 64
    assert answer.out == ""
    assert len(answer.err.splitlines()) < 12
    assert all(f"reconciler {name}" in answer.err for name in (*FIRST, "--help"))


def test_help_fits_the_terminal(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """COLUMNS is respected, from 60 columns on: no line of help is wider."""
    monkeypatch.setenv("COLUMNS", "60")
    for words in (["--help"], *([*name.split(), "--help"] for name in (*COMMANDS, *EVERY))):
        lines = project.ok(*words).out.splitlines()
        wide = [
            line for line in lines if len(line) > 60 and not line.startswith("  reconciler ")
        ]  # an example is one line
        assert not wide, wide
