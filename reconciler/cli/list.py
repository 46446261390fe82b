"""`reconciler list`."""

from __future__ import annotations

import asyncio

import click

from reconciler.cli.answers import answer_json
from reconciler.cli.options import Command, Globals, format_option
from reconciler.cli.session import style, workspace
from reconciler.cli.stored import facts_of, stored
from reconciler.cli.streams import answer, say
from reconciler.render.answers import list_text
from reconciler.render.escape import printable
from reconciler.state import RemoteState


@click.command(cls=Command, name="list")
@click.option("--registry", "registries", multiple=True, metavar="NAME", help="Only this registry. May be repeated.")
@format_option("text", "json")
@click.pass_obj
def command(options: Globals, registries: tuple[str, ...], output_format: str) -> int:
    """List what the registries hold."""
    remote = asyncio.run(stored(workspace(options), registries))
    resources = sorted(remote.resources(), key=lambda item: item.address)
    rows = [
        {
            "address": str(item.address),
            "kind": item.address.kind,
            "key": item.address.key,
            "registry": item.address.registry,
            **facts_of(item),
        }
        for item in resources
    ]
    if output_format == "json":
        answer_json({"resources": rows})
    else:
        answer(list_text(rows, style(options)))
    _warn(remote)
    return 0


def _warn(remote: RemoteState) -> None:
    for name, listing in sorted(remote.listings.items()):
        for row in listing.unreadable:
            what = f"{row.kind or '?'}/{row.key or '?'}: {row.message}"
            say(f"warning: {name} holds something that cannot be read: {printable(what)}")
