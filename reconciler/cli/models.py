"""`reconciler models`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from reconciler.cli.catalogue import credentials_file, credentials_text, files_of, text_of
from reconciler.cli.files import write_text
from reconciler.cli.options import Command, GlobalOptions, format_option
from reconciler.cli.question import choose, on_terminal
from reconciler.cli.session import naming_registry, style
from reconciler.cli.stored import check_names, find_workspace_to_read, warn_of_invalid
from reconciler.cli.streams import echo_data, echo_json, say, tell_error, warn
from reconciler.core.errors import InputError, ReconcilerError, UsageError
from reconciler.core.providers import NAMES
from reconciler.core.resource import Address, Source
from reconciler.core.schema.findings import nearest
from reconciler.project.loaded import LoadedManifests
from reconciler.project.workspace import Workspace
from reconciler.registry.capabilities import Catalogue, CatalogueEntry, Catalogues
from reconciler.registry.catalog import WITH_CATALOGUE
from reconciler.registry.reading import read_all
from reconciler.render.catalogue import models_data, models_text, providers_data, providers_text
from reconciler.render.error import message_of
from reconciler.render.escape import printable


class _Catalogue(NamedTuple):
    """A provider's catalogue as one registry offers it, and the addresses of what that registry holds."""

    registry: str
    kind: str
    offers: Catalogue
    stored: frozenset[Address]

    def address(self, offer: CatalogueEntry) -> Address:
        return Address(self.registry, self.kind, offer.key)

    @property
    def credentials_address(self) -> Address | None:
        """The address of the object that would hold the provider's credentials; None where none are missing."""
        missing = self.offers.credentials
        return Address(self.registry, missing.kind, missing.key) if missing is not None else None


@click.command(
    cls=Command,
    name="models",
    examples={
        "reconciler models": "the providers that are known",
        "reconciler models openai --add gpt-5-nano": "write a manifest of one of its models",
    },
)
@click.argument("provider", required=False)
@click.option(
    "--add",
    "wanted",
    multiple=True,
    metavar="MODEL",
    help="Write a manifest of this model, by its name or its key. May be repeated.",
)
@click.option(
    "-o",
    "target",
    metavar="PATH",
    help="Where --add writes: a folder, or a file that ends in '.yaml' (the first configured folder).",
)
@click.option("--registry", metavar="NAME", help="The registry to ask, where several have a catalogue.")
@format_option("text", "json")
@click.pass_obj
def command(
    options: GlobalOptions,
    provider: str | None,
    wanted: tuple[str, ...],
    target: str | None,
    registry: str | None,
    output_format: str,
) -> int:
    """List what PROVIDER offers through a registry, and which of it is declared and stored.

    --add writes manifests, and prints their files; the registry is not written to, and no file is overwritten. Where
    the registry has no credentials for the provider, a manifest of these is written, too: with a reference, to be set.

    Without PROVIDER, list the providers that are known: no registry is read. On a terminal, one of them and one of its
    models can then be chosen, and a manifest of it is written.
    """
    if target is not None and not wanted and provider is not None:
        raise UsageError("-o says where --add writes, and there is no --add")
    if provider is None:
        asks = output_format == "text" and on_terminal()
        _check_alone(wanted, target, registry, asks=asks)
        return _providers(options, target, registry, output_format, asks=asks)
    workspace = find_workspace_to_read(options, always=False)
    if registry is not None:
        check_names(workspace, [registry])
    catalogue = asyncio.run(_catalogue(workspace, provider, registry))
    chosen = {offer.key: offer for model in wanted for offer in [_offer(catalogue, model)]}
    if wanted:
        return _add(workspace, catalogue, tuple(chosen.values()), target, output_format)
    loaded = workspace.load()
    data = _data(catalogue, _declared(loaded))
    if output_format == "json":
        echo_json(data)
    else:
        echo_data(models_text(data, style(options)))
    _warn(data["note"], loaded)
    return 0


