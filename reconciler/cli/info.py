"""`reconciler info`."""

from __future__ import annotations

import asyncio
import importlib

import click

from reconciler.cli.options import Command, GlobalOptions, format_option
from reconciler.cli.session import find_workspace, style
from reconciler.cli.streams import echo_data
from reconciler.core.errors import InputError, UsageError
from reconciler.core.model import Model
from reconciler.manifest.load import Manifest
from reconciler.project.workspace import LoadedManifests
from reconciler.render.info import info_data, info_text
from reconciler.render.jsontext import answer_json


@click.command(cls=Command, name="info")
@click.argument("key")
@click.option("--live", "live_wanted", is_flag=True, help="Ask the model's endpoint too: GET <url>/models.")
@format_option("text", "json")
@click.pass_obj
def command(options: GlobalOptions, key: str, live_wanted: bool, output_format: str) -> int:
    """Tell what a model is: its name, its provider, and what it can do. KEY is a manifest's key or an address.

    From the manifest; `max_tokens` is its longest answer there, and with --live the length of the model's context where
    its endpoint tells. What cannot be known is null.
    """
    workspace = find_workspace(options)
    manifest, model = _declared(workspace.load(), key)
    live = None
    if live_wanted:  # loaded by name: an HTTP client takes 200 ms
        endpoint = importlib.import_module("reconciler.endpoint.model_list")
        live = asyncio.run(endpoint.ask_model_list(model, workspace.resolver))
    data = info_data(model, manifest.source, live)
    echo_data(answer_json(data) if output_format == "json" else info_text(data, style(options)))
    return 0


def _declared(loaded: LoadedManifests, key: str) -> tuple[Manifest, Model]:
    """The one Model that a key or an address names, with its manifest.

    Raises InputError for none, ManifestError where it may be one that is wrong, UsageError for several.
    """
    sources = {item.resource.source for item in loaded.desired.resources if str(item.address) == key}
    models = [(one, one.model) for one in loaded.manifests.manifests if one.model is not None]
    matches = [(one, model) for one, model in models if one.source in sources and sources]
    matches = matches or [(one, model) for one, model in models if model.key == key]
    if len(matches) > 1:
        places = ", ".join(f"{one.source.file}:{one.source.line}" for one, _ in matches)
        raise UsageError(f"{key!r} is declared {len(matches)} times: {places}", hint="one key is one manifest")
    if matches:
        return matches[0]
    if any(one.key == key or one.source in sources for one in loaded.manifests.manifests):
        message = f"{key!r} is declared in a registry's own terms, which say nothing of what it can do"
        raise InputError(message, hint="`reconciler get` shows what the registry holds")
    loaded.checked()
    raise InputError(f"no manifest declares a Model {key!r}", hint="`reconciler plan` shows what is declared")
