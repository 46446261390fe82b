"""Presence of files: there, absent, or not to be told, which must never count as absent.

`os.path.exists` says False where a disk fails or a folder may not be searched. Whoever then goes on as if nothing were there writes over a file,
passes policies by, or takes another configuration for the project's.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Final

from reconciler.core.errors import InputError

Path = str | os.PathLike[str]

# a name that cannot be that of a file is one of nothing: too long, below a file, or a link in a circle
_ABSENT: Final = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ELOOP})


def status(path: Path, *, follow: bool = True) -> os.stat_result | None:
    """What is at a path, where its links lead; None where nothing is. Raises OSError where that cannot be told."""
    try:
        return os.stat(path, follow_symlinks=follow)
    except ValueError:  # a NUL in the path
        return None
    except OSError as error:
        if error.errno in _ABSENT:
            return None
        raise


def is_there(path: Path) -> bool:
    """Whether anything is there; False for a link that leads nowhere. Raises InputError where that cannot be told."""
    return _mode(path) != 0


def is_named(path: Path) -> bool:
    """Whether the name is taken, by a link that leads nowhere too. Raises InputError where that cannot be told."""
    return _mode(path, follow=False) != 0


def is_file(path: Path) -> bool:
    """Whether a regular file is there. Raises InputError where that cannot be told."""
    return stat.S_ISREG(_mode(path))


def is_folder(path: Path) -> bool:
    """Whether a folder is there. Raises InputError where that cannot be told."""
    return stat.S_ISDIR(_mode(path))


def unknowable(path: Path, error: OSError) -> InputError:
    """The error of a path of which nobody can tell whether anything is there."""
    reason = (error.strerror or str(error)).lower()
    return InputError(
        f"{os.fspath(path)} cannot be looked up: {reason}", hint="look at the disk and the permissions, and run again"
    )


def _mode(path: Path, *, follow: bool = True) -> int:
    try:
        found = status(path, follow=follow)
    except OSError as error:
        raise unknowable(path, error) from error
    return 0 if found is None else found.st_mode
