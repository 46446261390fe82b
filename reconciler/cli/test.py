"""`reconciler test`."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import click

from reconciler import render
from reconciler.cli import test_runs
from reconciler.cli.options import Command, GlobalOptions, allow_secrets_option, format_option
from reconciler.cli.session import naming_registry, stdin_bytes, style
from reconciler.cli.stored import all_declared, check_names, find_workspace_to_read, registries_of
from reconciler.cli.streams import echo_data, echo_json
from reconciler.core.document import decode, read_text
from reconciler.core.document.json_text import load_json
from reconciler.core.errors import InputError, Problem, UsageError
from reconciler.core.resource import Address, RemoteState, Resource
from reconciler.project.lookup import check_readable, matching, only, suggested
from reconciler.project.pull_request import check_secrets
from reconciler.project.selection import parse_selector
from reconciler.project.workspace import STDIN, Workspace
from reconciler.registry.capabilities import RunsTests, TestResult
from reconciler.registry.protocol import Registry
from reconciler.registry.reading import read_all
from reconciler.render.result_text import result_text, results_text
from reconciler.render.terminal import Style


@click.command(
    cls=Command,
    name="test",
    examples={
        "reconciler test chat": "one model, at its endpoint",
        "reconciler test --all --format junit": "every declared one, as a test report",
        "reconciler test chat --registry local": "as the registry calls it",
    },
)
@click.argument("key", required=False)
@click.option("--all", "every", is_flag=True, help="Test every declared model that has an endpoint.")
@click.option(
    "--select",
    "selections",
    multiple=True,
    metavar="SELECTOR",
    help="With --all: only models whose labels meet this, as in plan. Repeated: all must hold.",
)
@click.option("--registry", metavar="NAME", help="Have this registry test it, not its endpoint.")
@click.option("--input", "source", metavar="FILE", help="What to send, as JSON ('-' is stdin), instead of a greeting.")
@click.option(
    "--require",
    "required",
    multiple=True,
    type=click.Choice([test_runs.STREAMING]),
    help="Fail where the model does not stream, which is degraded otherwise.",
)
@click.option("--strict", is_flag=True, help="End with 1 where a check is degraded, too.")
@allow_secrets_option
@format_option("text", "json", "junit")
@click.pass_obj
def command(
    options: GlobalOptions,
    key: str | None,
    every: bool,
    selections: tuple[str, ...],
    registry: str | None,
    source: str | None,
    required: tuple[str, ...],
    strict: bool,
    allow_secrets: bool,
    output_format: str,
) -> int:
    """Test a model: is it reached, does it answer, also as a stream, and which parameters does it heed?

    A model that a manifest declares with an endpoint is asked there, without any registry; any other one is tested by
    its registry, and so is every one with --registry. KEY is a key or an address. What an endpoint cannot do beside its
    work is `degraded`: it does not stream, or refuses a declared parameter. Ends with 1 where a check failed.
    """
    _check_usage(key, registry, selections, every=every)
    for text in selections:
        parse_selector(text)  # before anything is read
    given = None if source is None else _given(source)
    workspace = find_workspace_to_read(options, always=False)
    telling = _Telling(style(options), output_format, strict, options.verbose)
    if key is None:
        chosen = test_runs.selected(workspace, workspace.load(), selections, given)
        check_secrets(workspace, [subject.endpoint for subject in chosen], allowed=allow_secrets)
        return telling.tell_all(asyncio.run(test_runs.results(workspace, chosen, given, required=required)))
    if registry is not None:
        check_names(workspace, [registry])
    return telling.tell(asyncio.run(_result(workspace, key, registry, given, required, allow_secrets=allow_secrets)))


@dataclass(frozen=True)
class _Telling:
    """Output of results, and the exit code."""

    style: Style
    output_format: str
    strict: bool
    verbose: int

    def tell(self, result: dict[str, Any]) -> int:
        """One model in full."""
        if self.output_format == "json":
            echo_json(result)
        else:
            steps = bool(self.verbose) or not result["ok"] or "endpoint" in result
            echo_data(
                self._junit([result]) if self.output_format == "junit" else result_text(result, self.style, steps=steps)
            )
        return self._ended([result])

    def tell_all(self, results: Sequence[dict[str, Any]]) -> int:
        """Several models, and a count."""
        if self.output_format == "json":
            states = {result["state"] for result in results}
            worst = next((state for state in ("failed", "degraded") if state in states), "ok")
            echo_json({"ok": worst != "failed", "state": worst, "results": results})
        else:
            echo_data(self._junit(results) if self.output_format == "junit" else results_text(results, self.style))
        return self._ended(results)

    def _ended(self, results: Sequence[dict[str, Any]]) -> int:
        bad = ("failed", "degraded") if self.strict else ("failed",)
        return 1 if any(result["state"] in bad for result in results) else 0

    def _junit(self, results: Sequence[dict[str, Any]]) -> str:
        text: str = render.load("reconciler.render.junit:test_suites")(results, self.style, strict=self.strict)
        return text


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


async def _result(
    workspace: Workspace, key: str, registry: str | None, given: Any, required: Sequence[str], *, allow_secrets: bool
) -> dict[str, Any]:
    """The `test` answer for one model: from its endpoint if a manifest declares one, else through a registry."""
    subject = test_runs.meant(workspace, workspace.load(), key, given) if registry is None else None
    if subject is not None:
        check_secrets(workspace, [subject.endpoint], allowed=allow_secrets)
        return (await test_runs.results(workspace, [subject], given, required=required))[0]
    address, result = await _through_registry(workspace, key, registry, given)
    missing = f"it is required, and {address.registry} does not test it"
    return test_runs.answer_of(address, test_runs.require(result, required, missing))


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


async def _through_registry(
    workspace: Workspace, key: str, registry: str | None, given: Any
) -> tuple[Address, TestResult]:
    """The object's registry tests it. Raises UsageError where none of the registries in question can."""
    names = registries_of(workspace, [key]) if registry is None else (registry,)
    async with workspace.connect(names) as opened:
        able = {name: place for name, place in opened.items() if isinstance(place, RunsTests)}
        unable = ", ".join(
            f"{name} (driver {workspace.entries[name].driver.name})" for name in sorted(opened.keys() - able.keys())
        )
        if not able:
            await _check_known(workspace, key, opened)
            hint = f"no manifest declares a model {key!r} with an endpoint, and the driver has no test of its own"
            raise UsageError(f"nothing can be tested through {unable}", hint=hint)
        remote = await read_all({name: opened[name] for name in able}, workspace.facts)
        found = _named(workspace, key, remote, unable)
        with naming_registry(found.address.registry):
            return found.address, await able[found.address.registry].test(found, given)


