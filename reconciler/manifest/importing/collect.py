"""All files together: read, translated, checked, and their manifests as text."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from reconciler.core import document
from reconciler.core import pointer as pointers
from reconciler.core.document.comments import dump_commented
from reconciler.core.document.trees import Map, Node, find, plain_data
from reconciler.core.document.values import Span
from reconciler.core.errors import Problem, is_error
from reconciler.core.schema.findings import Finding
from reconciler.core.telling import without_values
from reconciler.manifest.discover import FoundFiles
from reconciler.manifest.importing.drafts import Draft, Importer, Session, document_of, folder_of
from reconciler.manifest.importing.formats import IMPORTERS, importer_of
from reconciler.manifest.importing.journal import Journal
from reconciler.manifest.importing.sources import Sources
from reconciler.manifest.model_check import check_model
from reconciler.manifest.modeline import modeline
from reconciler.manifest.native import NativeKind, check_native
from reconciler.manifest.recognise import Format, importable_titles, is_kubernetes, is_manifest
from reconciler.registry.catalog import load_driver
from reconciler.registry.protocol import Driver

MODEL: Final = "Model"  # the portable kind
_IMPORTABLE: Final = f"what can be imported is {importable_titles()}"


class Target(NamedTuple):
    """Where manifests go: into `folder`, of the project whose root is `root`. `registry` is written into each, if given.

    `drivers` are those of the project's registries, by name, as these have them.
    """

    folder: Path
    root: Path
    cwd: Path
    registry: str | None = None
    drivers: Mapping[str, Driver] = MappingProxyType({})


class Written(NamedTuple):
    """One manifest to be written. `path` is relative to the target's folder, with `/`; `source` is the file that it comes from, as shown."""

    path: str
    kind: str
    key: str
    text: str
    source: str


class _File(NamedTuple):
    """A file that was read.

    `root` is what is in it, `importer` who translates it, `format` what it looks like where nobody does, `problems` what is wrong with its
    form. `named` are the real paths of the files that it consists of beside its own, `left_out` those that it names for nothing that is imported.
    """

    real: str
    shown: str
    root: Node | None
    importer: Importer | None
    format: Format | None
    problems: list[Problem]
    named: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Import:
    """What became of the files: `manifests` are those without an error. `problems` are errors and warnings, sorted by place.

    `lines` holds the lines of the files that have problems. `variables` are the names that the manifests need in reconciler.yaml,
    `environment` those that they need in the environment, both sorted. `vaults` are the kinds in which secrets belong, sorted.
    """

    manifests: tuple[Written, ...]
    problems: tuple[Problem, ...]
    lines: Mapping[str, Sequence[str]] = field(repr=False)
    variables: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    vaults: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(filter(is_error, self.problems))


def import_files(found: FoundFiles, target: Target) -> Import:
    """Translates every file. Never raises for what files hold; every problem is told, with its place in the file it comes from."""
    journal = Journal()
    sources = Sources(target.root, target.cwd, journal)
    session = Session(journal, sources, os.path.realpath(target.folder))
    files = [_read(file.path, file.shown, session) for file in found.files]
    journal.problems.extend(found.problems)
    drafts = _translated(files, session)
    manifests = tuple(_written(_unique(drafts, journal), session, target))
    problems = tuple(sorted(set(journal.problems)))
    lines = {problem.file: sources.lines[problem.file] for problem in problems if problem.file in sources.lines}
    variables, environment = tuple(sorted(journal.variables)), tuple(sorted(journal.environment))
    vaults = tuple(sorted({file.importer.vault for file in files if file.importer is not None} - {""}))
    return Import(manifests, problems, lines, variables, environment, vaults)


def _read(path: str, shown: str, session: Session) -> _File:
    sources, real = session.sources, os.path.realpath(path)
    root = sources.load(path, shown)
    found = importer_of(root) if isinstance(root, Map) else None
    if not isinstance(root, Map) or not isinstance(found, Importer):
        return _File(real, shown, root, None, found if isinstance(found, Format) else None, session.journal.taken())
    left_out = frozenset(found.left_out(root, sources))
    root = found.expand(root, sources)
    return _File(real, shown, root, found, None, session.journal.taken(), sources.taken(), left_out)


def _translated(files: Sequence[_File], session: Session) -> list[Draft]:
    """The objects of all files.

    What is wrong is told, but of a file that is a part of another nothing that it is not by itself, and nothing of one that another names
    for what is left out.
    """
    journal, drafts = session.journal, list[Draft]()
    recognised = [(file, file.root, file.importer) for file in files if isinstance(file.root, Map) and file.importer]
    for _, root, importer in recognised:  # all of them, before the first name is made up
        journal.reserve(importer.environment(root))
    parts = {path for file in files for path in file.left_out}
    done: set[str] = set()
    for file, root, importer in sorted(recognised, key=lambda one: not one[2].whole(one[1])):
        if file.real in parts and not importer.whole(root):
            continue
        drafts += importer.translate(root, session)
        parts |= file.named | session.sources.taken()
        done.add(file.shown)
    beside_objects = any(importer is IMPORTERS["kubernetes"] for _, _, importer in recognised)
    for file in files:
        if file.shown in done or file.real not in parts:
            journal.problems.extend(file.problems)
            if file.importer is None and not (
                beside_objects and file.root is not None and is_kubernetes(plain_data(file.root))
            ):
                _refuse(file, journal)
    return drafts


