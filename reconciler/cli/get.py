"""`reconciler get`."""

from __future__ import annotations

import asyncio

import click

from reconciler.cli.answers import answer_json
from reconciler.cli.options import Command, GlobalOptions, format_option
from reconciler.cli.session import find_workspace, style
from reconciler.cli.stored import facts_of, registries_of, stored
from reconciler.cli.streams import answer
from reconciler.core.unmanaged import shown
from reconciler.project.lookup import one_object
from reconciler.render.answers import get_text


@click.command(cls=Command, name="get")
@click.argument("key")
@format_option("text", "json")
@click.pass_obj
def command(options: GlobalOptions, key: str, output_format: str) -> int:
    """Show one object as its registry holds it. KEY is a key or an address."""
    workspace = find_workspace(options)
    found = one_object(key, asyncio.run(stored(workspace, registries_of(workspace, [key]))))
    facts = facts_of(found)
    data = {
        "address": str(found.address),
        "spec": found.spec,
        "owner": facts["owner"],
        "revision": found.revision,
        "updated_at": facts["updated_at"],
    }
    if found.unmanaged:
        data["unmanaged"] = shown(found.unmanaged)
    if output_format == "json":
        answer_json(data)
    else:
        answer(get_text(data, style(options)))
    return 0