def _check_alone(wanted: Sequence[str], target: str | None, registry: str | None, *, asks: bool) -> None:
    """Raises UsageError for an option that needs PROVIDER. At a terminal, what is missing is asked for."""
    given = {"--add": wanted, "-o": target if not asks else None, "--registry": registry if not asks else None}
    for name, value in given.items():
        if value:
            raise UsageError(f"{name} needs PROVIDER", hint="`reconciler models` alone lists those that are known")


def _providers(
    options: GlobalOptions, target: str | None, registry: str | None, output_format: str, *, asks: bool
) -> int:
    """The providers that are known and, at a terminal, the choice of a model of one."""
    data = providers_data()
    if output_format == "json":
        echo_json(data)
        return 0
    echo_data(providers_text(data, style(options)))
    return _choose(options, target, registry) if asks else 0


def _choose(options: GlobalOptions, target: str | None, registry: str | None) -> int:
    """Ask for a provider and one of its models, and write the model's manifest. An empty answer ends it."""
    workspace = find_workspace_to_read(options, always=False)
    if registry is not None:
        check_names(workspace, [registry])
    try:
        able = asyncio.run(_with_catalogue(workspace, registry))
    except ReconcilerError as error:  # the providers are listed all the same
        say(f"no model can be chosen: {printable(message_of(error))}")
        return 0
    name = able[0] if len(able) == 1 else choose("Registry", able, hint="give PROVIDER and --registry")
    while name is not None:
        provider = choose("Provider", NAMES, hint="give PROVIDER and --add")
        if provider is None:
            break
        try:
            catalogue = asyncio.run(_catalogue(workspace, provider, name))
        except InputError as error:  # the registry does not know it
            tell_error(error, style(options, sys.stderr))
            continue
        data = _data(catalogue, _declared(workspace.load()))
        echo_data(models_text(data, style(options)))
        if not data["models"]:
            continue
        model = choose("Model", [row["model"] for row in data["models"]], hint="give --add MODEL")
        if model is None:
            break
        return _add(workspace, catalogue, (_offer(catalogue, model),), target, "text")
    return 0


async def _with_catalogue(workspace: Workspace, only: str | None) -> list[str]:
    """The registries that have a catalogue. Nothing is read. Raises UsageError where there is none."""
    async with workspace.connect(None if only is None else [only]) as opened:
        able = [name for name, registry in opened.items() if isinstance(registry, Catalogues)]
        if not able:
            raise _no_catalogue(workspace, opened)
        return able


async def _catalogue(workspace: Workspace, provider: str, only: str | None) -> _Catalogue:
    async with workspace.connect(None if only is None else [only]) as opened:
        able = {name: registry for name, registry in opened.items() if isinstance(registry, Catalogues)}
        if not able:
            raise _no_catalogue(workspace, opened)
        if len(able) > 1:
            raise UsageError(f"several registries have a catalogue: {', '.join(able)}", hint="say which: --registry")
        ((name, source),) = able.items()
        with naming_registry(name):
            offers = await source.catalogue(provider)
        remote = await read_all({name: opened[name]}, workspace.facts)
    ordered = tuple(sorted(offers.offers, key=lambda offer: (offer.model, offer.key)))
    stored = frozenset(resource.address for resource in remote.resources())
    return _Catalogue(name, workspace.entries[name].portable.name, offers._replace(offers=ordered), stored)


def _no_catalogue(workspace: Workspace, names: Mapping[str, object]) -> UsageError:
    listed = ", ".join(f"{name} (driver {workspace.entries[name].driver.name})" for name in names) or "no registry"
    return UsageError(
        f"no catalogue of a provider can be had through {listed}",
        hint=f"a registry with one of these drivers has a catalogue: {', '.join(WITH_CATALOGUE)}",
    )


