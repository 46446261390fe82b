"""The manifests that changed since a commit, and those that say something else because another file changed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from reconciler.core import document
from reconciler.core import pointer as json_pointer
from reconciler.core.document.spelling import may_say
from reconciler.core.errors import UsageError
from reconciler.manifest.discover import File, shown
from reconciler.manifest.glob import fixed_part, is_manifest
from reconciler.manifest.model_check import TEMPLATE
from reconciler.project.git import ChangedPaths, changed_paths
from reconciler.project.workspace import STDIN, Workspace

_FROM_FILE: Final = "${file:"
_FILE: Final = re.compile(r"\$\{file:([^}]*)\}")


class Changes(NamedTuple):
    """What changed since a commit: names of manifests as shown, or `everything`. `gone` are manifests that were there."""

    files: tuple[str, ...]
    gone: tuple[str, ...] = ()
    everything: bool = False


def changes_since(workspace: Workspace, since: str, paths: Sequence[str] = ()) -> Changes:
    """The manifests under some paths, or of the configured ones, that changed since HEAD and `since` parted.

    A manifest has changed, too, if a file did that it refers to, or a template that it extends; and every one, if
    reconciler.yaml did. Raises UsageError where git cannot tell.
    """
    if STDIN in paths:
        raise UsageError("--changed-since is about files: it cannot be combined with `-`")
    found = changed_paths(workspace.project.root, since, workspace.resolver.environ)
    gone = _gone(workspace, found)
    configuration = workspace.project.file
    if configuration is not None and os.path.realpath(workspace.cwd / configuration) in _real(found.changed):
        return Changes((), gone, everything=True)
    whole = workspace.files(()).files
    files = workspace.files(paths).files if paths else whole
    changed = _real(found.changed | found.gone)
    own = {file.shown for file in files if file.real in changed or os.path.abspath(file.path) in found.changed}
    every = {file.real: file for file in (*whole, *files)}
    return Changes(tuple(sorted(own | _affected(files, every.values(), own, changed, bool(gone)))), gone)


def _real(paths: Iterable[str]) -> frozenset[str]:
    return frozenset(map(os.path.realpath, paths))


def _gone(workspace: Workspace, found: ChangedPaths) -> tuple[str, ...]:
    """The manifests of this project that are gone, as shown: those below a configured path, or at it."""
    root = Path(os.path.realpath(workspace.project.root))
    tops = [os.path.normpath(fixed_part(root, path)) for path in workspace.project.manifests]
    inside = (path for path in found.gone if any(path == top or path.startswith(f"{top}{os.sep}") for top in tops))
    return tuple(sorted(shown(path, workspace.cwd) for path in inside if is_manifest(os.path.basename(path))))


def _affected(
    files: Iterable[File], every: Iterable[File], own: set[str], changed: frozenset[str], any_gone: bool
) -> set[str]:
    """The files that refer to a file that changed, or extend a template in one that did, or one that is there no more."""
    read = {file.shown: (file, document.read_text(file.path, file.shown)) for file in every}
    texts = {name: text for name, (_, text) in read.items() if isinstance(text, str)}
    named = {name for name, text in texts.items() if _refers(read[name][0], text, changed)}
    templates = _templates(texts)
    moved = {key for key, places in templates.items() if places & (own | named)}
    extending = {
        name
        for name, text in texts.items()
        if may_say(text, "extends")
        and any(_extends(data, moved, templates, any_gone) for data in _documents(text, name))
    }
    return (named | extending) & {file.shown for file in files}


def _templates(texts: Mapping[str, str]) -> dict[str, set[str]]:
    """The templates by key, each with the files that declare it."""
    found: dict[str, set[str]] = {}
    for name, text in texts.items():
        for data in _documents(text, name) if may_say(text, TEMPLATE) else ():
            if data.get("kind") == TEMPLATE:
                found.setdefault(str(data.get("key")), set()).add(name)
    return found


def _refers(file: File, text: str, changed: frozenset[str]) -> bool:
    if not may_say(text, _FROM_FILE):
        return False
    folder = os.path.dirname(file.real)
    values = [one for data in _documents(text, file.shown) for _, one in json_pointer.texts_in(data)]
    # a text that cannot be parsed says something, too
    names = {name for one in (text, *values) for name in _FILE.findall(one)}
    return any("\0" not in name and os.path.realpath(os.path.join(folder, name)) in changed for name in names)


def _documents(text: str, name: str) -> list[Mapping[str, Any]]:
    return [item.value for item in document.load(text, name).documents if isinstance(item.value, dict)]


def _extends(data: Mapping[str, Any], moved: set[str], templates: Mapping[str, set[str]], any_gone: bool) -> bool:
    named = data.get("extends")
    names = [str(name) for name in (named if isinstance(named, list) else [named]) if name is not None]
    return any(name in moved or (any_gone and name not in templates) for name in names)
