"""`reconciler get`."""

from __future__ import annotations

import asyncio

import click

from reconciler.cli.options import Command, GlobalOptions, format_option
from reconciler.cli.session import find_workspace, style
from reconciler.cli.stored import registries_of, stored
from reconciler.cli.streams import echo_data, echo_json
from reconciler.project.lookup import one_object
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
@format_option("text", "json")
@click.pass_obj
def command(options: GlobalOptions, key: str, output_format: str) -> int:
    """Show one object as its registry holds it. KEY is a key or an address."""
    workspace = find_workspace(options)
    data = get_data(one_object(key, asyncio.run(stored(workspace, registries_of(workspace, [key])))))
    if output_format == "json":
        echo_json(data)
    else:
        echo_data(get_text(data, style(options)))
    return 0
