"""`reconciler export`."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from reconciler.cli.export_objects import export_objects
from reconciler.cli.files import write_text
from reconciler.cli.options import Command, GlobalOptions, format_option, revision_option
from reconciler.cli.stored import find_workspace_to_read, registries_of, stored, warn_of_unreadable
from reconciler.cli.streams import echo_data, echo_json, say, warn
from reconciler.core import presence
from reconciler.core.document.dump import dump_yaml
from reconciler.core.errors import InputError, UsageError
from reconciler.core.resource import DesiredState, RemoteState, Resource
from reconciler.manifest.declarable import Declared, Undeclarable, declare
from reconciler.manifest.discover import shown
from reconciler.manifest.export import header_of, path_of, unexported
from reconciler.project.answer_files import check_export_file
from reconciler.project.lookup import one_object
from reconciler.project.revisions import history_of
from reconciler.project.workspace import Workspace
from reconciler.render.escape import printable, without_commands
from reconciler.render.jsontext import dumps
from reconciler.render.stored import unreadable_rows


@click.command(
    cls=Command,
    name="export",
    examples={
        "reconciler export chat": "one manifest to stdout",
        "reconciler export --all -o exported/": "every object, a file for each",
        "reconciler export --format crd -o kubernetes/": "the project's manifests as objects of Kubernetes",
    },
)
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@click.option("--all", "everything", is_flag=True, help="Everything that the registries hold.")
@click.option(
    "-o",
    "target",
    metavar="PATH",
    help="A file; a folder with --all, with several keys, or where it is one or ends in '/'.",
)
@click.option("--force", is_flag=True, help="Overwrite files.")
@revision_option
@format_option("yaml", "json", "crd", default="yaml")
@click.pass_obj
def command(
    options: GlobalOptions,
    keys: tuple[str, ...],
    everything: bool,
    target: str | None,
    force: bool,
    revision: str | None,
    output_format: str,
) -> int:
    """Write stored objects as manifests. KEY is a key or an address.

    Applying them again changes nothing, except that what bears no mark becomes ours. Secrets are written as references.
    With --all, what a registry holds and cannot be read is left out and named, and the exit code is 5. What stands in a
    file of the server's own is left out and named, too: nobody can write it through the registry.

    With --format crd, the manifests and registries of the project as objects of Kubernetes for the controller, and on stderr
    the Secrets that these name. No registry is read.

    With --revision, the manifest that gives the object the fields of an earlier revision again. Its key and its
    protection are those of today.
    """
    if output_format == "crd":
        if keys or revision is not None:
            raise UsageError("--format crd is about the whole project", hint="leave KEY and --revision out")
        export_objects(options, target, force=force)
        return 0
    if everything and keys:
        raise UsageError("both KEY and --all were given", hint="leave one of them out")
    if not everything and not keys:
        raise UsageError("say which objects: KEY, or --all")
    if revision is not None and len(keys) != 1:
        raise UsageError("--revision is about one object", hint="give one KEY, without --all")
    workspace = find_workspace_to_read(options)
    remote, chosen = _chosen(workspace, keys, revision)
    suffix = ".json" if output_format == "json" else ".yaml"
    whole = everything or len(keys) > 1
    paths = [_file_of(item, target, suffix, whole=whole) for item in chosen]
    declared, left_out = _declarations(workspace, list(zip(chosen, paths, strict=True)), remote)
    if keys and not declared:
        raise InputError(f"{left_out[0].resource.address} cannot be declared: {left_out[0].reason}")
    partly = any(not left.resource.read_only for left in left_out) or (everything and any(unreadable_rows(remote)))
    if target is None:
        _to_stdout([item.manifest for item, _ in declared], output_format, alone=len(keys) == 1, whole=not partly)
    else:
        files = [(path, item) for item, path in declared if path is not None]
        before = workspace.load().desired
        _to_files(workspace, files, output_format, force=force)
        _warn_of_second(workspace, before, files)
    _warn(workspace, [item for item, _ in declared], left_out)
    if everything:
        warn_of_unreadable(remote)
    return 5 if partly else 0


def _chosen(workspace: Workspace, keys: Sequence[str], revision: str | None) -> tuple[RemoteState, Sequence[Resource]]:
    """What the registries hold, and of it what is to be written: all of it without keys."""
    names = registries_of(workspace, keys) if keys else tuple(workspace.entries)
    if revision is not None:
        restored = asyncio.run(_restored(workspace, keys[0], revision, names))
        return asyncio.run(stored(workspace, [restored.address.registry])), [restored]
    remote = asyncio.run(stored(workspace, names))
    if not keys:
        return remote, sorted(remote.resources(), key=lambda item: item.address)
    return remote, list({str(found.address): found for key in keys for found in [one_object(key, remote)]}.values())


async def _restored(workspace: Workspace, key: str, number: str, names: Sequence[str]) -> Resource:
    """The object of today with the fields of an earlier revision; a note on stderr tells where the two differ beside them."""
    history = await history_of(workspace, key, names)
    revision = history.at(number)
    restored = history.restored(revision)
    if revision.key != restored.address.key:
        say(f"note: {printable(revision.key)} is called {printable(restored.address.key)} today, and stays so")
    if revision.action == "delete":
        say(f"note: revision {printable(number)} is the deletion: this is what was deleted")
    elsewhere = sorted(_elsewhere(workspace, restored)) if history.kind.portable else []
    if elsewhere:
        what = f"it is declared for {', '.join(elsewhere)} too, of which this manifest says nothing"
        warn(f"{printable(what)}: in its place, it would leave them without one")
    return restored


def _elsewhere(workspace: Workspace, restored: Resource) -> set[str]:
    """The other registries for which manifests declare the same model."""
    declared = [item for item in workspace.load().desired.resources if item.resource.parent is None and not item.absent]
    keys = {item.key for item in declared if item.address == restored.address}
    return {item.address.registry for item in declared if item.key in keys} - {restored.address.registry}


def _file_of(item: Resource, target: str | None, suffix: str, *, whole: bool) -> Path | None:
    """The file of an object's manifest, or None for stdout."""
    if target is None:
        return None
    if whole or target.endswith("/") or presence.is_folder(target):
        return (Path(target) / path_of(item)).with_suffix(suffix)
    return Path(target)


