"""`reconciler list`."""

from __future__ import annotations

import asyncio

import click

from reconciler.cli.options import Command, GlobalOptions, format_option
from reconciler.cli.session import find_workspace, style
from reconciler.cli.stored import stored, warn_of_unreadable
from reconciler.cli.streams import echo_data, echo_json
from reconciler.render.stored import list_data, list_text


@click.command(cls=Command, name="list")
@click.option("--registry", "registries", multiple=True, metavar="NAME", help="Only this registry. May be repeated.")
@format_option("text", "json")
@click.pass_obj
def command(options: GlobalOptions, registries: tuple[str, ...], output_format: str) -> int:
    """List what the registries hold."""
    remote = asyncio.run(stored(find_workspace(options), registries))
    data = list_data(remote)
    if output_format == "json":
        echo_json(data)
    else:
        echo_data(list_text(data, style(options)))
    warn_of_unreadable(remote)
    return 0
