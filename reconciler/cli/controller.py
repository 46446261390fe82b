"""`reconciler controller`: the commands about Kubernetes, each loaded by name."""

from __future__ import annotations

from typing import Any, Final

import click

from reconciler.cli.lazy_group import LazyGroup
from reconciler.cli.options import GLOBAL_OPTIONS, Given, given_in, version_option

COMMANDS: Final = {
    "health-checks": (
        "reconciler.cli.controller_health_checks:command",
        "Print how Flux or Argo CD tells that our objects are healthy.",
    ),
    "run": ("reconciler.cli.controller_run:command", "Keep registries as the cluster's objects say, until stopped."),
    "manifests": ("reconciler.cli.controller_manifests:command", "Write what installs the controller in a cluster."),
    "policies": ("reconciler.cli.controller_policies:command", "Print the project's policies for the API server."),
}


@click.group(
    cls=LazyGroup,
    name="controller",
    table=COMMANDS,
    params=[option() for option in (*GLOBAL_OPTIONS, version_option)],
)
@click.pass_context
def command(ctx: click.Context, /, **options: Any) -> None:
    """Reconcile models continuously, from objects of a Kubernetes cluster."""
    before = ctx.parent.obj if ctx.parent is not None and isinstance(ctx.parent.obj, Given) else Given()
    ctx.obj = before.then(given_in(ctx))
