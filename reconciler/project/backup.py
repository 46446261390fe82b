"""Back up what a run is about to remove, as manifests. Applying the folder restores it."""

from __future__ import annotations

import datetime
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from reconciler.core.errors import RefusedError
from reconciler.core.resource import Resource
from reconciler.manifest.discover import shown
from reconciler.manifest.export import path_of, text_of
from reconciler.registry.entry import RegistryEntry


def back_up(
    folder: Path | None, resources: Iterable[Resource], entries: Mapping[str, RegistryEntry], root: Path, cwd: Path
) -> str:
    """Writes each resource below `folder`, or below `.reconciler/backup/<UTC>` of the project.

    Returns the folder as shown from `cwd`.
    """
    stamp = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H-%M-%S-%fZ")
    target = folder if folder is not None else root / ".reconciler" / "backup" / stamp
    return shown(str(write_backup(target, resources, entries, root)), cwd)


def write_backup(folder: Path, resources: Iterable[Resource], entries: Mapping[str, RegistryEntry], root: Path) -> Path:
    """Writes each resource below `folder`, which is made.

    Raises RefusedError where that fails: then nothing may be removed.
    """
    try:
        for resource in resources:
            path = folder / path_of(resource)
            path.parent.mkdir(parents=True, exist_ok=True)
            below = shown(str(path.parent), root)
            _write_new(path, text_of(resource, entries[resource.address.registry], below))
    except OSError as error:
        reason = f"{error.strerror or error}: {error.filename or folder}"
        message = f"the backup of what would be removed cannot be written ({reason}), so nothing was removed"
        raise RefusedError(message, hint="name a folder that can be written with --backup DIR") from error
    return folder


def _write_new(path: Path, text: str) -> None:
    """Writes a file that must not exist, and is on the disk when this returns."""
    with path.open("x", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
