"""The comment by which editors find the schema of a manifest."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

from reconciler.manifest.discover import shown

SCHEMA: Final = "schemas/manifest.schema.json"  # relative to the project root
_SPACE: Final = re.compile(r"\s")


def modeline(root: Path | str, folder: Path | str) -> str:
    """The editor's schema comment for manifests in `folder`, of the project at `root`.

    "" where the project has no schema, or where the comment could not name it: a path ends at its first space.
    """
    schema = os.path.join(os.path.realpath(root), SCHEMA)
    if not os.path.isfile(schema):
        return ""
    place = shown(schema, Path(os.path.realpath(folder)))
    return "" if _SPACE.search(place) else f"# yaml-language-server: $schema={place}"
