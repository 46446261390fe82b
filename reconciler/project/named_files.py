"""Warn of files that objects name and that are not there, such as datasets."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reconciler.core import pointer as json_pointer
from reconciler.core import presence
from reconciler.core.schema.findings import Finding
from reconciler.core.secret import Resolver
from reconciler.manifest.manifests import Manifest
from reconciler.registry.capabilities import NamesFiles
from reconciler.registry.entry import RegistryEntry


def name_files(entries: Mapping[str, RegistryEntry]) -> bool:
    """True where one of these registries has objects that name files."""
    return any(isinstance(entry.driver, NamesFiles) for entry in entries.values())


def missing_in_settings(entries: Mapping[str, RegistryEntry], resolver: Resolver) -> Iterator[Finding]:
    """Find the files that settings in reconciler.yaml name for every object of their registry, and that are not there."""
    for name, entry in entries.items():
        driver = entry.driver
        if isinstance(driver, NamesFiles):
            shared = driver.shared(entry.settings)
            yield from _missing(entry, resolver, shared, json_pointer.join(("registries", name)))


def missing_in_manifest(
    manifest: Manifest, entries: Mapping[str, RegistryEntry], resolver: Resolver
) -> Iterator[Finding]:
    """Find the files that one manifest names, and that are not there."""
    if manifest.native is not None:
        driver, common = manifest.kind.partition("/")[0], manifest.native.common
        mine = [entry for entry in entries.values() if entry.driver.name == driver]
        named = [entry for entry in mine if common.registry in (None, entry.name)]
        if len(named) == 1 and common.state != "absent":  # else it is an error already
            yield from _missing(named[0], resolver, manifest.native.spec, "")
    elif manifest.model is not None and manifest.model.state != "absent":
        for name, override in (manifest.model.registries or {}).items():
            if override is not None and name in entries:
                terms = override.model_extra or {}
                yield from _missing(entries[name], resolver, terms, json_pointer.join(("registries", name)))


def _missing(entry: RegistryEntry, resolver: Resolver, spec: Mapping[str, Any], prefix: str) -> Iterator[Finding]:
    if not isinstance(entry.driver, NamesFiles):
        return
    for pointer, file in entry.driver.files(entry.settings, resolver, spec):
        if not presence.is_file(file):
            message = f"there is no file {file.name!r} where {entry.name} looks for it, in {_shown(file.parent, resolver.root)}"
            yield Finding("missing-dataset", message, prefix + pointer, severity="warning")


def _shown(folder: Path, root: Path) -> str:
    """A folder as the project knows it: relative to its root, where it lies below that."""
    whole, top = Path(os.path.realpath(folder)), Path(os.path.realpath(root))
    return whole.relative_to(top).as_posix() if whole.is_relative_to(top) else str(folder)
