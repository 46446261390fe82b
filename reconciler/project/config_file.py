"""Find the file reconciler.yaml, from a folder upward."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from reconciler.core import presence
from reconciler.core.errors import ConfigError, Problem

FILE: Final = "reconciler.yaml"
MISNAMED: Final = (  # names that somebody may take for the configuration's
    *("reconciler.yml", ".reconciler.yaml", ".reconciler.yml", "reconciler.json", ".reconciler.json"),
    *(
        "Reconciler.yaml",
        "Reconciler.yml",
        "RECONCILER.yaml",
        "reconciler.YAML",
        "reconciler.ymal",
        "reconciler.yaml.txt",
    ),
)


def find(start: Path) -> Path | None:
    """The nearest reconciler.yaml from `start` upward, whatever it is: one that cannot be read is not passed over.

    Raises ConfigError where a folder on the way holds it under a name that is nearly right: with what is further up, or
    with nothing, a run would go to other registries than its author meant.
    """
    for folder in (start, *start.parents):
        candidate = folder / FILE
        there = _is_named(candidate, start)
        misnamed = _misnamed(folder, there, start)
        if misnamed is not None:
            raise _refused_name(misnamed, start, there=there)
        if there:
            return candidate
    return None


def _misnamed(folder: Path, there: bool, start: Path) -> Path | None:
    """Find a misnamed configuration in a folder. JSON next to reconciler.yaml is none: an answer may have that name."""
    for name in MISNAMED:
        if there and name.lower().endswith(".json"):
            continue
        candidate = folder / name
        if _is_named(candidate, start) and not (there and _is_same(candidate, folder / FILE)):
            return candidate
    return None


def _is_named(candidate: Path, start: Path) -> bool:
    """Whether a name is taken; what lies in a folder above `start` that may not be searched is not meant for us.

    Raises InputError where that cannot be told: without the configuration a run would go to other registries.
    """
    try:
        return presence.status(candidate, follow=False) is not None
    except OSError as error:
        if isinstance(error, PermissionError) and candidate.parent != start:
            return False
        raise presence.unknowable(candidate, error) from error


def _is_same(one: Path, other: Path) -> bool:
    """True for one file under two names: by a link, or where a file system takes `A` and `a` for the same."""
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _refused_name(path: Path, start: Path, *, there: bool) -> ConfigError:
    shown = relative(os.path.abspath(path), start)
    also = f", and {FILE} is beside it" if there else ""
    message = f"{shown} is not read: the configuration is called {FILE}{also}"
    way_out = f"keep one of the two, as {FILE}" if there else f"rename it to {FILE}, or name it with --config"
    problem = Problem(shown, 1, 1, "config-name", message, suggestion=way_out)
    return ConfigError(message, (problem,), hint=way_out)


def relative(path: str, start: Path) -> str:
    """A path as people see it: relative to the working directory, with `/`."""
    return os.path.relpath(path, os.path.realpath(start)).replace(os.sep, "/")
