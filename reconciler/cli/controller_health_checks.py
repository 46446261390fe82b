"""`reconciler controller health-checks`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import click

from reconciler.cli.options import Command, GlobalOptions
from reconciler.cli.streams import echo_data
from reconciler.controller.crds import MODEL, REGISTRY, native_types
from reconciler.controller.health_checks import argo_config_map, flux_checks
from reconciler.core.document.dump import dump_yaml
from reconciler.registry import catalog


def _flux() -> dict[str, Any]:
    drivers = catalog.built_in().values()
    return {"healthCheckExprs": flux_checks([REGISTRY, MODEL, *native_types(drivers).values()])}


_TOOLS: Final[dict[str, Callable[[], dict[str, Any]]]] = {"argocd": argo_config_map, "flux": _flux}


@click.command(
    cls=Command,
    name="health-checks",
    examples={
        "reconciler controller health-checks flux": "for spec.healthCheckExprs of Flux's Kustomizations",
        "reconciler controller health-checks argocd": "to merge into Argo CD's argocd-cm",
    },
)
@click.argument("tool", type=click.Choice(sorted(_TOOLS)), metavar="|".join(sorted(_TOOLS)))
@click.pass_obj
def command(options: GlobalOptions, tool: str) -> int:
    """Print how a GitOps tool tells that our objects are healthy: synced, in their present generation, and here to stay.

    No cluster is asked. The kinds are those of the built-in drivers.
    """
    echo_data(dump_yaml(_TOOLS[tool]()), exact=True, end="")
    return 0
