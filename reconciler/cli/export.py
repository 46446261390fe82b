"""`reconciler export`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click

from reconciler.cli.answers import answer_json
from reconciler.cli.files import write_text
from reconciler.cli.options import Command, GlobalOptions, format_option
from reconciler.cli.session import find_workspace
from reconciler.cli.stored import registries_of, stored, unreadable, warn_of_unreadable
from reconciler.cli.streams import answer, say
from reconciler.core.document.dump import dump_yaml
from reconciler.core.errors import InputError, UsageError
from reconciler.core.resource import Resource
from reconciler.manifest.discover import shown
from reconciler.manifest.export import manifest_of, path_of
from reconciler.project.lookup import one_object
from reconciler.project.workspace import Workspace
from reconciler.render.jsontext import dumps


@click.command(cls=Command, name="export")
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@click.option("--all", "everything", is_flag=True, help="Everything that the registries hold.")
@click.option(
    "-o",
    "target",
    metavar="PATH",
    help="A file; a folder with --all, with several keys, or where it is one or ends in '/'.",
)
@click.option("--force", is_flag=True, help="Overwrite files.")
@format_option("yaml", "json", default="yaml")
@click.pass_obj
def command(
    options: GlobalOptions, keys: tuple[str, ...], everything: bool, target: str | None, force: bool, output_format: str
) -> int:
    """Write stored objects as manifests. KEY is a key or an address.

    Applying them again changes nothing, except that what bears no mark becomes ours. Secrets are written as references. With --all, what a
    registry holds and cannot be read is left out and named, and the exit code is 5.
    """
    if everything and keys:
        raise UsageError("both KEY and --all were given", hint="leave one of them out")
    if not everything and not keys:
        raise UsageError("say which objects: KEY, or --all")
    workspace = find_workspace(options)
    names = registries_of(workspace, keys) if keys else tuple(workspace.entries)
    remote = asyncio.run(stored(workspace, names))
    chosen = (
        sorted(remote.resources(), key=lambda item: item.address)
        if everything
        else list({str(found.address): found for key in keys for found in [one_object(key, remote)]}.values())
    )
    partly = everything and any(unreadable(remote))
    if target is None:
        _to_stdout(workspace, chosen, output_format, alone=len(keys) == 1, whole=not partly)
    elif everything or len(keys) > 1 or target.endswith("/") or Path(target).is_dir():
        suffix = ".json" if output_format == "json" else ".yaml"
        paths = [(Path(target) / Path(path_of(item)).with_suffix(suffix), item) for item in chosen]
        _to_files(workspace, paths, output_format, force=force)
    else:
        _to_files(workspace, [(Path(target), chosen[0])], output_format, force=force)
    if partly:
        warn_of_unreadable(remote)
    return 5 if partly else 0


def _to_stdout(
    workspace: Workspace, chosen: Sequence[Resource], output_format: str, *, alone: bool, whole: bool
) -> None:
    manifests = [manifest_of(item, workspace.entries[item.address.registry]) for item in chosen]
    if not manifests and whole:
        say("there is nothing to export: the registries are empty")
    if (
        output_format == "json"
    ):  # one manifest alone is an answer and a manifest at once: manifests may bear a format_version
        answer_json(manifests[0] if alone else {"manifests": manifests})
    elif manifests:
        answer("---\n".join(dump_yaml(manifest) for manifest in manifests).rstrip("\n"))


def _to_files(workspace: Workspace, paths: Sequence[tuple[Path, Resource]], output_format: str, *, force: bool) -> None:
    """Writes all files or, where one is there already and not to be overwritten, none."""
    there = [str(path) for path, _ in paths if path.exists()]
    if there and not force:
        raise InputError(
            f"{', '.join(there[:5])}{' and more' if len(there) > 5 else ''}: there already", hint="--force overwrites"
        )
    for path, item in paths:
        folder = shown(str(path.resolve().parent), workspace.project.root)
        manifest = manifest_of(item, workspace.entries[item.address.registry], folder)
        write_text(path, dump_yaml(manifest) if output_format == "yaml" else dumps(manifest) + "\n")
    say(f"{len(paths)} manifest{'' if len(paths) == 1 else 's'} written")
