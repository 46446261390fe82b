"""`reconciler import`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from reconciler.cli.files import check_writable, write_text
from reconciler.cli.options import NOT_EMPTY, Command, GlobalOptions, format_option
from reconciler.cli.session import find_workspace, style
from reconciler.cli.stored import check_names
from reconciler.cli.streams import echo_data, echo_json, say, tell_problem
from reconciler.core import presence
from reconciler.core.document.dump import dump_yaml
from reconciler.core.errors import InputError, ManifestError, UsageError
from reconciler.manifest.discover import discover
from reconciler.manifest.importing import Import, Target, Written, import_files
from reconciler.manifest.validation import Validation
from reconciler.project.registries import drivers_in_use
from reconciler.project.workspace import Workspace
from reconciler.render.escape import printable
from reconciler.render.imported import import_data
from reconciler.render.problem_text import problem_texts
from reconciler.render.terminal import count

_MOST_LISTED: Final = 5
_VARIABLES: Final = """\
These variables must be defined in reconciler.yaml. What is secret does not belong there, but in a {vaults}:

"""


@click.command(
    cls=Command,
    name="import",
    examples={
        "reconciler import litellm.yaml -o manifests": "the models of a LiteLLM proxy",
    },
)
@click.argument("paths", type=NOT_EMPTY, nargs=-1, required=True, metavar="PATH...")
@click.option("-o", "folder", required=True, metavar="DIR", help="The folder of manifests to write into.")
@click.option("--registry", metavar="NAME", help="The registry to write into each manifest.")
@click.option("--force", is_flag=True, help="Overwrite files.")
@format_option("text", "json")
@click.pass_obj
def command(
    options: GlobalOptions, paths: tuple[str, ...], folder: str, registry: str | None, force: bool, output_format: str
) -> int:
    """Translate files of other tools into manifests, with their comments, and print the files written.

    PATH is a file, a folder or a quoted glob: what `lf add model -f` and `lf add model-adapter -f` take and run configs
    of `lf`, specifications of IBM's ADK, request bodies of watsonx Orchestrate and NeMo, run configs and harnesses of
    insideLLMs, config.yaml of LiteLLM Proxy. Literal secrets are not copied. An object in which something is wrong is told and not written, and the
    others are; the exit code is then 5.
    """
    workspace = find_workspace(options)
    if registry is not None and workspace.project.file is not None:
        check_names(workspace, [registry])
    sources = discover(paths, workspace.cwd, workspace.cwd)
    if not sources.files and not sources.problems:
        raise InputError(f"there is no file to import in {', '.join(paths)}", hint="files end in .yaml, .yml or .json")
    target = Target(
        workspace.cwd / folder,
        workspace.project.root,
        workspace.cwd,
        registry,
        drivers_in_use(workspace.entries.values()),
    )
    imported = import_files(sources, target)
    if imported.errors and not imported.manifests:
        what = f"{count(len(imported.errors), 'problem')}, so nothing was written"
        raise ManifestError(what, imported.problems, imported.lines)
    _check_driver(workspace, registry, imported.manifests)
    files = {manifest: Path(folder) / manifest.path for manifest in imported.manifests}
    _write(files, force=force)
    missing = [name for name in imported.variables if name not in workspace.project.variables]
    _say(options, imported, missing, folder)
    if output_format == "json":
        echo_json(import_data(imported, files, missing))
    else:
        for path in files.values():
            echo_data(printable(path.as_posix()))
    return 5 if imported.errors else 0


def _check_driver(workspace: Workspace, registry: str | None, manifests: Sequence[Written]) -> None:
    """Raises UsageError where the registry takes no such kinds."""
    entry = workspace.entries.get(registry) if registry is not None else None
    kinds = {item.kind for item in manifests} - {"Model"}  # which every registry takes
    wrong = sorted(kind for kind in kinds if entry and not kind.startswith(f"{entry.driver.name}/"))
    if entry is not None and wrong:
        raise UsageError(
            f"the registry {registry!r} takes no {wrong[0]}: its driver is {entry.driver.name}",
            hint="leave --registry out, or name another registry",
        )


def _write(files: dict[Written, Path], *, force: bool) -> None:
    """Writes all files. Raises InputError, before the first, where one is there already or cannot be written."""
    there = [str(path) for path in files.values() if presence.is_there(path)]
    if there and not force:
        more = " and more" if len(there) > _MOST_LISTED else ""
        raise InputError(f"{', '.join(there[:_MOST_LISTED])}{more}: there already", hint="--force overwrites")
    for path in files.values():
        check_writable(path)
    for manifest, path in files.items():
        write_text(path, manifest.text)


def _say(options: GlobalOptions, imported: Import, missing: Sequence[str], folder: str) -> None:
    """Warnings, what was written, and what is left to do, to stderr."""
    validation = Validation(0, 0, imported.problems, imported.lines)
    for problem, text in problem_texts(validation, style(options, sys.stderr)):
        tell_problem(problem, text)
    kinds = Counter(manifest.kind.rpartition("/")[2].lower() for manifest in imported.manifests)
    counted = ", ".join(count(number, kind) for kind, number in sorted(kinds.items(), key=lambda item: item[0]))
    say(f"{counted or 'nothing'} written to {printable(folder)}")
    if imported.errors:
        say(f"{count(len(imported.errors), 'problem')}: what they are in was not written")
    if missing:
        needed = dump_yaml({"variables": dict.fromkeys(missing, "")})
        say("\n" + _VARIABLES.format(vaults=" or ".join(imported.vaults)) + needed)
    if imported.environment:
        say(f"Set in the environment, for apply: {', '.join(imported.environment)}")
