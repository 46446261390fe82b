"""All files together: read, translated, checked, and their manifests as text."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from reconciler import document
from reconciler import pointer as pointers
from reconciler.document.comments import dump_commented
from reconciler.document.trees import Map, Node, Scalar, find, plain_data
from reconciler.errors import Problem
from reconciler.importing.drafts import Draft, Session, document_of, folder_of
from reconciler.importing.formats import FORMATS
from reconciler.importing.journal import Journal
from reconciler.importing.sources import Sources
from reconciler.manifest.discover import Found
from reconciler.manifest.native import NativeKind, check_native
from reconciler.problems import Finding
from reconciler.registry.catalog import load_driver

SCHEMA: Final = "schemas/manifest.schema.json"


class Target(NamedTuple):
    """Where manifests go: into `folder`, of the project whose root is `root`. `registry` is written into each, if given."""

    folder: Path
    root: Path
    cwd: Path
    registry: str | None = None


class Written(NamedTuple):
    """One manifest to be written. `path` is relative to the target's folder, with `/`; `source` is the file that it comes from, as shown."""

    path: str
    kind: str
    key: str
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Import:
    """What became of the files. `problems` are errors and warnings, sorted by place; with an error, nothing should be written.

    `lines` holds the lines of the files that have problems. `variables` are the names that the manifests need in reconciler.yaml,
    `environment` those that they need in the environment, both sorted.
    """

    manifests: tuple[Written, ...]
    problems: tuple[Problem, ...]
    lines: Mapping[str, Sequence[str]] = field(repr=False)
    variables: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity == "error")


def import_files(found: Found, target: Target) -> Import:
    """Translates every file. Never raises for what files hold; every problem is told, with its place in the file it comes from."""
    journal = Journal()
    journal.problems.extend(found.problems)
    sources = Sources(target.root, target.cwd, journal)
    session = Session(journal, sources, os.path.realpath(target.folder))
    drafts: list[Draft] = []
    for file in found.files:
        root = sources.load(file.path, file.shown)
        if root is not None:
            drafts.extend(_translated(root, session))
        elif not any(problem.file == file.shown for problem in journal.problems):
            journal.problems.append(
                Problem(file.shown, 1, 1, "not-a-model", "this file holds nothing", severity="warning")
            )
    manifests = tuple(_written(_unique(drafts, journal), session, target))
    problems = tuple(sorted(set(journal.problems)))
    lines = {problem.file: sources.lines[problem.file] for problem in problems if problem.file in sources.lines}
    return Import(manifests, problems, lines, tuple(sorted(journal.variables)), tuple(sorted(journal.environment)))


def _translated(root: Node, session: Session) -> list[Draft]:
    for known in FORMATS.values():
        if isinstance(root, Map) and known.recognises(root) and root.find("kind") is None:
            return known.translate(root, session)
    kind = root.find("kind") if isinstance(root, Map) else None
    name = kind.value.value if kind is not None and isinstance(kind.value, Scalar) else None
    if kind is not None and isinstance(name, str) and (name == "Model" or "/" in name):
        session.journal.error(kind.value, "already-a-manifest", "this is a manifest already: nothing is to be imported")
        return []
    titles = "; ".join(known.title for known in FORMATS.values())
    session.journal.error(root, "unknown-format", f"no known format: a file that can be imported is {titles}")
    return []


def _unique(drafts: Iterable[Draft], journal: Journal) -> list[Draft]:
    """Each object once. Two of one kind and key are a problem, unless they may repeat and are equal."""
    first: dict[tuple[str, str], Draft] = {}
    for draft in drafts:
        known = first.setdefault((draft.kind, draft.name), draft)
        if known is draft or (draft.repeats and known.repeats and plain_data(known.root) == plain_data(draft.root)):
            continue
        place = f"{known.key.file}:{known.key.place.line}"
        what = "with another value" if draft.repeats else "already"
        journal.error(
            draft.key, "duplicate-key", f"{draft.kind} {draft.name!r} is declared {what}, in {place}: keep one of them"
        )
    return sorted(first.values(), key=lambda draft: (draft.kind, draft.name))


def _written(drafts: Iterable[Draft], session: Session, target: Target) -> Iterable[Written]:
    taken: set[str] = set()
    before = [problem for problem in session.journal.problems if problem.severity == "error"]
    for draft in drafts:
        folder = folder_of(draft.kind)
        root = document_of(draft, target.registry, _modeline(session, folder))
        name, number = draft.name, 1
        while f"{folder}/{name}".lower() in taken:  # some file systems take `a` and `A` for one name
            number += 1
            name = f"{draft.name}~{number}"
        path = f"{folder}/{name}.yaml"
        taken.add(f"{folder}/{name}".lower())
        text = dump_commented(root)
        _check(root, draft, text, path, session.journal, before)
        yield Written(path, draft.kind, draft.name, text, draft.root.file)


def _modeline(session: Session, folder: str) -> str:
    """The comment by which editors find the project's schema, where there is one."""
    schema = os.path.join(session.sources.root, *SCHEMA.split("/"))
    if not os.path.isfile(schema):
        return ""
    place = os.path.relpath(schema, os.path.join(session.folder, folder)).replace(os.sep, posixpath.sep)
    return "" if any(map(str.isspace, place)) else f"# yaml-language-server: $schema={place}"


def _check(root: Map, draft: Draft, text: str, path: str, journal: Journal, before: Sequence[Problem]) -> None:
    """Reads the text as it will be read, and holds it against its kind. What is wrong is told at the place it comes from."""
    loaded = document.load(text, path)
    if loaded.problems or len(loaded.documents) != 1:
        message = loaded.problems[0].message if loaded.problems else "it would hold no document"
        journal.error(draft.key, "syntax", f"this cannot be written as a manifest: {message}")
        return
    driver, _, name = draft.kind.partition("/")
    kind = load_driver(driver).kinds[name]
    _, findings = check_native(NativeKind(draft.kind, kind.model, kind.title), loaded.documents[0].value)
    refused = kind.check_key(draft.name)
    if refused is not None:
        journal.error(draft.key.value, "bad-key", f"a key that the registry cannot take: {refused}")
    for finding in findings:
        _tell(finding, root, journal, before)


def _tell(finding: Finding, root: Map, journal: Journal, before: Sequence[Problem]) -> None:
    node, member = find(root, pointers.split(finding.pointer))
    at = member if finding.at_key and member is not None else node
    place = at.place
    problem = Problem(
        at.file,
        place.line,
        place.column,
        finding.rule,
        finding.message,
        place.end_line,
        place.end_column,
        finding.severity,
        suggestion=finding.suggestion,
    )
    # What the translation found wrong is told once, and what is missing may be what it could not read.
    wrong = [known for known in before if known.file == at.file]
    if not wrong or (finding.rule != "missing-field" and all(known[:3] != problem[:3] for known in wrong)):
        journal.problems.append(problem)
