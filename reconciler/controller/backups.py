"""Backups of what a reconcile is about to remove or overwrite, as manifests: the newest few of each registry.

They are kept in ConfigMaps beside the Registry object, or in a folder of the controller.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from reconciler.controller.cluster import CONFIG_MAPS, Cluster, ClusterError, ObjectKey
from reconciler.controller.copies import BACKUP
from reconciler.core.errors import InputError, TemporaryError
from reconciler.core.resource import Resource
from reconciler.manifest.export import path_of, text_of
from reconciler.project.files import PRIVATE_FILE, PRIVATE_FOLDER, make_folder, sync_folder, write_new
from reconciler.registry.entry import RegistryEntry

KEPT: Final = 10  # backups of one registry
LARGEST: Final = 900_000  # bytes of one ConfigMap, which the API server bounds at 1 MiB
REGISTRY: Final = "models.reconciler.dev/registry"
_UNFINISHED: Final = ".unfinished"  # the beginning of the name of a folder that is being written


class Keeper(Protocol):
    """Where backups are kept."""

    def place(self, registry: ObjectKey, stamp: str) -> str:
        """Where the backup of a moment is, for people."""
        ...

    async def keep(self, registry: ObjectKey, stamp: str, texts: Mapping[str, str]) -> None:
        """Store a backup, its manifests by the names of their files, and remove all but the newest of that registry.

        Raises TemporaryError where it is not stored.
        """
        ...


@dataclass
class Backup:
    """The backup of one reconcile: taken before the first write, stored before that write is sent."""

    keeper: Keeper
    registry: ObjectKey
    entry: RegistryEntry
    now: datetime
    _texts: dict[str, str] = field(default_factory=dict)
    _stored: bool = False

    def take(self, resources: tuple[Resource, ...]) -> str:
        """Note what is about to be lost. Returns where it will be stored."""
        self._texts = {_file_name(path_of(one)): text_of(one, self.entry) for one in resources}
        return self.keeper.place(self.registry, self._stamp)

    async def store(self) -> None:
        """Store what was noted, once. Raises TemporaryError where that fails: then nothing may be written."""
        if not self._texts or self._stored:
            return
        await self.keeper.keep(self.registry, self._stamp, self._texts)
        self._stored = True

    @property
    def _stamp(self) -> str:
        return self.now.strftime("%Y%m%d%H%M%S%f")


@dataclass(frozen=True, slots=True)
class ConfigMapBackups:
    """Keeps each backup in a ConfigMap of the Registry object's namespace."""

    cluster: Cluster

    def place(self, registry: ObjectKey, stamp: str) -> str:
        return f"ConfigMap {_name(registry, stamp)}"

    async def keep(self, registry: ObjectKey, stamp: str, texts: Mapping[str, str]) -> None:
        size = sum(len(name.encode()) + len(text.encode()) for name, text in texts.items())
        if size > LARGEST:
            raise TemporaryError(
                f"the backup of what would be removed or overwritten has {size} bytes, more than a ConfigMap holds, so "
                "nothing was written",
                hint="change fewer objects at once, or run the controller with --backup-dir",
            )
        try:
            await self.cluster.create(CONFIG_MAPS, registry.namespace, _config_map(registry, stamp, texts))
        except ClusterError as error:
            raise TemporaryError(f"the backup cannot be stored ({error.message}), so nothing was written") from error
        try:
            await self._sweep(registry)
        except ClusterError:
            return  # the next backup sweeps again

    async def _sweep(self, registry: ObjectKey) -> None:
        listing = await self.cluster.list(CONFIG_MAPS, registry.namespace)
        mine = sorted(
            item["metadata"]["name"]
            for item in listing.items
            if (item["metadata"].get("annotations") or {}).get(REGISTRY) == registry.name
            and BACKUP in (item["metadata"].get("labels") or {})
        )
        for name in mine[:-KEPT]:
            await self.cluster.delete(CONFIG_MAPS, ObjectKey(registry.namespace, name))


@dataclass(frozen=True, slots=True)
class FolderBackups:
    """Keeps each backup in a folder: `<folder>/<namespace>/<registry>/<UTC>/`. Whatever else is in there stays."""

    folder: Path

    def check(self) -> None:
        """Raise InputError where nothing can be written to the folder."""
        probe = self.folder / f"{_UNFINISHED}-probe"
        try:
            make_folder(probe)
            probe.rmdir()
        except OSError as error:
            raise InputError(
                f"nothing can be written to the folder for backups, {self.folder}: {error.strerror}",
                hint="mount a volume there that the controller's user may write to",
            ) from error

    def place(self, registry: ObjectKey, stamp: str) -> str:
        return str(self._of(registry) / stamp)

    async def keep(self, registry: ObjectKey, stamp: str, texts: Mapping[str, str]) -> None:
        try:
            await asyncio.to_thread(self._write, self._of(registry), stamp, texts)
        except OSError as error:
            raise TemporaryError(
                f"the backup cannot be stored ({error.strerror or error}), so nothing was written"
            ) from error

    def _of(self, registry: ObjectKey) -> Path:
        return self.folder / registry.namespace / registry.name

    def _write(self, folder: Path, stamp: str, texts: Mapping[str, str]) -> None:
        """Write all files and give the folder its name last: a backup of that name is whole. Raises OSError."""
        unfinished = folder / f"{_UNFINISHED}-{stamp}"
        try:
            make_folder(unfinished, PRIVATE_FOLDER)
            for name, text in texts.items():
                write_new(unfinished / name, text, PRIVATE_FILE)
            unfinished.rename(folder / stamp)
        except OSError:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        sync_folder(folder)
        whole = sorted(path for path in folder.iterdir() if path.name.isdigit() and len(path.name) == len(stamp))
        cut_off = [path for path in folder.iterdir() if path.name.startswith(_UNFINISHED)]  # by the end of a process
        for path in (*whole[:-KEPT], *cut_off):
            shutil.rmtree(path, ignore_errors=True)  # the next backup sweeps again


def _name(registry: ObjectKey, stamp: str) -> str:
    return f"model-reconciler-backup-{registry.name[:180]}-{stamp}"


def _config_map(registry: ObjectKey, stamp: str, texts: Mapping[str, str]) -> dict[str, object]:
    return {
        "apiVersion": CONFIG_MAPS.api_version,
        "kind": CONFIG_MAPS.kind,
        "metadata": {
            "name": _name(registry, stamp),
            "namespace": registry.namespace,
            "labels": {BACKUP: "true"},
            "annotations": {REGISTRY: registry.name},
        },
        "data": dict(texts),
    }


def _file_name(path: str) -> str:
    """A path as a key of a ConfigMap, which takes few letters, and as the name of one file."""
    flat = path.replace("/", "_")
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_.") else "_" for letter in flat)[
        -250:
    ]
