"""Compare the environments of one configuration: validate all of them, and find registries that they share."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import combinations
from types import MappingProxyType
from typing import NamedTuple

from reconciler.core import document
from reconciler.core.errors import ConfigError, Problem
from reconciler.core.resource import Address
from reconciler.core.schema.findings import Finding
from reconciler.manifest.validation import Validation, merge
from reconciler.project.config import Project
from reconciler.project.loaded import LoadedManifests
from reconciler.project.policy_checks import check_policies
from reconciler.project.registries import has_known_place, load_registries, place_of_entry
from reconciler.project.workspace import STDIN, Workspace
from reconciler.registry.entry import RegistryEntry

BASE = "the base configuration"  # what is in force without --env, in messages


class DeclaredElsewhere(NamedTuple):
    """The addresses that other environments declare in our registries, and the environments that are unreadable.

    `perhaps` are those that they declare where nobody can tell here whether it is the same place, each with its
    environment: only of kinds without room for a mark, by which anybody could tell whose they are.
    """

    addresses: frozenset[Address] = frozenset()
    unreadable: tuple[str, ...] = ()
    perhaps: Mapping[Address, str] = MappingProxyType({})


def siblings(workspace: Workspace) -> Iterator[tuple[str, Workspace]]:
    """The workspaces of the other environments, and of none; those with wrong settings are left out: `check_environments` tells."""
    return ((name, other) for name, other in _others(workspace) if other is not None)


def _others(workspace: Workspace) -> Iterator[tuple[str, Workspace | None]]:
    """The workspaces of the other environments, and of none. None where the settings are wrong."""
    project = workspace.project
    others: Mapping[str, Project | None] = {**project.environments, BASE: project.base}
    for name, other in others.items():
        if other is None or other.environment == project.environment:
            continue
        try:
            entries = load_registries(other, workspace.resolver)
        except ConfigError:
            yield name, None
        else:
            yield name, Workspace(other, entries, workspace.cwd, workspace.resolver, workspace.cached)


def declared_elsewhere(workspace: Workspace) -> DeclaredElsewhere:
    """Find what other environments of this configuration declare for the places that this one writes to."""
    addresses: set[Address] = set()
    perhaps: dict[Address, str] = {}
    unreadable: list[str] = []
    by_name_alone = any(map(_has_unmarked, workspace.entries.values()))
    for name, other in _others(workspace):
        if other is None:
            unreadable.extend([name] if by_name_alone else [])
            continue
        shared = list(_shared(other, workspace))
        unknown = list(_perhaps_shared(other, workspace)) if by_name_alone else []
        if not shared and not unknown:
            continue
        loaded = other.load()
        if name == BASE and _is_template(other.project, loaded):
            continue
        if loaded.errors or loaded.desired.silent_sources:
            unreadable.append(name)
        addresses.update(_declared(loaded, shared))
        unmarked = (one for one in _declared(loaded, unknown) if _is_unmarked(one, workspace))
        perhaps.update(dict.fromkeys(unmarked, name))
    return DeclaredElsewhere(frozenset(addresses), tuple(unreadable), perhaps)


def _is_template(base: Project, loaded: LoadedManifests) -> bool:
    """True for a base that declares nothing itself, since only its environments do, and where nothing seems to be lost."""
    lost = loaded.errors or loaded.desired.silent_sources
    return not loaded.documents and not loaded.files and not (lost and base.names_manifests)


def _declared(loaded: LoadedManifests, pairs: Sequence[tuple[str, str]]) -> Iterator[Address]:
    """What another environment declares, by our registries. `pairs` are its registry and ours."""
    for item in loaded.desired.resources:
        for theirs, ours in pairs:
            if item.address.registry == theirs:
                yield item.address._replace(registry=ours)


def _has_unmarked(entry: RegistryEntry) -> bool:
    """Whether objects without room for a mark are ours there, by `owns`."""
    return bool(entry.facts.owns) and any(not kind.markable for kind in entry.facts.kinds.values())


def _is_unmarked(address: Address, workspace: Workspace) -> bool:
    return not workspace.entries[address.registry].facts.kinds[address.kind].markable


def _perhaps_shared(one: Workspace, other: Workspace) -> Iterator[tuple[str, str]]:
    """The pairs of registries, one of each, of one driver, where a variable that is not set here says where one leads."""

    def perhaps(first: RegistryEntry, second: RegistryEntry) -> bool:
        unknown = not (has_known_place(first) and has_known_place(second))
        return unknown and first.driver.name == second.driver.name

    return _pairs(one, other, perhaps)


def _shared(one: Workspace, other: Workspace) -> Iterator[tuple[str, str]]:
    """The pairs of registries, one of each, that lead to one place."""
    return _pairs(one, other, lambda first, second: place_of_entry(first) == place_of_entry(second))


def _pairs(
    one: Workspace, other: Workspace, match: Callable[[RegistryEntry, RegistryEntry], bool]
) -> Iterator[tuple[str, str]]:
    """The names of the registries, one of each, that match."""
    for name, entry in one.entries.items():
        for other_name, other_entry in other.entries.items():
            if match(entry, other_entry):
                yield name, other_name


def validate(
    workspace: Workspace, paths: Sequence[str] = (), stdin: Callable[[], bytes] | None = None, *, today: date
) -> Validation:
    """Check manifests under every environment, or under the one that was chosen with `--env`.

    `today` is the day, in UTC, on which waivers of policies hold or have ended.

    A problem of one environment alone says which. Paths are checked where they belong: in the environments whose
    manifests they are among, or in the base where they are among none.
    """
    content = stdin() if tuple(paths) == (STDIN,) and stdin is not None else b""
    base = check_policies(workspace, workspace.load(paths, lambda: content), today)
    alone = workspace.project.environment is not None
    others = dict(siblings(workspace)) if not alone or base.unused else {}
    concerned = {name: other for name, other in others.items() if not paths or other.has_any(paths)}
    read = {name: other.load(paths, lambda: content) for name, other in concerned.items()}
    used = set[Hashable]().union(*(loaded.used for loaded in (base, *read.values())))
    if alone or not others:
        return base.validation(used)
    results = {name: check_policies(concerned[name], loaded, today) for name, loaded in read.items()}
    template = not base.documents and any(loaded.documents for loaded in results.values())
    belongs = not paths or workspace.has_any(paths) or not results
    nowhere = set(base.excluded).intersection(*(loaded.excluded for loaded in results.values()))
    first = replace(base.validation(used), excluded=tuple(sorted(nowhere)))
    first = first if belongs and not template else replace(first, problems=())
    known = set(first.problems)
    validations = [first]
    for name, loaded in results.items():
        found = loaded.validation(used)
        only = tuple(problem._replace(environment=name) for problem in found.problems if problem not in known)
        files = found.files if template or not belongs else 0
        validations.append(
            replace(found, problems=only, files=files, documents=found.documents if files else 0, excluded=())
        )
    overlaps = tuple(_same_places({**({} if template else {BASE: workspace}), **others}))
    text = {workspace.project.file or "": document.lines_of(workspace.project.text)} if overlaps else {}
    everywhere = replace(first, files=0, documents=0)
    return merge(
        [
            *validations,
            replace(everywhere, problems=_unused_waivers([base, *results.values()])),
            replace(everywhere, problems=overlaps, lines=text),
        ]
    )


def _unused_waivers(loaded: Sequence[LoadedManifests]) -> tuple[Problem, ...]:
    """The warnings of waivers that waive nothing in any environment."""
    used = frozenset().union(*(one.used_waivers for one in loaded))
    unused = frozenset().union(*(one.unused_waivers for one in loaded))
    return tuple(sorted(unused - used))


def _same_places(workspaces: Mapping[str, Workspace]) -> Iterator[Problem]:
    """Find environments of different owners in one place: each would take the other's objects for foreign."""
    for (name, one), (other_name, other) in combinations(workspaces.items(), 2):
        for registry, other_registry in _shared(one, other):
            if one.entries[registry].facts.owner == other.entries[other_registry].facts.owner:
                continue
            if name == BASE:  # which may never be applied: told where the environment could have said otherwise
                yield _overlap(other, other_registry, (name, one, registry), "warning")
                continue
            yield _overlap(one, registry, (other_name, other, other_registry), "error")
            yield _overlap(other, other_registry, (name, one, registry), "error")


def _overlap(mine: Workspace, registry: str, theirs: tuple[str, Workspace, str], severity: str) -> Problem:
    name, other, other_registry = theirs
    finding = Finding("same-place", "", f"/registries/{other_registry}", at_key=True)
    (place,) = other.project.problems([finding])
    whose = name if name == BASE else f"environment {name}"
    message = (
        f"{registry!r} leads to the same place as {other_registry!r} of {whose} ({place.file}:{place.line}), "
        "which has another owner: give each a place of its own"
    )
    (problem,) = mine.project.problems(
        [Finding("same-place", message, f"/registries/{registry}", at_key=True, severity=severity)]
    )
    return problem._replace(environment=mine.project.environment)
