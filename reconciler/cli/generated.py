"""Write generated files into a folder, or look if those there are stale: what `schema` and `controller manifests` do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from reconciler.cli.files import write_text
from reconciler.cli.streams import echo_data, say
from reconciler.render.escape import printable


def write_generated(folder: Path, files: Mapping[str, str]) -> None:
    """Write the files that differ, and tell the path of each."""
    for name, text in files.items():
        if _text(folder / name) != text:
            write_text(folder / name, text)
        echo_data(printable(str(folder / name)))


def check_generated(folder: Path, files: Mapping[str, str], hint: str) -> int:
    """The exit code: 1, and what is stale told, unless every file is there and says the same."""
    stale = [name for name, text in files.items() if _text(folder / name) != text]
    for name in stale:
        say(f"stale: {printable(str(folder / name))}")
    if stale:
        say(f"hint: {hint}")
    return 1 if stale else 0


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
