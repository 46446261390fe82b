"""Health checks for GitOps tools: what the conditions of our objects mean, as CEL for Flux and as Lua for Argo CD.

Both are generated from one table. kstatus, which judges where no check is configured, reads the same conditions by its own
convention: `Reconciling` and `Stalled` are there only while they are true.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from reconciler.controller.cluster import ResourceType
from reconciler.core.document.dump import dump_yaml


class Meaning(NamedTuple):
    """What a condition with the status "True" says of its object, in the words of Flux and of Argo CD."""

    condition: str
    flux: str
    argo: str


# In this order: the first that holds decides. Where none does, the object is on its way.
MEANINGS: Final = (
    Meaning("Reconciling", "inProgress", "Progressing"),
    Meaning("Stalled", "failed", "Degraded"),
    Meaning("Synced", "current", "Healthy"),
)
GROUPS: Final = (
    "*models.reconciler.dev/*"  # as Argo CD matches <group>/<kind>: our group, and the groups of the drivers
)

_DELETED: Final = "has(metadata.deletionTimestamp)"


def flux_checks(types: Iterable[ResourceType]) -> list[dict[str, str]]:
    """`spec.healthCheckExprs` of a Flux Kustomization. Each type is named: kustomize-controller 1.7 needs a kind."""
    checks = {meaning.flux: _cel(meaning.condition) for meaning in MEANINGS}
    checks["inProgress"] = f"{_DELETED} || {checks['inProgress']}"
    return [{"apiVersion": one.api_version, "kind": one.kind, **checks} for one in types]


def _cel(condition: str) -> str:
    """True where the condition is there and true: `exists`, since `filter(…).all(…)` also holds where it is not there.

    Flux itself compares `status.observedGeneration` first; the API server's default for it is -1.
    """
    return f"has(status.conditions) && status.conditions.exists(c, c.type == '{condition}' && c.status == 'True')"


def argo_customizations() -> dict[str, Any]:
    """`resource.customizations` of `argocd-cm`: wildcards are no part of a ConfigMap's keys, so all stands below one."""
    return {GROUPS: {"health.lua": _lua()}}


def argo_config_map() -> dict[str, Any]:
    """`argocd-cm` with that; what it holds already stays where the two are merged."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "argocd-cm",
            "namespace": "argocd",
            "labels": {"app.kubernetes.io/name": "argocd-cm", "app.kubernetes.io/part-of": "argocd"},
        },
        "data": {"resource.customizations": dump_yaml(argo_customizations())},
    }


def _lua() -> str:
    """The script that judges one object, `obj`. Argo CD gives it no libraries but `table` and a part of `os`."""
    table = ",\n".join(f'  {{"{meaning.condition}", "{meaning.argo}"}}' for meaning in MEANINGS)
    return _LUA.replace("TABLE", table)


_LUA: Final = """\
if obj.metadata.deletionTimestamp ~= nil then
  return {status = "Progressing", message = "being deleted"}
end
if obj.spec ~= nil and obj.spec.suspend == true then
  return {status = "Suspended", message = "spec.suspend is true"}
end
local status = obj.status or {}
if status.observedGeneration ~= obj.metadata.generation then
  return {status = "Progressing", message = "generation " .. obj.metadata.generation .. " is not applied yet"}
end
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
local meanings = {
TABLE
}
for _, meaning in ipairs(meanings) do
  local condition = conditions[meaning[1]]
  if condition ~= nil and condition.status == "True" then
    return {status = meaning[2], message = condition.message}
  end
end
return {status = "Progressing", message = "not synced yet"}
"""
