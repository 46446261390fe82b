"""Reading registries, for the commands that only look."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from reconciler.cli.options import GlobalOptions
from reconciler.cli.session import find_workspace, style
from reconciler.cli.streams import say, tell_error, warn
from reconciler.cli.waiting import reading
from reconciler.core import presence
from reconciler.core.errors import ReconcilerError, RegistryError, UsageError
from reconciler.core.resource import DesiredState, RemoteState
from reconciler.core.schema.findings import did_you_mean
from reconciler.project import config_file
from reconciler.project.loaded import LoadedManifests
from reconciler.project.runner_local import registries_not_kept
from reconciler.project.workspace import Workspace
from reconciler.registry.capabilities import KeepsFile
from reconciler.registry.reading import read_all, unread_text
from reconciler.render.escape import printable
from reconciler.render.stored import unreadable_rows

_NOTHING_THERE: Final = frozenset({"no-manifests", "no-such-path"})  # a project may begin with a command that reads


def find_workspace_to_read(options: GlobalOptions, *, always: bool = True) -> Workspace:
    """The workspace for a command that reads registries without planning, which would warn in the plan.

    Warns of each registry that goes with the runner of a pipeline and, where they are always read, tells which stands in
    for a configuration. Raises ConfigError.
    """
    workspace = find_workspace(options)
    if always:
        tell_default_registry(workspace)
    for problem in registries_not_kept(workspace):
        warn(f"{printable(problem.file)}:{problem.line}: {printable(problem.message)} ({problem.rule})")
    return workspace


def tell_default_registry(workspace: Workspace) -> None:
    """Say that the embedded registry is used because no configuration was found, until something is written to it.

    Whoever is in the wrong folder learns it before the first write; whoever works without a configuration hears it once.
    """
    if workspace.project.file is not None:
        return
    for entry in workspace.entries.values():
        if isinstance(entry.driver, KeepsFile):
            file = entry.driver.file(entry.settings, workspace.resolver)
            if not presence.is_named(file):
                used = printable(config_file.relative(str(file), workspace.cwd))
                folder = printable(str(workspace.cwd))
                say(f"note: no {config_file.FILE} was found from {folder} upward: the embedded registry {used} is used")


async def stored(workspace: Workspace, names: Sequence[str] = ()) -> RemoteState:
    """Read the registries of these names, all of them if none is named."""
    check_names(workspace, names)
    async with workspace.connect(names or None) as registries:
        with reading(registries):
            return await read_all(registries, workspace.facts)


def check_names(workspace: Workspace, names: Iterable[str]) -> None:
    """Raises UsageError where a name is no registry's of the configuration."""
    for name in names:
        if name not in workspace.entries:
            there = f"there is: {', '.join(sorted(workspace.entries))}"
            hint = did_you_mean(name, workspace.entries, there)
            raise UsageError(f"there is no registry {name!r}", hint=hint)


def registries_of(workspace: Workspace, keys: Iterable[str]) -> tuple[str, ...]:
    """The registries in which these keys can be: that of each full address.

    All of them where one is no full address.
    """
    names = {_registry_of(workspace, key) for key in keys}
    return (
        tuple(sorted(workspace.entries)) if None in names else tuple(sorted(name for name in names if name is not None))
    )


def _registry_of(workspace: Workspace, key: str) -> str | None:
    """The registry of `registry/Kind/key`, or None: a key may hold slashes too."""
    registry, _, rest = key.partition("/")
    kind, _, name = rest.partition("/")
    entry = workspace.entries.get(registry)
    return registry if entry is not None and kind in entry.driver.kinds and name else None


def warn_of_unreadable(remote: RemoteState) -> None:
    """One warning on stderr for each row that could not be read."""
    for name, row in unreadable_rows(remote):
        what = f"{row.kind or '?'}/{row.key or '?'}: {row.message}"
        warn(f"{name} holds something that cannot be read: {printable(what)}")


def warn_of_invalid(loaded: LoadedManifests) -> None:
    """One warning on stderr where manifests are not valid, for commands that tell what is declared."""
    if _has_mistakes(loaded):
        warn("some manifests are not valid, so not all that they declare is known: see `reconciler validate`")


def all_declared(loaded: LoadedManifests) -> DesiredState:
    """What is declared, for a command that deletes: a manifest with a mistake may be the one that protects.

    Raises ManifestError where one has any; a project without manifests declares nothing.
    """
    return loaded.checked() if _has_mistakes(loaded) else loaded.desired


def _has_mistakes(loaded: LoadedManifests) -> bool:
    """Whether a manifest has an error; that there is none is no mistake of one."""
    return any(problem.rule not in _NOTHING_THERE for problem in loaded.errors)


def tell_unread(failures: Mapping[str, ReconcilerError], options: GlobalOptions) -> None:
    """One error on stderr for each registry that could not be read, next to what the others hold."""
    for name, failure in sorted(failures.items()):
        error = RegistryError(unread_text(name, failure), hint=failure.hint)
        tell_error(error, style(options, sys.stderr))
