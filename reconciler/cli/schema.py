"""`reconciler schema`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from reconciler.cli.generated import check_generated, write_generated
from reconciler.cli.options import Command, GlobalOptions
from reconciler.cli.schemas import generated
from reconciler.cli.session import find_workspace
from reconciler.manifest.discover import shown

_FOLDER: Final = "schemas"


@click.command(
    cls=Command,
    name="schema",
    examples={
        "reconciler schema": "write them to schemas/",
        "reconciler schema --check": "in CI: fail where they are stale",
    },
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The folder to write to (schemas, beside reconciler.yaml where there is one).",
)
@click.option("--check", is_flag=True, help="Write nothing; fail if the files there are stale.")
@click.pass_obj
def command(options: GlobalOptions, out: Path | None, check: bool) -> int:
    """Write the JSON Schemas for editors and machines: manifests, reconciler.yaml, and every JSON answer.

    They are those of the registries of the configuration, where there is one, else of all built-in drivers.
    """
    workspace = find_workspace(options)
    files = generated(workspace)
    out = Path(shown(str(workspace.project.root / _FOLDER), workspace.cwd)) if out is None else out
    if check:
        return check_generated(out, files, "`reconciler schema` writes them again")
    write_generated(out, files)
    return 0
