"""Identities of problems, by which a service tells one that it has shown from a new one."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from reconciler.core.errors import Problem
from reconciler.manifest.validation import Validation


def identified(validation: Validation) -> Iterator[tuple[Problem, str, str]]:
    """Each problem with its file's path and a hash that stays the same when lines are added above.

    Like problems in one file are numbered.
    """
    seen: dict[str, int] = {}
    for problem in validation.problems:
        path = validation.path(problem.file)
        parts = f"{problem.rule}\0{path}\0{problem.pointer}\0{problem.text}"
        digest = hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        seen[digest] = seen.get(digest, 0) + 1
        yield problem, path, f"{digest}:{seen[digest]}"
