"""Find the file reconciler.yaml, from a folder upward."""

from __future__ import annotations

import os
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any, Final

from reconciler.core import presence
from reconciler.core.errors import ConfigError, Problem
from reconciler.core.schema.findings import Finding
from reconciler.manifest.recognise import is_manifest, recognise

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

_IN_MANIFESTS: Final = frozenset({"$schema", "registries"})  # fields of a configuration that manifests have, too
_TELLING: Final = ("kind", "provider", "endpoint")


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


def other_than_configuration(data: Any, fields: Container[str], shown: str) -> Finding | None:
    """The error for a document that is plainly a manifest or another tool's, and was given as the configuration.

    `fields` are those of a configuration. None for a document that may be one, wrong as it may be.
    """
    if not isinstance(data, Mapping):
        return None
    ours = [name for name in data if name in fields and name not in _IN_MANIFESTS]
    if not ours and (is_manifest(data) or ("key" in data and ("provider" in data or "endpoint" in data))):
        what = "is a manifest"
        named = os.path.basename(shown) == FILE
        away = "move it to the folder `manifests`" if named else f"give it as PATH, as in `reconciler plan {shown}`"
    elif not any(name in fields for name in data) and (known := recognise(data)) is not None:
        what, away = f"looks like {known.title}", "keep it apart"
    else:
        return None
    hint = f"{away}; the configuration, with `owner` and `registries`, is in {FILE} or what --config names"
    pointer = next((f"/{name}" for name in _TELLING if name in data), "")
    return Finding(
        "foreign-file", f"this {what}, and is no configuration", pointer, at_key=bool(pointer), suggestion=hint
    )


def relative(path: str, start: Path) -> str:
    """A path as people see it: relative to the working directory, with `/`."""
    return os.path.relpath(path, os.path.realpath(start)).replace(os.sep, "/")
