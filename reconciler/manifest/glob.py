"""Globs over manifest files, matched name by name on the way down a tree of folders."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

from reconciler.core import presence

SUFFIXES: Final = (".yaml", ".yml", ".json")

_MAGIC: Final = re.compile(r"[*?\[]")
_Part = Callable[[str], object] | None  # matches a name; None is `**`, folders of any depth
States = frozenset[int]


class Step(NamedTuple):
    """The answer of a pattern to a name: take the file, enter the folder, and does a part of the glob name that folder.

    `onward` are the states in which a folder of that name is entered; none if it is not.
    """

    taken: bool
    onward: States
    named: bool


class GlobPattern(NamedTuple):
    """A pattern over the names below a folder, as an automaton: in state `i`, a name is held against `parts[i]`.

    The last two parts are `**` and the name of a manifest: a folder that matches all parts before them, `whole` in
    number, is read recursively. A file that matches those is taken whatever it is called.
    """

    parts: tuple[_Part, ...]
    whole: int

    @classmethod
    def of(cls, glob: tuple[str, ...]) -> GlobPattern:
        """The pattern of the names and `**` of a glob; of none, that of a folder."""
        parts = (None if part == "**" else _matcher(part) for part in glob)
        return cls((*parts, None, is_manifest), len(glob))

    def start(self) -> States:
        """The states in which the folder below which the pattern holds is read."""
        return self._reached({0})

    def step(self, states: States, name: str) -> Step:
        """The states that a name leads to from these."""
        met = [state for state in states if (part := self.parts[state]) is not None and part(name)]
        return _led(self, states, tuple(met), name.startswith("."))

    def led(self, states: States, met: tuple[int, ...], hidden: bool) -> Step:
        """The states that a name leads to from these, where the parts of the states `met` match it."""
        matched = {state + 1 for state in met}
        stayed = set() if hidden else {state for state in states if self.parts[state] is None}
        taken = self.whole in matched or len(self.parts) in matched
        named = any(state <= self.whole for state in matched)
        return Step(taken, self._reached((matched | stayed) - {len(self.parts)}), named)

    def _reached(self, states: set[int]) -> States:
        """Add the states that are reached without another name, since `**` may match no folder at all."""
        pending = list(states)
        while pending:
            state = pending.pop()
            if self.parts[state] is None and state + 1 not in states:
                states.add(state + 1)
                pending.append(state + 1)
        return frozenset(states)


_led = lru_cache(1_024)(GlobPattern.led)  # a project has some ten thousand names and a handful of these


def is_manifest(name: str) -> bool:
    """True for the name of a file that a folder's manifests are read from."""
    return name.lower().endswith(SUFFIXES) and not name.startswith(".")


def is_glob(path: str) -> bool:
    """True for a path with a wildcard in it."""
    return _MAGIC.search(path) is not None


def split(path: str) -> tuple[str, tuple[str, ...]]:
    """The fixed part of a glob, which names a folder, and the parts from the first with a wildcard on."""
    parts = path.replace(os.sep, "/").split("/")
    first = next(index for index, part in enumerate(parts) if _MAGIC.search(part))
    if not parts[-1]:
        parts[-1] = "**"  # `teams/*/` means folders
    return "".join(f"{part}/" for part in parts[:first]), tuple(part for part in parts[first:] if part not in ("", "."))


def fixed_part(base: Path, path: str) -> Path:
    """What a path means where it stands; of a glob that names nothing itself, the folder below which it may match."""
    return base / (split(path)[0] if is_glob(path) and not presence.is_named(base / path) else path)


def _matcher(part: str) -> Callable[[str], object]:
    matches = re.compile(fnmatch.translate(part)).match
    if part.startswith("."):
        return matches
    return lambda name: not name.startswith(".") and matches(name)  # as in a shell, `*` is nothing hidden
