"""`reconciler test`."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from reconciler.cli.answers import answer_json
from reconciler.cli.options import Command, Globals, format_option
from reconciler.cli.session import alone, asked, check_readable, matching, stdin_bytes, style, workspace
from reconciler.cli.stored import check_names, registries_of
from reconciler.cli.streams import answer
from reconciler.document import decode, read_text
from reconciler.document.json_text import load_json
from reconciler.errors import InputError, Problem, UsageError
from reconciler.registry.base import Tested, Tests
from reconciler.remote import read_all
from reconciler.render.answers import checks_text
from reconciler.state import Address, RemoteState, Resource
from reconciler.workspace import STDIN, Workspace


@click.command(cls=Command, name="test")
@click.argument("key")
@click.option("--registry", metavar="NAME", help="The registry that tests it.")
@click.option("--input", "source", metavar="FILE", help="What to send, as JSON ('-' is stdin), instead of a greeting.")
@format_option("text", "json")
@click.pass_obj
def command(options: Globals, key: str, registry: str | None, source: str | None, output_format: str) -> int:
    """Have its registry try a model out: is it reached, and does it answer? KEY is a key or an address.

    The key may be the manifest's too. Ends with 1 where a check failed.
    """
    given = None if source is None else _given(source)
    here = workspace(options)
    if registry is not None:
        check_names(here, [registry])
    address, tested = asyncio.run(_through_registry(here, key, registry, given))
    data = {
        "address": str(address),
        "ok": all(check.ok for check in tested.checks),
        "checks": [
            {"name": check.name, "ok": check.ok, "message": check.message, "duration_ms": round(check.duration * 1000)}
            for check in tested.checks
        ],
        "output": tested.output,
    }
    if output_format == "json":
        answer_json(data)
    else:
        answer(checks_text(data, style(options)))
    return 0 if data["ok"] else 1


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
            raise UsageError(f"nothing can be tested through {unable}", hint="its driver has no test")
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
    return alone(key, models or found)
