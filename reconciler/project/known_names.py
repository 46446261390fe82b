"""The names that manifests declare, read quickly and without any registry: what a shell completes.

Manifests are read as they stand, right or wrong, as long as the budget lasts: a shell waits for the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.core import document
from reconciler.core.errors import Problem
from reconciler.manifest.discover import File
from reconciler.manifest.model_check import TEMPLATE
from reconciler.project.sources import configured
from reconciler.project.workspace import Workspace
from reconciler.registry.entry import RegistryEntry

MOST_FILES: Final = 5_000
MOST_BYTES: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Budget:
    """How much is read: files, bytes of text, and for as long as `goes_on` says."""

    files: int = MOST_FILES
    size: int = MOST_BYTES
    goes_on: Callable[[], bool] = lambda: True


@dataclass(frozen=True, slots=True)
class KnownNames:
    """The keys, addresses and labels of manifests. `labels` maps each label to its values."""

    keys: frozenset[str]
    addresses: frozenset[str]
    labels: Mapping[str, frozenset[str]]

    def names_like(self, name: str) -> frozenset[str]:
        """The names of the same form: addresses for an address, keys for a key."""
        return self.addresses if name.count("/") > 1 else self.keys


def known_names(workspace: Workspace, budget: Budget | None = None) -> KnownNames:
    """The names in the configured manifests, of the documents that can be read within the budget."""
    keys: set[str] = set()
    addresses: set[str] = set()
    labels: dict[str, set[str]] = {}
    sources = configured(workspace.project, workspace.cwd)
    for data in _documents(sources.found.files, budget or Budget()):
        key = data.get("key")
        if not isinstance(key, str):
            continue
        if data.get("kind") != TEMPLATE:  # whose labels are those of its Models
            keys.add(key)
            addresses.update(_addresses(data, key, workspace.entries.values()))
        given = data.get("labels")
        for name, value in given.items() if isinstance(given, Mapping) else ():
            if isinstance(value, str):
                labels.setdefault(name, set()).add(value)
    return KnownNames(
        frozenset(keys), frozenset(addresses), {name: frozenset(values) for name, values in labels.items()}
    )


def _documents(files: Iterable[File], budget: Budget) -> Iterator[Mapping[str, Any]]:
    left = budget.size
    for number, file in enumerate(files):
        if number >= budget.files or left <= 0 or not budget.goes_on():
            return
        text = document.read_text(file.real, file.shown)
        if isinstance(text, Problem):
            continue
        left -= len(text)
        for found in document.load(text, file.shown).documents:
            if isinstance(found.value, Mapping):
                yield found.value


def _addresses(data: Mapping[str, Any], key: str, entries: Iterable[RegistryEntry]) -> Iterator[str]:
    """The addresses of a document: of a portable Model in each of its registries, of a native one in its own."""
    driver, _, kind = str(data.get("kind")).partition("/")
    named = data.get("registries")
    for entry in entries:
        if kind:
            if driver == entry.driver.name and data.get("registry", entry.name) == entry.name:
                yield f"{entry.name}/{kind}/{key}"
        elif (entry.name in named) if isinstance(named, Mapping) else entry.default:
            own = named.get(entry.name) if isinstance(named, Mapping) else None
            there = own.get("key", key) if isinstance(own, Mapping) else key
            yield f"{entry.name}/{entry.portable.name}/{there}"
