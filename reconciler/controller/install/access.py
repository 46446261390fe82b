"""The objects that let the controller speak to the API server: its ServiceAccount, roles and bindings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from reconciler.controller.cluster import ResourceType
from reconciler.controller.install import permissions
from reconciler.controller.install.permissions import Grant
from reconciler.controller.install.terms import Terms
from reconciler.controller.install.workload import Object, metadata

_API: Final = "rbac.authorization.k8s.io"


def service_account(terms: Terms) -> Object:
    """The ServiceAccount. Its token is mounted where a pod asks for it, and nowhere else."""
    made = metadata(terms) | {"name": terms.account, **terms.account_metadata}
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": made, "automountServiceAccountToken": False}


def own_role(terms: Terms) -> list[Object]:
    """The Role for the controller's own namespace, where its leases are, and its binding."""
    return _granted(terms, "Role", f"{terms.name}-leases", permissions.OWN)


def objects_role(terms: Terms, types: Iterable[ResourceType]) -> list[Object]:
    """The Role for the objects of the namespace, or the ClusterRole for those of all, and its binding."""
    kind = "ClusterRole" if terms.everywhere else "Role"
    return _granted(terms, kind, terms.name, permissions.objects(types))


def _granted(terms: Terms, kind: str, name: str, grants: Iterable[Grant]) -> list[Object]:
    made = metadata(terms) | {"name": name}
    if kind == "ClusterRole":
        del made["namespace"]
    subject = {"kind": "ServiceAccount", "name": terms.account, "namespace": terms.namespace}
    return [
        {"apiVersion": f"{_API}/v1", "kind": kind, "metadata": made, "rules": permissions.rules(grants)},
        {
            "apiVersion": f"{_API}/v1",
            "kind": f"{kind}Binding",
            "metadata": made,
            "roleRef": {"apiGroup": _API, "kind": kind, "name": name},
            "subjects": [subject],
        },
    ]
