"""Which files are manifests: folders read recursively, files, and quoted globs.

Links are followed as long as they stay where they were found, so that no manifest of a pull request makes a run read, and
quote in its log, a file from elsewhere on the machine.
"""

from __future__ import annotations

import errno
import fnmatch
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from reconciler.core.errors import Problem

SUFFIXES: Final = (".yaml", ".yml", ".json")

_MAGIC: Final = re.compile(r"[*?\[]")
_Part = Callable[[str], object] | None  # whether a name matches; None is `**`, folders of any depth
_States = frozenset[int]


class File(NamedTuple):
    """One file to read. `shown` is its path relative to the working directory, with `/`; `real` its path without links."""

    path: str
    shown: str
    real: str


class Found(NamedTuple):
    files: tuple[File, ...]
    problems: tuple[Problem, ...]


class Base(NamedTuple):
    """What paths are relative to, and links in it may not leave: its absolute path, and that without links."""

    path: str
    real: str


class Pattern(NamedTuple):
    """What to find below a folder, as an automaton: in state `i`, a name is held against `parts[i]`.

    The last two parts are `**` and the name of a manifest: a folder that matches all parts before them, `whole` in number,
    is read recursively. A file that matches those is taken whatever it is called.
    """

    parts: tuple[_Part, ...]
    whole: int

    @classmethod
    def of(cls, glob: tuple[str, ...]) -> Pattern:
        """The pattern of the names and `**` of a glob; of none, that of a folder."""
        parts = (None if part == "**" else _matcher(part) for part in glob)
        return cls((*parts, None, _is_manifest), len(glob))

    def start(self) -> _States:
        return self._reached({0})

    def step(self, states: _States, name: str) -> tuple[bool, _States]:
        """Whether a file of that name is meant, and the states in which a folder of that name is to be entered; none if it is not."""
        matched = {state + 1 for state in states if (part := self.parts[state]) is not None and part(name)}
        stayed = set() if name.startswith(".") else {state for state in states if self.parts[state] is None}
        taken = self.whole in matched or len(self.parts) in matched
        return taken, self._reached((matched | stayed) - {len(self.parts)})

    def _reached(self, states: set[int]) -> _States:
        """With the states that are reached without another name, since `**` may stand for no folder at all."""
        pending = list(states)
        while pending:
            state = pending.pop()
            if self.parts[state] is None and state + 1 not in states:
                states.add(state + 1)
                pending.append(state + 1)
        return frozenset(states)


def discover(paths: Iterable[str], base: Path, cwd: Path) -> Found:
    """The manifest files under `paths` (relative to `base`), each once, sorted as shown.

    A path that leads nowhere is a problem, and so is a link that leads outside: of `base` or, where `base` does not hold it, of
    the folder that it stands in; below a folder or the fixed part of a glob, outside of that folder.
    """
    root = Base(os.path.abspath(base), os.path.realpath(base))
    files: dict[str, File] = {}
    problems: list[Problem] = []
    for path in paths:
        for item in _matching(path, root, cwd):
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


def _matching(path: str, base: Base, cwd: Path) -> Iterator[File | Problem]:
    whole = os.path.join(base.path, path)
    if os.path.lexists(whole) or not _MAGIC.search(path):
        yield from _named(whole, base, cwd)
        return
    fixed, glob = _split(path)
    top = os.path.join(base.path, fixed)
    found: list[File | Problem] = []
    if os.path.isdir(top):
        found.extend(_outside(top, os.path.realpath(top), base, cwd) or _walk(top, cwd, Pattern.of(glob)))
    yield from found or [_problem(path, "no-such-path", "no file matches this")]


def _split(path: str) -> tuple[str, tuple[str, ...]]:
    """The fixed part of a glob, which names a folder, and the parts from the first with a wildcard on."""
    parts = path.replace(os.sep, "/").split("/")
    first = next(index for index, part in enumerate(parts) if _MAGIC.search(part))
    if not parts[-1]:
        parts[-1] = "**"  # `teams/*/` means folders
    return "".join(f"{part}/" for part in parts[:first]), tuple(part for part in parts[first:] if part not in ("", "."))


def _matcher(part: str) -> Callable[[str], object]:
    matches = re.compile(fnmatch.translate(part)).match
    if part.startswith("."):
        return matches
    return lambda name: not name.startswith(".") and matches(name)  # as in a shell, `*` is nothing hidden


def _is_manifest(name: str) -> bool:
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def _named(target: str, base: Base, cwd: Path) -> Iterator[File | Problem]:
    """The file of that name, or the manifests of that folder."""
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
    real = os.path.realpath(target)
    refused = _outside(target, real, base, cwd)
    if refused:
        yield from refused
    elif os.path.isdir(target):
        yield from _walk(target, cwd, Pattern.of(()))
    else:
        yield File(target, name, real)


def _outside(target: str, real: str, base: Base, cwd: Path) -> list[Problem]:
    """The problem of a path that was asked for by name, where links take it elsewhere than it seems to lead; else nothing.

    A path beyond `base` was written by who runs this, as an absolute path or with `..`: there only its own last part is judged.
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


def _walk(top: str, cwd: Path, pattern: Pattern) -> Iterator[File | Problem]:
    """All that matches below a folder. No real folder is entered twice in one state, so that links cannot make this endless."""
    real_top, start = os.path.realpath(top), pattern.start()
    pending = [(top, real_top, start)]
    entered: dict[str, _States] = {real_top: start}
    while pending:
        folder, real, states = pending.pop()
        label = shown(folder, cwd)  # once for each folder: it costs more than all the rest of a file
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            yield _problem(label, "unreadable", f"the folder cannot be read: {error.strerror}")
            continue
        for entry in entries:
            taken, onward = pattern.step(states, entry.name)
            if not taken and not onward:
                continue
            below = f"{label}/{entry.name}" if label != "." else entry.name
            real_path = os.path.join(real, entry.name)
            if entry.is_symlink():
                target = _link(entry, below, real, real_top, taken=taken, wanted=bool(onward))
                if target is None:
                    continue
                if isinstance(target, Problem):
                    yield target
                    continue
                real_path = target
            if entry.is_dir():
                new = onward - entered.get(real_path, frozenset())
                if new:
                    entered[real_path] = entered.get(real_path, frozenset()) | new
                    pending.append((entry.path, real_path, new))
            elif taken:
                yield File(entry.path, below, real_path)


def _link(
    entry: os.DirEntry[str], label: str, folder: str, top: str, *, taken: bool, wanted: bool
) -> str | Problem | None:
    """Where a link leads: its real path, a problem, or None where it is no concern of ours.

    `folder` and `top` are the real paths of the folder that it stands in and of the one that it may not leave; `taken` and
    `wanted` say whether a file of its name is meant, and whether a folder is.
    """
    try:
        is_folder = os.path.isdir(entry.path)
        os.stat(entry.path)
    except OSError as error:
        if error.errno == errno.ELOOP:
            return _problem(label, "symlink-loop", "the link leads back to itself")
        return _problem(label, "unreadable", f"the link leads nowhere: {error.strerror}") if taken else None
    if not (wanted if is_folder else taken):
        return None
    real = os.path.realpath(entry.path)
    if not _within(real, top):
        return _problem(label, "link-outside", "the link leads outside the folder of manifests")
    if is_folder and _within(folder, real):
        return _problem(label, "symlink-loop", "the link leads back to a folder that it stands in")
    return real
