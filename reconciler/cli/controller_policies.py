"""`reconciler controller policies`."""

from __future__ import annotations

import click

from reconciler.cli.namespace import checked_namespace
from reconciler.cli.options import Command, GlobalOptions
from reconciler.cli.session import find_workspace
from reconciler.cli.streams import echo_data, say
from reconciler.controller.admission import admission_policies
from reconciler.core.document.dump import dump_object
from reconciler.core.errors import InputError, UsageError
from reconciler.project.usable_policies import usable_policies
from reconciler.registry import catalog


@click.command(
    cls=Command,
    name="policies",
    examples={
        "reconciler controller policies --namespace team-cx > policies.yaml": "for `kubectl apply -f`, about one namespace",
        "reconciler controller policies --all-namespaces": "about our objects wherever they are",
    },
)
@click.option("--namespace", metavar="NS", help="Judge the objects of this namespace.")
@click.option("--all-namespaces", "everywhere", is_flag=True, help="Judge the objects of all namespaces.")
@click.pass_obj
def command(options: GlobalOptions, namespace: str | None, everywhere: bool) -> int:
    """Print the project's policies for the API server: a ValidatingAdmissionPolicy and its binding for each.

    An error is refused, a warning is shown and audited. A policy that the API server cannot judge alone is named on
    stderr with the reason, and stays with `validate`. No cluster is asked.
    """
    if (namespace is None) is not everywhere:
        raise UsageError("say whose objects are judged", hint="either --namespace NS or --all-namespaces")
    judged = None if namespace is None else checked_namespace(namespace)
    policies = usable_policies(find_workspace(options))
    if not policies:
        raise InputError("this project has no policies", hint="write one in policies/: see the documentation, Policies")
    made = admission_policies(policies, [*catalog.built_in().values()], judged)
    if made.manifests:
        echo_data("---\n".join(map(dump_object, made.manifests)), exact=True, end="")
    for name, why in made.left.items():
        say(f"not in the manifests: the policy {name}: {why}")
    return 0
