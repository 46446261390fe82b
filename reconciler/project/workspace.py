"""A workspace: a project's configuration, manifests and registries together, for the commands and for Python.

The order is always the same: `open_workspace`, `load`, `connect`, then `read_all`, `make_plan`, `apply`.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Hashable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from reconciler.core import document
from reconciler.core import pointer as json_pointer
from reconciler.core.document import Document, Places
from reconciler.core.errors import ConfigError, InputError, ManifestError, Problem, SecretError, UsageError, is_error
from reconciler.core.fingerprint import MIN_KEY_LENGTH, without_line_end
from reconciler.core.resource import Address, DesiredState, RegistryFacts, RemoteState, Source
from reconciler.core.rules import ExternalRef, Node, Ref
from reconciler.core.schema.findings import Finding
from reconciler.core.secret import Resolver, Secret
from reconciler.core.secret_commands import SecretCommands
from reconciler.manifest.cache import ManifestCache
from reconciler.manifest.compile import compile_manifests
from reconciler.manifest.discover import Excluded, File, FoundFiles, discover, shown
from reconciler.manifest.ignored import SILENT
from reconciler.manifest.likely_secrets import likely_in_variables, told_once
from reconciler.manifest.load import Reader
from reconciler.manifest.manifests import Manifests
from reconciler.manifest.secret_hosts import destinations
from reconciler.manifest.templates import Part, origin
from reconciler.planner.references import dangling
from reconciler.project import config, config_file
from reconciler.project.config import Project
from reconciler.project.loaded import LoadedManifests
from reconciler.project.locate import projects_of, repository_of
from reconciler.project.manifest_cache import open_cache
from reconciler.project.named_files import missing_in_manifest, missing_in_settings, name_files
from reconciler.project.policy_files import policy_files, without_policies
from reconciler.project.registries import load_registries, native_kinds, placed, without_value
from reconciler.project.sources import Configured, asked_for, configured, telling_keys, unused_excludes
from reconciler.registry.connecting import open_registry
from reconciler.registry.entry import RegistryEntry
from reconciler.registry.protocol import Opening, Registry

STDIN = "-"


class _Site(NamedTuple):
    """A file as it is now: each document by the line on which it begins, and the places of all."""

    documents: Mapping[int, Document]
    places: Places


def _site_of(folder: Path, file: str) -> _Site:
    text = document.read_text(folder / file, file)
    if isinstance(text, Problem):
        return _Site({}, Places(()))
    documents = {found.line: found for found in document.load(text, file).documents}
    return _Site(documents, document.places(text, file))


@dataclass(frozen=True, slots=True)
class Workspace:
    """One project. `cwd` is what paths are shown relative to. With `cached`, unchanged manifests are taken from a cache."""

    project: Project
    entries: Mapping[str, RegistryEntry]
    cwd: Path
    resolver: Resolver
    cached: bool = False
    _sites: dict[str, _Site] = field(default_factory=dict, init=False, repr=False, compare=False)
    _parts: dict[Source, tuple[Part, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def facts(self) -> dict[str, RegistryFacts]:
        return {name: entry.facts for name, entry in self.entries.items()}

    def load(
        self, paths: Sequence[str] = (), stdin: Callable[[], bytes] | None = None, *, everything: bool = False
    ) -> LoadedManifests:
        """Load manifests: those of the configuration, or those under `paths`; `-` is `stdin`.

        With paths inside the configured manifests, all of these are read for the checks across documents, but only the
        paths' problems are reported. What `exclude` leaves out is read only with `everything`. Never raises for what
        manifests hold: see `LoadedManifests.checked`.
        """
        policies = policy_files(self.project, self.cwd)
        sources = configured(self.project, self.cwd)
        whole = without_policies(sources.found, policies)
        reader = self._reader(self._cache(whole.files))
        if not paths:
            every = reader.read(self._hinted(whole))
            return self._with_idle(self._compiled(every, None, self.project.manifests, cache=reader.cache), sources)
        if STDIN in paths:
            if len(paths) > 1:
                raise UsageError("`-` stands for standard input alone: it cannot be combined with other paths")
            read = reader.read_stdin(stdin() if stdin else b"", self.cwd, whole.files)
            return self._compiled(read, frozenset(), ("<stdin>",))
        named = self._asked_for(paths, whole) if not everything else discover(paths, self.cwd, self.cwd)
        named = telling_keys(named, self._declared)
        asked = without_policies(named, policies)
        if named.files and not asked.files:  # a policy that changes concerns every manifest
            return self._compiled(reader.read(whole), frozenset(), self.project.manifests, cache=reader.cache)
        selected = frozenset(file.shown for file in asked.files)
        known = {file.real for file in whole.files}
        if not any(file.real in known for file in asked.files):
            read = reader.read(asked, library=whole.files)
            return self._compiled(read, selected, paths, asked.excluded, cache=reader.cache)
        files = {file.real: file for file in (*whole.files, *asked.files)}
        ordered = tuple(sorted(files.values(), key=lambda file: file.shown))
        others = {file.shown for file in ordered} - selected
        read = reader.read(FoundFiles(ordered, asked.problems, asked.silent), others)
        return self._compiled(read, selected, paths, asked.excluded, cache=reader.cache)

    def load_texts(self, texts: Mapping[str, str]) -> LoadedManifests:
        """Load manifests that are in no file, each by a name: these are all there are. See `load`."""
        return self._compiled(self._reader().read_texts(texts), None, self.project.manifests)

    def files(self, paths: Sequence[str]) -> FoundFiles:
        """The files under some paths, or those of the configured manifests."""
        whole = configured(self.project, self.cwd).found
        return telling_keys(self._asked_for(paths, whole), self._declared) if paths else whole

    def has_any(self, paths: Sequence[str]) -> bool:
        """True where one of the files under `paths` is among the configured manifests."""
        whole = configured(self.project, self.cwd).found
        known = {file.real for file in whole.files}
        return any(file.real in known for file in self._asked_for(paths, whole).files)

    def _asked_for(self, paths: Sequence[str], whole: FoundFiles) -> FoundFiles:
        return asked_for(paths, self.project, self.cwd, whole)

    def _with_idle(self, loaded: LoadedManifests, sources: Configured) -> LoadedManifests:
        """Add the globs of `exclude`, used and unused: as templates, they are judged over all environments."""
        unused: dict[Hashable, Problem] = {**loaded.unused}
        unused.update(unused_excludes(sources.unused, self.project))
        return replace(loaded, unused=unused, used=loaded.used | sources.matched)

    def rules_of_kind(self, kind: str) -> Node:
        """The field rules of manifests of a kind."""
        return self._reader().node(kind)

    def _cache(self, files: Sequence[File]) -> ManifestCache | None:
        if not self.cached:
            return None
        return open_cache(self.project, self.entries, self.cwd, self.resolver.environ, files=files)

    def _reader(self, cache: ManifestCache | None = None) -> Reader:
        overrides = {name: entry.override for name, entry in self.entries.items()}
        commands = frozenset(self.project.secret_commands)
        natives = native_kinds(self.entries)
        return Reader(self.project.root, self.project.variables, natives, overrides, commands, cache)

    def _compiled(
        self,
        manifests: Manifests,
        selected: frozenset[str] | None,
        asked: Sequence[str],
        excluded: tuple[Excluded, ...] = (),
        *,
        cache: ManifestCache | None = None,
    ) -> LoadedManifests:
        """`selected` None means all; empty means that everything was asked for, but is not all there is."""
        chosen = selected or None
        compiled = compile_manifests(manifests.manifests, self.entries, selected=chosen, cache=cache)
        if cache is not None:
            cache.save(is_whole=chosen is None)
        self._parts.update((one.source, one.parts) for one in manifests.manifests if one.parts)
        problems = set(manifests.problems)
        problems |= {manifests.problem(manifest, finding) for manifest, finding in compiled.findings}
        problems = told_once(problems)
        for manifest in manifests.manifests if name_files(self.entries) else ():
            if chosen is None or manifest.is_in(chosen):
                missing = missing_in_manifest(manifest, self.entries, self.resolver)
                problems |= {manifests.problem(manifest, finding) for finding in missing}
        if chosen is None and self.project.file is not None:
            settings = (*missing_in_settings(self.entries, self.resolver), *likely_in_variables(self.project.variables))
            problems |= set(self.project.problems(settings))
        if self.project.secrets is not None:
            mine = [one for one in manifests.manifests if chosen is None or one.is_in(chosen)]
            refused = destinations(mine, compiled.every, self.entries, self.project.secrets)
            problems |= {manifests.problem(manifest, finding) for manifest, finding in refused}
        files = manifests.files if chosen is None else len(chosen)
        documents = sum(count for file, count in manifests.counts.items() if chosen is None or file in chosen)
        silent = tuple(f"{item.file}: {item.message}" for item in sorted(problems) if item.rule in SILENT)
        if (
            not (documents or excluded)
            and not self._is_meant_empty(manifests, selected, problems)
            and not any(map(is_error, problems))
        ):
            problems.add(self._no_manifests(manifests, chosen, asked))
        return LoadedManifests(
            manifests,
            replace(compiled.state, complete=selected is None, silent_sources=silent),
            tuple(sorted(problems)),
            files,
            documents,
            repository_of(self.project.root, self.cwd, self.resolver.environ),
            tuple(one.shown for one in excluded),
            {place: item for place, item in manifests.unused.items() if chosen is None or place.file in chosen},
            manifests.used,
            chosen,
            clashes=compiled.clashes,
        )

    def _declared(self) -> dict[str, Source]:
        """Where each key and each address is declared in the configured manifests."""
        loaded = self.load()
        places = {str(item.address): item.resource.source for item in loaded.desired.resources}
        keys = {one.key: one.source for one in reversed(loaded.manifests.manifests)}
        return keys | {address: place for address, place in places.items() if place is not None}

    def _hinted(self, whole: FoundFiles) -> FoundFiles:
        """Without a configuration, what to do where there are no manifests either."""
        if self.project.file is not None:
            return whole
        hint = f"no {config_file.FILE} was found from here upward: `reconciler init` writes a starting project"
        return whole._replace(problems=tuple(problem._replace(suggestion=hint) for problem in whole.problems))

    def _is_meant_empty(self, manifests: Manifests, selected: frozenset[str] | None, problems: set[Problem]) -> bool:
        """True where each configured path is there and says by a file `.keep` that it holds nothing."""
        return selected is None and bool(self.project.manifests) and not manifests.files and not problems

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
        """Opens the registries of these names (all of them if None) and closes them again.

        Raises RegistryError, ConfigError or SecretError, each with its place in the configuration.

        `concurrency` bounds the connections to each, instead of what the configuration says.
        """
        async with AsyncExitStack() as stack:
            opened = {}
            wanted = sorted(self.entries if names is None else names)
            resolver = self.resolver.for_configuration()
            for name in wanted:
                opening = open_registry(self.entries[name], Opening(name, resolver, concurrency))
                try:
                    opened[name] = await stack.enter_async_context(opening)
                except SecretError as error:
                    raise without_value(self.project, wanted, name, resolver, error) from error
                except ConfigError as error:
                    raise placed(self.project, name, error) from error
            yield opened

    def fingerprint_key(self) -> Secret | None:
        """The key for fingerprints, or None where the configuration names none.

        Raises SecretError where its reference leads nowhere, ConfigError where the key is too short to be one.
        """
        reference = self.project.fingerprint_key
        if reference is None:
            return None
        place = self.project.place("/fingerprint_key")
        try:
            key = self.resolver.resolve(reference)
        except SecretError as error:
            raise SecretError(f"{place}: {error.message}", hint=error.hint) from error
        if len(without_line_end(key.reveal())) < MIN_KEY_LENGTH:
            message = f"{place}: fingerprint_key ({reference}) has fewer than {MIN_KEY_LENGTH} characters: it could be guessed"
            raise ConfigError(message, hint="a random one: openssl rand -hex 32")
        return key

    def fingerprint_key_if_known(self) -> Secret | None:
        """The key for planning, or None where it cannot be resolved: a pull request has no secrets."""
        try:
            return self.fingerprint_key()
        except SecretError:
            return None

    def locate(self, source: Source, pointer: str) -> str:
        """`file:line:column` of a value in a manifest, or in a template, as far as the file still is what was read."""
        parts = self._parts.get(source)
        if parts is not None:
            place, _ = origin(parts, Finding("", "", pointer))
            source = next(part.source for part in parts if part.place == place)
        if source.file not in self._sites:  # once for all that failed in one file
            self._sites[source.file] = _site_of(self.cwd, source.file)
        site = self._sites[source.file]
        found = site.documents.get(source.line)
        if found is None:
            return f"{source.file}:{source.line}"
        is_inherited = (
            json_pointer.get(found.value, "/extends") and json_pointer.get(found.value, pointer) is json_pointer.MISSING
        )
        spot = site.places.value(found.index, "/extends" if is_inherited else pointer)
        return f"{source.file}:{spot.line}:{spot.column}"

    def _hint(self, address: Address, pointer: str) -> str | None:
        """The hint of a reference's rule on how to create its target, if there is one."""
        node = self.entries[address.registry].facts.kinds[address.kind].root.find(json_pointer.split(pointer))
        rule = (node.rule(Ref) or node.rule(ExternalRef)) if node is not None else None
        hint: str | None = rule.hint if rule is not None else None
        return hint

    def check_references(self, desired: DesiredState, remote: RemoteState) -> None:
        """Raise ManifestError for references to objects that are nowhere, or that a manifest wants absent."""
        problems = []
        going = {item.address: item.resource.source for item in desired.resources if item.absent}
        for item, pointer, target in dangling(desired, remote):
            source = item.resource.source
            what = f"{pointer} refers to {target}" if pointer else f"is in {target}"
            gone = going.get(target)
            if target in remote.missing:
                why = "the registry does not have"
            else:
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


