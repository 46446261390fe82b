"""A click group that knows its commands by name, and imports only the one that runs."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click

from reconciler.cli.options import Helpful

Table = Mapping[str, tuple[str, str]]  # name → (module:command, the line in --help)


class LazyGroup(Helpful, click.Group):
    """A group whose commands a table names. A command's module is imported when it runs, not before."""

    def __init__(self, *args: Any, table: Table, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.table:
            return None
        module, _, attribute = self.table[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in self.table.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            close = (
                importlib.import_module("reconciler.cli.suggestions").for_command(args[0], self.table) if args else None
            )
            if close:
                raise click.UsageError(f"{error.message} Did you mean {close!r}?", ctx) from error
            raise
