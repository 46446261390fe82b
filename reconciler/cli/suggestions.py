"""Suggestions for options and commands that do not exist: what other tools call it, or the nearest name.

Never what destroys.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

# other tools' words for ours
OPTIONS: Final = {
    "--dry-run": "`reconciler plan` shows what apply would do, and writes nothing",
    "--dryrun": "`reconciler plan` shows what apply would do, and writes nothing",
    "--auto-approve": "the option is called --yes",
    "-y": "the option is called --yes",
    "--json": "the option is called --format json",
    "-o": "the option is called --format: --format json",
    "--filter": "the option is called --select: --select LABEL=VALUE",
    "-l": "the option is called --select: --select LABEL=VALUE",
}
# the same, of commands that take PATH
_PATH: Final = "give the file or folder as PATH, without an option"
PATH_OPTIONS: Final = {
    "-f": _PATH,
    "--file": _PATH,
    "--filename": _PATH,
    "--target": "for one model, give the file that declares it as PATH, without an option",
}
COMMANDS: Final = {
    "diff": "plan",
    "destroy": "delete",
    "remove": "delete",
    "rm": "delete",
    "sync": "apply",
    "check": "validate",
    "lint": "validate",
    "ls": "list",
}
# these delete, overwrite, or agree to it: whoever wants one must know its name
DESTRUCTIVE: Final = frozenset(
    {
        "--prune",
        "--yes",
        "--force",
        "--rotate",
        "--take-ownership",
        "--allow-deletes",
        "--allow-replaces",
        "--allow-secrets",
    }
)


def for_option(option: str, known: Iterable[str]) -> str | None:
    """The hint for an unknown option, or None. `known` are the command's own options, and its arguments' names."""
    if option in OPTIONS:
        return OPTIONS[option]
    names = list(known)
    if option in PATH_OPTIONS and "paths" in names:
        return PATH_OPTIONS[option]
    safe = [name for name in names if name.startswith("-") and name not in DESTRUCTIVE]
    close = difflib.get_close_matches(option, safe, n=1)
    return f"did you mean {close[0]}?" if close else None


def for_command(name: str, known: Iterable[str]) -> str | None:
    """The command that was probably meant, or None."""
    names = list(known)
    meant = COMMANDS.get(name.lower())
    close = [meant] if meant in names else difflib.get_close_matches(name, names, n=1)
    return close[0] if close else None
