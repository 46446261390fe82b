"""The pages of the command line: each command with its options, and the exit codes."""

from __future__ import annotations

import re
from collections.abc import Iterator

import click
from markdown import cell, code, page, paragraph, table

from reconciler.cli.lazy_group import LazyGroup
from reconciler.cli.main import COMMANDS, cli
from reconciler.cli.options import Command
from reconciler.core.exit_codes import EXIT_CODES, PRECEDENCE


def commands_page() -> str:
    """Every command in the order of --help, with its arguments and options."""
    context = click.Context(cli, info_name="reconciler")
    common = {option.name for option in cli.params} | {"version"}
    summary = table(
        ["Command", "Does"], ([f"[{code(name)}](#{name})", cell(line)] for name, (_, line) in COMMANDS.items())
    )
    shared = table(
        ["Option", "Meaning"], (_option(option, context) for option in cli.params if isinstance(option, click.Option))
    )
    intro = (
        "Data goes to stdout, everything else to stderr. Every JSON answer is one object with a `format_version`; "
        "`reconciler schema` writes its schema. [Exit codes](exit-codes.md) are the same for all commands."
    )
    blocks = [paragraph(intro), summary]
    blocks.extend(_commands(cli, context, common))
    blocks += ["## Options of every command", "They may stand before the command's name or after it.", shared]
    return page("Commands", *blocks)


def _commands(group: LazyGroup, context: click.Context, common: set[str | None], before: str = "") -> Iterator[str]:
    """Each command of a group; those of a group in it below it, by all words of their name."""
    for name in group.table:
        command = group.get_command(context, name)
        if isinstance(command, LazyGroup):
            inner = click.Context(command, info_name=name, parent=context)
            yield f"## {before}{name}"
            yield paragraph(_escaped(command.help or ""))
            yield from _commands(command, inner, common, f"{before}{name} ")
        elif command is not None:
            yield from _command(name, f"{before}{name}", command, context, common)


def _command(
    name: str, title: str, command: click.Command, parent: click.Context, common: set[str | None]
) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent)
    yield f"## {title}"
    usage = command.get_usage(context).removeprefix("Usage: ")
    yield f"```text\n{' '.join(usage.split())}\n```"
    for block in (command.help or "").replace("\b", "").split("\n\n"):
        yield paragraph(_escaped(block))
    options = (option for option in command.params if isinstance(option, click.Option) and option.name not in common)
    yield table(["Option", "Meaning"], (_option(option, context) for option in options))
    yield from _examples(command)


def _examples(command: click.Command) -> Iterator[str]:
    examples = command.examples if isinstance(command, Command) else {}
    yield table(["Example", "For"], ([code(line), cell(_escaped(purpose))] for line, purpose in examples.items()))


def _option(option: click.Option, context: click.Context) -> list[str]:
    names, meaning = option.get_help_record(context) or (", ".join(option.opts), option.help or "")
    told = re.sub(
        r"\s*\[(?:env var: [^;\]]*; )?([^\]]*)\]$", lambda found: f" ({found[1]})" if found[1] else "", meaning
    )
    variable = f" Or the variable {code(option.envvar)}." if isinstance(option.envvar, str) else ""
    return [code(names), cell(_escaped(told) + variable)]


def _escaped(text: str) -> str:
    """Options and files of a help text as code, as a terminal shows them plain."""
    return re.sub(r"(?<![`\w-])(--[a-z][a-z-]*|reconciler\.yaml)(?![`\w])", r"`\1`", text)


def exit_codes_page() -> str:
    """The exit codes, the first that applies."""
    rows = ([f'<a id="exit-{number}"></a>{code(number)}', cell(EXIT_CODES[number])] for number in PRECEDENCE)
    intro = (
        "The same for every command. Where several would apply, the first of this list is the one: so a script "
        "that sees 5 knows that something may be written, and what is in the report, and one that sees 1 that nothing was."
    )
    return page("Exit codes", paragraph(intro), table(["Code", "Means"], rows))
