"""The objects that run the controller: Deployment, Service, PodDisruptionBudget, NetworkPolicy."""

from __future__ import annotations

from typing import Any, Final

from reconciler.controller.install.terms import Terms
from reconciler.controller.settings import LEASE_DURATION, PORT

Object = dict[str, Any]

ARGUMENTS: Final = ("controller", "run", "--shards", "--log-format=json")
EVERYWHERE: Final = "--all-namespaces"
HOME: Final = "/var/lib/model-reconciler"  # the working folder of the image
WRITABLE: Final = {"home": HOME, "tmp": "/tmp"}  # noqa: S108 - a volume of the pod's own
_SIZE: Final = "64Mi"  # of each folder that can be written to
# A write that is under way ends within the lease; then the lease is released.
GRACE: Final = int(LEASE_DURATION) * 2
_METRICS: Final = "metrics"
_HOST: Final = "kubernetes.io/hostname"


def metadata(terms: Terms) -> Object:
    """The metadata of a namespaced object."""
    return {"name": terms.name, "namespace": terms.namespace, "labels": terms.labels}


def deployment(terms: Terms) -> Object:
    """The Deployment. It meets the Pod Security Standard `restricted`."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata(terms),
        "spec": {
            "replicas": terms.replicas,
            "selector": {"matchLabels": terms.selector},
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {"metadata": {"labels": terms.selector, **terms.pod_metadata}, "spec": _pod(terms)},
        },
    }


def _pod(terms: Terms) -> Object:
    return {
        "serviceAccountName": terms.account,
        "automountServiceAccountToken": True,  # the one pod that speaks to the API server
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": GRACE,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": _HOST,
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": terms.selector},
            }
        ],
        "containers": [_container(terms)],
        "volumes": [*({"name": name, "emptyDir": {"sizeLimit": _SIZE}} for name in WRITABLE), *terms.volumes],
        **terms.pod,
    }


def _container(terms: Terms) -> Object:
    everywhere = [EVERYWHERE] if terms.everywhere else []
    return {
        "name": "controller",
        "image": terms.image,
        "imagePullPolicy": terms.pull_policy,
        "args": [*ARGUMENTS, *everywhere, *terms.arguments],
        "ports": [{"name": _METRICS, "containerPort": PORT, "protocol": "TCP"}],
        "startupProbe": _probe("/healthz", period=2, failures=30),
        "livenessProbe": _probe("/healthz", period=10, failures=3),
        "readinessProbe": _probe("/readyz", period=5, failures=2),
        "resources": terms.resources,
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [*({"name": name, "mountPath": path} for name, path in WRITABLE.items()), *terms.mounts],
        **terms.container,
    }


def _probe(path: str, *, period: int, failures: int) -> Object:
    return {
        "httpGet": {"path": path, "port": _METRICS},
        "periodSeconds": period,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def service(terms: Terms) -> Object:
    """The Service under which Prometheus finds the metrics of all replicas."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(terms),
        "spec": {
            "type": "ClusterIP",
            "selector": terms.selector,
            "ports": [{"name": _METRICS, "port": PORT, "protocol": "TCP", "targetPort": _METRICS}],
        },
    }


def disruption_budget(terms: Terms) -> Object:
    """The PodDisruptionBudget: a drain takes one replica at a time, and never waits for one that is broken."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(terms),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": terms.selector},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }


def network_policy(terms: Terms) -> Object:
    """The NetworkPolicy, an example: metrics for Prometheus alone; names, the API server and registries out."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(terms),
        "spec": {
            "podSelector": {"matchLabels": terms.selector},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": [*terms.metrics_from], "ports": [{"protocol": "TCP", "port": PORT}]}],
            "egress": [
                {
                    "to": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}],
                    "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
                },
                {"ports": [*terms.egress]},
            ],
        },
    }