def _declarations(
    workspace: Workspace, chosen: Sequence[tuple[Resource, Path | None]], remote: RemoteState
) -> tuple[list[tuple[Declared, Path | None]], list[Undeclarable]]:
    """The manifests of these objects, each with its file, and the objects that can have none."""
    known = remote.known()
    count = Counter(item.address for item in remote.resources())
    declared: list[tuple[Declared, Path | None]] = []
    left_out: list[Undeclarable] = []
    for item, path in chosen:
        if count[item.address] > 1:
            left_out.append(Undeclarable(item, f"the registry holds {count[item.address]} objects of this key"))
            continue
        root = workspace.project.root
        folder = "." if path is None else shown(os.path.dirname(os.path.realpath(path)), root)
        made = declare(item, workspace.entries[item.address.registry], root, folder, known.__contains__)
        if isinstance(made, Declared):
            declared.append((made, path))
        else:
            left_out.append(made)
    return declared, left_out


def _warn(workspace: Workspace, declared: Sequence[Declared], left_out: Sequence[Undeclarable]) -> None:
    for item in declared:
        for path, reason in item.omitted:
            what = f"{item.resource.address}: {path} is left out and listed under `ignore`, so it stays as it is"
            warn(f"{printable(what)}: {printable(reason)}")
        for pointer in unexported(item.resource, workspace.entries[item.resource.address.registry]):
            what = (
                f"{item.resource.address}: {pointer} is left out: no kind declares it, and this manifest cannot hold it"
            )
            warn(f"{printable(what)}")
    for left in left_out:
        warn(f"{printable(str(left.resource.address))} is left out: {printable(left.reason)}")


def _to_stdout(manifests: Sequence[Mapping[str, Any]], output_format: str, *, alone: bool, whole: bool) -> None:
    if not manifests and whole:
        say("there is nothing to export: the registries are empty")
    if (
        output_format == "json"
    ):  # one manifest alone is an answer and a manifest at once: manifests may bear a format_version
        echo_json(manifests[0] if alone else {"manifests": manifests})
    elif manifests:
        texts = [dump_yaml(manifest, escape=without_commands) for manifest in manifests]
        echo_data("---\n".join(texts).rstrip("\n"), exact=True)


def _to_files(workspace: Workspace, paths: Sequence[tuple[Path, Declared]], output_format: str, *, force: bool) -> None:
    """Writes all files or, where one is there already and not to be overwritten, none."""
    for path, _ in paths:
        check_export_file(path, workspace)
    there = [str(path) for path, _ in paths if presence.is_there(path)]
    if there and not force:
        raise InputError(
            f"{', '.join(there[:5])}{' and more' if len(there) > 5 else ''}: there already", hint="--force overwrites"
        )
    for path, item in paths:
        header = header_of(item.resource, workspace.entries[item.resource.address.registry])
        yaml = dump_yaml(item.manifest, header=header)
        write_text(path, yaml if output_format == "yaml" else dumps(item.manifest) + "\n")
        echo_data(printable(path.as_posix()))
    say(f"{len(paths)} manifest{'' if len(paths) == 1 else 's'} written")


def _warn_of_second(workspace: Workspace, before: DesiredState, files: Sequence[tuple[Path, Declared]]) -> None:
    """One warning for each file that is read from now on and declares what a manifest declared already."""
    read = {file.real for file in workspace.files(()).files}
    for path, item in files:
        declared = before.find(item.resource.address)
        source = declared.resource.source if declared is not None else None
        here = shown(os.path.abspath(path), workspace.cwd)
        if source is not None and source.file != here and os.path.realpath(path) in read:
            what = f"{here}: {item.resource.address} is declared already, in {source.file}:{source.line}"
            warn(f"{printable(what)}: remove one of the two, or the manifests are an error")
