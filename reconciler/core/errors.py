"""Every error that reconciler raises on purpose, and the exit code that each becomes.

::

    ReconcilerError
    ├── UsageError                64   the command line asks for something that makes no sense
    │   └── UnknownEnvironmentError    an environment that the configuration does not have
    ├── InputError                 1   what we were given cannot be used; nothing was written
    │   ├── FileError                  files with problems, all of them at once, each with its place
    │   │   ├── ManifestError
    │   │   └── ConfigError
    │   ├── PlanFileError              a saved plan that is damaged, edited or of another version
    │   └── SecretError                a reference that leads to no value
    ├── RegistryError              1   a registry could not be read, or a write to it failed
    │   ├── TemporaryError             trying again may help
    │   │   ├── DeadlineError          the time for one registry's reads or writes is over
    │   │   ├── UnreachableError       nothing was sent: nobody answers at the address
    │   │   └── LostReplyError         the request was sent and its reply lost: it may have been done
    │   └── PermanentError             trying again will not help
    │       └── StaleObjectError       the object moved since it was read; nothing was overwritten
    └── RefusedError               4   a guard, a stale plan, a protection: nothing was written

Anything else that escapes is a bug of ours and exits with 3. Exit codes are those of the command line
contract; only `cli` reads them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final, NamedTuple

SHOWN_PROBLEMS: Final = 5  # in the text of an error that holds problems


class Problem(NamedTuple):
    """One thing wrong in one file, with its place.

    `line` and `column` count from 1; columns are code points. `end_line` and `end_column` are exclusive at the
    end, and equal to the start where the problem is a point. `rule` is a stable word. `pointer` is the JSON pointer inside the
    document, or "" for the document itself. `environment` is the one of reconciler.yaml in which alone it is a problem.
    """

    file: str
    line: int
    column: int
    rule: str
    message: str
    end_line: int = 0
    end_column: int = 0
    severity: str = "error"  # error | warning
    pointer: str = ""
    suggestion: str | None = None
    environment: str | None = None

    def __lt__(self, other: tuple[object, ...]) -> bool:
        """By place; what is absent comes first, and is comparable."""
        if not isinstance(other, Problem):
            return False
        try:
            return tuple.__lt__(self, other)
        except TypeError:  # what is absent, beside a text
            return self._order < other._order

    @property
    def _order(self) -> tuple[object, ...]:
        return (*self[:-2], self.suggestion or "", self.environment or "")

    @property
    def text(self) -> str:
        """The message, with the environment where it is a problem of one alone."""
        return f"{self.message} (environment {self.environment})" if self.environment else self.message


def is_error(problem: Problem) -> bool:
    """True for an error, false for a warning."""
    return problem.severity == "error"


class ReconcilerError(Exception):
    """The root of what reconciler raises on purpose. `code` is a stable word for machines, `hint` says what to do next."""

    exit_code: ClassVar[int] = 1
    code: ClassVar[str] = "error"

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(ReconcilerError):
    """The command line or a call asks for something that makes no sense."""

    exit_code = 64
    code = "usage"


class UnknownEnvironmentError(UsageError):
    """The environment that was asked for is none of the configuration's."""


class InputError(ReconcilerError):
    """What was given cannot be used; nothing was written."""

    code = "input"


class FileError(InputError):
    """Files with problems. `problems` holds all of them, sorted by place; `lines` the lines of their files, for quoting."""

    def __init__(
        self,
        message: str,
        problems: tuple[Problem, ...] = (),
        lines: Mapping[str, Sequence[str]] | None = None,
        *,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.problems = problems
        self.lines = lines or {}

    def __str__(self) -> str:
        """The message, and the first problems with their file and line."""
        shown = [f"  {p.file}:{p.line}:{p.column}: {p.rule}: {p.message}" for p in self.problems[:SHOWN_PROBLEMS]]
        rest = len(self.problems) - len(shown)
        more = [f"  … and {rest} more in .problems"] if rest else []
        return "\n".join([self.message, *shown, *more])


class ManifestError(FileError):
    """Manifests with problems."""

    code = "manifests"


class ConfigError(FileError):
    """reconciler.yaml cannot be used. `setting` is the JSON pointer of what is wrong in a registry's entry, where a driver found it."""

    code = "config"

    def __init__(
        self,
        message: str,
        problems: tuple[Problem, ...] = (),
        lines: Mapping[str, Sequence[str]] | None = None,
        *,
        hint: str | None = None,
        setting: str = "",
    ) -> None:
        super().__init__(message, problems, lines, hint=hint)
        self.setting = setting


class PlanFileError(InputError):
    """A saved plan that is damaged, edited or of another version."""

    code = "plan-file"


class SecretError(InputError):
    """A secret's reference that leads to no value."""

    code = "secret"


class RegistryError(ReconcilerError):
    """A registry could not be read, or refused a write. `places` are JSON pointers of the fields that it found wrong, each with its message."""

    code = "registry"

    def __init__(self, message: str, *, hint: str | None = None, places: tuple[tuple[str, str], ...] = ()) -> None:
        super().__init__(message, hint=hint)
        self.places = places


class TemporaryError(RegistryError):
    """The registry could not be reached, or said to try later: trying again may help."""

    code = "registry-temporary"


class DeadlineError(TemporaryError):
    code = "deadline"


class UnreachableError(TemporaryError):
    """Nothing was sent: nobody answers at the address. A further attempt costs a registry nothing."""


class LostReplyError(TemporaryError):
    """The request was sent and its reply lost: it may have been done."""

    code = "registry-lost-reply"


class PermanentError(RegistryError):
    """The registry refuses: trying again will not help."""

    code = "registry-permanent"


class StaleObjectError(PermanentError):
    """The object moved since it was read; nothing was overwritten."""

    code = "stale-object"


class RefusedError(ReconcilerError):
    """A guard, a stale plan or a protection: nothing was written."""

    exit_code = 4
    code = "refused"
