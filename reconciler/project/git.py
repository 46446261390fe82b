"""Ask git, read only: bounded in time, told nothing by the caller's environment, and by no name taken for an option."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from reconciler.core import presence
from reconciler.core.errors import InputError, UsageError

SECONDS: Final = 120
# Set by git for its hooks, these name another repository or index; settings, such as safe.directory, stay.
_KEPT: Final = ("GIT_CONFIG", "GIT_CEILING_DIRECTORIES", "GIT_DISCOVERY_ACROSS_FILESYSTEM", "GIT_EXEC_PATH")
_OURS: Final = {"LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1"}
_OPTIONS: Final = ("--no-pager", "-c", "core.fsmonitor=false", "-c", "core.quotePath=false")


class ChangedPaths(NamedTuple):
    """The files that changed, and those that are gone, as absolute paths."""

    changed: frozenset[str]
    gone: frozenset[str]


def changed_paths(folder: Path, since: str, environ: Mapping[str, str]) -> ChangedPaths:
    """The files of the repository around `folder` that differ from the commit where HEAD and `since` parted.

    Staged, not staged and untracked ones alike. Raises UsageError, with the command that helps, where git cannot tell.
    """
    git = _Git(folder, environ)
    top = Path(os.fsdecode(git.top()))
    base = git.merge_base(since)
    asked = ("diff", "--name-only", "--no-renames", "--no-ext-diff", "--ignore-submodules=all", "-z")
    listed = git.answer(*asked, base, "--", folder=top) + git.answer(
        "ls-files", "--others", "--exclude-standard", "-z", "--", folder=top
    )
    paths = {os.path.join(top, os.fsdecode(name)) for name in listed.split(b"\0") if name}
    gone = {path for path in paths if not presence.is_named(path)}
    return ChangedPaths(frozenset(paths - gone), frozenset(gone))


def ask(
    folder: Path, words: Sequence[str], environ: Mapping[str, str], seconds: float = SECONDS
) -> subprocess.CompletedProcess[bytes]:
    """Run git in a folder, which may fail. Raises OSError, ValueError and subprocess.TimeoutExpired."""
    kept = {name: value for name, value in environ.items() if not name.startswith("GIT_") or name.startswith(_KEPT)}
    return subprocess.run(  # noqa: S603  # no shell, fixed words; what the caller named is one word among them
        ("git", *_OPTIONS, "-C", str(folder), *words),  # noqa: S607  # as every other tool here finds it
        env={**kept, **_OURS},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=seconds,
        check=False,
    )


class _Git:
    """git in one folder, for `--changed-since`."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._environ = environ

    def run(self, *words: str, folder: Path | None = None) -> subprocess.CompletedProcess[bytes]:
        try:
            return ask(folder or self._folder, words, self._environ)
        except FileNotFoundError as error:
            message = "--changed-since asks git, and there is no git on the PATH"
            raise UsageError(message, hint="install git, or name the manifests that changed as PATH") from error
        except subprocess.TimeoutExpired as error:
            raise InputError(f"git {words[0]} did not end within {SECONDS} seconds") from error
        except OSError as error:
            raise InputError(f"git cannot be run: {error.strerror}") from error

    def answer(self, *words: str, folder: Path | None = None) -> bytes:
        done = self.run(*words, folder=folder)
        if done.returncode:
            raise InputError(f"git {words[0]} failed: {_first_line(done.stderr)}")
        return done.stdout

    def top(self) -> bytes:
        """The top folder of the repository."""
        done = self.run("rev-parse", "--show-toplevel")
        if not done.returncode:
            return done.stdout.removesuffix(b"\n")
        said = _first_line(done.stderr)
        if "dubious ownership" in said:
            message = "git does not read this repository: it belongs to another user"
            raise UsageError(message, hint='if you trust it: git config --global --add safe.directory "$PWD"')
        message = f"--changed-since needs a git repository with a work tree: {said or 'there is none here'}"
        raise UsageError(message, hint="run it inside of one, or name the manifests that changed as PATH")

    def merge_base(self, since: str) -> str:
        """The commit where HEAD and `since` parted."""
        commit = self._commit(since)
        done = self.run("merge-base", commit, "HEAD")
        if not done.returncode:
            return done.stdout.decode().strip()
        message = f"--changed-since {since!r}: this clone holds no commit that HEAD and it have in common"
        hint = "git fetch --unshallow" if self._is_shallow() else "name a commit that HEAD comes from"
        raise UsageError(message, hint=hint)

    def _commit(self, since: str) -> str:
        if not since or since.startswith("-") or "\0" in since:
            raise UsageError(f"--changed-since {since!r}: that is no name of a commit", hint="for example origin/main")
        done = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{since}^{{commit}}")
        if not done.returncode:
            return done.stdout.decode().strip()
        message = f"--changed-since {since!r}: there is no such commit here"
        raise UsageError(message, hint=self._way_out(since))

    def _way_out(self, since: str) -> str:
        """The git command that may bring a commit here."""
        remotes = self.run("remote").stdout.decode(errors="replace").split()
        remote = "origin" if "origin" in remotes else next(iter(remotes), "")
        if not remote:
            return "git branch --all lists the branches that are here"
        branch = since.removeprefix(f"{remote}/")
        if not branch.replace("/", "").replace("-", "").replace("_", "").replace(".", "").isalnum():
            return f"git fetch {remote}"
        deeper = "--unshallow " if self._is_shallow() else ""
        return f"git fetch {deeper}{remote} {branch}:refs/remotes/{remote}/{branch}"

    def _is_shallow(self) -> bool:
        return self.run("rev-parse", "--is-shallow-repository").stdout.strip() == b"true"


def _first_line(said: bytes) -> str:
    lines = said.decode(errors="replace").strip().splitlines()
    return lines[0].removeprefix("fatal: ") if lines else ""
