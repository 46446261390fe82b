"""Secrets: references in, values that print as `***` out. Nothing here logs, and no error names a value."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, NamedTuple, NoReturn, Protocol

from reconciler.core.destinations import Allowed, permits
from reconciler.core.errors import SecretError
from reconciler.core.late_pattern import late_pattern

_NAME: Final = late_pattern(r"[A-Za-z_][A-Za-z0-9_]*")
MAX_SECRET_BYTES: Final = 1024 * 1024


class CommandSecrets(Protocol):
    """Gives the values of `${cmd:NAME/REST}`: `SecretCommands` runs programs, a controller asks its cluster."""

    def value(self, reference: str) -> str:
        """The value of a reference. Raises SecretError."""
        ...

    def run_ahead(self, references: Iterable[str]) -> None:
        """Get the values of these references, some at the same time; what fails is told by `value`."""
        ...


class Origin(NamedTuple):
    """The variable that a value came from, or `cmd:NAME/REST`, and the patterns of hosts that it may be sent to; None where nothing bounds it."""

    variable: str
    hosts: tuple[str, ...] | None = None


class Secret:
    """A secret's value. Only `reveal()` hands it out; every way of printing it gives `***`.

    Whoever makes another value of it (`Bearer ...`) uses `derived`, so that it stays known where both may be sent.
    """

    __slots__ = ("_origins", "_value")

    def __init__(self, value: str, origins: Iterable[Origin] = ()) -> None:
        self._value = value
        self._origins = tuple(origins)

    def reveal(self) -> str:
        return self._value

    def derived(self, make: Callable[[str], str]) -> Secret:
        """What `make` makes of the value, bound to the same hosts."""
        return Secret(make(self._value), self._origins)

    def refused_at(self, url: str) -> tuple[str, ...]:
        """The variables in it that may not be sent to the host of an address."""
        bounded = ((origin.variable, origin.hosts) for origin in self._origins)
        return tuple(sorted(name for name, hosts in bounded if hosts is not None and not permits(hosts, url)))

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not pickled")


@dataclass(frozen=True, slots=True)
class Resolver:
    """Turns `${env:NAME}`, `${file:path}` and `${cmd:NAME/REST}` into a `Secret`.

    `root` is the project root, to which the paths of files are relative here, and which they never leave. `environ` is the
    environment. `allowed` bounds which variable may be sent where; `trusted` is for what reconciler.yaml itself says: a variable that
    `allowed` does not name may go to the address that stands beside it. `commands` are those of `${cmd:…}`; without them none is run.
    """

    root: Path
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    allowed: Allowed | None = None
    trusted: bool = False
    commands: CommandSecrets | None = None

    def for_configuration(self) -> Resolver:
        """The resolver of what reconciler.yaml says."""
        return replace(self, trusted=True)

    def origin(self, variable: str) -> Origin:
        """Where the value of a variable may be sent."""
        if self.allowed is None:
            return Origin(variable)
        hosts = self.allowed.hosts_for(variable)
        return Origin(variable, hosts if hosts is not None or self.trusted else ())

    def run_ahead(self, references: Iterable[str]) -> None:
        """Run the commands that these references name, some at the same time: resolving them does not wait then."""
        if self.commands is not None:
            self.commands.run_ahead(references)

    def resolve(self, reference: str) -> Secret:
        """Raises SecretError, which names the reference and never the value."""
        scheme, _, name = reference.removeprefix("${").removesuffix("}").partition(":")
        if scheme == "env" and not _NAME.fullmatch(name):  # not repeated: it may hold the secret itself, as a default
            raise SecretError(
                "a reference takes the name of an environment variable, and no default", hint="write ${env:NAME}"
            )
        if scheme == "env":
            value = self.environ.get(name)
            if not value:
                state = "is not set" if value is None else "is empty"
                raise SecretError(
                    f"{reference}: the environment variable {name} {state}", hint=f"set {name} and run again"
                )
            return Secret(value, (self.origin(name),))
        if scheme == "file":
            return Secret(self._file(reference, name))
        if scheme == "cmd" and self.commands is not None:
            return Secret(self.commands.value(reference), (self.origin(f"cmd:{name}"),))
        if scheme == "cmd":
            raise SecretError(f"{reference}: no command is run here")
        raise SecretError(
            f"{reference} is not a reference to a secret", hint="write ${env:NAME}, ${file:path} or ${cmd:NAME/REST}"
        )

    def _file(self, reference: str, name: str) -> str:
        root = Path(os.path.realpath(self.root))
        try:
            path = Path(os.path.realpath(root / name))
        except ValueError as error:  # a NUL
            raise SecretError(f"{reference} cannot be read: it leads nowhere") from error
        if not path.is_relative_to(root):
            raise SecretError(f"{reference} leads outside the project", hint=f"keep the file under {root}")
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            hint = f"its path is relative to {root}"
            raise SecretError(f"{reference} cannot be read: {error.strerror}", hint=hint) from error
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise SecretError(f"{reference} is not a regular file")
        try:
            with open(descriptor, "rb") as stream:
                data = stream.read(MAX_SECRET_BYTES + 1)
        except OSError as error:
            raise SecretError(f"{reference} cannot be read: {error.strerror}") from error
        if len(data) > MAX_SECRET_BYTES:
            raise SecretError(f"{reference} holds more than 1 MiB")
        try:
            text = data.decode("utf-8").replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n")
        except UnicodeDecodeError as error:
            raise SecretError(f"{reference} is not UTF-8 text") from error
        if not text:
            raise SecretError(f"{reference} is empty")
        return text
