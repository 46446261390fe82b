"""From the command line to a plan: what `plan`, `apply` and `drift` share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from reconciler.cli import changed
from reconciler.cli.session import stdin_bytes, tell_excluded
from reconciler.cli.stored import check_names, tell_default_registry
from reconciler.cli.waiting import reading
from reconciler.core.errors import UsageError
from reconciler.core.observing import span
from reconciler.core.resource import DesiredState
from reconciler.planner.plan import Consents, Plan
from reconciler.project.loaded import LoadedManifests
from reconciler.project.lookup import suggested
from reconciler.project.origin import origin_of
from reconciler.project.planning import plan_changes
from reconciler.project.policy_checks import check_policies
from reconciler.project.selection import parse_selector, select
from reconciler.project.workspace import Workspace
from reconciler.registry.protocol import Registry


@dataclass(frozen=True, slots=True)
class Request:
    """A request for a plan, built from the options of a command.

    Raises UsageError for options that contradict each other.
    """

    paths: tuple[str, ...] = ()
    registries: tuple[str, ...] = ()
    selections: tuple[str, ...] = ()
    changed_since: str | None = None
    consents: Consents = Consents()

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Request:
        consents = Consents(
            prune=bool(options.get("prune")),
            allow_deletes=options.get("allow_deletes"),
            allow_replaces=options.get("allow_replaces"),
            take_ownership=tuple(options.get("take_ownership") or ()),
            rotate=tuple(options.get("rotate") or ()),
        )
        selections = tuple(options.get("selections") or ())
        for text in selections:
            parse_selector(text)
        since = options.get("changed_since")
        request = cls(tuple(options["paths"]), tuple(options["registries"]), selections, since, consents)
        if consents.prune and (request.paths or request.selections or since is not None):
            what = "PATH" if request.paths else "--select" if request.selections else "--changed-since"
            raise UsageError(
                f"--prune always looks at all configured manifests, so it cannot be combined with {what}",
                hint="leave one of them out; --registry may be combined",
            )
        return request


def load(workspace: Workspace, request: Request, *, today: date | None = None) -> tuple[LoadedManifests, DesiredState]:
    """The manifests, all valid, and of their desired state the part that was asked for.

    With `today`, the day in UTC, the policies are asked, too: by what writes, or shows what would be written.
    """
    check_names(workspace, request.registries)
    if request.changed_since is not None:
        loaded = changed.load(workspace, request.changed_since, request.paths)
        if loaded is None:
            return changed.nothing(workspace)
    else:
        loaded = workspace.load(request.paths, stdin_bytes)
    tell_excluded(loaded.excluded)
    if today is not None:
        loaded = check_policies(workspace, loaded, today)
    desired = loaded.checked()
    if request.changed_since is not None:
        desired = changed.without_deletions(desired)
    desired = select(desired, request.selections)
    _check_rotate(desired, request.consents.rotate)
    return loaded, desired


def _check_rotate(desired: DesiredState, keys: tuple[str, ...]) -> None:
    """`--rotate KEY` must name one declared object, or a typo would rotate nothing and say nothing."""
    for key in keys:
        found = [
            item.address
            for item in desired.resources
            if str(item.address) == key or (item.resource.parent is None and key in (item.address.key, item.key))
        ]
        models = [address for address in found if str(address) == key] or found
        if not models:
            known = [item.address for item in desired.resources]
            hint = suggested(key, known, "`reconciler validate` tells whether the manifests are read as they are meant")
            raise UsageError(f"--rotate {key!r}: no manifest declares it", hint=hint)
        if len(models) > 1:
            raise UsageError(
                f"--rotate {key!r} names {len(models)} objects: {', '.join(sorted(map(str, models)))}",
                hint="give the address",
            )


def names(workspace: Workspace, request: Request, desired: DesiredState) -> list[str]:
    """The registries to read: those asked for; else all for a whole plan, and those concerned for a part."""
    if request.registries:
        return sorted(set(request.registries))
    if desired.complete:
        return sorted(workspace.entries)
    return sorted({item.address.registry for item in desired.resources})


async def plan(
    workspace: Workspace,
    request: Request,
    loaded: LoadedManifests,
    desired: DesiredState,
    registries: Mapping[str, Registry],
) -> Plan:
    """Read the registries and plan. Writes nothing."""
    tell_default_registry(workspace)
    with span("plan"), reading(registries):
        return await plan_changes(
            workspace,
            desired,
            registries,
            declared=loaded.desired,
            warnings=loaded.warnings,
            consents=request.consents,
        )


async def read_in(workspace: Workspace, request: Request, *, today: date | None = None) -> Plan:
    """The plan for a command that only looks, in a workspace that is open already; `today` as for `load`."""
    loaded, desired = load(workspace, request, today=today)
    async with workspace.connect(names(workspace, request, desired)) as registries:
        return await plan(workspace, request, loaded, desired, registries)


def with_origin(plan: Plan, workspace: Workspace) -> Plan:
    """The plan, with what it was made from: the commit, the version, and the project's folder."""
    return replace(plan, origin=origin_of(workspace.project.root, workspace.resolver.environ))


def exit_code(plan: Plan, *, detailed: bool) -> int:
    """4 where apply would refuse or leave something, 2 for pending changes if asked, else 0."""
    if plan.guards or plan.left:
        return 4
    return 2 if detailed and plan.writes else 0
