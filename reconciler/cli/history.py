"""`reconciler history`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import click

from reconciler.cli.answers import answer_json
from reconciler.cli.options import Command, GlobalOptions, format_option
from reconciler.cli.session import find_workspace, style
from reconciler.cli.stored import registries_of
from reconciler.cli.streams import answer
from reconciler.core.errors import InputError, RegistryError, UsageError
from reconciler.core.resource import Address
from reconciler.project.workspace import Workspace
from reconciler.registry.capabilities import KeepsHistory, Revision
from reconciler.render.answers import history_text


@click.command(cls=Command, name="history")
@click.argument("key")
@format_option("text", "json")
@click.pass_obj
def command(options: GlobalOptions, key: str, output_format: str) -> int:
    """Show the revisions of one object, newest first. KEY is a key or an address, also of one that was deleted."""
    workspace = find_workspace(options)
    found = asyncio.run(_history(workspace, key))
    if not found:
        raise InputError(
            f"no registry that keeps a history ever held {key!r}", hint="`reconciler list` shows what there is"
        )
    if len(found) > 1:
        raise UsageError(f"{key!r} names {len(found)} objects: {', '.join(map(str, found))}", hint="give the address")
    address, revisions = next(iter(found.items()))
    rows = [_row(revision) for revision in revisions]
    if output_format == "json":
        answer_json({"address": str(address), "revisions": rows})
    else:
        answer(history_text(rows, style(options)))
    return 0


async def _history(workspace: Workspace, key: str) -> Mapping[Address, tuple[Revision, ...]]:
    found: dict[Address, tuple[Revision, ...]] = {}
    async with workspace.connect(registries_of(workspace, [key])) as registries:
        for name, registry in registries.items():
            if not isinstance(registry, KeepsHistory):
                continue
            for kind in workspace.entries[name].driver.kinds:
                prefix = f"{name}/{kind}/"
                address = Address(name, kind, key.removeprefix(prefix))
                try:
                    revisions = await registry.history(address)
                except RegistryError as error:
                    raise RegistryError(f"{name} could not be read: {error.message}", hint=error.hint) from error
                if revisions:
                    found[address] = revisions
    return found


def _row(revision: Revision) -> dict[str, Any]:
    return {
        "revision": revision.revision,
        "action": revision.action,
        "key": revision.key,
        "at": revision.at,
        "actor": revision.actor,
        "plan": revision.plan,
        "owner": revision.owner,
        "spec": revision.spec,
    }
