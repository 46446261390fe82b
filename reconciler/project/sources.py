"""The files that a project's manifests are read from: those configured, those asked for, and those that `exclude` hides."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from reconciler.core import document
from reconciler.core.errors import Problem
from reconciler.core.resource import Source
from reconciler.core.schema.findings import Finding
from reconciler.manifest.discover import NO_SUCH_PATH, FoundFiles, combine, discover
from reconciler.manifest.exclude import Excludes, Exclusion
from reconciler.manifest.ignored import IGNORED, keys_in
from reconciler.project.config import Project

UNUSED_EXCLUDE: Final = "unused-exclude"


class Configured(NamedTuple):
    """The files of the configured manifests; and the globs of `exclude`, those that match something and those that do not."""

    found: FoundFiles
    matched: frozenset[Exclusion] = frozenset()
    unused: tuple[Exclusion, ...] = ()


def configured(project: Project, cwd: Path) -> Configured:
    """Find the files of the configured manifests. A path of which `exclude` leaves nothing is a silent source."""
    if not any(project.excludes):
        return Configured(discover(project.manifests, project.root, cwd))
    searches = [(path, Excludes(globs)) for path, globs in zip(project.manifests, project.excludes, strict=True)]
    found = combine(discover([path], project.root, cwd, excludes) for path, excludes in searches)
    matched = frozenset[Exclusion]().union(*(excludes.matched for _, excludes in searches))
    unused = {glob: None for globs in project.excludes for glob in globs if glob not in matched}
    return Configured(found.speaking(), matched, tuple(unused))


def asked_for(paths: Sequence[str], project: Project, cwd: Path, whole: FoundFiles) -> FoundFiles:
    """Find the files under paths of the command line, without those that `exclude` leaves out of `whole`."""
    found = discover(paths, cwd, cwd, Excludes(glob for globs in project.excludes for glob in globs))
    known = {file.real: file for file in whole.files}
    again = {one: known.get(os.path.realpath(cwd / one.shown)) for one in found.excluded}  # another path reads it
    files = [*found.files, *(file for file in again.values() if file is not None)]
    excluded = tuple(one for one, file in again.items() if file is None)
    return found._replace(files=tuple(sorted(files, key=lambda file: file.shown)), excluded=excluded)


def telling_keys(found: FoundFiles, declared: Callable[[], Mapping[str, Source]]) -> FoundFiles:
    """The same, with the place of the manifest where a path that leads nowhere is the key or the address of one."""
    if all(problem.rule != NO_SUCH_PATH for problem in found.problems):
        return found
    places = declared()
    return found._replace(problems=tuple(_telling_key(problem, places) for problem in found.problems))


def _telling_key(problem: Problem, places: Mapping[str, Source]) -> Problem:
    place = places.get(problem.file) if problem.rule == NO_SUCH_PATH else None
    if place is None:
        return problem
    what = "address" if "/" in problem.file else "key"
    hint = f"PATH is a file or folder: the {what} {problem.file!r} is declared in {place.file}:{place.line}"
    return problem._replace(suggestion=hint)


def unused_excludes(unused: Sequence[Exclusion], project: Project) -> Iterator[tuple[Exclusion, Problem]]:
    """The warning of each glob that matches nothing, at its place."""
    for glob in unused:
        folder = os.path.relpath(glob.folder, project.root)
        below = "the folder of reconciler.yaml" if folder == "." else folder.replace(os.sep, "/")
        message = f"no file or folder of manifests matches this glob, which is relative to {below}"
        way_out = "correct it, or remove it"
        finding = Finding(UNUSED_EXCLUDE, message, glob.pointer, suggestion=way_out, severity="warning")
        (problem,) = project.problems([finding])
        yield glob, problem


def hidden_keys(project: Project, cwd: Path) -> Mapping[str, str]:
    """The keys that manifests in excluded files plainly declare, each with the file, as shown. Reads these files."""
    if not any(project.excludes):
        return {}
    every = discover(project.manifests, project.root, cwd)
    read = configured(project, cwd).found
    real = {file.real for file in read.files}
    files = [(file.path, file.shown) for file in every.files if file.real not in real]
    passed_over = {one.file for one in every.silent if one.rule == IGNORED} - {one.file for one in read.silent}
    files += [(str(cwd / name), name) for name in sorted(passed_over)]
    texts = ((shown, document.read_text(Path(path), shown)) for path, shown in files)
    return {key: shown for shown, text in texts if isinstance(text, str) for key in keys_in(text)}
