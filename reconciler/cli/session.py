"""The session of a command: the workspace that its options name, the style of its streams, and its outputs."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from reconciler import render
from reconciler.cli.files import check_writable, write_text
from reconciler.cli.options import GlobalOptions
from reconciler.cli.streams import echo_data, echo_data_if_possible, say, tell_error
from reconciler.cli.terminal import has_width, width_of
from reconciler.core.document import MAX_BYTES
from reconciler.core.errors import (
    ConfigError,
    InputError,
    ReconcilerError,
    RegistryError,
    UnknownEnvironmentError,
    UsageError,
)
from reconciler.manifest.validation import Repository
from reconciler.project import config_file
from reconciler.project.answer_files import check_answer_file, check_beside_broken
from reconciler.project.workspace import Workspace, open_workspaces
from reconciler.render.escape import printable
from reconciler.render.terminal import Style

_PAGES: Final = frozenset({"html", "markdown"})  # formats that are redirected to a file, which is not left empty


def find_workspace(options: GlobalOptions, paths: Sequence[str] = (), *, env_from: str | None = None) -> Workspace:
    """The workspace that the global options name, or that the paths belong to; with -v it says what is in force.

    `env_from` is what named the environment, where no option did. Raises ConfigError, and UsageError where the paths
    belong to several projects.
    """
    found = find_workspaces(options, paths, env_from=env_from)
    if len(found) > 1:
        projects = ", ".join(sorted(workspace.project.file or "none" for workspace, _ in found))
        raise UsageError(
            f"these paths belong to {len(found)} projects: {projects}", hint="name one of them with --config"
        )
    return found[0][0]


def find_workspaces(
    options: GlobalOptions, paths: Sequence[str], *, env_from: str | None = None
) -> list[tuple[Workspace, tuple[str, ...]]]:
    """The workspaces that paths belong to, each with its own paths. Raises ConfigError, and UsageError for an environment that is none."""
    with _naming_options(options, env_from):
        found = open_workspaces(options.config, paths, environment=options.env, cached=not options.no_cache)
    if options.verbose:
        for workspace, _ in found:
            _tell(workspace)
    return found


@contextmanager
def _naming_options(options: GlobalOptions, env_from: str | None) -> Iterator[None]:
    """Name the option, or the variable, whose value leads to no configuration and no environment."""
    try:
        yield
    except UnknownEnvironmentError as error:
        raise UsageError(f"{env_from or options.name_of('env')}: {error.message}", hint=error.hint) from error
    except ConfigError as error:
        if options.config is None or all(problem.rule != "unreadable" for problem in error.problems):
            raise
        hint = f"{options.name_of('config')} names it: give it the path of a {config_file.FILE}"
        told = tuple(problem._replace(suggestion=problem.suggestion or hint) for problem in error.problems)
        raise ConfigError(error.message, told, error.lines, hint=error.hint or hint) from error


def tell_excluded(paths: Sequence[str]) -> None:
    """Say which paths of the command line were not read: no error, since pre-commit names files without knowing."""
    for path in paths:
        say(f"note: nothing is read at {printable(path)}: `exclude` in reconciler.yaml leaves it out")


def check_answer_files(options: GlobalOptions, files: Sequence[Path], paths: Sequence[str] = ()) -> None:
    """Check the files that a command is to write, before any work is done and before an error is written to them.

    Raises InputError for one that cannot be written, UsageError for one that the project lives on.
    """
    for file in files:
        check_writable(file)
    if not files:
        return
    try:
        found = open_workspaces(options.config, paths, environment=options.env)
    except ReconcilerError:  # the command itself tells it, also in these files
        for file in files:
            check_beside_broken(file, options.config)
        return
    for workspace, own_paths in found:
        for file in files:
            check_answer_file(file, workspace, own_paths)


def _tell(workspace: Workspace) -> None:
    project = workspace.project
    say(f"configuration: {printable(project.file or 'none')}, environment: {printable(project.environment or 'none')}")
    for name, entry in workspace.entries.items():
        place = " ".join(entry.facts.identity.values())
        say(f"registry {name}: {printable(place)}, owner: {printable(entry.facts.owner or 'none')}")


def style(options: GlobalOptions, stream: Any = None, *, strict: bool = False) -> Style:
    """The style for stdout, or for another stream: its colour and its width."""
    target = sys.stdout if stream is None else stream
    return Style(options.color(target), max(width_of(target), 40), strict, cuts=has_width(target))


@dataclass(frozen=True, slots=True)
class Outputs:
    """`--format` and `--output FORMAT=FILE`: one answer in several formats, with `full` in all its length."""

    family: Mapping[str, str]
    main: str
    files: tuple[tuple[str, Path], ...]
    full: bool = False

    @classmethod
    def parse(cls, family: Mapping[str, str], main: str, outputs: Sequence[str], *, full: bool = False) -> Outputs:
        """Parse the outputs, each FORMAT=FILE. Raises UsageError for another form."""
        files = []
        for text in outputs:
            name, _, file = text.partition("=")
            if name not in family or not file:
                wrong = f"there is no format {name!r} here" if file else "it is not FORMAT=FILE"
                raise UsageError(f"--output {text!r}: {wrong}", hint=f"the formats here: {', '.join(family)}")
            if file == "-":
                raise UsageError(
                    f"--output {text!r}: a file is needed, stdout is the business of --format",
                    hint=f"--format {name} writes that to stdout",
                )
            files.append((name, Path(file)))
        return cls(family, main, tuple(files), full)

    @property
    def paths(self) -> tuple[Path, ...]:
        return tuple(path for _, path in self.files)

    def need_origin(self) -> bool:
        """True where one of the formats says what the answer was made from, which costs a call of git."""
        return not {self.main, *(name for name, _ in self.files)}.isdisjoint(("markdown", "html"))

    def write(self, value: Any, options: GlobalOptions, *, strict: bool = False) -> None:
        """Write the answer to every file, then to stdout, which holds the error alone where a file fails (InputError)."""
        self.to_files(value, strict=strict)
        self.to_stdout(value, options, strict=strict)

    @contextmanager
    def reporting_errors(
        self, command: str, repository: Repository | None = None, options: GlobalOptions | None = None
    ) -> Iterator[None]:
        """Write the error of a command's work to every file, in its format, and to stdout where text is not meant.

        `repository` is the one that the working directory is in, for formats that name files from its root; `options` say
        which project and environment it is about, for those that bear a marker of them.
        """
        try:
            yield
        except ReconcilerError as error:
            failure = partial(render.load("reconciler.render.failure:render"), error=error, command=command)
            about = {"repository": repository, **({} if options is None else _place(options))}
            for name, file in self.files:
                with _second_error():
                    write_text(file, failure(name, **about) + "\n")
            if self.main in _PAGES or self.main in render.REPORTS:  # JSON is written for every command, last of all
                echo_data_if_possible(failure(self.main, **about), exact=self.main != "markdown")
            raise

    def to_files(self, value: Any, *, strict: bool = False) -> None:
        for name, file in self.files:
            write_text(file, self.text(name, value, Style(color=False, strict=strict, cuts=False)) + "\n")

    def to_stdout(self, value: Any, options: GlobalOptions, *, strict: bool = False) -> None:
        # each format escapes what it shows for itself; GitHub's is made of commands
        exact = self.main not in ("text", "markdown")
        echo_data(self.text(self.main, value, style(options, strict=strict)), exact=exact)

    def text(self, name: str, value: Any, how: Style) -> str:
        rendered: str = render.load(self.family[name])(value, replace(how, full=self.full))
        return rendered


def _place(options: GlobalOptions) -> dict[str, str | None]:
    """The project and the environment that a command is about, as far as that is known when it fails."""
    try:
        file = options.config or config_file.find(Path.cwd())
        folder = Path.cwd() if file is None else Path(os.path.abspath(file)).parent
    except (OSError, ReconcilerError):  # which is what the command tells
        return {"environment": options.env}
    project: str = render.load("reconciler.project.origin:project_folder")(folder, os.environ)
    return {"project": project, "environment": options.env}


@contextmanager
def _second_error() -> Iterator[None]:
    """Print a second error, next to the one that ends the run."""
    try:
        yield
    except InputError as error:
        tell_error(error, Style(color=False))


@contextmanager
def naming_registry(name: str) -> Iterator[None]:
    """Name the registry in the errors of a request to it."""
    try:
        yield
    except RegistryError as error:
        raise RegistryError(f"{name}: {error.message}", hint=error.hint) from error


def stdin_bytes() -> bytes:
    """Read stdin, up to one byte more than a manifest may have: it may never end."""
    return sys.stdin.buffer.read(MAX_BYTES + 1) if sys.stdin is not None else b""
