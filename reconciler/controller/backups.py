"""Backups of what a reconcile is about to remove or overwrite, as manifests in ConfigMaps: the newest few of each registry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from reconciler.controller.cluster import CONFIG_MAPS, Cluster, ClusterError, ObjectKey
from reconciler.controller.copies import BACKUP
from reconciler.core.errors import TemporaryError
from reconciler.core.resource import Resource
from reconciler.manifest.export import path_of, text_of
from reconciler.registry.entry import RegistryEntry

KEPT: Final = 10  # backups of one registry
LARGEST: Final = 900_000  # bytes of one ConfigMap, which the API server bounds at 1 MiB
REGISTRY: Final = "models.reconciler.dev/registry"


@dataclass
class Backup:
    """The backup of one reconcile: taken before the first write, stored before that write is sent."""

    cluster: Cluster
    registry: ObjectKey
    entry: RegistryEntry
    now: datetime
    stored: str = ""
    _texts: dict[str, str] = field(default_factory=dict)

    def take(self, resources: tuple[Resource, ...]) -> str:
        """Note what is about to be lost. Returns the name of the ConfigMap that it will be stored in."""
        self._texts = {path_of(one).replace("/", "_"): text_of(one, self.entry) for one in resources}
        return f"ConfigMap {self._name}"

    async def store(self) -> None:
        """Store what was noted, once. Raises TemporaryError where that fails: then nothing may be written."""
        if not self._texts or self.stored:
            return
        size = sum(len(name.encode()) + len(text.encode()) for name, text in self._texts.items())
        if size > LARGEST:
            raise TemporaryError(
                f"the backup of what would be removed or overwritten has {size} bytes, more than a ConfigMap holds, so "
                "nothing was written",
                hint="change fewer objects at once",
            )
        try:
            await self.cluster.create(CONFIG_MAPS, self.registry.namespace, self._config_map())
            self.stored = self._name
            await self._sweep()
        except ClusterError as error:
            if not self.stored:
                raise TemporaryError(
                    f"the backup cannot be stored ({error.message}), so nothing was written"
                ) from error

    @property
    def _name(self) -> str:
        return f"model-reconciler-backup-{self.registry.name[:180]}-{self.now.strftime('%Y%m%d%H%M%S%f')}"

    def _config_map(self) -> dict[str, object]:
        labels: Mapping[str, str] = {BACKUP: "true"}
        annotations = {REGISTRY: self.registry.name}
        return {
            "apiVersion": CONFIG_MAPS.api_version,
            "kind": CONFIG_MAPS.kind,
            "metadata": {
                "name": self._name,
                "namespace": self.registry.namespace,
                "labels": labels,
                "annotations": annotations,
            },
            "data": {_key(name): text for name, text in self._texts.items()},
        }

    async def _sweep(self) -> None:
        """Delete all but the newest backups of this registry."""
        listing = await self.cluster.list(CONFIG_MAPS, self.registry.namespace)
        mine = sorted(
            item["metadata"]["name"]
            for item in listing.items
            if (item["metadata"].get("annotations") or {}).get(REGISTRY) == self.registry.name
            and BACKUP in (item["metadata"].get("labels") or {})
        )
        for name in mine[:-KEPT]:
            await self.cluster.delete(CONFIG_MAPS, ObjectKey(self.registry.namespace, name))


def _key(path: str) -> str:
    """A path as a key of a ConfigMap, which takes few letters."""
    return "".join(letter if letter.isascii() and (letter.isalnum() or letter in "-_.") else "_" for letter in path)[
        -250:
    ]
