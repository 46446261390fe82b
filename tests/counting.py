"""Work counted, not timed: characters visited in a text, and calls of Python functions.

What takes the square of a file's size shows at any load of the machine: four times the documents are then sixteen times the work.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any, Final

import pytest

import reconciler.core.document
import reconciler.manifest
import reconciler.project
import reconciler.render

PACKAGES: Final = (reconciler.core.document, reconciler.manifest, reconciler.project, reconciler.render)
_WHOLE: Final = (
    "__contains__", "count", "find", "rfind", "index", "rindex", "splitlines", "split", "partition", "rpartition", "isascii",
    "encode", "replace", "translate", "removeprefix", "removesuffix", "strip", "lstrip", "rstrip", "lower", "isprintable",
)  # fmt: skip


class Counter:
    """Characters and calls so far."""

    def __init__(self) -> None:
        self.work = 0


class _Pattern:
    """A compiled pattern that counts the characters between where it begins to look and where it finds."""

    def __init__(self, pattern: re.Pattern[str], counter: Counter) -> None:
        self._pattern, self._counter = pattern, counter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pattern, name)

    def _found(self, name: str, text: str, at: tuple[int, ...]) -> re.Match[str] | None:
        found: re.Match[str] | None = getattr(self._pattern, name)(text, *at)
        start, stop = (*at, len(text))[:2] if len(at) == 2 else (at[0] if at else 0, len(text))
        ends = found.end() if found is not None else stop if name == "search" else start
        self._counter.work += max(0, ends - start)
        return found

    def match(self, text: str, *at: int) -> re.Match[str] | None:
        return self._found("match", text, at)

    def fullmatch(self, text: str, *at: int) -> re.Match[str] | None:
        return self._found("fullmatch", text, at)

    def search(self, text: str, *at: int) -> re.Match[str] | None:
        return self._found("search", text, at)

    def finditer(self, text: str, *at: int) -> Iterator[re.Match[str]]:
        last = at[0] if at else 0
        for found in self._pattern.finditer(text, *at):
            self._counter.work += found.end() - last
            last = found.end()
            yield found
        self._counter.work += (at[1] if len(at) > 1 else len(text)) - last

    def split(self, text: str) -> list[str]:
        self._counter.work += len(text)
        return list(self._pattern.split(text))


def _visited(text: str, name: str, words: tuple[Any, ...], made: Any) -> int:
    """Characters that a method of a text looks at: what is looked for between two offsets, up to where it is."""
    if name not in ("count", "find", "rfind") or len(words) == 1:
        return len(text)
    start, stop = words[1], words[2] if len(words) > 2 else len(text)
    if name == "rfind":
        return int(stop - max(made, start))
    return int((made if name == "find" and made >= 0 else stop) - start)


def _watched(counter: Counter) -> type[str]:
    """A class of texts that count what is read of them; what is made of one is one, too."""

    def method(name: str) -> Callable[..., Any]:
        plain = getattr(str, name)

        def counting(self: str, *words: Any, **how: Any) -> Any:
            made = plain(self, *words, **how)
            counter.work += _visited(self, name, words, made)
            return Watched(made) if type(made) is str and 2 * len(made) > len(self) else made

        return counting

    def part(self: str, at: Any) -> str:
        made = str.__getitem__(self, at)
        counter.work += len(made)
        return Watched(made) if 2 * len(made) > len(self) else made

    Watched: Any = type(  # noqa: N806  # a class
        "Watched", (str,), {**{name: method(name) for name in _WHOLE}, "__getitem__": part}
    )
    return Watched


def _modules() -> Iterator[Any]:
    for package in PACKAGES:
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            yield importlib.import_module(found.name)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], int]:
    """Counts the work of a call, once what is loaded lazily is loaded."""
    counter = Counter()
    watched = _watched(counter)
    for module in _modules():
        for name, value in list(vars(module).items()):
            if isinstance(value, re.Pattern):
                monkeypatch.setattr(module, name, _Pattern(value, counter))
    files = importlib.import_module("reconciler.core.document.files")
    nodes = importlib.import_module("reconciler.core.document.yaml_text")
    decode, loader = files.decode, nodes.loader

    def decoded(data: bytes, shown: str) -> Any:
        text = decode(data, shown)
        return watched(text) if isinstance(text, str) else text

    def loaded(text: str, small: bool) -> Any:
        counter.work += len(text)
        return loader(str(text), small)

    monkeypatch.setattr(files, "decode", decoded)
    monkeypatch.setattr(nodes, "loader", loaded)

    def note(_frame: FrameType, event: str, arg: Any) -> None:
        counter.work += event == "call"
        if event == "c_call" and isinstance(getattr(arg, "__self__", None), str) and arg.__name__ == "join":
            counter.work += 1

    def count(work: Callable[[], object]) -> int:
        counter.work = 0
        sys.setprofile(note)
        try:
            work()
        finally:
            sys.setprofile(None)
        return counter.work

    return count
