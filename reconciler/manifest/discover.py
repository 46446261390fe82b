"""Which files are manifests: folders read recursively, files, and quoted globs."""

from __future__ import annotations

import errno
import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from reconciler.errors import Problem

SUFFIXES: Final = (".yaml", ".yml", ".json")


class File(NamedTuple):
    """One file to read. `shown` is its path relative to the working directory, with `/`; `real` its path without links."""

    path: str
    shown: str
    real: str


class Found(NamedTuple):
    files: tuple[File, ...]
    problems: tuple[Problem, ...]


def discover(paths: Iterable[str], base: Path, cwd: Path) -> Found:
    """The manifest files under `paths` (relative to `base`), each once, sorted as shown. A path that leads nowhere is a problem."""
    files: dict[str, File] = {}
    problems: list[Problem] = []
    for path in paths:
        whole = os.path.join(base, path)
        targets = [whole]
        if not os.path.lexists(whole) and glob.has_magic(path):
            targets = sorted(glob.glob(whole, recursive=True))
            if not targets:
                problems.append(_problem(path, "no-such-path", "no file matches this"))
        for target in targets:
            for item in _under(target, cwd):
                if isinstance(item, Problem):
                    problems.append(item)
                else:
                    files.setdefault(item.real, item)
    return Found(tuple(sorted(files.values(), key=lambda file: file.shown)), tuple(sorted(set(problems))))


def shown(path: str, cwd: Path) -> str:
    """A path as people see it: relative to the working directory, with `/`."""
    return os.path.relpath(path, cwd).replace(os.sep, "/")


def _problem(file: str, rule: str, message: str) -> Problem:
    return Problem(file, 1, 1, rule, message)


def _under(target: str, cwd: Path) -> Iterator[File | Problem]:
    name = shown(target, cwd)
    try:
        os.stat(target)
    except ValueError:  # a NUL in the path
        yield _problem(name, "no-such-path", "there is no such file or folder: the name holds a NUL")
        return
    except OSError as error:
        if error.errno == errno.ELOOP:
            yield _problem(name, "symlink-loop", "the link leads back to itself")
        else:
            gone = error.errno in (errno.ENOENT, errno.ENOTDIR)
            reason = (
                "there is no such file or folder"
                if gone
                else f"cannot be read: {(error.strerror or str(error)).lower()}"
            )
            yield _problem(name, "no-such-path" if gone else "unreadable", reason)
        return
    if os.path.isdir(target):
        yield from _folder(target, cwd, os.path.realpath(target))
    else:
        yield File(target, name, os.path.realpath(target))


def _folder(top: str, cwd: Path, real_top: str) -> Iterator[File | Problem]:
    """All manifests below a folder. Each real folder is entered once, so that links cannot make this endless."""
    pending = [(top, real_top)]
    entered = {real_top}
    while pending:
        folder, real = pending.pop()
        label = shown(folder, cwd)  # once for each folder: it costs more than all the rest of a file
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            yield _problem(label, "unreadable", f"the folder cannot be read: {error.strerror}")
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            below = f"{label}/{entry.name}" if label != "." else entry.name
            real_path = os.path.join(real, entry.name)
            if entry.is_symlink():
                target = _link(entry, below, real_top)
                if target is None:
                    continue
                if isinstance(target, Problem):
                    yield target
                    continue
                real_path = target
            if entry.is_dir():
                if real_path not in entered:
                    entered.add(real_path)
                    pending.append((entry.path, real_path))
                elif real == real_path or real.startswith(real_path + os.sep):
                    yield _problem(below, "symlink-loop", "the link leads back to a folder that it stands in")
            elif entry.name.lower().endswith(SUFFIXES):
                yield File(entry.path, below, real_path)


def _link(entry: os.DirEntry[str], label: str, real_top: str) -> str | Problem | None:
    """Where a link leads: its real path, a problem, or None where it is no concern of ours."""
    try:
        is_folder = os.path.isdir(entry.path)
        os.stat(entry.path)
    except OSError as error:
        if error.errno == errno.ELOOP:
            return _problem(label, "symlink-loop", "the link leads back to itself")
        if not entry.name.lower().endswith(SUFFIXES):
            return None
        return _problem(label, "unreadable", f"the link leads nowhere: {error.strerror}")
    if not is_folder and not entry.name.lower().endswith(SUFFIXES):
        return None
    real = os.path.realpath(entry.path)
    if real != real_top and not real.startswith(real_top + os.sep):
        return _problem(label, "link-outside", "the link leads outside the folder of manifests")
    return real
