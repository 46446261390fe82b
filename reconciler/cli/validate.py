"""`reconciler validate`."""

from __future__ import annotations

import click

from reconciler.cli.options import Command, GlobalOptions, format_option
from reconciler.cli.session import Outputs, find_workspace, stdin_bytes
from reconciler.project.registries import check_environments
from reconciler.render import VALIDATION


@click.command(cls=Command, name="validate")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--strict", is_flag=True, help="Warnings are errors.")
@format_option("text", "json", "github", "sarif", "junit")
@click.pass_obj
def command(options: GlobalOptions, paths: tuple[str, ...], strict: bool, output_format: str) -> int:
    """Check manifests and reconciler.yaml with all its environments, without any registry.

    PATH is a file, a folder, a quoted glob, or `-` for stdin; without any, the configured manifests. Names of some files are
    enough: checks across files still look at all of them.
    """
    here = find_workspace(options)
    check_environments(here.project, here.resolver)
    loaded = here.load(paths, stdin_bytes)
    Outputs(VALIDATION, output_format, ()).write(loaded.validation(), options, strict=strict)
    return 1 if loaded.errors or (strict and loaded.problems) else 0
