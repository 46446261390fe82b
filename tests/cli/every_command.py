"""Every command of the program by the words that call it, those of groups in it too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import click

from reconciler.cli.lazy_group import LazyGroup
from reconciler.cli.main import cli
from reconciler.cli.options import Command


def _commands(group: LazyGroup, context: click.Context, words: tuple[str, ...]) -> Iterator[tuple[str, Command]]:
    for name in group.table:
        found = group.get_command(context, name)
        if isinstance(found, LazyGroup):
            yield from _commands(found, click.Context(found, info_name=name, parent=context), (*words, name))
        else:
            assert isinstance(found, Command)
            yield " ".join((*words, name)), found


EVERY: Final = dict(_commands(cli, click.Context(cli, info_name="reconciler"), ()))
