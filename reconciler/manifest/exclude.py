"""Globs of files that are not read: the `exclude` of reconciler.yaml. Pure.

They mean what those of .gitignore mean: one without a slash matches a name in any folder, one with a slash is relative
to its own folder, and a folder that matches is left out with all that is in it.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from reconciler.core.late_pattern import late_pattern

_PIECE: Final = late_pattern(r"\*+|\?|\[[!\]]?[^\]]*\]")


@dataclass(frozen=True)
class Exclusion:
    """One glob, the absolute folder that it is relative to, and its JSON pointer in the configuration."""

    glob: str
    folder: str
    pointer: str

    def matches(self, path: str) -> bool:
        """True where the glob matches an absolute path, or a folder that the path is in."""
        if not path.startswith(self._prefix):
            return False
        return self._pattern.match(path, len(self._prefix)) is not None

    @cached_property
    def _prefix(self) -> str:
        return os.path.join(self.folder, "")

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        glob = self.glob.replace(os.sep, "/")
        parts = [part for part in glob.split("/") if part not in ("", ".")]
        if "/" not in glob.rstrip("/"):
            parts.insert(0, "**")
        folders = "".join("(?:[^/]+/)*" if part == "**" else f"{_regex(part)}/" for part in parts[:-1])
        last = "[^/]+" if parts[-1:] == ["**"] else "".join(map(_regex, parts[-1:]))
        return re.compile(f"{folders}{last}(?:/.*)?\\Z", re.DOTALL)


class Excludes:
    """Several globs, and those of them that matched something so far."""

    def __init__(self, exclusions: Iterable[Exclusion] = ()) -> None:
        self._exclusions = tuple(exclusions)
        self.matched: set[Exclusion] = set()

    def __bool__(self) -> bool:
        return bool(self._exclusions)

    def match(self, path: str) -> bool:
        """True where one of the globs leaves out what is at that absolute path."""
        found = [one for one in self._exclusions if one.matches(path)]
        self.matched.update(found)
        return bool(found)


def _regex(part: str) -> str:
    """The regular expression of one name in a glob, in which nothing matches a slash."""
    pieces: list[str] = []
    last = 0
    for found in _PIECE.finditer(part):
        pieces.append(re.escape(part[last : found.start()]))
        pieces.append({"*": "[^/]*", "?": "[^/]"}.get(found[0][0]) or _class(found[0]))
        last = found.end()
    return "".join([*pieces, re.escape(part[last:])])


def _class(text: str) -> str:
    """A set of characters such as `[!a-c]`, as `fnmatch` reads it; text that is none stands for itself."""
    return f"(?!/){fnmatch.translate(text).removesuffix(chr(92) + 'Z').removesuffix(chr(92) + 'z')}"
