"""Compare the environments of one configuration: validate all of them, and find registries that they share."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import combinations
from typing import NamedTuple

from reconciler.core import document
from reconciler.core.errors import ConfigError, Problem
from reconciler.core.resource import Address
from reconciler.core.schema.findings import Finding
from reconciler.manifest.validation import Validation, merge
from reconciler.project.config import Project
from reconciler.project.loaded import LoadedManifests
from reconciler.project.policy_checks import check_policies
from reconciler.project.registries import load_registries, place_of_entry
from reconciler.project.workspace import STDIN, Workspace

BASE = "the base configuration"  # what is in force without --env, in messages


class DeclaredElsewhere(NamedTuple):
    """The addresses that other environments declare in our registries, and the environments that are unreadable."""

    addresses: frozenset[Address]
    unreadable: tuple[str, ...]


def siblings(workspace: Workspace) -> Iterator[tuple[str, Workspace]]:
    """The workspaces of the other environments, and of none; those with wrong settings are left out."""
    project = workspace.project
    others: Mapping[str, Project | None] = {**project.environments, BASE: project.base}
    for name, other in others.items():
        if other is None or other.environment == project.environment:
            continue
        try:
            entries = load_registries(other, workspace.resolver)
        except ConfigError:  # `check_environments` tells
            continue
        yield name, Workspace(other, entries, workspace.cwd, workspace.resolver, workspace.cached)


def declared_elsewhere(workspace: Workspace) -> DeclaredElsewhere:
    """Find what other environments of this configuration declare for the places that this one writes to."""
    addresses: set[Address] = set()
    unreadable: list[str] = []
    for name, other in siblings(workspace):
        shared = dict(_shared(other, workspace))
        if not shared:
            continue
        loaded = other.load()
        if name == BASE and not loaded.documents:
            continue  # a base that declares nothing is a template for its environments
        if loaded.errors or loaded.desired.silent_sources:
            unreadable.append(name)
        addresses |= {
            item.address._replace(registry=shared[item.address.registry])
            for item in loaded.desired.resources
            if item.address.registry in shared
        }
    return DeclaredElsewhere(frozenset(addresses), tuple(unreadable))


def _shared(one: Workspace, other: Workspace) -> Iterator[tuple[str, str]]:
    """The pairs of registries, one of each, that lead to one place."""
    for name, entry in one.entries.items():
        for other_name, other_entry in other.entries.items():
            if place_of_entry(entry) == place_of_entry(other_entry):
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
