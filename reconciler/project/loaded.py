"""The loaded manifests of a project, as a value: what they declare, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from reconciler.core import document
from reconciler.core.errors import ManifestError, Problem, is_error
from reconciler.core.resource import DesiredState
from reconciler.manifest.manifests import Manifests
from reconciler.manifest.templates import DocumentPlace
from reconciler.manifest.validation import Repository, Validation


@dataclass(frozen=True, slots=True)
class LoadedManifests:
    """The loaded manifests: read, validated and compiled.

    `problems` are those of the files asked for, errors and warnings, sorted by place; `asked` are these files, None for
    all. What is `unused` is no problem of the manifests themselves: `validate` asks all environments, and tells it.
    """

    manifests: Manifests
    desired: DesiredState
    problems: tuple[Problem, ...]
    files: int
    documents: int
    repository: Repository | None = None
    asked: frozenset[str] | None = None

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(filter(is_error, self.problems))

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if not is_error(problem))

    @property
    def unused(self) -> dict[DocumentPlace, Problem]:
        """The warnings of templates that nothing extends here, as far as they were asked for."""
        found = self.manifests.unused.items()
        return {place: problem for place, problem in found if self.asked is None or place.file in self.asked}

    def validation(self, used: Container[DocumentPlace] = ()) -> Validation:
        """The result of `validate`, with the lines of the files that have problems.

        `used` are the templates that another environment has a use for.
        """
        idle = (problem for place, problem in self.unused.items() if place not in used)
        problems = tuple(sorted({*self.problems, *idle}))
        texts = self.manifests.texts
        files = {problem.file for problem in problems}  # each once, however many problems it has
        lines = {file: document.lines_of(texts[file]) for file in files if file in texts}
        return Validation(self.files, self.documents, problems, lines, self.repository)

    def checked(self) -> DesiredState:
        """The desired state. Raises ManifestError with every problem where there is an error."""
        count = len(self.errors)
        if not count:
            return self.desired
        what = f"the manifests have {count} problem{'s' if count > 1 else ''}"
        raise ManifestError(what, self.problems, self.validation().lines)
