"""Manifests as values: each document that is valid in itself, and all of them with their problems."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass, field, replace

from reconciler.core import document
from reconciler.core.document import Places
from reconciler.core.errors import Problem
from reconciler.core.model import Common, Model, Waiver
from reconciler.core.resource import Source
from reconciler.core.schema.findings import Finding, place
from reconciler.manifest.kubernetes_objects import KubernetesObject
from reconciler.manifest.native import NativeDocument
from reconciler.manifest.templates import DocumentPlace, Part, origin


@dataclass(frozen=True, slots=True)
class Manifest:
    """One document that is valid in itself.

    Exactly one of `model` and `native` is set. `index` counts documents in the file. `parts` are the templates that a
    Model is merged from, and its own document at the end; none where it extends nothing.
    """

    source: Source
    index: int
    kind: str
    key: str
    model: Model | None = None
    native: NativeDocument | None = None
    parts: tuple[Part, ...] = ()

    @property
    def place(self) -> DocumentPlace:
        return DocumentPlace(self.source.file, self.index)

    @property
    def waivers(self) -> tuple[Waiver, ...]:
        """Its exceptions from policies, in their order."""
        common: Common | None = self.model if self.native is None else self.native.common
        return tuple((common.waivers if common is not None else None) or ())

    def is_in(self, files: Container[str]) -> bool:
        """True where one of these files has a hand in it: its own, or that of a template."""
        return self.source.file in files or any(part.source.file in files for part in self.parts)


@dataclass(frozen=True, slots=True)
class Texts:
    """The texts of files, and the places of what was found in them: a file is read once more for the first of these.

    `objects` are the documents that are objects of Kubernetes: what is found in the manifest of one is placed in the object.
    """

    texts: Mapping[str, str] = field(repr=False)
    objects: Mapping[DocumentPlace, KubernetesObject] = field(default_factory=dict, repr=False)
    _places: dict[str, Places] = field(default_factory=dict, init=False, repr=False, compare=False)

    def problem(self, where: DocumentPlace, finding: Finding) -> Problem:
        """A finding in a document, with its line and column."""
        if where.file not in self._places:
            self._places[where.file] = document.places(self.texts[where.file], where.file)
        item = self.objects.get(where)
        told = finding if item is None else item.located(finding)
        return place(told, self._places[where.file], where.number, where.file)


@dataclass(frozen=True, slots=True)
class Manifests:
    """The manifests of some files, and their problems.

    `counts` has each file's number of documents. `unused` are the warnings of templates that nothing extends, `used`
    the places of the others. They are no problems yet: another environment may have other manifests.
    """

    manifests: tuple[Manifest, ...]
    problems: tuple[Problem, ...]
    files: int
    counts: Mapping[str, int]
    read: Texts
    unused: Mapping[DocumentPlace, Problem] = field(default_factory=dict)
    used: frozenset[DocumentPlace] = frozenset()

    @property
    def texts(self) -> Mapping[str, str]:
        """The text of each file."""
        return self.read.texts

    def with_texts(self, more: Mapping[str, str]) -> Manifests:
        """The same with the texts of further files, which problems may be in."""
        return replace(self, read=Texts({**self.texts, **more}, self.read.objects))

    def problem(self, manifest: Manifest, finding: Finding) -> Problem:
        """A finding in a manifest, with its place: in the template that wrote it, where one did."""
        found = origin(manifest.parts, finding) if manifest.parts else None
        return self.read.problem(*found) if found is not None else self.read.problem(manifest.place, finding)
