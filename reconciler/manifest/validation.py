"""What validate found, as a value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.core.errors import Problem


@dataclass(frozen=True, slots=True)
class Validation:
    """What `validate` found. `lines` holds the source lines of the files that have problems, by the file as shown, for renderers that quote them."""

    files: int
    documents: int
    problems: tuple[Problem, ...]
    lines: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def valid(self) -> bool:
        return all(problem.severity != "error" for problem in self.problems)
