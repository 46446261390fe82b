"""Importing files in a folder, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from reconciler.manifest.discover import discover
from reconciler.manifest.importing import Import, Target, import_files

HEAD = "kind: latticeflow/Model\nkey: a\n"


def imported(folder: Path, files: Mapping[str, str], *paths: str, registry: str | None = None) -> Import:
    """What becomes of these files: of `paths`, or else of all. The folder is the project root, `out` the target."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dedent(text), encoding="utf-8")
    found = discover(paths or tuple(files), folder, folder)
    return import_files(found, Target(folder / "out", folder, folder, registry))


def texts(made: Import) -> dict[str, str]:
    """The manifests by path; there must be no error."""
    assert not made.errors, made.errors
    return {manifest.path: manifest.text for manifest in made.manifests}


def told(made: Import) -> list[str]:
    """`file:line:column severity rule` of each problem."""
    return [f"{p.file}:{p.line}:{p.column} {p.severity} {p.rule}" for p in made.problems]


def model(config: str, *more: str) -> str:
    """A model file of `lf` with these lines in its config, and more behind it."""
    lines = ["key: a", "display_name: A", "config:", "  url: u", *(f"  {line}" for line in config.splitlines())]
    return "\n".join([*lines, *more]) + "\n"
