"""`reconciler delete`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from reconciler.cli import applying
from reconciler.cli.options import Command, Globals, format_option
from reconciler.cli.session import Outputs, one, workspace
from reconciler.cli.stored import registries_of
from reconciler.cli.streams import say
from reconciler.planner import Policy, make_plan
from reconciler.remote import read_all
from reconciler.render import REPORT
from reconciler.render.escape import printable
from reconciler.report import Report
from reconciler.state import Desired, DesiredState, Resource
from reconciler.workspace import Workspace


@click.command(cls=Command, name="delete")
@click.argument("key")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--backup",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Where to write what will be removed (.reconciler/backup/<UTC>).",
)
@format_option("text", "json")
@click.pass_obj
def command(options: Globals, key: str, yes: bool, backup: Path | None, output_format: str) -> int:
    """Delete one object. KEY is a key or an address.

    Another owner's object, a protected one, and one that others refer to are left alone. What is deleted is written down first; a manifest that
    still declares it brings it back.
    """
    with applying.reported():
        report = asyncio.run(_delete(options, key, yes, backup, output_format))
        Outputs(REPORT, output_format, ()).write(report, options)
        return report.exit_code


async def _delete(options: Globals, key: str, yes: bool, backup: Path | None, output_format: str) -> Report:
    here = workspace(options)
    async with here.connect(registries_of(here, [key])) as registries:
        remote = await read_all(registries, here.facts)
        found = one(key, remote.resources())
        state = DesiredState((_absent(found),), frozenset({found.address}), complete=False, documents=1)
        plan = make_plan(state, remote, Policy(environment=here.project.environment, named=frozenset({found.address})))
        applying.show(plan, options, output_format)
        _warn_if_declared(here, found)
        applying.ask(plan, yes=yes)
        return await applying.carry_out(here, plan, registries, options, concurrency=1, backup=backup)


def _absent(found: Resource) -> Desired:
    key = found.mark.key if found.mark is not None else found.address.key
    return Desired(Resource(found.address, {}), key, absent=True)


def _warn_if_declared(here: Workspace, found: Resource) -> None:
    for item in here.load().desired.resources:
        if item.address == found.address and not item.absent and item.resource.source is not None:
            source = item.resource.source
            say(
                f"warning: {printable(source.file)}:{source.line} still declares it, so the next apply creates it again"
            )
