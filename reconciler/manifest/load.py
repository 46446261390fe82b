"""Load manifest files: every document typed and frozen, every problem with its line and column.

One document goes: text → plain data (`document`) → its form (`model_check`, `native`) → its references (`references`) →
its form once more, now with the values that the references led to. Models that extend templates are merged when all
documents have been read (`reading`).
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from reconciler.core import document
from reconciler.core.document import Document
from reconciler.core.document.spelling import may_say
from reconciler.core.errors import Problem
from reconciler.core.model import Model, NativeCommon
from reconciler.core.resource import Source
from reconciler.core.rule_tree import rules_of
from reconciler.core.rules import Node
from reconciler.core.schema.findings import Finding, is_mistake, nearest
from reconciler.manifest import ignored
from reconciler.manifest.cache import CachedDocument, ManifestCache
from reconciler.manifest.cached_manifests import Again, CachedManifest
from reconciler.manifest.discover import File, FoundFiles
from reconciler.manifest.kubernetes_objects import REGISTRY, kind_in, other_object, read_object
from reconciler.manifest.kubernetes_references import on_a_machine
from reconciler.manifest.likely_secrets import likely_secrets
from reconciler.manifest.manifests import Manifest, Manifests, Texts
from reconciler.manifest.model_check import MODEL, PORTABLE, check_model, check_part, is_part
from reconciler.manifest.native import NativeDocument, NativeKind, check_native
from reconciler.manifest.reading import Reading
from reconciler.manifest.recognise import FOREIGN, foreign, is_kubernetes, load_documents, recognise
from reconciler.manifest.references import Scope, resolve
from reconciler.manifest.templates import DocumentPlace, Part

STDIN = "<stdin>"
_FROM_FILE: Final = "${file:"  # what such a document says depends on another file


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
    cache: ManifestCache | None = field(default=None, compare=False)

    def read(self, found: FoundFiles, others: Iterable[str] = (), library: Iterable[File] | None = None) -> Manifests:
        """Every document of every file. Never raises on what the files hold.

        The problems of `others` are not told, but for those of templates that the rest extends, and those of Models
        that extend a template of the rest. Where `found` is not all there is, `library` are further files, which are
        read for their templates, and only where some are missing.
        """
        reading = Reading(unasked=set(others), told=[*found.problems, *found.silent])
        self._read_files(found.files, reading)
        if library is not None:
            self._read_library(library, reading)
        return reading.finish(len(found.files), is_whole=library is None)

    def read_stdin(self, data: bytes, cwd: Path, library: Iterable[File] = ()) -> Manifests:
        """The documents of a text without a file; its paths are relative to `cwd`. For `library` see `read`."""
        text = document.decode(data, STDIN)
        if isinstance(text, Problem):
            return Manifests((), (text,), 1, {}, Texts({}))
        reading = Reading()
        self._read_text(STDIN, text, os.path.realpath(cwd), reading)
        self._read_library(library, reading)
        return reading.finish(1, is_whole=False)

    def read_texts(self, texts: Mapping[str, str]) -> Manifests:
        """The documents of texts by the names of files that they have not: all there are. References lead to no file."""
        reading = Reading()
        for shown, text in texts.items():
            self._read_text(shown, text, str(self.root), reading)
        return reading.finish(len(texts), is_whole=True)

    def _read_files(self, files: Iterable[File], reading: Reading) -> None:
        folders: dict[str, str] = {}
        again = Again(lambda shown: self._read_again(shown, reading.texts[shown], folders[shown]))
        for file in files:
            data = document.read_bytes(file.path, file.shown)
            text = data if isinstance(data, Problem) else document.decode(data, file.shown)
            if isinstance(data, Problem) or isinstance(text, Problem):
                reading.problems[file.shown] = [text] if isinstance(text, Problem) else []
                reading.broken.add(file.shown)
                continue
            folder = file.real.rpartition(os.sep)[0] or os.sep  # an absolute path
            found = self.cache.find(file.shown, data) if self.cache is not None else None
            if found is not None:
                folders[file.shown] = sys.intern(folder)  # of many files, and in memory once
                self._take_over(found, file.shown, text, again, reading)
                continue
            self._read_text(file.shown, text, folder, reading)
            if self.cache is not None and not may_say(text, _FROM_FILE) and reading.is_plain(file.shown):
                self.cache.note(file.shown, data)

    def _take_over(
        self, found: Iterable[CachedDocument], shown: str, text: str, again: Again, reading: Reading
    ) -> None:
        """Take over the documents of a file as an earlier command read them."""
        reading.texts[shown] = text
        known = [CachedManifest(item, shown, again) for item in found]
        reading.counts[shown] = len(known)
        reading.manifests.extend(known)

    def _read_again(self, shown: str, text: str, folder: str) -> Sequence[Manifest]:
        """The manifests of a text that was found right, with their values."""
        reading = Reading()
        self._read_text(shown, text, folder, reading)
        return reading.manifests

    def _read_library(self, files: Iterable[File], reading: Reading) -> None:
        if reading.lacks_templates():
            more = Reading()
            self._read_files((file for file in files if file.shown not in reading.texts), more)
            reading.add_templates(more)

    def _read_text(self, shown: str, text: str, folder: str, reading: Reading) -> None:
        loaded = load_documents(text, shown)
        reading.texts[shown] = text
        reading.counts[shown] = len(loaded.documents)
        if loaded.problems or loaded.warnings:
            reading.problems[shown] = [*loaded.problems, *loaded.warnings]
        if loaded.problems:
            reading.broken.add(shown)
        elif not loaded.documents and shown != STDIN:
            reading.problems[shown] = [*loaded.warnings, _no_document(shown, text)]
        scope = Scope(self.root, folder, self.variables, reading.files, self.commands)
        references = may_say(text, "${")  # once: a file may hold any number of documents
        foreign_told = False  # once for each file of another tool
        for item in loaded.documents:
            where = DocumentPlace(shown, item.index)
            kind = kind_in(item.value)
            if kind is not None:
                manifest, errors = self._object(item, kind, where, scope, reading)
            else:
                manifest, errors = self._document(item, shown, scope, references)
            is_foreign = any(finding.rule == FOREIGN for finding in errors)
            if is_foreign and is_kubernetes(item.value) and not foreign_told:
                reading.strangers[where] = other_object(item.value)
            if kind is None and not is_foreign:
                errors.extend(_likely_secrets(item.value, errors))
            if errors and not (is_foreign and foreign_told):
                reading.findings[where] = errors
            foreign_told = foreign_told or is_foreign
            if isinstance(manifest, Part):
                reading.parts.append(manifest)
            elif manifest is not None:
                reading.manifests.append(manifest)

    def _object(
        self, item: Document, kind: str, where: DocumentPlace, scope: Scope, reading: Reading
    ) -> tuple[Manifest | Part | None, list[Finding]]:
        """An object of Kubernetes, read as the manifest that it stands for. A Registry stands for an entry of reconciler.yaml."""
        found = read_object(item.value, kind, on_a_machine(os.path.relpath(scope.folder, self.root)))
        reading.objects[where] = found
        if kind == REGISTRY:
            return None, list(found.findings)
        manifest, errors = self._document(replace(item, value=found.data), where.file, scope, references=True)
        refused = {finding.pointer for finding in found.findings}
        errors = [*found.findings, *(finding for finding in errors if finding.pointer not in refused)]
        return None if found.findings else manifest, [*errors, *_likely_secrets(found.data, errors)]

    def _document(
        self, item: Document, shown: str, scope: Scope, references: bool
    ) -> tuple[Manifest | Part | None, list[Finding]]:
        data = item.value
        if not isinstance(data, dict):
            return None, [Finding("wrong-type", "a manifest must be a map")]
        kind = data.get("kind")
        is_ours = isinstance(kind, str) and (kind in PORTABLE or kind in self.natives)
        if not is_ours or "apiVersion" in data:
            known = recognise(data)
            if known is not None:
                return None, [foreign(known, shown)]
        if not isinstance(kind, str) or not is_ours:
            return None, [self._unknown_kind(data)]
        source = Source(shown, item.line)
        checked, data, findings = self._resolved(kind, data, scope if references else None)
        if is_part(data):
            return Part(source, item.index, data, right=checked is not None), findings
        if isinstance(checked, Model):
            return Manifest(source, item.index, MODEL, checked.key, model=checked), findings
        if isinstance(checked, NativeDocument):
            return Manifest(source, item.index, kind, checked.common.key, native=checked), findings
        return None, findings

    def _resolved(
        self, kind: str, data: dict[str, Any], scope: Scope | None
    ) -> tuple[object | None, dict[str, Any], list[Finding]]:
        """A document as its kind's value, None where it has a mistake; its data with references resolved; its findings.

        Without a scope there are no references.
        """
        checked, findings = self._check(kind, data)
        if scope is None:
            return checked, data, findings
        resolved, errors = resolve(data, self.node(kind), scope)
        if errors or any(map(is_mistake, findings)):
            reported = {finding.pointer for finding in findings if is_mistake(finding)}
            return None, data, [*findings, *(finding for finding in errors if finding.pointer not in reported)]
        if resolved is not data:
            checked, findings = self._check(kind, resolved)
        return checked, resolved, findings

    def _check(self, kind: str, data: dict[str, Any]) -> tuple[object | None, list[Finding]]:
        if is_part(data):
            findings = check_part(data)
            return (None if any(map(is_mistake, findings)) else data), findings
        return check_model(data) if kind == MODEL else check_native(self.natives[kind], data)

    def node(self, kind: str) -> Node:
        """The field rules of the documents of a kind."""
        return self._model_node if kind in PORTABLE else self._native_nodes[kind]

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
        known = [*PORTABLE, *sorted(self.natives)]
        kind = data.get("kind")
        if kind is None:
            return Finding("missing-field", "'kind' is missing", suggestion="kind: Model")
        if not isinstance(kind, str):
            return Finding("wrong-type", "'kind' must be a string", "/kind")
        message = f"unknown kind {kind!r}: the kinds here are {', '.join(known)}"
        return Finding("unknown-kind", message, "/kind", suggestion=nearest(kind, known))


def _likely_secrets(data: Any, errors: Iterable[Finding]) -> list[Finding]:
    """The warnings of likely secrets where nothing else is wrong."""
    known = {finding.pointer for finding in errors}
    return [one for one in likely_secrets(data) if one.pointer not in known]


def _no_document(shown: str, text: str) -> Problem:
    """The warning of a file that says nothing: it may have been emptied by accident."""
    what = "comments, and no document" if text.strip("\ufeff \t\r\n.-") else "no document"
    return ignored.empty(shown, f"this file holds {what}", "restore what it held, or remove the file")
