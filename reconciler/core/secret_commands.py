"""Secret commands: programs that reconciler.yaml names, each of which prints one secret. `${cmd:NAME/REST}` refers to what NAME prints for REST.

A manifest says which secret, never which program. What a command printed is kept in memory for one run of ours, and nowhere else.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from reconciler.core.errors import SecretError
from reconciler.core.late_pattern import late_pattern

PLACEHOLDER: Final = "{name}"  # in a command's list: what a reference says behind the command's name
FORM: Final = "${cmd:NAME/REST}"
MOST_AT_ONCE: Final = 4
MAX_LENGTH: Final = 500  # characters of REST
_NAME: Final = late_pattern(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PROCESSES: Final = "reconciler.core.secret_process"  # loaded by name: most runs start no process
SHELL: Final = r"(?:^|[/\\])(?:sh|bash|dash|zsh|ksh|ash|fish|cmd|powershell|pwsh)(?:\.exe)?$(?!\n)"


def is_command(reference: str) -> bool:
    """True for a reference to a command."""
    return reference.startswith("${cmd:")


def _split(reference: str) -> tuple[str, str, str]:
    """NAME, the slash and REST of a reference, whatever is wrong with them."""
    return reference.removeprefix("${cmd:").removesuffix("}").partition("/")


def command_of(reference: str) -> str:
    """The name of the command that a reference names, whatever is wrong with the rest of it."""
    return _split(reference)[0]


def wrong_form(reference: str) -> str | None:
    """What is wrong with the form of a reference to a command, or None. It does not repeat what was found: that may be a secret.

    REST becomes an argument of a program that has our rights: it is never an option of it, and never leads out of where the command looks.
    """
    name, slash, rest = _split(reference)
    if not _NAME.fullmatch(name) or not slash or not rest:
        return f"a reference to a command is {FORM}: the name of one of `secret_commands`, and what it is asked for"
    if ":-" in rest:
        return "a reference takes a name and no default"
    if not rest.isprintable() or rest != rest.strip() or len(rest) > MAX_LENGTH:
        return f"REST in {FORM} is at most {MAX_LENGTH} characters that can be seen, without spaces around it"
    if rest.startswith("-"):
        return f"REST in {FORM} does not begin with '-': the command would take it for an option"
    if rest.startswith("/") or ".." in re.split(r"[/\\]", rest):
        return (
            f"REST in {FORM} holds no '..' and does not begin with '/': it does not lead out of where the command looks"
        )
    return None


def wrong_command(words: Iterable[str]) -> str | None:
    """What is wrong with a command of `secret_commands`, or None."""
    program, *arguments = [*words] or [""]
    if not program or PLACEHOLDER in program:
        return "must be a list that begins with a program"
    if not any(PLACEHOLDER in word for word in arguments):
        return f"must hold {PLACEHOLDER}, which becomes what a reference asks for"
    if re.search(SHELL, program) and any(PLACEHOLDER in word and word != PLACEHOLDER for word in arguments):
        return f'must not put {PLACEHOLDER} into the text of a script, where a manifest could write code: use "$1", and end with sh, "{PLACEHOLDER}"'
    return None


class SecretCommands:
    """The commands of one configuration, and what they printed so far. `root` is the folder that they run in."""

    def __init__(self, commands: Mapping[str, tuple[str, ...]], root: Path, environ: Mapping[str, str]) -> None:
        self._commands = commands
        self._root = root
        self._environ = environ
        self._printed: dict[str, str | SecretError] = {}

    def value(self, reference: str) -> str:
        """What the command prints for a reference. It is run once, however often this is asked. Raises SecretError."""
        if reference not in self._printed:
            self._printed[reference] = self._run(reference)
        printed = self._printed[reference]
        if isinstance(printed, SecretError):
            raise printed
        return printed

    def run_ahead(self, references: Iterable[str]) -> None:
        """Run the commands of these references, some at the same time; what fails is told by `value`."""
        if not self._commands:  # what is wrong with a reference is told by `value`
            return
        new = sorted({one for one in references if is_command(one)} - self._printed.keys())
        if not new:
            return
        processes = importlib.import_module(_PROCESSES)
        self._printed.update(processes.side_by_side(self._run, new, MOST_AT_ONCE))

    def _run(self, reference: str) -> str | SecretError:
        wrong = wrong_form(reference)
        if wrong is not None:
            return SecretError(wrong, hint=f"write {FORM}")
        name, _, rest = _split(reference)
        if name not in self._commands:
            return SecretError(
                f"{reference}: there is no command {name!r}", hint="name it under `secret_commands` in reconciler.yaml"
            )
        words = [word.replace(PLACEHOLDER, rest) for word in self._commands[name]]
        run = importlib.import_module(_PROCESSES).run
        try:
            printed: str = run(words, self._root, self._environ)
        except SecretError as error:
            return SecretError(f"{reference}: the command {name} {error.message}", hint=error.hint)
        return printed
