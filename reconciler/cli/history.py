"""`reconciler history`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import click

from reconciler.cli.options import Command, GlobalOptions, format_option
from reconciler.cli.session import find_workspace, style
from reconciler.cli.stored import registries_of
from reconciler.cli.streams import echo_data, echo_json
from reconciler.core.errors import InputError, RegistryError, UsageError
from reconciler.core.resource import Address
from reconciler.project.workspace import Workspace
from reconciler.registry.capabilities import KeepsHistory, Revision
from reconciler.render.stored import history_data, history_text


@click.command(
    cls=Command,
    name="history",
    examples={
        "reconciler history chat": "newest first",
    },
)
@click.argument("key")
@format_option("text", "json")
@click.pass_obj
def command(options: GlobalOptions, key: str, output_format: str) -> int:
    """Show the revisions of one object, newest first. KEY is a key or an address, also of one that was deleted."""
    workspace = find_workspace(options)
    histories = asyncio.run(_histories(workspace, key))
    if not histories:
        raise InputError(
            f"no registry that keeps a history ever held {key!r}", hint="`reconciler list` shows what there is"
        )
    if len(histories) > 1:
        raise UsageError(
            f"{key!r} names {len(histories)} objects: {', '.join(map(str, histories))}", hint="give the address"
        )
    address, revisions = next(iter(histories.items()))
    data = history_data(address, revisions)
    if output_format == "json":
        echo_json(data)
    else:
        echo_data(history_text(data, style(options)))
    return 0


async def _histories(workspace: Workspace, key: str) -> Mapping[Address, tuple[Revision, ...]]:
    """The revisions of every object that a key or an address names, by address."""
    histories: dict[Address, tuple[Revision, ...]] = {}
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
                    histories[address] = revisions
    return histories
