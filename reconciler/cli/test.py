"""`reconciler test`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import click

from reconciler import render
from reconciler.cli import trials
from reconciler.cli.answers import answer_json
from reconciler.cli.options import Command, GlobalOptions, format_option
from reconciler.cli.session import asked, find_workspace, stdin_bytes, style
from reconciler.cli.stored import check_names, registries_of
from reconciler.cli.streams import answer
from reconciler.core.document import decode, read_text
from reconciler.core.document.json_text import load_json
from reconciler.core.errors import InputError, Problem, UsageError
from reconciler.core.resource import Address, RemoteState, Resource
from reconciler.project.lookup import check_readable, matching, only
from reconciler.project.workspace import STDIN, Workspace
from reconciler.registry.capabilities import Tested, Tests
from reconciler.registry.reading import read_all
from reconciler.render.terminal import Style
from reconciler.render.tested import all_text, tested_text


@click.command(cls=Command, name="test")
@click.argument("key", required=False)
@click.option("--all", "every", is_flag=True, help="Test every declared model that has an endpoint.")
@click.option(
    "--select",
    "selections",
    multiple=True,
    metavar="LABEL=VALUE",
    help="With --all: only models with this label. Repeated: all must hold.",
)
@click.option("--registry", metavar="NAME", help="Have this registry test it, not its endpoint.")
@click.option("--input", "source", metavar="FILE", help="What to send, as JSON ('-' is stdin), instead of a greeting.")
@format_option("text", "json", "junit")
@click.pass_obj
def command(
    options: GlobalOptions,
    key: str | None,
    every: bool,
    selections: tuple[str, ...],
    registry: str | None,
    source: str | None,
    output_format: str,
) -> int:
    """Try a model out: is it reached, does it answer, also as a stream, and which parameters does it heed?

    A model that a manifest declares with an endpoint is asked there, without any registry; any other one is tested by its
    registry, and so is every one with --registry. KEY is a key or an address. Ends with 1 where a check failed.
    """
    _check_usage(key, registry, selections, every=every)
    wanted = tuple(map(_selection, selections))
    given = None if source is None else _given(source)
    here = find_workspace(options)
    how = style(options)
    if key is None:
        chosen = trials.selected(here.load(), wanted, given)
        return _tell_all(asyncio.run(trials.results(here, chosen, given)), how, output_format)
    if registry is not None:
        check_names(here, [registry])
    return _tell(asyncio.run(_result(here, key, registry, given)), how, output_format)


def _check_usage(key: str | None, registry: str | None, selections: Sequence[str], *, every: bool) -> None:
    """Raises UsageError for what contradicts itself."""
    if key is None and not every:
        raise UsageError("say what to test: a KEY, or --all")
    if key is not None and every:
        raise UsageError("--all tests every model", hint="leave out KEY, or --all")
    if every and registry is not None:
        raise UsageError("--all tests endpoints, and --registry leads elsewhere", hint="--registry takes one KEY")
    if selections and not every:
        raise UsageError("--select goes with --all", hint="KEY says already what to test")


def _selection(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"--select {text!r} is not LABEL=VALUE")
    return name, value


async def _result(here: Workspace, key: str, registry: str | None, given: Any) -> dict[str, Any]:
    """The answer for one model: from its endpoint where a manifest declares one, else, and with `registry`, through a registry."""
    subject = trials.meant(here.load(), key, given) if registry is None else None
    if subject is not None:
        return (await trials.results(here, [subject], given))[0]
    address, tested = await _through_registry(here, key, registry, given)
    checks = trials.checks_of(tested.checks)
    ok = all(check.ok for check in tested.checks)
    return {"address": str(address), "ok": ok, "checks": checks, "output": tested.output}


def _tell(result: dict[str, Any], how: Style, output_format: str) -> int:
    if output_format == "json":
        answer_json(result)
    else:
        answer(_junit([result], how) if output_format == "junit" else tested_text(result, how))
    return 0 if result["ok"] else 1


def _tell_all(results: Sequence[dict[str, Any]], how: Style, output_format: str) -> int:
    ok = all(result["ok"] for result in results)
    if output_format == "json":
        answer_json({"ok": ok, "results": results})
    else:
        answer(_junit(results, how) if output_format == "junit" else all_text(results, how))
    return 0 if ok else 1


def _junit(results: Sequence[dict[str, Any]], how: Style) -> str:
    text: str = render.load("reconciler.render.junit:tests")(results, how)
    return text


def _given(source: str) -> Any:
    """The JSON value in a file or on stdin. Raises InputError, with the place, where there is none."""
    shown = "<stdin>" if source == STDIN else source
    text = decode(stdin_bytes(), shown) if source == STDIN else read_text(source, shown)
    if isinstance(text, Problem):
        raise _refused(text)
    loaded = load_json(text, shown)
    if loaded.problems:
        raise _refused(loaded.problems[0])
    if not loaded.documents:
        raise InputError(f"{shown} holds null, which is no input", hint="leave out --input for the default one")
    return loaded.documents[0].value


def _refused(problem: Problem) -> InputError:
    return InputError(f"{problem.file}:{problem.line}:{problem.column}: {problem.message}", hint="--input takes JSON")


async def _through_registry(here: Workspace, key: str, registry: str | None, given: Any) -> tuple[Address, Tested]:
    """The object's registry tests it. Raises UsageError where none of the registries in question can."""
    names = registries_of(here, [key]) if registry is None else (registry,)
    async with here.connect(names) as opened:
        able = {name: place for name, place in opened.items() if isinstance(place, Tests)}
        unable = ", ".join(
            f"{name} (driver {here.entries[name].driver.name})" for name in sorted(opened.keys() - able.keys())
        )
        if not able:
            hint = f"no manifest declares a model {key!r} with an endpoint, and the driver has no test of its own"
            raise UsageError(f"nothing can be tested through {unable}", hint=hint)
        remote = await read_all({name: opened[name] for name in able}, here.facts)
        found = _named(here, key, remote, unable)
        with asked(found.address.registry):
            return found.address, await able[found.address.registry].test(found, given)


def _named(here: Workspace, key: str, remote: RemoteState, unable: str) -> Resource:
    """The one object meant: a model, where a model and something else bear the key."""
    every = list(remote.resources())
    declared = frozenset[Address]()
    if not any(str(resource.address) == key for resource in every):
        items = here.load().desired.resources
        declared = frozenset(
            item.address for item in items if item.key == key and item.resource.parent is None and not item.absent
        )
    found = matching(key, every, declared)
    if not found:
        check_readable(key, remote, declared)
    if not found and any(address.registry in remote.listings for address in declared):
        raise InputError(f"{key!r} is declared, and no registry holds it yet", hint="`reconciler apply` creates it")
    if not found and unable:
        raise InputError(f"no registry that can test holds {key!r}", hint=f"nothing can be tested through {unable}")
    models = [item for item in found if item.address.kind == here.entries[item.address.registry].portable.name]
    return only(key, models or found)
