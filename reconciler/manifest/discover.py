"""Manifest files on disk: folders read recursively, files, and quoted globs; and all that was passed over on the way.

Links are followed as long as they stay where they were found, so that no manifest of a pull request makes a run read,
and quote in its log, a file from elsewhere on the machine.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from reconciler.core import presence
from reconciler.core.errors import Problem
from reconciler.manifest import ignored
from reconciler.manifest.exclude import Excludes
from reconciler.manifest.glob import SUFFIXES, GlobPattern, States, is_glob, split
from reconciler.manifest.ignored import KEEP, MACHINERY

__all__ = ["NO_SUCH_PATH", "SUFFIXES", "Base", "File", "FoundFiles", "discover", "shown"]

NO_SUCH_PATH: Final = "no-such-path"  # the rule of a path that leads nowhere


class File(NamedTuple):
    """One file to read.

    `shown` is its path relative to the working directory, with `/`; `real` its path without links.
    """

    path: str
    shown: str
    real: str


class Excluded(NamedTuple):
    """A path, as shown, at which there is nothing to read because of `exclude`: a file, or a folder of which nothing is left."""

    shown: str


Found = File | Problem | Excluded


class FoundFiles(NamedTuple):
    """The files under some paths, and the errors met.

    `silent` are warnings of sources that may have lost what they held: files passed over though they look like
    manifests, and paths without any file. Where there is one, nothing may be taken for removed.
    """

    files: tuple[File, ...]
    problems: tuple[Problem, ...]
    silent: tuple[Problem, ...] = ()
    excluded: tuple[Excluded, ...] = ()

    def speaking(self) -> FoundFiles:
        """The same for sources that must speak: one of which `exclude` leaves nothing is silent."""
        silent = {*self.silent, *(ignored.excluded_source(one.shown) for one in self.excluded)}
        return self._replace(silent=tuple(sorted(silent)), excluded=())


class Base(NamedTuple):
    """The folder that paths are relative to, and that links in it may not leave: its absolute path, and that without links."""

    path: str
    real: str


def discover(paths: Iterable[str], base: Path, cwd: Path, excludes: Excludes | None = None) -> FoundFiles:
    """The manifest files under `paths` (relative to `base`), each once, sorted as shown.

    A path that leads nowhere is a problem, and so is a link that leads outside: of `base` or, where `base` does not
    hold it, of the folder that it is in; below a folder or the fixed part of a glob, outside of that folder. What
    `excludes` match is passed over, with all that could be said of it.
    """
    root = Base(os.path.abspath(base), os.path.realpath(base))
    files: dict[str, File] = {}
    problems: set[Problem] = set()
    excluded: set[Excluded] = set()
    for path in paths:
        for item in _matching(path, root, cwd, excludes or Excludes()):
            if isinstance(item, Problem):
                problems.add(item)
            elif isinstance(item, Excluded):
                excluded.add(item)
            else:
                files.setdefault(item.real, item)
    return _found(files, problems, excluded)


def combine(several: Iterable[FoundFiles]) -> FoundFiles:
    """All that was found in several searches, each file once."""
    files: dict[str, File] = {}
    problems: set[Problem] = set()
    excluded: set[Excluded] = set()
    for found in several:
        for file in found.files:
            files.setdefault(file.real, file)
        problems.update(found.problems, found.silent)
        excluded.update(found.excluded)
    return _found(files, problems, excluded)


def _found(files: Mapping[str, File], problems: set[Problem], excluded: set[Excluded]) -> FoundFiles:
    silent = {problem for problem in problems if problem.rule in ignored.SILENT}
    ordered = tuple(sorted(files.values(), key=lambda file: file.shown))
    return FoundFiles(ordered, tuple(sorted(problems - silent)), tuple(sorted(silent)), tuple(sorted(excluded)))


def shown(path: str, cwd: Path) -> str:
    """A path as people see it: relative to the working directory, with `/`."""
    return os.path.relpath(path, cwd).replace(os.sep, "/")


def _problem(file: str, rule: str, message: str) -> Problem:
    return Problem(file, 1, 1, rule, message)


def _matching(path: str, base: Base, cwd: Path, excludes: Excludes) -> Iterator[Found]:
    target = os.path.join(base.path, path)
    if not is_glob(path) or presence.is_named(target):
        yield from _named(target, base, cwd, excludes)
        return
    fixed, glob = split(path)
    top = os.path.join(base.path, fixed)
    found: list[Found] = []
    if presence.is_folder(top):
        outside = _outside(top, os.path.realpath(top), base, cwd)
        found.extend(outside or _Walk(top, cwd, GlobPattern.of(glob), excludes).run())
    if all(isinstance(item, Problem) and item.rule in ignored.SILENT for item in found):
        yield _problem(path, NO_SUCH_PATH, "no file matches this")
    yield from found


def _named(target: str, base: Base, cwd: Path, excludes: Excludes) -> Iterator[Found]:
    """The file of that name, or the manifests of that folder."""
    name = shown(target, cwd)
    try:
        os.stat(target)
    except ValueError:  # a NUL in the path
        yield _problem(name, NO_SUCH_PATH, "there is no such file or folder: the name holds a NUL")
        return
    except OSError as error:
        yield _unreachable(name, error)
        return
    real = os.path.realpath(target)
    refused = _outside(target, real, base, cwd)
    if excludes and (excludes.match(os.path.abspath(target)) or excludes.match(real)):
        yield Excluded(name)
    elif refused:
        yield from refused
    elif presence.is_folder(target):
        yield from _Walk(target, cwd, GlobPattern.of(()), excludes).run()
    else:
        yield File(target, name, real)


def _unreachable(name: str, error: OSError) -> Problem:
    if error.errno == errno.ELOOP:
        return _problem(name, "symlink-loop", "the link leads back to itself")
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return _problem(name, NO_SUCH_PATH, "there is no such file or folder")
    return _problem(name, "unreadable", f"cannot be read: {_reason(error)}")


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _outside(target: str, real: str, base: Base, cwd: Path) -> list[Problem]:
    """The problem of a path that was asked for by name, where links take it elsewhere than it seems to lead.

    Else nothing.

    A path beyond `base` was written by who runs this, as an absolute path or with `..`: there only its own last part is
    judged.
    """
    if _within(real, base.real):
        return []
    plain = os.path.abspath(target)
    strays = os.path.islink(plain) and not _within(real, os.path.realpath(os.path.dirname(plain)))
    if strays or _within(plain, base.path):
        return [_problem(shown(target, cwd), "link-outside", "a link leads outside the folder that this stands in")]
    return []


def _within(path: str, folder: str) -> bool:
    return path == folder or path.startswith(os.path.join(folder, ""))


class _Folder(NamedTuple):
    """A folder to read.

    `sources` are the labels of the top and of the folders down to here that a part of the glob names.

    In a folder that is `hidden`, or below one, manifests are reported and not read.
    """

    path: str
    real: str
    states: States
    sources: tuple[str, ...]
    hidden: bool = False


class _Walk:
    """One search below a folder.

    No real folder is entered twice in one state, so that links cannot make this endless.
    """

    def __init__(self, top: str, cwd: Path, pattern: GlobPattern, excludes: Excludes) -> None:
        self._cwd = cwd
        self._pattern = pattern
        self._excludes = excludes
        self._top = os.path.realpath(top)
        start = _Folder(top, self._top, pattern.start(), (shown(top, cwd),))
        self._pending = [start]
        self._entered: dict[str, States] = {self._top: start.states}
        self._sources = dict.fromkeys(start.sources)
        self._spoken: set[str] = set()  # the sources with a manifest, an error, or a file that says there is none
        self._thinned: set[str] = set()  # the sources of which something is left out
        self._read: set[str] = set()  # the real paths of all files found
        self._hidden: dict[str, Problem] = {}  # by real path: hidden files, which a link may lead to all the same

    def run(self) -> Iterator[Found]:
        """Walk the folders: the files that the pattern matches, the errors met, and warnings of files passed over."""
        while self._pending:
            folder = self._pending.pop()
            for item in self._folder(folder):
                if isinstance(item, Problem) and item.severity == "error":
                    self._spoken.update(folder.sources)  # what is there is not known, so it is not called empty
                yield item
        yield from (problem for real, problem in self._hidden.items() if real not in self._read)
        for label in self._sources:
            if label not in self._spoken:
                yield Excluded(label) if label in self._thinned else ignored.empty_folder(label)

    def _folder(self, folder: _Folder) -> Iterator[File | Problem]:
        label = shown(folder.path, self._cwd)  # once for each folder: it costs more than all the rest of a file
        try:
            entries = sorted(os.scandir(folder.path), key=lambda entry: entry.name)
        except OSError as error:
            why = f"the folder cannot be read: {_reason(error)}"
            yield (
                ignored.ignored(label, why, "let it be read, or move it away")
                if folder.hidden
                else _problem(label, "unreadable", why)
            )
            return
        if not entries and not folder.hidden and label not in self._sources:
            yield ignored.empty_folder(label)  # as git leaves a submodule that was not checked out
        if label == folder.sources[-1] and any(entry.name == KEEP for entry in entries):
            self._spoken.update(folder.sources)
        for entry in entries:
            below = f"{label}/{entry.name}" if label != "." else entry.name
            try:
                yield from self._entry(entry, below, folder)
            except OSError as error:  # what a network file system may say of a name that it has just listed
                yield _problem(below, "unreadable", f"cannot be read: {_reason(error)}")

    def _entry(self, entry: os.DirEntry[str], label: str, folder: _Folder) -> Iterator[File | Problem]:
        if self._excludes and self._excludes.match(os.path.abspath(entry.path)):
            self._thinned.update(folder.sources)
            return
        step = self._pattern.step(folder.states, entry.name)
        if not step.taken and not step.onward:
            yield from self._passed_over(entry, label, folder)
            return
        real = f"{folder.real.rstrip(os.sep)}{os.sep}{entry.name}"
        if entry.is_symlink():
            target = self._link(entry, label, folder.real, taken=step.taken, wanted=bool(step.onward))
            if target is None:
                yield from self._passed_over(entry, label, folder)
                return
            if isinstance(target, Problem):
                yield target
                return
            real = target
        if entry.is_dir():
            named = (*folder.sources, label) if step.named else folder.sources
            self._enter(_Folder(entry.path, real, step.onward, named, folder.hidden))
        elif not step.taken:
            yield from self._passed_over(entry, label, folder)
        elif folder.hidden:
            self._hide(entry.path, real, label, "this file is not read: it is in a hidden folder")
        else:
            self._spoken.update(folder.sources)
            self._read.add(real)
            yield File(entry.path, label, real)

    def _enter(self, folder: _Folder) -> None:
        entered = self._entered.get(folder.real, frozenset())
        new = folder.states - entered
        if not new:
            return
        self._entered[folder.real] = entered | new
        if not folder.hidden:
            self._sources |= dict.fromkeys(folder.sources)
        self._pending.append(folder._replace(states=new))

    def _passed_over(self, entry: os.DirEntry[str], label: str, folder: _Folder) -> Iterator[Problem]:
        """The warning of a file that would be read under another name.

        A hidden folder is searched for files to warn of.
        """
        name = entry.name
        if entry.is_dir():
            onward = self._pattern.step(folder.states, name.lstrip(".")).onward if name.startswith(".") else None
            if onward and name not in MACHINERY and not entry.is_symlink():
                real = os.path.join(folder.real, name)
                self._enter(_Folder(entry.path, real, onward, folder.sources, hidden=True))
        elif any(self._pattern.step(folder.states, other).taken for other in ignored.meant(name)):
            if name.startswith("."):
                self._hide(entry.path, os.path.realpath(entry.path), label, ignored.HIDDEN)
            elif not folder.hidden:
                yield ignored.ignored(label, ignored.ENDING)

    def _hide(self, path: str, real: str, label: str, why: str) -> None:
        if not ignored.is_unlike_manifest(path, label):
            self._hidden[real] = ignored.ignored(label, why)

    def _link(
        self, entry: os.DirEntry[str], label: str, folder: str, *, taken: bool, wanted: bool
    ) -> str | Problem | None:
        """The real path that a link leads to, a problem, or None where it is no concern of ours.

        `folder` is the real path of the folder that it is in; `taken` and `wanted` say whether a file of its name is
        meant, and whether a folder is.
        """
        try:
            is_folder = stat.S_ISDIR(os.stat(entry.path).st_mode)
        except OSError as error:
            if error.errno == errno.ELOOP:
                return _problem(label, "symlink-loop", "the link leads back to itself")
            if taken:
                return _problem(label, "unreadable", f"the link leads nowhere: {_reason(error)}")
            why = f"the link cannot be followed, and may lead to manifests: {_reason(error)}"
            return ignored.ignored(label, why, "mend the link, or remove it")
        if not (wanted if is_folder else taken):
            return None
        real = os.path.realpath(entry.path)
        if not _within(real, self._top):
            return _problem(label, "link-outside", "the link leads outside the folder of manifests")
        if is_folder and _within(folder, real):
            return _problem(label, "symlink-loop", "the link leads back to a folder that it stands in")
        return real
