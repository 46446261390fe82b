"""Plan a project: read the registries, check the references of the manifests, and compute a plan.

The command line and the Python interface both plan through here.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace

from reconciler.core.errors import ConfigError, Problem, RegistryError, SecretError
from reconciler.core.resource import DesiredState, Listing, RemoteState, Resource
from reconciler.core.schema.findings import NEAR_MISS
from reconciler.planner.moving import unread_goals
from reconciler.planner.plan import Consents, Plan
from reconciler.planner.planner import Policy, make_delete_plan, make_plan
from reconciler.planner.references import external
from reconciler.planner.same_place import rivals
from reconciler.project.lookup import one_object
from reconciler.project.policy import policy_of
from reconciler.project.runner_local import registries_not_kept
from reconciler.project.unfinished import with_warnings
from reconciler.project.workspace import Workspace
from reconciler.registry.protocol import Registry
from reconciler.registry.reading import read_all, read_missing, with_hidden


async def read_remote(workspace: Workspace, declared: DesiredState, registries: Mapping[str, Registry]) -> RemoteState:
    """Read the registries, and check the references of what is declared against them.

    Raises RegistryError where one cannot be read, ManifestError where a manifest refers to an object that is nowhere.
    """
    remote = await _read_named(workspace, declared, registries)
    workspace.check_references(declared, remote)
    return await with_hidden(remote, registries, declared)


async def read_unchecked(
    workspace: Workspace, declared: DesiredState, registries: Mapping[str, Registry]
) -> RemoteState:
    """Read the registries, for a caller that leaves out each object whose references lead nowhere (`plan_unchecked`).

    Raises RegistryError where one cannot be read.
    """
    remote = await _read_named(workspace, declared, registries)
    return await with_hidden(remote, registries, declared)


def plan_unchecked(desired: DesiredState, remote: RemoteState, policy: Policy) -> Plan:
    """Plan the changes that lead to `desired`, of which the caller has checked the references."""
    return make_plan(desired, remote, policy)


async def _read_named(workspace: Workspace, declared: DesiredState, registries: Mapping[str, Registry]) -> RemoteState:
    """Read the registries, and look up what they do not list and is named."""
    remote = await read_all(registries, workspace.facts)
    named = {target for _, _, target in external(declared, remote)}
    return remote._replace(missing=await read_missing(registries, workspace.facts, named))


async def plan_changes(
    workspace: Workspace,
    desired: DesiredState,
    registries: Mapping[str, Registry],
    *,
    declared: DesiredState | None = None,
    warnings: tuple[Problem, ...] = (),
    consents: Consents = Consents(),
) -> Plan:
    """Read the registries and plan the changes that lead to `desired`. Writes nothing.

    `declared` is all that the manifests declare, where `desired` is only a part of it. Raises what `read_remote`
    raises.
    """
    remote = await read_remote(workspace, desired if declared is None else declared, registries)
    warnings = (*warnings, *registries_not_kept(workspace, registries))
    policy = policy_of(workspace, desired, warnings, consents)
    if consents.prune:
        policy = await _with_read(workspace, policy, unread_goals(desired, remote, policy.beside))
    plan = make_plan(desired, remote, policy)
    unread = {one.other for one in rivals(plan.changes, desired, remote, policy.beside) if not one.read}
    if consents.prune and unread:
        plan = make_plan(desired, remote, await _with_read(workspace, policy, unread))
    return with_warnings(plan, remote, workspace)


async def _with_read(workspace: Workspace, policy: Policy, names: Collection[str]) -> Policy:
    """The policy, with what those registries, which are not planned, hold as far as they can be read."""
    if not names:
        return policy
    listings = {**policy.beside.listings, **await _readable(workspace, names)}
    return replace(policy, beside=policy.beside._replace(listings=listings))


async def _readable(workspace: Workspace, names: Collection[str]) -> dict[str, Listing]:
    """What those of these registries hold that can be read; a guard tells of the others."""
    found: dict[str, Listing] = {}
    for name in sorted(names):
        with suppress(RegistryError, ConfigError, SecretError):
            async with workspace.connect([name]) as opened:
                found |= (await read_all(opened, workspace.facts)).listings
    return found


async def plan_deletion(
    workspace: Workspace, key: str, desired: DesiredState, registries: Mapping[str, Registry]
) -> tuple[Resource, Plan]:
    """Read the registries and plan the deletion of one object, by key or address. Returns the object, too.

    Raises InputError where there is none, UsageError where several have the key.
    """
    remote = await read_all(registries, workspace.facts)
    resource = one_object(key, remote, NEAR_MISS)
    return resource, make_delete_plan(resource, desired, remote, environment=workspace.project.environment)
