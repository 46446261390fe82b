"""Follow the versions of the Secrets that objects name: which objects are to be written again, and what their rows note."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from reconciler.controller.cluster import ObjectKey
from reconciler.controller.cluster_secrets import ClusterSecrets
from reconciler.controller.copies import Copies
from reconciler.controller.desired import Declared, Trouble, file_of
from reconciler.controller.rows import digest, secrets_named
from reconciler.core.errors import SecretError

Versions = Mapping[str, Mapping[str, str | None]]


def versions_of(declared: Declared, copies: Copies, namespace: str) -> Versions:
    """The versions of the Secrets that each object names, by the name of its manifest, as they are before anything is read."""
    return {
        file: {name: copies.secret_version(ObjectKey(namespace, name)) for name in secrets_named(one)}
        for file, one in declared.documents.items()
    }


def digests(secrets: ClusterSecrets, versions: Versions) -> dict[str, str]:
    """What each object's row is to note: the versions that were fetched, or were there before where none was."""
    return {
        file: digest({name: secrets.version(name) or version for name, version in named.items()})
        for file, named in versions.items()
    }


def rotated(declared: Declared, versions: Versions, noted: Mapping[str, str]) -> tuple[str, ...]:
    """The addresses of the objects whose Secrets are others than those `noted` when they were last written."""
    new = {file for file, named in versions.items() if named and noted.get(file, "") != digest(named)}
    roots = (item for item in declared.desired.resources if item.resource.parent is None)
    return tuple(str(item.address) for item in roots if file_of(item) in new)


def lacking(references: Iterable[tuple[str, str]], secrets: ClusterSecrets) -> Iterator[tuple[str, Trouble]]:
    """Find the objects that need a value which a Secret does not have. Of each reference, the object's manifest is named first."""
    for file, reference in sorted(references):
        try:
            secrets.value(reference)
        except SecretError as error:
            yield file, Trouble("missing-reference", error.message)
