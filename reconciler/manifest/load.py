"""Load manifest files: every document typed and frozen, every problem with its line and column.

One document goes: text → plain data (`document`) → its form (`model_check`, `native`) → its references (`references`) →
its form once more, now with the values that the references led to.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from reconciler.core import document
from reconciler.core.document import Document, LoadedDocuments, Places
from reconciler.core.errors import Problem
from reconciler.core.model import Common, Model, NativeCommon, Waiver
from reconciler.core.resource import Source
from reconciler.core.rule_tree import rules_of
from reconciler.core.rules import Node
from reconciler.core.schema.findings import Finding, is_mistake, nearest, place
from reconciler.manifest import ignored
from reconciler.manifest.discover import FoundFiles
from reconciler.manifest.likely_secrets import likely_secrets
from reconciler.manifest.model_check import check_model
from reconciler.manifest.native import NativeDocument, NativeKind, check_native
from reconciler.manifest.recognise import FOREIGN, foreign, recognise, recognise_text
from reconciler.manifest.references import Scope, resolve

STDIN = "<stdin>"


@dataclass(frozen=True, slots=True)
class Manifest:
    """One document that is valid in itself.

    Exactly one of `model` and `native` is set. `index` counts documents in the file.
    """

    source: Source
    index: int
    kind: str
    key: str
    model: Model | None = None
    native: NativeDocument | None = None

    @property
    def waivers(self) -> tuple[Waiver, ...]:
        """Its exceptions from policies, in their order."""
        common: Common | None = self.model if self.native is None else self.native.common
        return tuple((common.waivers if common is not None else None) or ())


@dataclass(frozen=True, slots=True)
class Manifests:
    """The manifests of some files, and their problems.

    `counts` has each file's number of documents, `texts` its text.
    """

    manifests: tuple[Manifest, ...]
    problems: tuple[Problem, ...]
    files: int
    counts: Mapping[str, int]
    texts: Mapping[str, str] = field(repr=False)
    _places: dict[str, Places] = field(default_factory=dict, init=False, repr=False, compare=False)

    def problem(self, manifest: Manifest, finding: Finding) -> Problem:
        """A finding in a manifest, with its place."""
        file = manifest.source.file
        if file not in self._places:  # finding places means reading the file once more, so once for all its findings
            self._places[file] = document.places(self.texts[file], file)
        return place(finding, self._places[file], manifest.index, file)


@dataclass(frozen=True)
class Reader:
    """Reads manifests.

    `natives` are the native kinds by name; `overrides` the native fields by the name of each registry.

    `root` is the project root; `variables` are the values of `${var:NAME}`; `commands` are the names of the secret
    commands, None where they are not to be looked up.
    """

    root: Path
    variables: Mapping[str, str]
    natives: Mapping[str, NativeKind] = field(default_factory=dict)
    overrides: Mapping[str, Node] = field(default_factory=dict)
    commands: frozenset[str] | None = None

    def read(self, found: FoundFiles) -> Manifests:
        """Every document of every file. Never raises on what the files hold."""
        texts: dict[str, str] = {}
        problems = [*found.problems, *found.silent]
        for file in found.files:
            text = document.read_text(file.path, file.shown)
            if isinstance(text, Problem):
                problems.append(text)
            else:
                texts[file.shown] = text
        folders = {file.shown: os.path.dirname(file.real) for file in found.files}
        return self._read_texts(texts, folders, problems, len(found.files))

    def read_stdin(self, data: bytes, cwd: Path) -> Manifests:
        """The documents of a text without a file; its paths are relative to `cwd`."""
        text = document.decode(data, STDIN)
        if isinstance(text, Problem):
            return Manifests((), (text,), 1, {}, {})
        return self._read_texts({STDIN: text}, {STDIN: str(cwd.resolve())}, [], 1)

    def _read_texts(
        self, texts: dict[str, str], folders: Mapping[str, str], problems: list[Problem], files: int
    ) -> Manifests:
        manifests: list[Manifest] = []
        counts: dict[str, int] = {}
        known_files: dict[Path, str | Problem] = {}
        for shown, text in texts.items():
            loaded = _load(text, shown)
            problems.extend(loaded.problems + loaded.warnings)
            counts[shown] = len(loaded.documents)
            scope = Scope(self.root, folders[shown], self.variables, known_files, self.commands)
            if not loaded.documents and not loaded.problems and shown != STDIN:
                problems.append(_no_document(shown, text))
            findings: list[tuple[int, Finding]] = []
            references = "${" in text  # once: a file may hold any number of documents
            foreign_told = False  # once for each file of another tool
            for item in loaded.documents:
                manifest, errors = self._manifest(item, shown, scope, references)
                findings.extend(
                    (item.index, finding) for finding in errors if not (foreign_told and finding.rule == FOREIGN)
                )
                foreign_told = foreign_told or any(finding.rule == FOREIGN for finding in errors)
                if not any(finding.rule == FOREIGN for finding in errors):
                    known = {finding.pointer for finding in errors}
                    findings.extend((item.index, one) for one in likely_secrets(item.value) if one.pointer not in known)
                if manifest is not None:
                    manifests.append(manifest)
            if findings:
                places = document.places(text, shown)
                problems.extend(place(finding, places, index, shown) for index, finding in findings)
        return Manifests(tuple(manifests), tuple(sorted(problems)), files, counts, texts)

    def _manifest(
        self, item: Document, shown: str, scope: Scope, references: bool
    ) -> tuple[Manifest | None, list[Finding]]:
        data = item.value
        if not isinstance(data, dict):
            return None, [Finding("wrong-type", "a manifest must be a map")]
        kind = data.get("kind")
        if not isinstance(kind, str) or "apiVersion" in data or (kind != "Model" and kind not in self.natives):
            known = recognise(data)
            if known is not None:
                return None, [foreign(known, shown)]
        if not isinstance(kind, str) or (kind != "Model" and kind not in self.natives):
            return None, [self._unknown_kind(data)]
        checked, findings = self._check(kind, data)
        if references:
            resolved, errors = resolve(data, self._node(kind), scope)
            if errors or any(map(is_mistake, findings)):
                reported = {finding.pointer for finding in findings if is_mistake(finding)}
                return None, [*findings, *(finding for finding in errors if finding.pointer not in reported)]
            if resolved is not data:
                checked, findings = self._check(kind, resolved)
        if checked is None:
            return None, findings
        source = Source(shown, item.line)
        if isinstance(checked, Model):
            return Manifest(source, item.index, "Model", checked.key, model=checked), findings
        return Manifest(source, item.index, kind, checked.common.key, native=checked), findings

    def _check(self, kind: str, data: dict[str, Any]) -> tuple[Model | NativeDocument | None, list[Finding]]:
        return check_model(data) if kind == "Model" else check_native(self.natives[kind], data)

    def _node(self, kind: str) -> Node:
        return self._model_node if kind == "Model" else self._native_nodes[kind]

    @cached_property
    def _model_node(self) -> Node:
        """The rules of a Model, with each registry's own under `registries`."""
        node = rules_of(Model)
        return Node(
            node.rules, {**node.children, "registries": Node(children=dict(self.overrides))}, None, declared=True
        )

    @cached_property
    def _native_nodes(self) -> dict[str, Node]:
        common = rules_of(NativeCommon).children
        return {
            name: Node((), {**rules_of(kind.model).children, **common}, None, declared=True)
            for name, kind in self.natives.items()
        }

    def _unknown_kind(self, data: dict[str, Any]) -> Finding:
        known = ["Model", *sorted(self.natives)]
        kind = data.get("kind")
        if kind is None:
            return Finding("missing-field", "'kind' is missing", suggestion="kind: Model")
        if not isinstance(kind, str):
            return Finding("wrong-type", "'kind' must be a string", "/kind")
        message = f"unknown kind {kind!r}: the kinds here are {', '.join(known)}"
        return Finding("unknown-kind", message, "/kind", suggestion=nearest(kind, known))


def _no_document(shown: str, text: str) -> Problem:
    """The warning of a file that says nothing: it may have been emptied by accident."""
    what = "comments, and no document" if text.strip("\ufeff \t\r\n.-") else "no document"
    return ignored.empty(shown, f"this file holds {what}", "restore what it held, or remove the file")


def _load(text: str, shown: str) -> LoadedDocuments:
    """The documents of a file. One that is no YAML, but plainly another tool's, has that one problem."""
    loaded = document.load(text, shown)
    known = recognise_text(text) if loaded.problems else None
    if known is None:
        return loaded
    finding = foreign(known, shown)
    return LoadedDocuments((), (Problem(shown, 1, 1, finding.rule, finding.message, suggestion=finding.suggestion),))