async def _check_known(workspace: Workspace, key: str, opened: Mapping[str, Registry]) -> None:
    """Raises InputError for a KEY that no manifest declares and none of the registries holds, as `get` does."""
    loaded = workspace.load()
    if any(key in (item.key, str(item.address)) for item in loaded.desired.resources):
        return
    remote = await read_all(opened, workspace.facts)
    if not matching(key, remote.resources()):
        check_readable(key, remote)
        declared = all_declared(loaded)  # the one that is meant may be one with a mistake
        known = [*(item.address for item in declared.resources), *_addresses(remote)]
        raise InputError(f"no manifest declares {key!r}, and no registry holds it", hint=suggested(key, known))


def _named(workspace: Workspace, key: str, remote: RemoteState, unable: str) -> Resource:
    """The one object meant: a model, where a model and something else have the key."""
    every = list(remote.resources())
    declared = frozenset[Address]()
    if not any(str(resource.address) == key for resource in every):
        items = workspace.load().desired.resources
        declared = frozenset(
            item.address for item in items if item.key == key and item.resource.parent is None and not item.absent
        )
    found = matching(key, every, declared)
    if not found:
        check_readable(key, remote, declared)
        all_declared(workspace.load())
    if not found and any(address.registry in remote.listings for address in declared):
        raise InputError(f"{key!r} is declared, and no registry holds it yet", hint="`reconciler apply` creates it")
    if not found and unable:
        raise InputError(f"no registry that can test holds {key!r}", hint=f"nothing can be tested through {unable}")
    models = [item for item in found if item.address.kind == workspace.entries[item.address.registry].portable.name]
    return only(key, models or found, _addresses(remote))


def _addresses(remote: RemoteState) -> list[Address]:
    return [resource.address for resource in remote.resources()]
