"""The data of the JSON answer of `import`: the manifests written, and what is left to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reconciler.core.problem_json import problem_to_json
from reconciler.manifest.importing import Import, Written


def import_data(imported: Import, files: Mapping[Written, Path], variables: Sequence[str]) -> dict[str, Any]:
    """The `import` answer. `files` are those written, by manifest; `variables` those that the configuration lacks."""
    return {
        "files": [
            {"path": path.as_posix(), "kind": manifest.kind, "key": manifest.key, "source": manifest.source}
            for manifest, path in files.items()
        ],
        "variables": list(variables),
        "environment": list(imported.environment),
        "problems": [problem_to_json(problem) for problem in imported.problems],
    }
