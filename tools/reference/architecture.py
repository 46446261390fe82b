"""The modules that the tree in ARCHITECTURE.md lists under a package, brought up to the folder's."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Final

INDENT: Final = " " * 16
WIDTH: Final = 116
_PACKAGE: Final = re.compile(r"^[├└]── (?P<name>[a-z]+)/ .*\n(?P<modules>(?:[│ ] {10,}\S.*\n)*)", re.MULTILINE)


def with_modules(text: str, package: Path) -> str:
    """The page with the modules of each package that lists some. `package` is the folder `reconciler`."""

    def listed(match: re.Match[str]) -> str:
        head, _, modules = match[0].partition("\n")
        if not modules:
            return match[0]
        bar = " " if head.startswith("└") else "│"
        return f"{head}\n{_lines(modules_of(package / match['name']), bar)}"

    return _PACKAGE.sub(listed, text)


def modules_of(folder: Path) -> list[str]:
    """The modules of a package and, with a slash, the packages in it."""
    modules = [path.stem for path in folder.glob("*.py") if path.stem != "__init__"]
    return sorted([*modules, *(f"{path.parent.name}/" for path in folder.glob("*/__init__.py"))])


def _lines(names: list[str], bar: str) -> str:
    wrapped = textwrap.wrap(" ".join(names), WIDTH - len(INDENT), break_on_hyphens=False, break_long_words=False)
    return "".join(f"{bar}{INDENT[1:]}{line}\n" for line in wrapped)
