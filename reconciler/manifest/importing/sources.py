"""The files that are read: those asked for, and those that they refer to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from reconciler.core import document
from reconciler.core.document.comments import load_commented
from reconciler.core.document.trees import Map, Member, Node, Scalar
from reconciler.core.document.values import Span
from reconciler.core.errors import Problem
from reconciler.manifest.discover import shown
from reconciler.manifest.importing.journal import Journal

INCLUDE: Final = "!include"
REF: Final = "$ref"
MOST_REFS: Final = 1_000  # of one file: each may hold several more
_ELSEWHERE: Final = re.compile(r"#|[A-Za-z][A-Za-z0-9+.-]*://")


class Text(NamedTuple):
    """The text of another file. `real` is its path without links."""

    real: str
    text: str


class Sources:
    """Reads files, and remembers their lines for whoever quotes them: only of what was asked for and what lies below `root`."""

    def __init__(self, root: Path, cwd: Path, journal: Journal) -> None:
        self.root = os.path.realpath(root)
        self.lines: dict[str, list[str]] = {}
        self._cwd = cwd
        self._journal = journal
        self._paths: dict[str, str] = {}  # the real path of each file, by its name as shown
        self._refs = 0
        self._named: set[str] = set()
        self._unresolved: set[tuple[str, Span]] = set()

    def load(self, path: str, name: str) -> Node | None:
        """The document of a file that was asked for. None where there is none, or a problem."""
        text = document.read_text(path, name)
        if isinstance(text, Problem):
            self._journal.problems.append(text)
            return None
        self.lines[name] = text.splitlines()
        return self._parsed(text, path, name)

    def expanded(self, node: Node) -> Node:
        """The node with all that `$ref` names in its place, however deep. What is not asked for here is never read."""
        self._refs = 0
        return self._expanded(node, (self._paths[node.file],))

    def is_whole(self, node: Node) -> bool:
        """Whether every `$ref` in an expanded node led somewhere."""
        if isinstance(node, Scalar):
            return True
        values = (part.value for part in (node.members if isinstance(node, Map) else node.items))
        return (node.file, node.place) not in self._unresolved and all(map(self.is_whole, values))

    def referred(self, node: Node) -> Iterator[str]:
        """The real paths of the files that `$ref` names directly in an unexpanded node: nothing is read."""
        if isinstance(node, Scalar):
            return
        for part in node.members if isinstance(node, Map) else node.items:
            at = part.value
            if isinstance(part, Member) and part.key == REF and isinstance(at, Scalar) and "\0" not in str(at.value):
                yield os.path.realpath(os.path.join(os.path.dirname(self._paths[at.file]), str(at.value)))
            yield from self.referred(at)

    def text_of(self, at: Scalar) -> Text | None:
        """The text of the file that a scalar names, relative to its own file; None, and a problem, where it cannot be read."""
        path = os.path.join(os.path.dirname(self._paths[at.file]), str(at.value))
        text = document.read_text(path, self._shown(path))
        if isinstance(text, Problem):
            self._journal.error(at, "missing-file", f"{self._shown(path)} {text.message}")
            return None
        real = os.path.realpath(path)
        self._named.add(real)
        return Text(real, text)

    def taken(self) -> frozenset[str]:
        """The real paths that were named in other files, by `$ref` or `!include`, since this was last asked."""
        named, self._named = frozenset(self._named), set()
        return named

    def is_inside(self, real: str) -> bool:
        """Whether a path lies below the project root."""
        return real.startswith(os.path.join(self.root, ""))

    def _shown(self, path: str) -> str:
        return path if "\0" in path else shown(path, self._cwd)

    def _parsed(self, text: str, path: str, name: str) -> Node | None:
        self._paths[name] = os.path.realpath(path)
        node, problems = load_commented(text, name, frozenset((INCLUDE,)))
        self._journal.problems.extend(problems)
        return node

    def _expanded(self, node: Node, above: tuple[str, ...]) -> Node:
        """The node without `$ref`. `above` are the real paths of the files that led here."""
        if isinstance(node, Scalar):
            return node
        if not isinstance(node, Map):
            items = tuple(item._replace(value=self._expanded(item.value, above)) for item in node.items)
            return node._replace(items=items)
        members = tuple(
            member._replace(value=self._expanded(member.value, above)) for member in node.members if member.key != REF
        )
        ref = node.find(REF)
        if ref is None:
            return node._replace(members=members)
        target = self._referred(ref, above)
        if target is None:
            self._unresolved.add((node.file, node.place))
            return node._replace(members=members)
        if not members:
            return target
        if not isinstance(target, Map):
            self._journal.error(
                ref, "bad-reference", "the file that is named here holds no map, so nothing can stand beside it"
            )
            self._unresolved.add((node.file, node.place))
            return node._replace(members=members)
        return node._replace(members=_merged(members, target.members), flow=False)

    def _referred(self, ref: Member, above: tuple[str, ...]) -> Node | None:
        at = ref.value
        if not isinstance(at, Scalar) or not isinstance(at.value, str) or at.tag:
            self._journal.error(at, "bad-reference", "'$ref' takes the path of a file")
            return None
        if _ELSEWHERE.match(at.value):
            self._journal.error(at, "bad-reference", "'$ref' names another file, neither a place inside one nor a URL")
            return None
        self._refs += 1
        if self._refs > MOST_REFS:
            self._journal.error(at, "too-many-values", f"more than {MOST_REFS:,} '$ref', one inside the other")
            return None
        found = self.text_of(at)
        if found is None:
            return None
        if found.real in above:
            self._journal.error(at, "recursive-reference", "this file leads back to itself")
            return None
        name = self._shown(found.real)
        if self.is_inside(found.real):
            self.lines.setdefault(name, found.text.splitlines())
        node = self._parsed(found.text, found.real, name)
        return None if node is None else self._expanded(node, (*above, found.real))


def _merged(own: tuple[Member, ...], other: tuple[Member, ...]) -> tuple[Member, ...]:
    """The members of both; where both have one, that of the file that is referred to, as `lf` has it."""
    theirs = {member.key: member for member in other}
    first = tuple(theirs.pop(member.key, member) for member in own)
    return (*first, *theirs.values())
