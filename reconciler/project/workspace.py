"""A project at work: configuration, manifests and registries put together, for the commands and for Python.

The order is always the same: `open_workspace`, `load`, `connect`, then `read_all`, `make_plan`, `apply`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from reconciler.core import document
from reconciler.core import pointer as json_pointer
from reconciler.core.errors import ConfigError, InputError, ManifestError, Problem, SecretError, UsageError
from reconciler.core.fingerprint import MIN_KEY_LENGTH, without_line_end
from reconciler.core.resource import Address, DesiredState, RegistryFacts, RemoteState, Source
from reconciler.core.rules import Ref
from reconciler.core.secret import Resolver, Secret
from reconciler.manifest.compile import compile_manifests
from reconciler.manifest.discover import Found, discover, shown
from reconciler.manifest.load import Manifests, Reader
from reconciler.manifest.validation import Validation
from reconciler.planner.references import dangling
from reconciler.project import config
from reconciler.project.config import Project
from reconciler.project.registries import load_registries, native_kinds
from reconciler.registry.base import Opening, Registry
from reconciler.registry.entry import RegistryEntry

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Loaded:
    """Manifests read and compiled. `problems` are those of the files asked for, errors and warnings, sorted by place."""

    manifests: Manifests
    desired: DesiredState
    problems: tuple[Problem, ...]
    files: int
    documents: int

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity != "error")

    def validation(self) -> Validation:
        """The same for a renderer: with the lines of the files that have problems."""
        texts = self.manifests.texts
        lines = {problem.file: texts[problem.file].splitlines() for problem in self.problems if problem.file in texts}
        return Validation(self.files, self.documents, self.problems, lines)

    def checked(self) -> DesiredState:
        """The desired state. Raises ManifestError with every problem where there is an error."""
        count = len(self.errors)
        if not count:
            return self.desired
        what = f"the manifests have {count} problem{'s' if count > 1 else ''}"
        raise ManifestError(what, self.problems, self.validation().lines)


@dataclass(frozen=True, slots=True)
class Workspace:
    """One project. `cwd` is what paths are shown relative to."""

    project: Project
    entries: Mapping[str, RegistryEntry]
    cwd: Path
    resolver: Resolver

    @property
    def facts(self) -> dict[str, RegistryFacts]:
        return {name: entry.facts for name, entry in self.entries.items()}

    def load(self, paths: Sequence[str] = (), stdin: Callable[[], bytes] | None = None) -> Loaded:
        """Reads manifests: those of the configuration, or those under `paths` (relative to the working directory; `-` is `stdin`).

        With paths inside the configured manifests, all of these are read for the checks across documents, but only the paths' problems are
        told. Never raises for what manifests hold: see `Loaded.checked`.
        """
        reader = self._reader()
        whole = discover(self.project.manifests, self.project.root, self.cwd)
        if not paths:
            return self._compiled(reader.read(self._hinted(whole)), None, self.project.manifests)
        if STDIN in paths:
            if len(paths) > 1:
                raise UsageError("`-` stands for standard input alone: it cannot be combined with other paths")
            return self._compiled(reader.read_stdin(stdin() if stdin else b"", self.cwd), frozenset(), ("<stdin>",))
        asked = discover(paths, self.cwd, self.cwd)
        known = {file.real for file in whole.files}
        inside = any(file.real in known for file in asked.files)
        files = {file.real: file for file in ((*whole.files, *asked.files) if inside else asked.files)}
        ordered = tuple(sorted(files.values(), key=lambda file: file.shown))
        selected = frozenset(file.shown for file in asked.files)
        read = reader.read(Found(ordered, asked.problems))
        others = {file.shown for file in ordered} - selected
        told = tuple(problem for problem in read.problems if problem.file not in others)
        return self._compiled(replace(read, problems=told), selected, paths)

    def _reader(self) -> Reader:
        overrides = {name: entry.override for name, entry in self.entries.items()}
        return Reader(self.project.root, self.project.variables, native_kinds(self.entries), overrides)

    def _compiled(self, manifests: Manifests, selected: frozenset[str] | None, asked: Sequence[str]) -> Loaded:
        """`selected` None means all; empty means that everything was asked for, but is not all there is."""
        chosen = selected or None
        compiled = compile_manifests(manifests.manifests, self.entries, selected=chosen)
        problems = set(manifests.problems)
        problems |= {manifests.problem(manifest, finding) for manifest, finding in compiled.findings}
        files = manifests.files if chosen is None else len(chosen)
        documents = sum(count for file, count in manifests.counts.items() if chosen is None or file in chosen)
        if not problems and not documents:
            problems.add(self._no_manifests(manifests, chosen, asked))
        desired = compiled.state if selected is None else replace(compiled.state, complete=False)
        return Loaded(manifests, desired, tuple(sorted(problems)), files, documents)

    def _hinted(self, whole: Found) -> Found:
        """Without a configuration, what to do where there are no manifests either."""
        if self.project.file is not None:
            return whole
        hint = f"no {config.FILE} was found from here upward: `reconciler init` writes a starting project"
        return Found(whole.files, tuple(problem._replace(suggestion=hint) for problem in whole.problems))

    def _no_manifests(self, manifests: Manifests, chosen: frozenset[str] | None, asked: Sequence[str]) -> Problem:
        file = min(
            chosen or manifests.texts or {shown(str(self.project.root / (asked[0] if asked else ".")), self.cwd)}
        )
        what = ", ".join(asked) if asked else f"{self.project.file}, whose `manifests` is an empty list"
        return Problem(file, 1, 1, "no-manifests", f"there is no manifest in {what}")

    @asynccontextmanager
    async def connect(
        self, names: Iterable[str] | None = None, *, concurrency: int | None = None
    ) -> AsyncIterator[dict[str, Registry]]:
        """Opens the registries of these names (all of them if None) and closes them again. Raises RegistryError, ConfigError or SecretError.

        `concurrency` bounds the connections to each, instead of what the configuration says.
        """
        async with AsyncExitStack() as stack:
            opened = {}
            for name in sorted(self.entries if names is None else names):
                entry = self.entries[name]
                opened[name] = await stack.enter_async_context(
                    entry.driver.connect(entry.settings, Opening(name, self.resolver, concurrency))
                )
            yield opened

    def fingerprint_key(self) -> Secret | None:
        """The key for fingerprints, or None where the configuration names none.

        Raises SecretError where its reference leads nowhere, ConfigError where the key is too short to be one.
        """
        reference = self.project.fingerprint_key
        if reference is None:
            return None
        key = self.resolver.resolve(reference)
        if len(without_line_end(key.reveal())) < MIN_KEY_LENGTH:
            message = f"fingerprint_key ({reference}) has fewer than {MIN_KEY_LENGTH} characters: it could be guessed"
            raise ConfigError(message, hint="a random one: openssl rand -hex 32")
        return key

    def fingerprint_key_if_known(self) -> Secret | None:
        """The same for planning, which does without where the key cannot be had: a pull request has no secrets."""
        try:
            return self.fingerprint_key()
        except SecretError:
            return None

    def locate(self, source: Source, pointer: str) -> str:
        """`file:line:column` of a value in a manifest, as far as the file still is what was read."""
        text = document.read_text(self.cwd / source.file, source.file)
        if isinstance(text, Problem):
            return f"{source.file}:{source.line}"
        lines = [found.line for found in document.load(text, source.file).documents]
        if source.line not in lines:
            return f"{source.file}:{source.line}"
        spot = document.places(text, source.file).value(lines.index(source.line), pointer)
        return f"{source.file}:{spot.line}:{spot.column}"

    def _hint(self, address: Address, pointer: str) -> str | None:
        """How what a field names comes to be, where its kind says so."""
        node = self.entries[address.registry].facts.kinds[address.kind].root.find(json_pointer.split(pointer))
        rule = node.rule(Ref) if node is not None else None
        hint: str | None = rule.hint if rule is not None else None
        return hint

    def check_references(self, desired: DesiredState, remote: RemoteState) -> None:
        """Raises ManifestError where a manifest names an object that neither the manifests nor the registry have, or that a manifest wants gone."""
        problems = []
        going = {item.address: item.resource.source for item in desired.resources if item.absent}
        for item, pointer, target in dangling(desired, remote):
            source = item.resource.source
            what = f"{pointer} refers to {target}" if pointer else f"is in {target}"
            gone = going.get(target)
            why = (
                f"{gone.file}:{gone.line} says is to be absent"
                if gone
                else "neither the manifests nor the registry have"
            )
            message = f"{item.address} {what}, which {why}"
            file, line = (source.file, source.line) if source else ("", 1)
            hint = None if gone else self._hint(item.address, pointer)
            problems.append(Problem(file, line, 1, "dangling-reference", message, suggestion=hint))
        if problems:
            raise ManifestError(
                "the manifests refer to what does not exist or is to be absent", tuple(sorted(problems))
            )


def open_workspace(
    path: Path | None = None,
    *,
    environment: str | None = None,
    cwd: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Workspace:
    """The project of a configuration file, or of the one found from the working directory upward, or of none.

    Raises ConfigError with every problem in the configuration at its place, InputError where there is no working directory.
    """
    try:
        folder = (cwd or Path.cwd()).resolve()
    except FileNotFoundError as error:
        raise InputError("the working directory does not exist any more") from error
    project = config.load(path, start=folder, environment=environment)
    resolver = Resolver(project.root) if environ is None else Resolver(project.root, environ)
    return Workspace(project, load_registries(project, resolver), folder, resolver)