def _refuse(file: _File, journal: Journal) -> None:
    """Says why a file of no known format cannot be imported, unless its form is wrong already."""
    root = file.root
    if root is None:
        if not any(problem.file == file.shown for problem in file.problems):
            nothing = Problem(file.shown, 1, 1, "not-a-model", "this file holds nothing", severity="warning")
            journal.problems.append(nothing)
        return
    kind = root.find("kind") if isinstance(root, Map) else None
    if kind is not None and isinstance(root, Map) and is_manifest(plain_data(root)):
        journal.error(kind.value, "already-a-manifest", "this is a manifest already: nothing is to be imported")
        return
    what = f"looks like {file.format.title}, which is not imported" if file.format else "is of no format that is known"
    journal.error(root, "unknown-format", f"this {what}", _IMPORTABLE)


def _unique(drafts: Iterable[Draft], journal: Journal) -> list[Draft]:
    """Each object once. Two of one kind and key are a problem, unless they are equal and may repeat, or are one that two files name."""
    first: dict[tuple[str, str], Draft] = {}
    for draft in drafts:
        known = first.setdefault((draft.kind, draft.name), draft)
        may_repeat = (draft.repeats and known.repeats) or _place_of(known) == _place_of(draft)
        if known is draft or (may_repeat and plain_data(known.root) == plain_data(draft.root)):
            continue
        place = f"{known.key.file}:{known.key.place.line}"
        what = "with another value" if draft.repeats else "already"
        journal.error(
            draft.key, "duplicate-key", f"{draft.kind} {draft.name!r} is declared {what}, in {place}: keep one of them"
        )
        first[draft.kind, draft.name] = known._replace(flawed=True)
    return sorted(first.values(), key=lambda draft: (draft.kind, draft.name))


def _place_of(draft: Draft) -> tuple[str, Span]:
    return draft.key.file, draft.key.place


def _written(drafts: Iterable[Draft], session: Session, target: Target) -> Iterable[Written]:
    taken: set[str] = set()
    before = list(filter(is_error, session.journal.problems))
    for draft in drafts:
        folder = folder_of(draft.kind)
        comment = modeline(session.sources.root, os.path.join(session.folder, folder))
        root = document_of(draft, target.registry, comment)
        plain = quote(draft.name, safe=" $@+,=")  # a name may hold slashes; so `export` writes it, too
        name, number = plain, 1
        while f"{folder}/{name}".lower() in taken:  # some file systems take `a` and `A` for one name
            number += 1
            name = f"{plain}~{number}"
        path = f"{folder}/{name}.yaml"
        taken.add(f"{folder}/{name}".lower())
        text = dump_commented(root)
        errors = session.journal.errors
        _check(root, draft, text, path, session.journal, before, target.drivers)
        if not draft.flawed and session.journal.errors == errors:
            yield Written(path, draft.kind, draft.name, text, draft.root.file)


def _check(
    root: Map,
    draft: Draft,
    text: str,
    path: str,
    journal: Journal,
    before: Sequence[Problem],
    drivers: Mapping[str, Driver],
) -> None:
    """Reads the text as it will be read, and holds it against its kind. What is wrong is told at the place it comes from."""
    loaded = document.load(text, path)
    if loaded.problems or len(loaded.documents) != 1:
        message = loaded.problems[0].message if loaded.problems else "it would hold no document"
        journal.error(draft.key, "syntax", f"this cannot be written as a manifest: {message}")
        return
    for finding in _findings(draft, loaded.documents[0].value, drivers):
        _tell(finding, root, journal, before)


def _findings(draft: Draft, data: Any, drivers: Mapping[str, Driver]) -> list[Finding]:
    """What is wrong with the manifest of a draft."""
    if draft.kind == MODEL:
        return check_model(data)[1]
    driver, _, name = draft.kind.partition("/")
    kind = (drivers.get(driver) or load_driver(driver)).kinds[name]
    return check_native(NativeKind.of(driver, kind), data)[1]


def _tell(finding: Finding, root: Map, journal: Journal, before: Sequence[Problem]) -> None:
    node, member = find(root, pointers.split(finding.pointer))
    at = member if finding.at_key and member is not None else node
    place = at.place
    problem = Problem(
        at.file,
        place.line,
        place.column,
        finding.rule,
        without_values(finding.message, pointers.split(finding.pointer)),
        place.end_line,
        place.end_column,
        finding.severity,
        suggestion=finding.suggestion,
    )
    # What the translation found wrong is told once, and what is missing may be what it could not read.
    wrong = [known for known in before if known.file == at.file]
    if not wrong or (finding.rule != "missing-field" and all(known[:3] != problem[:3] for known in wrong)):
        journal.problems.append(problem)
