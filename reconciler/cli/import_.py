"""`reconciler import`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from reconciler.cli.answers import answer_json
from reconciler.cli.files import check_writable, write_text
from reconciler.cli.options import Command, GlobalOptions, format_option
from reconciler.cli.session import find_workspace, style
from reconciler.cli.stored import check_names
from reconciler.cli.streams import answer, say
from reconciler.core.document.dump import dump_yaml
from reconciler.core.errors import InputError, ManifestError, UsageError
from reconciler.core.problem_json import problem_to_json
from reconciler.manifest.discover import discover
from reconciler.manifest.importing import Import, Target, Written, import_files
from reconciler.manifest.validation import Validation
from reconciler.project.workspace import Workspace
from reconciler.render.escape import printable
from reconciler.render.problem_text import problem_texts
from reconciler.render.terminal import count

_MOST_LISTED: Final = 5
_VARIABLES: Final = """\
These variables must be defined in reconciler.yaml. What is secret does not belong there, but in a {vaults}:

"""


@click.command(cls=Command, name="import")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("-o", "folder", required=True, metavar="DIR", help="The folder of manifests to write into.")
@click.option("--registry", metavar="NAME", help="The registry to write into each manifest.")
@click.option("--force", is_flag=True, help="Overwrite files.")
@format_option("text", "json")
@click.pass_obj
def command(
    options: GlobalOptions, paths: tuple[str, ...], folder: str, registry: str | None, force: bool, output_format: str
) -> int:
    """Translate files of other tools into manifests, with their comments, and print the files written.

    PATH is a file, a folder or a quoted glob: what `lf add model -f` and `lf add model-adapter -f` take and run configs of `lf`,
    specifications of IBM's ADK, request bodies of watsonx Orchestrate and NeMo, run configs and harnesses of insideLLMs. Literal
    secrets are not copied. An object in which something is wrong is told and not written, and the others are; the exit code is then 5.
    """
    here = find_workspace(options)
    if registry is not None and here.project.file is not None:
        check_names(here, [registry])
    found = discover(paths, here.cwd, here.cwd)
    if not found.files and not found.problems:
        raise InputError(f"there is no file to import in {', '.join(paths)}", hint="files end in .yaml, .yml or .json")
    target = Target(here.cwd / folder, here.project.root, here.cwd, registry)
    made = import_files(found, target)
    if made.errors and not made.manifests:
        what = f"{count(len(made.errors), 'problem')}, so nothing was written"
        raise ManifestError(what, made.problems, made.lines)
    _check_driver(here, registry, made.manifests)
    files = {manifest: Path(folder) / manifest.path for manifest in made.manifests}
    _write(files, force=force)
    missing = [name for name in made.variables if name not in here.project.variables]
    _say(options, made, missing, folder)
    if output_format == "json":
        answer_json(_data(made, files, missing))
    else:
        for path in files.values():
            answer(printable(path.as_posix()))
    return 5 if made.errors else 0


def _check_driver(here: Workspace, registry: str | None, manifests: Sequence[Written]) -> None:
    """Raises UsageError where the registry takes no such kinds."""
    entry = here.entries.get(registry) if registry is not None else None
    kinds = {item.kind for item in manifests} - {"Model"}  # which every registry takes
    wrong = sorted(kind for kind in kinds if entry and not kind.startswith(f"{entry.driver.name}/"))
    if entry is not None and wrong:
        raise UsageError(
            f"the registry {registry!r} takes no {wrong[0]}: its driver is {entry.driver.name}",
            hint="leave --registry out, or name another registry",
        )


def _write(files: dict[Written, Path], *, force: bool) -> None:
    """Writes all files. Raises InputError, before the first, where one is there already or cannot be written."""
    there = [str(path) for path in files.values() if path.exists()]
    if there and not force:
        more = " and more" if len(there) > _MOST_LISTED else ""
        raise InputError(f"{', '.join(there[:_MOST_LISTED])}{more}: there already", hint="--force overwrites")
    for path in files.values():
        check_writable(path)
    for manifest, path in files.items():
        write_text(path, manifest.text)


def _say(options: GlobalOptions, made: Import, missing: Sequence[str], folder: str) -> None:
    """Warnings, what was written, and what is left to do, to stderr."""
    for _, text in problem_texts(Validation(0, 0, made.problems, made.lines), style(options, sys.stderr)):
        say(text + "\n")
    kinds = Counter(manifest.kind.rpartition("/")[2].lower() for manifest in made.manifests)
    counted = ", ".join(count(number, kind) for kind, number in sorted(kinds.items(), key=lambda item: item[0]))
    say(f"{counted or 'nothing'} written to {printable(folder)}")
    if made.errors:
        say(f"{count(len(made.errors), 'problem')}: what they are in was not written")
    if missing:
        needed = dump_yaml({"variables": dict.fromkeys(missing, "")})
        say("\n" + _VARIABLES.format(vaults=" or ".join(made.vaults)) + needed)
    if made.environment:
        say(f"Set in the environment, for apply: {', '.join(made.environment)}")


def _data(made: Import, files: dict[Written, Path], missing: Sequence[str]) -> dict[str, object]:
    return {
        "files": [
            {"path": path.as_posix(), "kind": manifest.kind, "key": manifest.key, "source": manifest.source}
            for manifest, path in files.items()
        ],
        "variables": list(missing),
        "environment": list(made.environment),
        "problems": [problem_to_json(problem) for problem in made.problems],
    }
