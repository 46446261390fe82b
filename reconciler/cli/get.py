"""`reconciler get`."""

from __future__ import annotations

import asyncio

import click

from reconciler.cli.options import Command, GlobalOptions, format_option, revision_option
from reconciler.cli.session import style
from reconciler.cli.stored import find_workspace_to_read, registries_of, stored
from reconciler.cli.streams import echo_data, echo_json
from reconciler.project.lookup import one_object
from reconciler.project.revisions import history_of
from reconciler.render.stored import get_data, get_text


@click.command(
    cls=Command,
    name="get",
    examples={
        "reconciler get chat": "by its key",
        "reconciler get local/Model/chat --format json": "by its address, for a program",
    },
)
@click.argument("key")
@revision_option
@format_option("text", "json")
@click.pass_obj
def command(options: GlobalOptions, key: str, revision: str | None, output_format: str) -> int:
    """Show one object as its registry holds it. KEY is a key or an address.

    With --revision, as it was then, also where it was deleted since.
    """
    workspace = find_workspace_to_read(options)
    names = registries_of(workspace, [key])
    if revision is None:
        found = one_object(key, asyncio.run(stored(workspace, names)))
    else:
        history = asyncio.run(history_of(workspace, key, names))
        found = history.resource(history.at(revision))
    data = get_data(found)
    if output_format == "json":
        echo_json(data)
    else:
        echo_data(get_text(data, style(options)))
    return 0