def open_workspaces(
    path: Path | None,
    paths: Sequence[str],
    *,
    environment: str | None = None,
    cwd: Path | None = None,
    environ: Mapping[str, str] | None = None,
    cached: bool = False,
) -> list[tuple[Workspace, tuple[str, ...]]]:
    """The projects of some paths, each with its own: one, unless none is found from the working directory upward.

    Then each path belongs to the nearest configuration from its own folder upward. Raises as `open_workspace` does.
    """
    start = _working_directory(cwd)
    if path is not None or not paths or STDIN in paths or config_file.find(start) is not None:
        one = open_workspace(path, environment=environment, cwd=start, environ=environ, cached=cached)
        return [(one, tuple(paths))]
    return [
        (open_workspace(found, environment=environment, cwd=start, environ=environ, cached=cached), named)
        for found, named in projects_of(paths, start).items()
    ]


def open_workspace(
    path: Path | None = None,
    *,
    environment: str | None = None,
    cwd: Path | None = None,
    environ: Mapping[str, str] | None = None,
    cached: bool = False,
) -> Workspace:
    """The project of a configuration file, or of the one found from the working directory upward, or of none.

    Raises ConfigError with every problem in the configuration at its place, InputError where there is no working
    directory.
    """
    folder = _working_directory(cwd)
    project = config.load(path, start=folder, environment=environment)
    variables = os.environ if environ is None else environ
    offline = Resolver(project.root, variables, project.secrets)  # which runs no command
    commands = SecretCommands(project.secret_commands, project.root, variables)
    return Workspace(project, load_registries(project, offline), folder, replace(offline, commands=commands), cached)


def _working_directory(cwd: Path | None) -> Path:
    try:
        return Path(os.path.realpath(cwd or Path.cwd()))
    except FileNotFoundError as error:
        raise InputError("the working directory does not exist any more") from error
