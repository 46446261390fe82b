"""`reconciler history`."""

from __future__ import annotations

import asyncio

import click

from reconciler.cli.options import Command, GlobalOptions, format_option
from reconciler.cli.session import style
from reconciler.cli.stored import find_workspace_to_read, registries_of
from reconciler.cli.streams import echo_data, echo_json
from reconciler.project.revisions import history_of
from reconciler.render.history import Revised, history_data, history_text


@click.command(
    cls=Command,
    name="history",
    examples={
        "reconciler history chat": "newest first",
    },
)
@click.argument("key")
@click.option("--full", is_flag=True, help="Every revision and every field, nothing cut.")
@format_option("text", "json")
@click.pass_obj
def command(options: GlobalOptions, key: str, full: bool, output_format: str) -> int:
    """Show the revisions of one object and the fields that each changed, newest first.

    KEY is a key or an address, also of an object that was deleted. `get KEY --revision N` shows the object as revision N
    left it, `export KEY --revision N` writes the manifest that brings it back.
    """
    workspace = find_workspace_to_read(options)
    history = asyncio.run(history_of(workspace, key, registries_of(workspace, [key])))
    revised = tuple(map(Revised, history.revisions, history.changed()))
    if output_format == "json":
        echo_json(history_data(history.address, revised))
    else:
        echo_data(history_text(revised, style(options), full=full))
    return 0