def _offer(catalogue: _Catalogue, model: str) -> CatalogueEntry:
    """The one offer of that name or key. Raises InputError for none, UsageError for several."""
    offers = catalogue.offers.offers
    matches = [offer for offer in offers if offer.key == model] or [offer for offer in offers if offer.model == model]
    if len(matches) == 1:
        return matches[0]
    provider = catalogue.offers.provider
    if matches:
        keys = ", ".join(offer.key for offer in matches)
        raise UsageError(f"{provider} offers {len(matches)} models called {model!r}: {keys}", hint="give the key")
    close = nearest(model, {name for offer in offers for name in (offer.model, offer.key)})
    hint = f"did you mean {close!r}?" if close else f"`reconciler models {provider}` lists what there is"
    raise InputError(f"{provider} offers no {model!r} through {catalogue.registry}", hint=hint)


def _declared(loaded: LoadedManifests) -> dict[Address, Source]:
    """The manifest of each declared address."""
    return {item.address: source for item in loaded.desired.resources if (source := item.resource.source) is not None}


def _add(
    workspace: Workspace,
    catalogue: _Catalogue,
    chosen: Sequence[CatalogueEntry],
    target: str | None,
    output_format: str,
) -> int:
    """Write the manifests of what is not declared yet: all of them or, where one cannot be written, none."""
    declared = _declared(workspace.load())
    texts, environment = _manifests(workspace, catalogue, chosen, declared, target)
    for path, text in texts.items():
        write_text(path, text)
    loaded = workspace.load()
    data = _data(catalogue, _declared(loaded))
    if output_format == "json":
        written = {"written": [path.as_posix() for path in texts], "environment": list(environment)}
        echo_json(data | written)
    else:
        for path in texts:
            echo_data(printable(path.as_posix()))
    if environment:  # that the registry has no credentials is mended: what is left to do is said
        say(f"Set in the environment, for apply: {', '.join(environment)}")
    _warn(catalogue.offers.note if environment else data["note"], loaded)
    return 0


def _manifests(
    workspace: Workspace,
    catalogue: _Catalogue,
    chosen: Sequence[CatalogueEntry],
    declared: Mapping[Address, Source],
    target: str | None,
) -> tuple[dict[Path, str], tuple[str, ...]]:
    """The texts of the manifests by file: of the models that are not declared yet, and of credentials that they need.

    With them, the variables of the environment that the credentials name.
    """
    missing = []
    for offer in chosen:
        source = declared.get(catalogue.address(offer))
        if source is None:
            missing.append(offer)
        else:
            say(f"{printable(offer.model)} is declared already: {printable(source.file)}:{source.line}")
    if not missing:
        return {}, ()
    files = files_of(workspace, missing, target)
    texts = {path: text_of(workspace, offer, catalogue.registry, path) for path, offer in files.items()}
    credentials = catalogue.offers.credentials
    if credentials is None or catalogue.credentials_address in declared:
        return texts, ()
    path = credentials_file(catalogue.offers.provider, files)
    text, environment = credentials_text(workspace, credentials, catalogue.registry, path)
    return {**texts, path: text}, environment


def _data(catalogue: _Catalogue, declared: Mapping[Address, Source]) -> dict[str, Any]:
    """The `models` answer."""
    notes = filter(None, (_credentials_note(catalogue, declared), catalogue.offers.note))
    return models_data(
        catalogue.registry, catalogue.kind, catalogue.offers, declared, catalogue.stored, "; ".join(notes)
    )


def _credentials_note(catalogue: _Catalogue, declared: Mapping[Address, Source]) -> str:
    """The note on credentials that the registry has not, with what to do next; empty where it has them."""
    if catalogue.credentials_address is None:
        return ""
    source = declared.get(catalogue.credentials_address)
    what = f"{catalogue.registry} has no credentials of {catalogue.offers.provider} yet"
    if source is None:
        return f"{what}: --add declares them, too"
    return f"{what}: apply stores those of {source.file}:{source.line}"


def _warn(note: str | None, loaded: LoadedManifests) -> None:
    if note:
        warn(f"{printable(note)}")
    warn_of_invalid(loaded)
