"""The wire formats of endpoints: below a base URL, the path of each task. The one home of these paths.

A format that is not here (`custom`) has no paths: its URL is the whole one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

PATHS: Final[Mapping[str, Mapping[str, str]]] = {
    "openai": {
        "chat_completion": "/chat/completions",
        "completion": "/completions",
        "embeddings": "/embeddings",
        "rerank": "/rerank",
    },
    "anthropic": {"chat_completion": "/messages"},
}
# paths of the same APIs that serve models too, and that no task of ours asks
_SIBLINGS: Final[Mapping[str, tuple[str, ...]]] = {"openai": ("/responses",), "anthropic": ("/complete",)}
_END: Final = r"/*(?:[?#]|$(?!\n))"  # of a path: slashes at its end mean nothing


def paths_of(wire_format: str) -> tuple[str, ...]:
    """Every path of a format that a URL may end in, longest first; none of a format that has no paths."""
    return _EVERY.get(wire_format, ())


def _longest_first(wire_format: str) -> tuple[str, ...]:
    paths = {*PATHS[wire_format].values(), *_SIBLINGS.get(wire_format, ())}
    return tuple(sorted(paths, key=lambda path: (-len(path), path)))


_EVERY: Final[Mapping[str, tuple[str, ...]]] = {wire_format: _longest_first(wire_format) for wire_format in PATHS}
EVERY_PATH: Final = tuple(path for paths in _EVERY.values() for path in paths)


def base_url_pattern(paths: Iterable[str]) -> str:
    """A regular expression that matches a URL unless its path ends in one of `paths`."""
    return rf"^(?![^?#]*(?:{'|'.join(map(re.escape, paths))}){_END})"


def path_at_end(url: str, paths: tuple[str, ...]) -> str | None:
    """The path, of `paths`, that the path of a URL ends in: what is to be left off to have the base URL."""
    found = _ends_in(paths).match(url)
    return found[1] if found is not None else None


@cache
def _ends_in(paths: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(rf"[^?#]*?({'|'.join(map(re.escape, paths))}){_END}")
