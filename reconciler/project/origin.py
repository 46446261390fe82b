"""What a plan was made from: the commit, the version of the program, and the project's folder in its repository."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from reconciler import __version__
from reconciler.planner.plan import Origin
from reconciler.project.git import ask
from reconciler.project.locate import repository_of

_COMMIT: Final = re.compile(r"[0-9a-f]{7,64}(?:-dirty)?")
_MOST_BYTES: Final = 32 * 1024 * 1024  # of the file in which GitHub describes an event
_SECONDS: Final = 5  # after which nobody waits for git any more
# the commit that a pipeline is about, the first that is set. In a merge request GitLab may have checked out a merge that nobody made.
_COMMITS: Final = ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "GITHUB_SHA", "CI_COMMIT_SHA", "BUILD_SOURCEVERSION")


def origin_of(folder: Path, environ: Mapping[str, str]) -> Origin:
    """The origin of what a project makes. `folder` is the project's own."""
    return Origin(commit_of(folder, environ), __version__, project_folder(folder, environ))


def project_folder(folder: Path, environ: Mapping[str, str]) -> str:
    """The folder from the root of its repository, with `/`; empty for the root itself, and outside of any repository."""
    whole = Path(os.path.abspath(folder))
    root = Path(repository_of(whole, whole, environ).root)
    return "" if whole == root or not whole.is_relative_to(root) else whole.relative_to(root).as_posix()


def commit_of(folder: Path, environ: Mapping[str, str]) -> str:
    """The commit that a pipeline is about, else the one that is checked out, with `-dirty` where files differ from it; or empty.

    For a pull request GitHub checks out a merge that is in nobody's history: its head is what people know.
    """
    said = (_pull_request_head(environ), *(environ.get(name, "") for name in _COMMITS))
    pipeline = next((commit for commit in said if _COMMIT.fullmatch(commit)), "")
    return pipeline or _checked_out(folder)


def _pull_request_head(environ: Mapping[str, str]) -> str:
    """The head of the pull request of this run. Not for `pull_request_target`, which works on another commit."""
    if environ.get("GITHUB_EVENT_NAME") != "pull_request":
        return ""
    try:
        with Path(environ.get("GITHUB_EVENT_PATH", "")).open("rb") as file:
            event: Any = json.loads(file.read(_MOST_BYTES))
        return str(event["pull_request"]["head"]["sha"])
    except (OSError, ValueError, RecursionError, KeyError, TypeError):
        return ""


def _checked_out(folder: Path) -> str:
    words = ("describe", "--always", "--dirty", "--abbrev=40", "--exclude=*")
    try:
        done = ask(folder, words, os.environ, _SECONDS)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return ""
    commit = done.stdout.decode("utf-8", "replace").strip()
    return commit if _COMMIT.fullmatch(commit) else ""
