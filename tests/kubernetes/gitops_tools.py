"""What GitOps tools make of an object: our health checks, evaluated by the libraries of the languages that they are written in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import yaml
from cel_expr_python import cel
from lupa.lua51 import LuaRuntime

_OBJECT: Final = ("apiVersion", "kind", "metadata", "spec", "status")
_OPEN: Final = (
    "assert",
    "error",
    "ipairs",
    "next",
    "pairs",
    "pcall",
    "select",
    "table",
    "tonumber",
    "tostring",
    "type",
)


def flux_health(checks: Mapping[str, str], item: Mapping[str, Any]) -> str:
    """inProgress, failed or current: as Flux's StatusEvaluator goes about it (fluxcd/pkg, runtime/cel).

    The generation is compared before any expression; the first expression that is true decides. An expression that fails is an
    error there, too.
    """
    observed, generation = item.get("status", {}).get("observedGeneration"), item["metadata"].get("generation")
    if observed is not None and generation is not None and observed != generation:
        return "inProgress"
    environment = cel.NewEnv(variables={name: cel.Type.DYN for name in _OBJECT if name in item})
    for word in ("inProgress", "failed", "current"):
        if environment.compile(checks[word]).eval(data=dict(item)).plain_value():
            return word
    return "inProgress"


def argo_health(script: str, item: Mapping[str, Any]) -> tuple[str, str]:
    """The status and the message that the script gives, in a Lua 5.1 without the libraries that Argo CD does not open."""
    lua = LuaRuntime(register_eval=False, register_builtins=False)
    names = lua.globals()
    for name in list(names):
        if name not in _OPEN:
            names[name] = None
    names["obj"] = lua.table_from(item, recursive=True)
    health = lua.execute(script)
    return health["status"], health["message"]


def argo_script(config_map: Mapping[str, Any]) -> str:
    """The script that an `argocd-cm` holds for our kinds."""
    customizations = yaml.safe_load(config_map["data"]["resource.customizations"])
    (customization,) = customizations.values()
    return str(customization["health.lua"])
