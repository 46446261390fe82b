"""`reconciler schema`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from reconciler.cli.files import write_text
from reconciler.cli.options import Command, GlobalOptions
from reconciler.cli.schemas import generated
from reconciler.cli.session import find_workspace
from reconciler.cli.streams import echo_data, say
from reconciler.manifest.discover import shown
from reconciler.render.escape import printable

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
        stale = [name for name, text in files.items() if _text(out / name) != text]
        for name in stale:
            say(f"stale: {printable(str(out / name))}")
        if stale:
            say("hint: `reconciler schema` writes them again")
        return 1 if stale else 0
    for name, text in files.items():
        if _text(out / name) != text:
            write_text(out / name, text)
        echo_data(printable(str(out / name)))
    return 0


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
