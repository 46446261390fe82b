"""`reconciler models`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import click

from reconciler.cli.answers import answer_json
from reconciler.cli.files import write_text
from reconciler.cli.offered import files_of, text_of
from reconciler.cli.options import Command, GlobalOptions, format_option
from reconciler.cli.session import asked, find_workspace, style
from reconciler.cli.stored import check_names
from reconciler.cli.streams import answer, say
from reconciler.core.errors import InputError, UsageError
from reconciler.core.resource import Address, Source
from reconciler.core.schema.findings import nearest
from reconciler.project.workspace import Loaded, Workspace
from reconciler.registry.capabilities import Catalogue, CatalogueEntry, Catalogues
from reconciler.registry.reading import read_all
from reconciler.render.answers import models_text
from reconciler.render.escape import printable

WITH_CATALOGUE: Final = ("latticeflow",)  # of our own drivers
_NOTHING_THERE: Final = frozenset({"no-manifests", "no-such-path"})  # a project may begin with this command


class _Catalogue(NamedTuple):
    """What a provider offers through one registry, and what that registry holds."""

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
    data = _data(catalogue, _declared(loaded))
    if output_format == "json":
        answer_json(data | ({"written": [path.as_posix() for path in written]} if wanted else {}))
    elif wanted:
        for path in written:
            answer(printable(path.as_posix()))
    else:
        answer(models_text(data, style(options)))
    _warn(catalogue, loaded)
    return 0


async def _catalogue(workspace: Workspace, provider: str, registry: str | None) -> _Catalogue:
    async with workspace.connect(None if registry is None else [registry]) as opened:
        able = {name: place for name, place in opened.items() if isinstance(place, Catalogues)}
        if not able:
            raise _no_catalogue(workspace, opened)
        if len(able) > 1:
            raise UsageError(f"several registries have a catalogue: {', '.join(able)}", hint="say which: --registry")
        ((name, place),) = able.items()
        with asked(name):
            offers = await place.catalogue(provider)
        remote = await read_all({name: opened[name]}, workspace.facts)
    ordered = tuple(sorted(offers.offers, key=lambda offer: (offer.model, offer.key)))
    stored = frozenset(resource.address for resource in remote.resources())
    return _Catalogue(name, workspace.entries[name].portable.name, offers._replace(offers=ordered), stored)


def _no_catalogue(workspace: Workspace, names: Mapping[str, object]) -> UsageError:
    told = ", ".join(f"{name} (driver {workspace.entries[name].driver.name})" for name in names) or "no registry"
    return UsageError(
        f"no catalogue of a provider can be had through {told}",
        hint=f"a registry with one of these drivers has a catalogue: {', '.join(WITH_CATALOGUE)}",
    )


def _offer(catalogue: _Catalogue, model: str) -> CatalogueEntry:
    """The one offer of that name or key. Raises InputError for none, UsageError for several."""
    offers = catalogue.offers.offers
    found = [offer for offer in offers if offer.key == model] or [offer for offer in offers if offer.model == model]
    if len(found) == 1:
        return found[0]
    provider = catalogue.offers.provider
    if found:
        keys = ", ".join(offer.key for offer in found)
        raise UsageError(f"{provider} offers {len(found)} models called {model!r}: {keys}", hint="give the key")
    close = nearest(model, {name for offer in offers for name in (offer.model, offer.key)})
    hint = f"did you mean {close!r}?" if close else f"`reconciler models {provider}` lists what there is"
    raise InputError(f"{provider} offers no {model!r} through {catalogue.registry}", hint=hint)


def _declared(loaded: Loaded) -> dict[Address, Source]:
    """Where the manifests declare what."""
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


def _warn(catalogue: _Catalogue, loaded: Loaded) -> None:
    if catalogue.offers.note:
        say(f"warning: {printable(catalogue.offers.note)}")
    if any(problem.rule not in _NOTHING_THERE for problem in loaded.errors):
        say("warning: some manifests are not valid, so not all that they declare is known: see `reconciler validate`")


def _data(catalogue: _Catalogue, declared: Mapping[Address, Source]) -> dict[str, Any]:
    rows = []
    for offer in catalogue.offers.offers:
        address = catalogue.address(offer)
        source = declared.get(address)
        rows.append(
            {
                "model": offer.model,
                "key": offer.key,
                "title": offer.title,
                "declared": {"file": source.file, "line": source.line} if source is not None else None,
                "stored": address in catalogue.stored,
            }
        )
    return {
        "registry": catalogue.registry,
        "provider": catalogue.offers.provider,
        "models": rows,
        "note": catalogue.offers.note or None,
    }
