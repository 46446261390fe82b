"""`reconciler list`."""

from __future__ import annotations

import asyncio

import click

from reconciler.cli.answers import answer_json
from reconciler.cli.options import Command, GlobalOptions, format_option
from reconciler.cli.session import find_workspace, style
from reconciler.cli.stored import facts_of, stored, unreadable, warn_of_unreadable
from reconciler.cli.streams import answer
from reconciler.render.answers import list_text


@click.command(cls=Command, name="list")
@click.option("--registry", "registries", multiple=True, metavar="NAME", help="Only this registry. May be repeated.")
@format_option("text", "json")
@click.pass_obj
def command(options: GlobalOptions, registries: tuple[str, ...], output_format: str) -> int:
    """List what the registries hold."""
    remote = asyncio.run(stored(find_workspace(options), registries))
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
    broken = [
        {"registry": name, "kind": row.kind, "key": row.key, "message": row.message} for name, row in unreadable(remote)
    ]
    if output_format == "json":
        answer_json({"resources": rows, "unreadable": broken})
    else:
        answer(list_text(rows, style(options), whole=not broken))
    warn_of_unreadable(remote)
    return 0
