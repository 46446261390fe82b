"""What policies see of the manifests: one case for each object that may be judged, without any secret. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from reconciler.core import pointer as json_pointer
from reconciler.core.pointer import MISSING
from reconciler.core.resource import Desired
from reconciler.core.spec import hide_secrets
from reconciler.core.unmanaged import combined, revealed
from reconciler.manifest.manifests import Manifest
from reconciler.manifest.policies.policy import Subject
from reconciler.registry.entry import RegistryEntry

SECRET: Final = "(secret)"  # noqa: S105  # what a policy sees of a secret
_NOT_SHOWN: Final = {"$schema", "x-unmanaged", "waivers"}  # for editors; a registry's own; about policies


class Case(NamedTuple):
    """One object as policies see it: the conditions look at `subject`, rules at `seen`."""

    manifest: Manifest
    item: Desired
    subject: Subject
    seen: Mapping[str, Any]

    def place(self, pointer: str) -> str:
        """Where the manifest says what stands at a pointer of the object: the override where that sets it."""
        name, parts = self.item.address.registry, json_pointer.split(pointer)
        overrides = (self.manifest.model.registries or {}) if self.manifest.model is not None else {}
        terms = getattr(overrides.get(name), "model_extra", None) or {}
        if not self.subject.derived and parts and json_pointer.get(terms, json_pointer.join(parts[:1])) is not MISSING:
            return json_pointer.join(("registries", name)) + pointer
        return self.item.in_manifest(pointer)


def cases_of(
    manifests: Iterable[Manifest],
    desired: Iterable[Desired],
    entries: Mapping[str, RegistryEntry],
    environment: str | None,
) -> Iterator[Case]:
    """The cases of some manifests, in the order of the objects. What is to be absent is none."""
    by_source = {manifest.source: manifest for manifest in manifests}
    documents: dict[int, Mapping[str, Any]] = {}
    for item in desired:
        source = item.resource.source
        manifest = by_source.get(source) if source is not None else None
        if manifest is None or item.absent:
            continue
        entry = entries[item.address.registry]
        kind = entry.driver.kinds[item.address.kind]
        if id(manifest) not in documents:
            documents[id(manifest)] = _document(manifest, entry, entries)
        subject = Subject(
            manifest.kind,
            f"{entry.driver.name}/{kind.name}",
            item.resource.parent is not None,
            item.labels,
            entry.name,
            environment or "",
        )
        seen = {
            "object": hide_secrets(_whole(item), kind.root, SECRET, references=False),
            "manifest": documents[id(manifest)],
            "registry": entry.name,
            "environment": environment or "",
        }
        yield Case(manifest, item, subject, seen)


def _whole(item: Desired) -> Any:
    """The object as it is sent: what is declared under `x-unmanaged` is part of it."""
    return combined(item.resource.spec, revealed(item.resource.unmanaged))


def _document(manifest: Manifest, entry: RegistryEntry, entries: Mapping[str, RegistryEntry]) -> Mapping[str, Any]:
    """The manifest as data: defaults written out, references of secrets as they stand, a secret that is none hidden."""
    if manifest.native is not None:
        kind = entry.driver.kinds[manifest.kind.partition("/")[2]]
        own = hide_secrets(manifest.native.spec, kind.root, SECRET)
        common = manifest.native.common.model_dump(by_alias=True, exclude_none=True)
        data = {**common, **own}
    elif manifest.model is not None:
        data = manifest.model.model_dump(by_alias=True, exclude_none=True)
        for name, terms in (data.get("registries") or {}).items():
            if name in entries and terms:
                data["registries"][name] = hide_secrets(terms, entries[name].override, SECRET)
    else:
        data = {}
    return {name: value for name, value in data.items() if name not in _NOT_SHOWN}
