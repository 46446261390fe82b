"""Templates: fields that several Models share. Find those that a Model extends, merge them, and tell who wrote what.

A Model that says `extends` is merged from parts: the templates in the order named, then the document itself (JSON Merge
Patch). Each part has resolved its own references before, so that `${file:path}` is relative to where it is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from reconciler.core import merge_patch as patch
from reconciler.core import pointer as json_pointer
from reconciler.core.resource import Source
from reconciler.core.schema.findings import Finding, nearest

UNUSED: Final = "unused-template"
_OWN: Final = ("kind", "key", "extends", "$schema", "format_version")  # of a document: nothing that a template hands on
# what the parts say together: the field that a finding is at, and the one that contradicts it
_WHOLE: Final = ("missing-field", "endpoint-and-provider", "absent-protected")
_CONTRARY: Final = {"/endpoint": "/provider", "/provider": "/endpoint", "/protected": "/state"}


class DocumentPlace(NamedTuple):
    """A document's place: its file as shown, and its number among the documents there."""

    file: str
    number: int


@dataclass(frozen=True, slots=True)
class Part:
    """A document that a Model is merged from: a template, or the Model's own.

    `index` counts documents in the file; `data` has its references resolved. One with mistakes is not `right`, and
    nothing is made of it.
    """

    source: Source
    index: int
    data: Mapping[str, Any] = field(repr=False)
    right: bool = True

    @property
    def place(self) -> DocumentPlace:
        return DocumentPlace(self.source.file, self.index)

    @property
    def key(self) -> str:
        return str(self.data.get("key"))

    @property
    def extends(self) -> tuple[str, ...]:
        """The templates that it names, as far as those are names."""
        named = self.data.get("extends")
        return tuple(name for name in (named if isinstance(named, list) else [named]) if isinstance(name, str))


class Library:
    """The templates of some manifests by name."""

    def __init__(self, templates: Iterable[Part]) -> None:
        self._found: dict[str, list[Part]] = {}
        for part in templates:
            if isinstance(part.data.get("key"), str):
                self._found.setdefault(part.key, []).append(part)

    def named(self, names: Iterable[str]) -> list[Part]:
        """Every template of these names, those that have one name in common among them."""
        return [part for name in names for part in self._found.get(name, ())]

    def duplicates(self) -> Iterator[tuple[DocumentPlace, Finding]]:
        """The clashes of templates of one name: each is told at every one of them, with the place of another."""
        for name, parts in self._found.items():
            for part in parts if len(parts) > 1 else ():
                other = next(one for one in parts if one is not part)
                message = f"the template {name!r} is declared twice: also in {other.source.file}:{other.source.line}"
                yield part.place, Finding("duplicate-template", message, "/key")

    def unknown(self, part: Part) -> dict[str, Finding]:
        """The names under a Model's `extends` that no template has, each with what is to be said of it."""
        several = isinstance(part.data.get("extends"), list)
        unknown: dict[str, Finding] = {}
        for number, name in enumerate(part.extends):
            if name not in self._found:
                pointer = f"/extends/{number}" if several else "/extends"
                message = f"there is no template {name!r}" + ("" if self._found else ", nor any other")
                unknown[name] = Finding("unknown-template", message, pointer, suggestion=nearest(name, self._found))
        return unknown


def unused(part: Part) -> Finding:
    """The warning of a template that nothing extends."""
    message = f"no Model extends the template {part.key!r}: it does nothing"
    return Finding(
        UNUSED, message, "/key", suggestion="name it in the `extends` of a Model, or remove it", severity="warning"
    )


def merged(parts: Sequence[Part]) -> dict[str, Any]:
    """The one document that templates, and the Model at the end, make together."""
    whole: dict[str, Any] = {}
    for part in parts[:-1]:
        whole = _over(whole, {name: value for name, value in part.data.items() if name not in _OWN})
    own = {name: value for name, value in parts[-1].data.items() if name != "extends"}
    identity: dict[str, Any] = {name: own[name] for name in _OWN if name in own}
    return {**identity, **_over(whole, {name: value for name, value in own.items() if name not in _OWN})}


def _over(inherited: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """One part over those before it."""
    rest = {name: value for name, value in own.items() if name != "registries"}
    whole: dict[str, Any] = patch.merge(inherited, rest)
    if "registries" in own:
        registries = _registries_over(inherited.get("registries"), own["registries"])
        whole = {name: value for name, value in whole.items() if name != "registries"}
        whole |= {"registries": registries} if registries is not None else {}
    return whole


def _registries_over(inherited: Any, own: Any) -> Any:
    """Merge what is below `registries`: there null means something, so one that has nothing to remove stays.

    `aigo: null` is a registry without overrides, and a null in an override removes a field of the native object.
    """
    if not isinstance(inherited, Mapping) or not isinstance(own, Mapping):
        return own
    whole = dict(inherited)
    for name, value in own.items():
        if value is None and whole.get(name) is not None:
            del whole[name]
        else:
            whole[name] = _registries_over(whole.get(name), value)
    return whole


def origin(parts: Sequence[Part], finding: Finding) -> tuple[DocumentPlace, Finding]:
    """The document that a finding in the merged one is to be told in, and the finding as it is told there.

    That is the part that wrote the value. What is missing, or what only two parts together make wrong, is told in the
    Model: each template may be right.
    """
    own = parts[-1]
    if finding.rule in _WHOLE:
        return own.place, _in_model(parts, finding)
    names = json_pointer.split(finding.pointer)
    for end in range(len(names), 0, -1):
        where = json_pointer.join(names[:end])
        writer = next((part for part in reversed(parts) if _holds(part, where)), None)
        if writer is not None:
            return writer.place, finding
    return own.place, finding


def _in_model(parts: Sequence[Part], finding: Finding) -> Finding:
    """A finding about the whole as it is told in the Model: where that has a hand in it, else at its `extends`."""
    own, templates = parts[-1], parts[:-1]
    member = json_pointer.join(json_pointer.split(finding.pointer)[:1])
    sides = [member] if finding.rule == "missing-field" else [member, _CONTRARY[member]]
    setting = next(((part, side) for part in reversed(templates) for side in sides if _sets(part, side)), None)
    if setting is None or not member:  # the Model alone is at fault
        return finding
    template, side = setting
    where = f"the template {template.key!r} ({template.source.file}:{template.source.line})"
    if finding.rule == "missing-field":
        told = finding._replace(message=f"{finding.message}, also in {where}")
    else:
        way_out = (
            f"`{side[1:]}: null` does without what is inherited" if finding.rule == "endpoint-and-provider" else None
        )
        told = finding._replace(message=f"{finding.message}; {where} sets {side[1:]!r}", suggestion=way_out)
    at = next((place for place in (finding.pointer, *sides) if _holds(own, place)), "/extends")
    return told._replace(pointer=at)


def _holds(part: Part, pointer: str) -> bool:
    return json_pointer.get(part.data, pointer) is not json_pointer.MISSING


def _sets(part: Part, pointer: str) -> bool:
    return bool(pointer) and json_pointer.get(part.data, pointer) not in (json_pointer.MISSING, None)
