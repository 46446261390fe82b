"""`reconciler controller manifests`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from reconciler.cli.generated import check_generated, write_generated
from reconciler.cli.namespace import checked_namespace
from reconciler.cli.options import Command, GlobalOptions, format_option
from reconciler.cli.streams import echo_data
from reconciler.controller.install import chart, kustomize, manifests
from reconciler.controller.install.terms import IMAGE, REPLICAS, Image, Terms
from reconciler.controller.install.workload import Object
from reconciler.controller.settings import NAME
from reconciler.core.errors import UsageError
from reconciler.registry import catalog
from reconciler.registry.protocol import Driver

PARTS: Final = ("crds", "controller")


# The options that are about one stream of objects: elsewhere they are refused, not ignored.
_OF_A_STREAM: Final = ("network_policy", "create_namespace", "part")
_OPTIONS: Final = {
    "namespace": "--namespace",
    "everywhere": "--all-namespaces",
    "network_policy": "--network-policy",
    "create_namespace": "--create-namespace",
    "part": "--only",
}


@dataclass(frozen=True, slots=True)
class _Request:
    """The options as given."""

    output_format: str
    namespace: str | None
    everywhere: bool
    replicas: int
    image: str | None
    network_policy: bool
    create_namespace: bool
    part: str | None
    output_dir: Path | None
    check: bool

    def terms(self) -> Terms:
        """Raises UsageError where they say what no cluster takes."""
        namespace = checked_namespace(NAME if self.namespace is None else self.namespace)
        image = str(self.parsed_image())
        return Terms(namespace, everywhere=self.everywhere, replicas=self.replicas, image=image)

    def parsed_image(self) -> Image:
        """Raises UsageError."""
        if self.image is None:
            return IMAGE
        try:
            return Image.parse(self.image)
        except ValueError as error:
            raise UsageError(f"--image {error}", hint=f"for example registry.example.com/{NAME}:1.2.3") from error

    def refuse(self, *names: str, where: str) -> None:
        """Raises UsageError where one of these options is given."""
        given = next((name for name in names if getattr(self, name)), None)
        if given is not None:
            raise UsageError(f"{_OPTIONS[given]} says nothing about {where}", hint="leave it out")


@click.command(
    cls=Command,
    name="manifests",
    examples={
        "reconciler controller manifests --namespace team-cx > controller.yaml": "for one namespace, for `kubectl apply -f`",
        "reconciler controller manifests --all-namespaces": "for all of them, with a ClusterRole",
        "reconciler controller manifests --only crds": "the definitions alone, such as before an upgrade",
        "reconciler controller manifests --output-dir deploy": "a kustomize base and what goes on top of it",
        "reconciler controller manifests --format helm": "a Helm chart, in model-reconciler/",
    },
)
@format_option("yaml", "helm", default="yaml")
@click.option("--namespace", metavar="NS", help=f"The namespace that the controller is in ({NAME} if not given).")
@click.option(
    "--all-namespaces",
    "everywhere",
    is_flag=True,
    help="Let it look at all namespaces, which takes a ClusterRole; without, at its own alone.",
)
@click.option(
    "--replicas",
    type=click.IntRange(0, 100),
    default=REPLICAS,
    metavar="N",
    help=f"Replicas, which share the registries ({REPLICAS} if not given).",
)
@click.option(
    "--image",
    metavar="IMAGE",
    help=f"The image that `docker build` made of the Dockerfile ({IMAGE} if not given).",
)
@click.option("--network-policy", is_flag=True, help="With a NetworkPolicy.")
@click.option("--create-namespace", is_flag=True, help="With the namespace, in which pods are restricted.")
@click.option("--only", "part", type=click.Choice(PARTS), metavar="|".join(PARTS), help="One part alone.")
@click.option(
    "--output-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help=f"Write files into this folder: folders of kustomize, or the chart ({NAME} if not given).",
)
@click.option("--check", is_flag=True, help="Write nothing; fail if the files in the folder are stale.")
@click.pass_obj
def command(options: GlobalOptions, /, **given: Any) -> int:
    """Write what installs the controller in a cluster: definitions, rights, and the Deployment.

    No cluster is asked. A role has the verbs that the controller needs and no other. The definitions are those of the
    built-in drivers.
    """
    request = _Request(**given)
    drivers = [*catalog.built_in().values()]
    if request.output_format == "helm":
        request.refuse("namespace", *_OF_A_STREAM, where="a chart: `helm install` and its values say it")
        files = chart.files(request.terms(), request.parsed_image(), drivers)
        folder = request.output_dir or Path(NAME)
    elif request.output_dir is not None:
        request.refuse("everywhere", *_OF_A_STREAM, where="the folders of kustomize, which have all of it")
        files = kustomize.files(request.terms(), drivers)
        folder = request.output_dir
    else:
        if request.check:
            raise UsageError("--check compares files, and none are named", hint="name their folder: --output-dir DIR")
        echo_data(manifests.stream(_objects(request, drivers)), exact=True, end="")
        return 0
    if request.check:
        return check_generated(folder, files, "the same command without --check writes them again")
    write_generated(folder, files)
    return 0


def _objects(request: _Request, drivers: list[Driver]) -> list[Object]:
    """The objects that were asked for, in the order in which a cluster takes them."""
    terms, part = request.terms(), request.part
    return [
        *(manifests.crds(drivers) if part != "controller" else ()),
        *([manifests.namespace(terms)] if request.create_namespace and part != "crds" else ()),
        *(manifests.controller(terms, drivers, with_policy=request.network_policy) if part != "crds" else ()),
    ]
