"""`reconciler init`."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from reconciler import __version__
from reconciler.cli.files import write_text
from reconciler.cli.options import Command, GlobalOptions
from reconciler.cli.pipelines import GITLAB_FILE, PIPELINES, left_to_do, place_of
from reconciler.cli.schemas import generated
from reconciler.cli.session import find_workspace
from reconciler.cli.streams import echo_data, say
from reconciler.core import presence
from reconciler.core.errors import UsageError
from reconciler.planner.guards import DEFAULTS
from reconciler.project.config_file import FILE
from reconciler.render.escape import printable

_CONFIG: Final = f"""\
# yaml-language-server: $schema=schemas/config.schema.json
owner: my-team # whose mark is set on what we create
manifests: [manifests]
variables: {{llm_host: llm.example.com}} # for ${{var:llm_host}} in manifests
registries:
  local: {{driver: local, path: .reconciler/registry.db, default: true}}
guards: {{max_deletes: {DEFAULTS.max_deletes}, max_delete_percent: {DEFAULTS.max_delete_percent}}}
"""

_MANIFEST: Final = """\
# yaml-language-server: $schema=../schemas/manifest.schema.json
kind: Model
key: support-chat
display_name: Support chat
description: Answers customer questions.
endpoint:
  url: https://${var:llm_host}/v1
  model: gpt-oss-120b
  api_key: ${env:SUPPORT_LLM_KEY} # a reference: the secret itself is never written down
parameters: {temperature: 0.2, max_completion_tokens: 1024}
tags: [support]
labels: {team: cx}
"""

_PRE_COMMIT: Final = f"""\
repos:
  - repo: https://github.com/model-reconciler/reconciler
    rev: v{__version__}
    hooks:
      - id: reconciler-fmt
      - id: reconciler-validate
      - id: reconciler-schema
"""

_EDITOR: Final = {
    "yaml.schemas": {
        "./schemas/manifest.schema.json": ["manifests/**/*.yaml", "manifests/**/*.yml"],
        "./schemas/config.schema.json": FILE,
    }
}


@click.command(
    cls=Command,
    name="init",
    examples={
        "reconciler init": "in this folder",
    },
)
@click.argument("folder", default=".", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--ci",
    type=click.Choice(sorted(PIPELINES)),
    metavar="|".join(sorted(PIPELINES)),
    help="Also write the pipeline that validates, plans, applies what was approved, and looks for drift.",
)
@click.option("--force", is_flag=True, help="Write the pipeline's files anew where they are there already.")
@click.pass_obj
def command(options: GlobalOptions, folder: Path, ci: str | None, force: bool) -> int:
    """Write a starting project into FOLDER: configuration, a first manifest, schemas, editor and pre-commit settings.

    Files that are there already are left as they are. With --ci, a project that is there already gets the pipeline and
    nothing else; its files go to the top of the repository, and know the folder. With --env, it is the pipeline of that
    environment.
    """
    if force and ci is None:
        raise UsageError("--force writes the files of a pipeline anew, so it needs --ci")
    config = options.config or folder / FILE
    if ci is None or not presence.is_there(config):
        _write_project(folder)
    if ci is not None:
        _write_pipeline(ci, replace(options, config=config), force=force)
    say("next: reconciler validate, reconciler plan, reconciler apply")
    return 0


def _write_project(folder: Path) -> None:
    files = {
        FILE: _CONFIG,
        "manifests/support-chat.yaml": _MANIFEST,
        ".pre-commit-config.yaml": _PRE_COMMIT,
        ".vscode/settings.json": json.dumps(_EDITOR, indent=2) + "\n",
        ".gitignore": ".reconciler/\n",
    }
    for name, text in files.items():
        _write(folder / name, text)
    for name, text in generated(find_workspace(GlobalOptions(config=folder / FILE))).items():
        _write(folder / "schemas" / name, text)


def _write_pipeline(system: str, options: GlobalOptions, *, force: bool) -> None:
    workspace = find_workspace(options)
    place = place_of(workspace)
    for name, text in PIPELINES[system](place).items():
        path = Path(os.path.relpath(place.root / name, workspace.cwd))
        _write(path, text, force=force and name != GITLAB_FILE)  # which is the whole repository's
    for line in left_to_do(place, system):
        say(f"to do {printable(line)}")


def _write(path: Path, text: str, *, force: bool = False) -> None:
    if presence.is_there(path) and not force:
        say(f"left as it is: {printable(str(path))}")
        return
    write_text(path, text)
    echo_data(printable(str(path)))
