"""`reconciler list`."""

from __future__ import annotations

import asyncio

import click

from reconciler.cli.options import Command, GlobalOptions, format_option
from reconciler.cli.session import style
from reconciler.cli.stored import check_names, find_workspace_to_read, tell_unread, warn_of_invalid, warn_of_unreadable
from reconciler.cli.streams import echo_data, echo_json
from reconciler.core.errors import UsageError
from reconciler.project.listing import kinds_of, only_kinds, read_what_can, stored_objects
from reconciler.project.selection import matches_nothing, meeting, parse_selectors
from reconciler.registry.reading import unread
from reconciler.render.stored import list_data, list_text


@click.command(
    cls=Command,
    name="list",
    examples={
        "reconciler list": "everything, in every registry",
        "reconciler list --kind Model --select team=cx -o wide": "the models of one team, with owners and times",
    },
)
@click.option("--registry", "registries", multiple=True, metavar="NAME", help="Only this registry. May be repeated.")
@click.option(
    "--kind", "kinds", multiple=True, metavar="KIND", help="Only objects of this kind. May be repeated: any of them."
)
@click.option(
    "--select",
    "selections",
    multiple=True,
    metavar="SELECTOR",
    help="Only objects whose labels meet it: a=b, a!=b, a, !a, commas between. Repeated: all must hold.",
)
@click.option("-o", "layout", metavar="wide", help="With `wide`, the table has their labels, owners and times, too.")
@format_option("text", "json")
@click.pass_obj
def command(
    options: GlobalOptions,
    registries: tuple[str, ...],
    kinds: tuple[str, ...],
    selections: tuple[str, ...],
    layout: str | None,
    output_format: str,
) -> int:
    """List what the registries hold: names, where each model is served, tags, and what is protected.

    KIND is `Model`, `Adapter` or, of one driver, `latticeflow/Adapter`. Labels are those in the registry or, where it
    has no room for them, in the manifest. A registry that cannot be read does not hide the others: the exit code is 1.
    """
    if layout not in (None, "wide"):
        raise UsageError(f"-o {layout!r}: the only other layout is `wide`", hint="for machines: --format json")
    requirements = parse_selectors(selections)
    workspace = find_workspace_to_read(options)
    check_names(workspace, registries)
    names = set(registries or workspace.entries)
    wanted = kinds_of([workspace.entries[name] for name in sorted(names)], kinds)
    if kinds:
        names = {name for name, _ in wanted}  # the others are not even read
    remote, failures = asyncio.run(read_what_can(workspace, names))
    if failures and not remote.listings:
        raise unread(failures)
    remote = only_kinds(remote, wanted) if kinds else remote
    loaded = workspace.load()
    objects = stored_objects(workspace, remote, loaded.desired)
    chosen = meeting(requirements, objects)
    if requirements and not chosen and not failures:
        raise matches_nothing(selections, objects, "object")
    data = list_data(chosen, remote, failures)
    if output_format == "json":
        echo_json(data)
    else:
        echo_data(list_text(data, style(options), wide=layout is not None))
    warn_of_unreadable(remote)
    warn_of_invalid(loaded)
    tell_unread(failures, options)
    return 1 if failures else 0
