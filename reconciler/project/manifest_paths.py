"""The paths of `manifests` in reconciler.yaml, each with the globs of what is not read there."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from reconciler.core import presence
from reconciler.core.schema.fields import Field
from reconciler.core.schema.record import Record
from reconciler.core.schema.types import ExcludeGlob
from reconciler.manifest.exclude import Exclusion
from reconciler.manifest.glob import fixed_part


class ManifestsEntry(Record):
    """A path of manifests, of which some files are not read."""

    path: str = Field(description="A folder, file or glob, relative to reconciler.yaml.", examples=["manifests"])
    exclude: list[ExcludeGlob] | None = Field(
        None,
        description="Globs of files and folders below `path` that are not read, relative to it. One without a slash matches in any folder.",
        examples=[["**/values.yaml"]],
    )


def sources_of(listed: Iterable[str | ManifestsEntry] | None) -> list[ManifestsEntry]:
    """The entries of `manifests` as maps; where it is absent, the one that is the default."""
    listed = ["manifests"] if listed is None else listed
    return [ManifestsEntry(path=entry) if isinstance(entry, str) else entry for entry in listed]


def exclusions(shared: Iterable[str], sources: Iterable[ManifestsEntry], root: Path) -> Iterator[tuple[Exclusion, ...]]:
    """The globs of what is not read below each path of manifests: those of all, then its own."""
    for_all = [Exclusion(glob, str(root), f"/exclude/{number}") for number, glob in enumerate(shared)]
    for index, source in enumerate(sources):
        folder = _folder(root, source.path)
        own = enumerate(source.exclude or ())
        yield (*for_all, *(Exclusion(glob, folder, f"/manifests/{index}/exclude/{number}") for number, glob in own))


def _folder(root: Path, path: str) -> str:
    """The absolute folder that a path of manifests means: of a glob its fixed part, of a file the folder it is in."""
    whole = fixed_part(root, path)
    return os.path.abspath(whole.parent if presence.is_file(whole) else whole)
