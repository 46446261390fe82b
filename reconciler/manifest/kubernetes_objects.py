"""Objects of Kubernetes that declare models: recognise them among manifests, and read each as the manifest it stands for.

`models.reconciler.dev` has the Model and the Registry, `<driver>.models.reconciler.dev` a driver's native kinds. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from reconciler.core.schema.findings import Finding
from reconciler.manifest.kubernetes_references import Named, References

GROUP: Final = "models.reconciler.dev"
VERSION: Final = "v1alpha1"
MODEL: Final = "Model"
REGISTRY: Final = "Registry"
# what a manifest says and an object says otherwise, each with what is done there
ELSEWHERE: Final[Mapping[str, str]] = {
    "state": "delete the object instead: what it declared goes where its Registry has `prune: true`",
    "extends": "there are no templates in a cluster: write the fields out, or use Kustomize or Helm",
    "kind": "the object has its own `kind` and `apiVersion`",
    "$schema": "the cluster has the schema",
    "format_version": "the object has its own `apiVersion`",
}


@dataclass(frozen=True, slots=True)
class KubernetesObject:
    """An object as the manifest that it stands for, with what is wrong with it. `names_key` where its spec has `key`."""

    kind: str
    data: dict[str, Any]
    names_key: bool
    findings: tuple[Finding, ...]

    def located(self, finding: Finding) -> Finding:
        """A finding in the manifest as one in the object."""
        return finding._replace(pointer=self.pointer(finding.pointer))

    def pointer(self, pointer: str) -> str:
        """The place in the object of a place in the manifest."""
        if pointer in ("", "/kind"):
            return pointer
        if pointer == "/key" and not self.names_key:
            return "/metadata/name"
        return f"/spec{pointer}"


def kind_in(data: Any) -> str | None:
    """The kind that an object of ours declares, as manifests call it, `Registry`; None where it is none of ours."""
    if not isinstance(data, Mapping):
        return None
    api, kind = data.get("apiVersion"), data.get("kind")
    if not isinstance(api, str) or not isinstance(kind, str):
        return None
    group, _, version = api.partition("/")
    if version != VERSION:
        return None
    if group == GROUP:
        return kind if kind in (MODEL, REGISTRY) else None
    driver = group.removesuffix(f".{GROUP}")
    return f"{driver}/{kind}" if driver != group and driver else None


def read_object(data: Mapping[str, Any], kind: str, spell: Callable[[Named], str]) -> KubernetesObject:
    """An object of that kind as a manifest. `spell` says how the engine writes what it names."""
    metadata, spec = data.get("metadata"), data.get("spec")
    found: list[Finding] = []
    if not isinstance(metadata, Mapping):
        found.append(Finding("missing-field", "'metadata' is missing", suggestion="metadata: {name: ...}"))
    if not isinstance(spec, Mapping):
        found.append(Finding("missing-field", "'spec' is missing", suggestion="spec: {...}"))
    declared = spec if isinstance(spec, Mapping) else {}
    named = declared.get("key")
    if named is None and isinstance(metadata, Mapping):
        named = metadata.get("name")
    found += [_elsewhere(name) for name in sorted(ELSEWHERE.keys() & declared.keys())]
    references = References(spell)
    own = {name: value for name, value in declared.items() if name != "key" and name not in ELSEWHERE}
    translated = references.translate(own)
    found += [Finding("bad-reference", refusal.message, refusal.pointer) for refusal in references.refusals]
    identity = {"kind": kind} | ({} if named is None else {"key": named})
    return KubernetesObject(kind, {**identity, **translated}, declared.get("key") is not None, tuple(found))


def _elsewhere(name: str) -> Finding:
    message = f"{name!r} is no field of an object"
    return Finding("unknown-field", message, f"/{name}", at_key=True, suggestion=ELSEWHERE[name])


def other_object(data: Mapping[str, Any]) -> Finding:
    """The word for another object of Kubernetes beside ours: it declares no model, and is left alone."""
    what = f"{data.get('kind')} ({data.get('apiVersion')})" if "apiVersion" in data else "Kustomize's own file"
    return Finding(
        "kubernetes-object", f"this is {what}: it declares no model and is left alone", "", severity="warning"
    )
