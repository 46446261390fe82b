"""Format the manifests of a project: find them, bring each into canonical form, write what changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from reconciler.core import document
from reconciler.core.document.canonical import OrderFor
from reconciler.core.document.reorder import KeyOrder
from reconciler.core.errors import Problem
from reconciler.manifest.discover import File
from reconciler.manifest.formatting import FormattedFile, format_bytes, holds_objects
from reconciler.manifest.key_order import key_order
from reconciler.manifest.model_check import PORTABLE
from reconciler.project.files import rewrite_file
from reconciler.project.workspace import Workspace
from reconciler.registry import catalog
from reconciler.registry.protocol import Driver


def format_files(workspace: Workspace, paths: Sequence[str]) -> list[FormattedFile]:
    """Format the manifests under some paths, or the configured ones. Writes nothing; never raises for what files hold."""
    found = workspace.files(paths)
    order_for, beside_objects = orders_of(workspace), _beside_objects(workspace, found.files)
    files = [FormattedFile(problem.file, b"", b"", (problem,)) for problem in found.problems]
    for file in found.files:
        data = document.read_bytes(file.path, file.shown)
        if isinstance(data, Problem):
            files.append(FormattedFile(file.shown, b"", b"", (data,), real=file.real))
        else:
            files.append(replace(format_bytes(data, file.shown, order_for, beside_objects), real=file.real))
    return files


def format_text(workspace: Workspace, data: bytes, shown: str) -> FormattedFile:
    """Format what is no file, such as standard input."""
    return format_bytes(data, shown, orders_of(workspace), _beside_objects(workspace, ()))


def write(file: FormattedFile) -> Problem | None:
    """Put the canonical form of a file in its place. The problem, where that cannot be done: the file is as it was."""
    now = document.read_bytes(file.real, file.shown)
    if now != file.before:
        return Problem(file.shown, 1, 1, "unreadable", "this file changed while it was formatted: run this again")
    try:
        rewrite_file(Path(file.real), file.after)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return Problem(file.shown, 1, 1, "unwritable", f"cannot be written: {reason}")
    return None


def _beside_objects(workspace: Workspace, asked: Iterable[File]) -> Callable[[], bool]:
    """Answers whether objects of Kubernetes that declare models are among these files or the configured ones."""

    @cache
    def answer() -> bool:
        files = {file.real: file for file in (*asked, *workspace.files(()).files)}
        texts = ((document.read_text(file.path, file.shown), file.shown) for file in files.values())
        return any(not isinstance(text, Problem) and holds_objects(text, shown) for text, shown in texts)

    return answer


def orders_of(workspace: Workspace) -> OrderFor:
    """The order of keys by kind, with the overrides of the registries in the configuration."""

    @cache
    def order_for(kind: str) -> KeyOrder:
        return key_order(kind, workspace.entries, [] if kind in PORTABLE else _drivers(workspace, kind))

    return order_for


def _drivers(workspace: Workspace, kind: str) -> list[Driver]:
    """The drivers that may have the kind: those configured, and the built-in one of its name."""
    name = kind.partition("/")[0]
    configured = [entry.driver for entry in workspace.entries.values() if entry.driver.name == name]
    return configured or ([catalog.load_driver(name)] if name in catalog.DRIVERS else [])
