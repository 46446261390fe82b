"""The cache of a project's manifests (`.reconciler/cache`), and the fingerprint of all that they are read with beside their own bytes."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import reconciler
from reconciler.core import document
from reconciler.manifest.cache import FEWEST, ManifestCache, sealing_key
from reconciler.manifest.discover import File
from reconciler.manifest.likely_secrets import likely_in_variables
from reconciler.project.config import Project
from reconciler.registry.entry import RegistryEntry

FOLDER: Final = ".reconciler/cache"
SMALL: Final = 64 * 1024  # bytes of few files together, which hold some 200 documents
_OURS: Final = "reconciler."


def open_cache(
    project: Project,
    entries: Mapping[str, RegistryEntry],
    cwd: Path,
    environ: Mapping[str, str],
    *,
    files: Sequence[File],
) -> ManifestCache | None:
    """The cache for these files, or None where there is to be none.

    There is none for few and small files, none with a driver of another package, whose code is not known here, and none with a
    variable that is likely a secret, which is resolved into what is kept.
    """
    if _read_quickly(files) or not all(type(entry.driver).__module__.startswith(_OURS) for entry in entries.values()):
        return None
    if any(likely_in_variables(project.variables)):
        return None
    home = _user_folder(environ)
    key = sealing_key(home) if home is not None else None
    if key is None:
        return None
    return ManifestCache(project.root / FOLDER, fingerprint(project, cwd), key)


def _read_quickly(files: Sequence[File]) -> bool:
    """True for few and small files, which are read as quickly as they are looked up."""
    if len(files) >= FEWEST:
        return False
    try:
        return sum(os.stat(file.path).st_size for file in files) < SMALL
    except OSError:
        return True  # whoever reads it says what is wrong with it


def fingerprint(project: Project, cwd: Path) -> str:
    """Name all that manifests are read with, as hex digits: this program, what it reads YAML with, and the configuration."""
    libraries = [sys.version, _pydantic(), document.PARSER]
    where = [str(project.root), project.file, str(cwd), project.environment]
    inputs = [reconciler.__version__, *_code(), libraries, where, project.text, dict(project.variables)]
    text = json.dumps(inputs, sort_keys=True)
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]


def _pydantic() -> tuple[str, int, int]:
    """The file that tells pydantic's version, which is not imported for that, with its size and when it was written."""
    found = find_spec("pydantic")
    path = os.path.join(os.path.dirname((found and found.origin) or ""), "version.py")
    status = os.stat(path)
    return path, status.st_size, status.st_mtime_ns


def _code() -> Iterator[tuple[str, int, int]]:
    """Each file of this program, with its size and when it was written: an editable install changes under one version."""
    top = os.path.dirname(reconciler.__file__)
    for folder, below, names in os.walk(top):
        below[:] = sorted(name for name in below if name != "__pycache__")
        for name in sorted(names):
            path = f"{folder}{os.sep}{name}"
            status = os.stat(path)
            yield path[len(top) :], status.st_size, status.st_mtime_ns


def _user_folder(environ: Mapping[str, str]) -> Path | None:
    """The folder for this user's caches, outside of every project; None where the user has none."""
    given = environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(given):
        return Path(given) / "reconciler"
    home = environ.get("HOME") or environ.get("USERPROFILE") or ""
    return Path(home) / ".cache" / "reconciler" if os.path.isabs(home) else None
