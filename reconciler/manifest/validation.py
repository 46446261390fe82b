"""The result of `validate`, as a value."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reconciler.core.errors import Problem, is_error


@dataclass(frozen=True, slots=True)
class Repository:
    """The repository that files lie in, for formats that name files from its root.

    `root` and `folder` are absolute, with `/`; the names of files are relative to `folder`, the working directory.
    """

    root: str
    folder: str

    def path(self, file: str) -> str:
        """The path of a file from the root; the absolute path of one that lies elsewhere. `<stdin>` stays itself."""
        if file.startswith("<"):
            return file
        whole = posixpath.normpath(posixpath.join(self.folder, file))
        top = self.root.rstrip("/") + "/"
        return whole.removeprefix(top) if whole.startswith(top) else whole


@dataclass(frozen=True, slots=True)
class Validation:
    """Counts and problems of some files.

    `lines` holds the source lines of the files that have problems, by the file as shown, for renderers that quote them.
    Without a `repository`, files are named as they are shown. `excluded` are paths that were asked for and not read.
    """

    files: int
    documents: int
    problems: tuple[Problem, ...]
    lines: Mapping[str, Sequence[str]] = field(default_factory=dict)
    repository: Repository | None = None
    excluded: tuple[str, ...] = ()

    @property
    def valid(self) -> bool:
        return not any(map(is_error, self.problems))

    def path(self, file: str) -> str:
        """The path of a file from the root of its repository, if that is known."""
        return self.repository.path(file) if self.repository is not None else file


def merge(validations: Sequence[Validation]) -> Validation:
    """One result for the files of several projects. Raises ValueError where there is none."""
    if not validations:
        raise ValueError("nothing was validated")
    lines = {file: text for validation in validations for file, text in validation.lines.items()}
    problems: Iterable[Problem] = {problem for validation in validations for problem in validation.problems}
    return Validation(
        sum(validation.files for validation in validations),
        sum(validation.documents for validation in validations),
        tuple(sorted(problems)),
        lines,
        validations[0].repository,
        tuple(sorted({path for validation in validations for path in validation.excluded})),
    )
