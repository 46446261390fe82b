"""`reconciler models`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from reconciler.cli.catalogue import files_of, text_of
from reconciler.cli.files import write_text
from reconciler.cli.options import Command, GlobalOptions, format_option
from reconciler.cli.session import find_workspace, naming_registry, style
from reconciler.cli.stored import check_names, warn_of_invalid
from reconciler.cli.streams import echo_data, echo_json, say
from reconciler.core.errors import InputError, UsageError
from reconciler.core.resource import Address, Source
from reconciler.core.schema.findings import nearest
from reconciler.project.workspace import LoadedManifests, Workspace
from reconciler.registry.capabilities import Catalogue, CatalogueEntry, Catalogues
from reconciler.registry.catalog import WITH_CATALOGUE
from reconciler.registry.reading import read_all
from reconciler.render.catalogue import models_data, models_text
from reconciler.render.escape import printable


class _Catalogue(NamedTuple):
    """A provider's catalogue as one registry offers it, and the addresses of what that registry holds."""

    registry: str
    kind: str
    offers: Catalogue
    stored: frozenset[Address]

    def address(self, offer: CatalogueEntry) -> Address:
        return Address(self.registry, self.kind, offer.key)


@click.command(cls=Command, name="models")
@click.argument("provider")
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
    provider: str,
    wanted: tuple[str, ...],
    target: str | None,
    registry: str | None,
    output_format: str,
) -> int:
    """List what PROVIDER offers through a registry, and which of it is declared and stored.

    --add writes manifests, and prints their files; the registry is not written to, and no file is overwritten.
    """
    if target is not None and not wanted:
        raise UsageError("-o says where --add writes, and there is no --add")
    workspace = find_workspace(options)
    if registry is not None:
        check_names(workspace, [registry])
    catalogue = asyncio.run(_catalogue(workspace, provider, registry))
    chosen = {offer.key: offer for model in wanted for offer in [_offer(catalogue, model)]}
    loaded = workspace.load()
    written = _add(workspace, catalogue, tuple(chosen.values()), _declared(loaded), target)
    loaded = workspace.load() if written else loaded
    data = models_data(catalogue.registry, catalogue.kind, catalogue.offers, _declared(loaded), catalogue.stored)
    if output_format == "json":
        echo_json(data | ({"written": [path.as_posix() for path in written]} if wanted else {}))
    elif wanted:
        for path in written:
            echo_data(printable(path.as_posix()))
    else:
        echo_data(models_text(data, style(options)))
    _warn(catalogue, loaded)
    return 0


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
    declared: Mapping[Address, Source],
    target: str | None,
) -> list[Path]:
    """The manifests of what is not declared yet: all of them or, where one cannot be written, none."""
    missing = []
    for offer in chosen:
        source = declared.get(catalogue.address(offer))
        if source is None:
            missing.append(offer)
        else:
            say(f"{printable(offer.model)} is declared already: {printable(source.file)}:{source.line}")
    files = files_of(workspace, missing, target) if missing else {}
    for path, offer in files.items():
        write_text(path, text_of(workspace, offer, catalogue.registry, path))
    return list(files)


def _warn(catalogue: _Catalogue, loaded: LoadedManifests) -> None:
    if catalogue.offers.note:
        say(f"warning: {printable(catalogue.offers.note)}")
    warn_of_invalid(loaded)
