"""The loaded manifests of a project, as a value: what they declare, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Container, Hashable, Mapping
from dataclasses import dataclass, field

from reconciler.core import document
from reconciler.core.errors import ManifestError, Problem, UsageError, is_error
from reconciler.core.resource import Address, DesiredState, Source
from reconciler.manifest.manifests import Manifest, Manifests
from reconciler.manifest.validation import Repository, Validation


@dataclass(frozen=True, slots=True)
class LoadedManifests:
    """The loaded manifests: read, validated and compiled.

    `problems` are those of the files asked for, errors and warnings, sorted by place; `excluded` are the paths, as
    shown, that were asked for and are not read. `unused` are the warnings of templates and globs that nothing has a use
    for, `used` the others: they are no problems of the manifests, since `validate` asks all environments. `selected` are
    the files asked for, None for all. `used_waivers` and `unused_waivers` are the warnings of waivers that waive
    something and nothing, where policies were asked.
    """

    manifests: Manifests
    desired: DesiredState
    problems: tuple[Problem, ...]
    files: int
    documents: int
    repository: Repository | None = None
    excluded: tuple[str, ...] = ()
    unused: Mapping[Hashable, Problem] = field(default_factory=dict)
    used: frozenset[Hashable] = frozenset()
    selected: frozenset[str] | None = None
    used_waivers: frozenset[Problem] = frozenset()
    unused_waivers: frozenset[Problem] = frozenset()
    clashes: Mapping[Address, tuple[Source, ...]] = field(default_factory=dict)  # what several documents declare

    def check_unique(self, key: str) -> None:
        """Raise UsageError where several documents have the address that a key or an address names: which is meant, nobody said."""
        for address, sources in sorted(self.clashes.items()):
            if key in (str(address), address.key):
                places = ", ".join(f"{source.file}:{source.line}" for source in sources)
                raise UsageError(
                    f"{key!r} is declared {len(sources)} times: {places}",
                    hint="`reconciler validate` tells what is wrong with them",
                )

    def is_asked_for(self, manifest: Manifest) -> bool:
        """True for a manifest of the files asked for: others are only read for the checks across documents."""
        return self.selected is None or manifest.is_in(self.selected)

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(filter(is_error, self.problems))

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if not is_error(problem))

    def validation(self, used: Container[Hashable] = ()) -> Validation:
        """The result of `validate`, with the lines of the files that have problems.

        `used` is what another environment has a use for.
        """
        idle = (problem for place, problem in self.unused.items() if place not in used)
        problems = tuple(sorted({*self.problems, *idle}))
        texts = self.manifests.texts
        files = {problem.file for problem in problems}  # each once, however many problems it has
        lines = {file: document.lines_of(texts[file]) for file in files if file in texts}
        return Validation(self.files, self.documents, problems, lines, self.repository, self.excluded)

    def checked(self) -> DesiredState:
        """The desired state. Raises ManifestError with every problem where there is an error."""
        count = len(self.errors)
        if not count:
            return self.desired
        what = f"the manifests have {count} problem{'s' if count > 1 else ''}"
        raise ManifestError(what, self.problems, self.validation().lines)
