"""`reconciler schema`."""

from __future__ import annotations

from pathlib import Path

import click

from reconciler.cli.files import write_text
from reconciler.cli.options import Command, GlobalOptions
from reconciler.cli.schemas import generated
from reconciler.cli.streams import echo_data, say
from reconciler.render.escape import printable


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
    default=Path("schemas"),
    metavar="DIR",
    help="The folder to write to (schemas).",
)
@click.option("--check", is_flag=True, help="Write nothing; fail if the files there are stale.")
@click.pass_obj
def command(options: GlobalOptions, out: Path, check: bool) -> int:
    """Write the JSON Schemas for editors and machines: manifests, reconciler.yaml, and every JSON answer.

    They are those of the registries of the configuration, where there is one, else of all built-in drivers.
    """
    files = generated(options)
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
