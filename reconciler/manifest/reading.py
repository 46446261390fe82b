"""One read of manifests while it goes on: documents and what is wrong with them, then the Models merged from parts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.core.errors import Problem
from reconciler.core.schema.findings import Finding
from reconciler.manifest.kubernetes_objects import KubernetesObject
from reconciler.manifest.manifests import Manifest, Manifests, Texts
from reconciler.manifest.model_check import MODEL, TEMPLATE, check_model
from reconciler.manifest.templates import DocumentPlace, Library, Part, merged, origin, unused


@dataclass
class Reading:
    """The documents read so far.

    The problems of `unasked` files are not told, but where they spoil what was asked for: see `Reader.read`. `broken`
    are the files that may hold more documents than could be read.
    """

    unasked: set[str] = field(default_factory=set)
    told: list[Problem] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    problems: dict[str, list[Problem]] = field(default_factory=dict)  # of whole files
    broken: set[str] = field(default_factory=set)
    findings: dict[DocumentPlace, list[Finding]] = field(default_factory=dict)
    manifests: list[Manifest] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    files: dict[Path, str | Problem] = field(default_factory=dict)  # texts that references led to
    objects: dict[DocumentPlace, KubernetesObject] = field(default_factory=dict)
    strangers: dict[DocumentPlace, Finding] = field(default_factory=dict)  # what to say of Kubernetes' other objects

    def is_plain(self, file: str) -> bool:
        """True for a file, just read, that holds manifests of ours alone, each whole in itself, and nothing to tell of."""
        count = self.counts[file]
        own = self.manifests[-count:] if count else []
        return (
            len(own) == count > 0
            and file not in self.problems
            and all(
                one.source.file == file and one.place not in self.findings and one.place not in self.objects
                for one in own
            )
        )

    def templates(self) -> Iterator[Part]:
        return (part for part in self.parts if part.data.get("kind") == TEMPLATE)

    def models(self) -> Iterator[Part]:
        """The documents of Models that extend templates."""
        return (part for part in self.parts if part.data.get("kind") == MODEL)

    def lacks_templates(self) -> bool:
        """True where a Model names a template that was not read."""
        known = {part.key for part in self.templates()}
        return any(name not in known for part in self.models() for name in part.extends)

    def add_templates(self, other: Reading) -> None:
        """Take over the templates of files that nobody asked for; those of the same name that are here already stand."""
        known = {part.key for part in self.templates()}
        for part in other.templates():
            if part.key not in known:
                self.parts.append(part)
                self.findings[part.place] = other.findings.get(part.place, [])
        self.unasked |= other.texts.keys() | other.broken
        self.texts |= other.texts
        self.objects |= other.objects
        self.broken |= other.broken
        self.problems |= {file: other.problems[file] for file in other.broken}

    def finish(self, files: int, *, is_whole: bool) -> Manifests:
        """All manifests, and what is told of them. Only where they are the whole, a template is called unused."""
        self._leave_other_objects_alone()
        library = Library(self.templates())
        twice = dict(library.duplicates())
        for where, finding in twice.items():
            self._add(where, finding)
        families = [_Family(part, library) for part in self.models()]
        for family in families:
            self._merge(family)
        if families:  # in the order of the text, as if they were not made of parts
            order = {file: number for number, file in enumerate(self.texts)}
            self.manifests.sort(key=lambda one: (order[one.source.file], one.index))
        texts = Texts(self.texts, self.objects)
        problems = {*self.told, *self._problems(families, texts)}
        used = frozenset(part.place for family in families for part in family.templates)
        judged = self.templates() if is_whole and not self.broken else ()
        left = [part for part in judged if part.place not in used and part.place not in twice]
        warnings = {part.place: texts.problem(part.place, unused(part)) for part in left}
        return Manifests(tuple(self.manifests), tuple(sorted(problems)), files, self.counts, texts, warnings, used)

    def _leave_other_objects_alone(self) -> None:
        """Beside objects of ours, those of other kinds belong there: they are a word instead of an error."""
        for where, finding in self.strangers.items() if self.objects else ():
            self.findings[where] = [finding]

    def _merge(self, family: _Family) -> None:
        """Make the Model of a family, where every part of it is right."""
        for name, finding in family.unknown.items():
            if not any(name in self.texts.get(file, name) for file in self.broken):  # it may be what cannot be read
                self._add(family.model.place, finding)
        if not family.is_right:
            return
        parts = (*family.templates, family.model)
        model, found = check_model(merged(parts))
        for finding in found:
            self._add(*origin(parts, finding))
        if model is not None:
            own = family.model
            self.manifests.append(Manifest(own.source, own.index, MODEL, model.key, model=model, parts=parts))

    def _add(self, where: DocumentPlace, finding: Finding) -> None:
        known = self.findings.setdefault(where, [])
        if finding not in known:  # what is wrong with a template is told once, and not once for each of its Models
            known.append(finding)

    def _problems(self, families: Iterable[_Family], texts: Texts) -> Iterator[Problem]:
        """The problems of what was asked for, and of what belongs to that: a Model's templates, a template's Models."""
        concerned: set[DocumentPlace] = set()
        files: set[str] = set()
        for family in families:
            if any(place.file not in self.unasked for place in family.places):
                concerned.update(family.places)
                files |= self.broken if family.unknown else set()
        for file, problems in self.problems.items():
            if file not in self.unasked or file in files:
                yield from problems
        for place, findings in self.findings.items():
            if place.file not in self.unasked or place in concerned:
                yield from (texts.problem(place, finding) for finding in findings)


class _Family:
    """A Model and the templates that it extends."""

    def __init__(self, model: Part, library: Library) -> None:
        self.model = model
        self.templates = library.named(model.extends)
        self.unknown = library.unknown(model)

    @property
    def places(self) -> Iterator[DocumentPlace]:
        return (part.place for part in (*self.templates, self.model))

    @property
    def is_right(self) -> bool:
        """True where all parts are there, each once, and right by themselves."""
        each_once = len(self.templates) == len(self.model.extends)
        return each_once and not self.unknown and all(part.right for part in (*self.templates, self.model))
