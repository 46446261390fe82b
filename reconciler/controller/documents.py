"""Turn the objects of a cluster into manifests of one registry: the loop's input, in the engine's terms.

`${secret:NAME/KEY}` becomes `${cmd:secret/NAME/KEY}`, a secret that a command named `secret` gives: here the API server,
on a laptop whatever reconciler.yaml names. `${configMap:NAME/KEY}` becomes a variable. What would read the controller's
own environment, files or commands is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.controller.cluster import Data, ObjectKey, ResourceType, key_of
from reconciler.manifest.kubernetes_references import SECRET, Named, References, Refusal, in_a_cluster


@dataclass(frozen=True, slots=True)
class ClusterDocument:
    """One object as a manifest: its data, the values that it names, and what is wrong with its references."""

    key: ObjectKey
    uid: str
    resource: ResourceType
    generation: int
    data: Mapping[str, Any]
    named: frozenset[Named]
    refusals: tuple[Refusal, ...]

    @property
    def file(self) -> str:
        """The name under which the engine knows the document."""
        return f"{self.resource.name}/{self.key}.json"


def model_document(item: Mapping[str, Any], resource: ResourceType, registry: str) -> ClusterDocument:
    """A Model object as the manifest of one registry: what it says of others is left out."""
    spec = dict(item.get("spec") or {})
    registries = spec.pop("registries", None)
    override = (registries or {}).get(registry)
    data = {"kind": "Model", "key": spec.pop("key", None) or key_of(item).name, **spec}
    data["registries"] = {registry: override}
    return _document(item, resource, data)


def native_document(item: Mapping[str, Any], resource: ResourceType, kind: str, registry: str) -> ClusterDocument:
    """A native object as a manifest."""
    spec = dict(item.get("spec") or {})
    data = {"kind": kind, "key": spec.pop("key", None) or key_of(item).name, **spec, "registry": registry}
    return _document(item, resource, data)


def _document(item: Mapping[str, Any], resource: ResourceType, data: Data) -> ClusterDocument:
    references = References(in_a_cluster)
    translated = references.translate(data)
    return ClusterDocument(
        key_of(item),
        str(item["metadata"].get("uid", "")),
        resource,
        int(item["metadata"].get("generation", 0)),
        translated,
        frozenset(references.named),
        tuple(references.refusals),
    )


def names_in(spec: Mapping[str, Any]) -> frozenset[Named]:
    """All values of Secrets and ConfigMaps that a spec names, by reference or by `secretKeyRef`."""
    references = References(in_a_cluster)
    plain, named = settings_of(spec, frozenset())
    references.translate(plain)
    return named | references.named


def secret_reference(name: str, key: str) -> str:
    """The engine's reference to one value of a Secret."""
    return in_a_cluster(Named(SECRET, name, key))


def settings_of(spec: Mapping[str, Any], own: Iterator[str] | frozenset[str]) -> tuple[Data, frozenset[Named]]:
    """A Registry's spec as an entry of `registries`: each `secretKeyRef` as a reference. `own` are the fields that are not the driver's."""
    named: set[Named] = set()
    left_out = frozenset(own)

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            reference = value.get("secretKeyRef")
            if isinstance(reference, Mapping) and set(value) == {"secretKeyRef"}:
                name, key = str(reference.get("name", "")), str(reference.get("key", ""))
                named.add(Named(SECRET, name, key))
                return secret_reference(name, key)
            return {member: plain(item) for member, item in value.items()}
        return value

    return {name: plain(value) for name, value in spec.items() if name not in left_out}, frozenset(named)
