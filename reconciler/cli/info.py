"""`reconciler info`."""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

import click

from reconciler.cli.options import Command, GlobalOptions, allow_secrets_option, format_option
from reconciler.cli.session import style
from reconciler.cli.stored import find_workspace_to_read
from reconciler.cli.streams import echo_data, echo_json
from reconciler.core.errors import InputError, UsageError
from reconciler.core.model import Model
from reconciler.core.secret import Resolver
from reconciler.endpoint.values import FailedError, Subject
from reconciler.manifest.manifests import Manifest
from reconciler.project.loaded import LoadedManifests
from reconciler.project.lookup import suggested
from reconciler.project.model_facts import facts_json, native_facts, portable_facts, with_live
from reconciler.project.pull_request import check_secrets
from reconciler.project.workspace import Workspace
from reconciler.registry.capabilities import ModelFacts
from reconciler.registry.catalog import load_driver
from reconciler.render.info_text import info_text


@click.command(
    cls=Command,
    name="info",
    examples={
        "reconciler info chat": "from its manifest",
        "reconciler info chat --live": "and from its endpoint",
    },
)
@click.argument("key")
@click.option("--live", is_flag=True, help="Ask the model's endpoint too: GET <url>/models.")
@allow_secrets_option
@format_option("text", "json")
@click.pass_obj
def command(options: GlobalOptions, key: str, live: bool, allow_secrets: bool, output_format: str) -> int:
    """Tell what a model is: its name, its provider, and what it can do. KEY is a manifest's key or an address.

    From the manifest, portable or native. `max_tokens` is the length of its context where `limits.context_length` or,
    with --live, its endpoint tells, else of its longest answer. What cannot be known is null.
    """
    workspace = find_workspace_to_read(options, always=False)
    manifest = _declared(workspace.load(), key)
    data = facts_json(manifest.key, _facts(workspace, manifest))
    if live and manifest.model is not None and manifest.model.endpoint is not None:
        check_secrets(workspace, [manifest.model.endpoint], allowed=allow_secrets)
    found = asyncio.run(_ask(manifest, workspace.resolver)) if live else None
    data = with_live(data, found["max_tokens"]) if found is not None else data
    source = {"file": manifest.source.file, "line": manifest.source.line}
    result = {"key": manifest.key, "kind": manifest.kind, **data, "live": found, "source": source}
    if output_format == "json":
        echo_json(result)
    else:
        echo_data(info_text(result, style(options)))
    return 0


def _declared(loaded: LoadedManifests, key: str) -> Manifest:
    """The one document that a key or an address names; a portable Model, where it and others have the key.

    Raises InputError for none, ManifestError where it may be one that is wrong, UsageError for several.
    """
    loaded.check_unique(key)
    sources = {item.resource.source for item in loaded.desired.resources if str(item.address) == key}
    every = loaded.manifests.manifests
    found = [one for one in every if one.source in sources and sources] or [one for one in every if one.key == key]
    found = [one for one in found if one.model is not None] or found
    if len(found) > 1:
        places = ", ".join(f"{one.source.file}:{one.source.line}" for one in found)
        addresses = [
            {item.address for item in loaded.desired.resources if item.resource.source == one.source} for one in found
        ]
        told_apart = all(addresses) and len(set().union(*addresses)) == sum(map(len, addresses))
        hint = "give the address" if told_apart else "`reconciler validate` tells what is wrong with them"
        raise UsageError(f"{key!r} is declared {len(found)} times: {places}", hint=hint)
    if found:
        return found[0]
    loaded.checked()
    known = [item.address for item in loaded.desired.resources]
    hint = suggested(key, known, "`reconciler plan` shows what is declared")
    raise InputError(f"no manifest declares {key!r}", hint=hint)


def _facts(workspace: Workspace, manifest: Manifest) -> ModelFacts:
    if manifest.model is not None:
        return portable_facts(manifest.model)
    if manifest.native is None:
        return ModelFacts()
    name, _, kind = manifest.kind.partition("/")
    drivers = {entry.driver.name: entry.driver for entry in workspace.entries.values()}
    driver = drivers.get(name) or load_driver(name)
    return native_facts(manifest.native.common.key, kind, manifest.native.spec, driver)


async def _ask(manifest: Manifest, resolver: Resolver) -> dict[str, Any]:
    """Ask the model's endpoint for its facts.

    Raises UsageError where there is none to ask, RegistryError for what it does wrong.
    """
    subject = _subject(manifest.key, manifest.model)
    listing = importlib.import_module("reconciler.endpoint.listing")  # HTTP takes 200 ms, for those who ask
    try:
        live = await listing.live_facts(subject, resolver)
    except FailedError as error:
        raise InputError(f"{manifest.key}: {error}") from error
    return {
        "url": live.url,
        "listed": live.listed,
        "owned_by": live.owned_by,
        "max_tokens": live.context_length,
        "near": list(live.near),
    }


def _subject(key: str, model: Model | None) -> Subject:
    """The model whose endpoint is asked. Raises UsageError where it has none."""
    if model is None:
        raise UsageError(
            f"{key!r} is declared in a registry's own terms: its endpoint is not asked", hint="leave out --live"
        )
    if model.endpoint is None:
        raise UsageError(f"{key!r} has no endpoint that could be asked", hint="leave out --live")
    if model.endpoint.format == "custom":
        raise UsageError(
            f"{key!r} has an endpoint of a format of its own, which has no list of models", hint="leave out --live"
        )
    return Subject(key, (), model.endpoint, model.task or "chat_completion")
