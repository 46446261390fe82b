"""Compare two environments of one configuration: what they declare, or what their registries hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from reconciler.core.errors import ManifestError, RegistryError, UsageError
from reconciler.core.resource import Desired, RemoteState, Resource
from reconciler.planner.comparison import Comparison, Item, compare
from reconciler.project.selection import matches_nothing, meeting, parse_selectors
from reconciler.project.workspace import Workspace, open_workspace
from reconciler.registry.reading import read_all


class Scope(NamedTuple):
    """The part of two environments that is compared: by paths, names of registries and label selectors."""

    paths: tuple[str, ...] = ()
    registries: tuple[str, ...] = ()
    selections: tuple[str, ...] = ()


def open_two(config: Path | None, names: Sequence[str]) -> tuple[Workspace, Workspace]:
    """The workspaces of two environments. Raises ConfigError, and UsageError for one that does not exist, or one twice."""
    first, second = (open_workspace(config, environment=name) for name in names)
    if first.project.environment == second.project.environment:
        raise UsageError(
            f"both are {first.project.environment!r}: an environment does not differ from itself",
            hint=f"the environments there: {', '.join(first.project.every_environment)}",
        )
    return first, second


def check_registries(both: tuple[Workspace, Workspace], names: Iterable[str]) -> None:
    """Raise UsageError for a name that is no registry's of either."""
    known = {name for workspace in both for name in workspace.entries}
    for name in names:
        if name not in known:
            raise UsageError(f"there is no registry {name!r} in either", hint=f"there is: {', '.join(sorted(known))}")


def compare_declared(both: tuple[Workspace, Workspace], scope: Scope) -> Comparison:
    """Compare what manifests declare in two environments.

    Raises ManifestError with every problem, and which environment it is of, UsageError for selectors that match nothing
    in either.
    """
    requirements = parse_selectors(scope.selections)
    declared = [_declared(workspace, scope) for workspace in both]
    chosen = [meeting(requirements, items) for items in declared]
    if requirements and not any(chosen):
        raise matches_nothing(scope.selections, chain(*declared), "manifest")
    sides = [
        [_item(workspace, item.resource, item) for item in items] for workspace, items in zip(both, chosen, strict=True)
    ]
    return compare(_names(both), *sides, live=False)


async def compare_live(both: tuple[Workspace, Workspace], scope: Scope) -> Comparison:
    """Compare what the registries of two environments hold: all of it, or RegistryError."""
    sides = [list(await _stored(workspace, scope)) for workspace in both]
    return compare(_names(both), *sides, live=True)


def _names(both: tuple[Workspace, Workspace]) -> tuple[str, str]:
    first, second = (workspace.project.environment or "" for workspace in both)
    return first, second


def _declared(workspace: Workspace, scope: Scope) -> tuple[Desired, ...]:
    """What one environment declares in the registries asked for, without what is to be absent."""
    name = workspace.project.environment
    try:
        desired = workspace.load(scope.paths).checked()
    except ManifestError as error:
        problems = tuple(problem._replace(environment=name) for problem in error.problems)
        raise ManifestError(f"{error.message} in the environment {name!r}", problems, error.lines) from error
    wanted = scope.registries or tuple(workspace.entries)
    return tuple(item for item in desired.resources if not item.absent and item.address.registry in wanted)


async def _stored(workspace: Workspace, scope: Scope) -> Iterator[Item]:
    names = [name for name in workspace.entries if not scope.registries or name in scope.registries]
    async with workspace.connect(names) as registries:
        remote = await read_all(registries, workspace.facts)
    _check_readable(remote, workspace)
    return (_item(workspace, resource) for resource in remote.resources())


def _check_readable(remote: RemoteState, workspace: Workspace) -> None:
    """Raise RegistryError for a row that nobody can read: it may be what differs."""
    for name, listing in remote.listings.items():
        for row in listing.unreadable:
            what = f"{row.kind or '?'}/{row.key or '?'}"
            where = f"{name} of the environment {workspace.project.environment!r}"
            raise RegistryError(f"{where} holds something that cannot be read: {what}: {row.message}")


def _item(workspace: Workspace, resource: Resource, declared: Desired | None = None) -> Item:
    entry = workspace.entries[resource.address.registry]
    key = declared.key if declared is not None else resource.manifest_key
    kind = entry.driver.kinds[resource.address.kind]
    return Item(resource.address, entry.driver.name, kind, key, resource.spec, resource.source)
