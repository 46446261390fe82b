"""Every object of an installation, in the order in which a cluster can take them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from reconciler.controller.crds import definitions, native_types
from reconciler.controller.install.access import objects_role, own_role, service_account
from reconciler.controller.install.terms import Terms
from reconciler.controller.install.workload import Object, deployment, disruption_budget, network_policy, service
from reconciler.controller.settings import NAME
from reconciler.core.document.dump import dump_object
from reconciler.registry.protocol import Driver

FAMILY: Final = {"app.kubernetes.io/name": NAME}
RESTRICTED: Final = {"pod-security.kubernetes.io/enforce": "restricted"}


def crds(drivers: Iterable[Driver]) -> list[Object]:
    """The CustomResourceDefinitions of all kinds, with a label by which they are found together."""
    made = (definition.manifest for definition in definitions(drivers))
    return [{**one, "metadata": {**one["metadata"], "labels": dict(FAMILY)}} for one in made]


def namespace(terms: Terms) -> Object:
    """The namespace that the controller is in. Pods that want more than the controller's are refused in it."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": terms.namespace, "labels": dict(RESTRICTED)}}


def controller(terms: Terms, drivers: Iterable[Driver], *, with_policy: bool = False) -> list[Object]:
    """The controller: what it may do, and what runs it."""
    return [
        service_account(terms),
        *own_role(terms),
        *objects_role(terms, native_types(drivers).values()),
        deployment(terms),
        service(terms),
        disruption_budget(terms),
        *([network_policy(terms)] if with_policy else []),
    ]


def stream(objects: Iterable[Object]) -> str:
    """Objects as one text of YAML documents."""
    return "---\n".join(dump_object(one) for one in objects)
