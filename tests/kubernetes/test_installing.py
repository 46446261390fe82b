"""What installs the controller, given to the tools and the API server that people give it to."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from kubernetes.api_server import PROGRAM, ApiServer
from programs import ROOT

from reconciler.controller.install import manifests
from reconciler.controller.install.terms import Image, Terms, egress, from_namespace
from reconciler.controller.settings import NAME
from reconciler.registry import catalog

HELM: Final = PROGRAM.parent / "helm"
CHART: Final = ROOT / "deploy/helm/model-reconciler"
KUSTOMIZE: Final = ROOT / "deploy/kustomize"
DRIVERS: Final = [*catalog.built_in().values()]
DIGEST: Final = "sha256:" + "0123456789abcdef" * 4
OF_HELM: Final = {"app.kubernetes.io/managed-by", "helm.sh/chart"}

Objects = dict[tuple[str, str], dict[str, Any]]


def by_name(objects: Iterable[Mapping[str, Any] | None]) -> Objects:
    """Objects by kind and name. Each comes once."""
    found: Objects = {}
    for one in objects:
        if one is not None:
            key = (one["kind"], one["metadata"]["name"])
            assert key not in found
            found[key] = dict(one)
    return found


def built(folder: Path) -> Objects:
    """What `kubectl kustomize` makes of a folder."""
    done = subprocess.run([PROGRAM, "kubectl", "kustomize", folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return by_name(yaml.safe_load_all(done.stdout))


@cache
def helm(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """What Helm did. It looks at no cluster and keeps nothing in its user's home."""
    assert HELM.is_file(), f"missing: {HELM}; `make kubetest` builds it"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HELM_", "KUBE"))}
    home = {f"HELM_{one}_HOME": "/nonexistent" for one in ("CACHE", "CONFIG", "DATA")}
    command = [HELM, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment | home)


def templated(*sets: str, namespace: str = NAME) -> Objects:
    """What Helm makes of the chart, as release model-reconciler, without the labels of its own."""
    given = [word for one in sets for word in ("--set-json", one)]
    done = helm("template", NAME, CHART, "--namespace", namespace, "--include-crds", "--kube-version", "1.37.2", *given)
    assert done.returncode == 0, done.stderr
    made = by_name(yaml.safe_load_all(done.stdout))
    for one in made.values():
        for label in OF_HELM:
            one["metadata"].get("labels", {}).pop(label, None)
    return made


def expected(terms: Terms, *, with_policy: bool = False) -> Objects:
    """The objects of an installation."""
    every = [*manifests.crds(DRIVERS), *manifests.controller(terms, DRIVERS, with_policy=with_policy)]
    return by_name(json.loads(json.dumps(every)))


def test_kustomize_builds_the_base_and_what_goes_on_top_of_it() -> None:
    """The base is what is printed for one namespace; the overlay what is printed for all."""
    assert built(KUSTOMIZE / "base") == expected(Terms())
    assert built(KUSTOMIZE / "all-namespaces") == expected(Terms(everywhere=True))


def test_an_overlay_moves_all_of_it(tmp_path: Path) -> None:
    """A user's own overlay sets namespace, image and replicas, and adds the NetworkPolicy: nothing still points to ours."""
    text = {
        "namespace": "team-cx",
        "resources": [os.path.relpath(KUSTOMIZE / "all-namespaces", tmp_path)],
        "components": [os.path.relpath(KUSTOMIZE / "network-policy", tmp_path)],
        "images": [{"name": NAME, "newName": "registry.example.com/ours", "digest": DIGEST}],
        "replicas": [{"name": NAME, "count": 3}],
    }
    (tmp_path / "kustomization.yaml").write_text(json.dumps(text), "utf-8")
    image = str(Image("registry.example.com/ours", "", DIGEST))
    terms = Terms("team-cx", everywhere=True, replicas=3, image=image)
    assert built(tmp_path) == expected(terms, with_policy=True)


def test_helm_finds_nothing_to_say_about_the_chart() -> None:
    """`helm lint --strict`, warnings included."""
    done = helm("lint", "--strict", CHART)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[WARNING]" not in done.stdout
    assert "[ERROR]" not in done.stdout


@pytest.mark.parametrize(
    ("sets", "terms", "with_policy"),
    [
        ([], Terms(), False),
        (["allNamespaces=true"], Terms(everywhere=True), False),
        (
            ['image={"repository":"registry.example.com:5000/ours","tag":"1.2"}', "replicas=5"],
            Terms(image="registry.example.com:5000/ours:1.2", replicas=5),
            False,
        ),
        ([f'image.digest="{DIGEST}"'], Terms(image=f"{NAME}@{DIGEST}"), False),
        (
            ['serviceAccount={"create":true,"name":"other","annotations":{"a":"b"}}', 'podAnnotations={"c":"true"}'],
            Terms(
                account="other",
                account_metadata={"annotations": {"a": "b"}},
                pod_metadata={"annotations": {"c": "true"}},
            ),
            False,
        ),
        (
            [
                'networkPolicy={"enabled":true,"egressPorts":[443,4000],"metricsFrom":["prometheus","x"]}',
                'resources={"limits":{"memory":"1Gi"}}',
            ],
            Terms(
                egress=(egress(443), egress(4000)),
                metrics_from=(from_namespace("prometheus"), from_namespace("x")),
                resources={"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}},
            ),
            True,
        ),
        (
            [
                'extraArgs=["--concurrency=2"]',
                'env=[{"name":"SSL_CERT_FILE","value":"/ca/ca.crt: #\\"x"}]',
                'volumes=[{"name":"ca","configMap":{"name":"ca"}}]',
                'volumeMounts=[{"name":"ca","mountPath":"/ca"}]',
                'nodeSelector={"disk":"yes"}',
                'tolerations=[{"operator":"Exists"}]',
                'priorityClassName="high"',
                'imagePullSecrets=[{"name":"pull"}]',
            ],
            Terms(
                arguments=("--concurrency=2",),
                container={"env": [{"name": "SSL_CERT_FILE", "value": '/ca/ca.crt: #"x'}]},
                volumes=({"name": "ca", "configMap": {"name": "ca"}},),
                mounts=({"name": "ca", "mountPath": "/ca"},),
                pod={
                    "imagePullSecrets": [{"name": "pull"}],
                    "nodeSelector": {"disk": "yes"},
                    "tolerations": [{"operator": "Exists"}],
                    "priorityClassName": "high",
                },
            ),
            False,
        ),
    ],
    ids=["defaults", "all-namespaces", "image", "digest", "account", "network-policy", "pod"],
)
def test_the_chart_makes_what_the_command_prints(sets: list[str], terms: Terms, with_policy: bool) -> None:
    """Helm's own template engine, over several values: object by object the same, whatever a value holds."""
    assert templated(*sets) == expected(terms, with_policy=with_policy)


def test_every_value_is_used_and_named_objects_follow_the_release() -> None:
    """A second release beside the first has names and labels of its own; without a PodDisruptionBudget there is none."""
    done = helm("template", "second", CHART, "--set", "podDisruptionBudget.enabled=false,nameOverride=recon")
    made = by_name(yaml.safe_load_all(done.stdout))
    assert {name for kind, name in made} == {"second-recon", "second-recon-leases"}
    assert "PodDisruptionBudget" not in {kind for kind, _ in made}
    (deployment,) = (one for (kind, _), one in made.items() if kind == "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"].items() <= labels.items()
    assert labels["app.kubernetes.io/instance"] == "second"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("replicas=-1", "/replicas"),
        ('replicas="two"', "/replicas"),
        ("replicaCount=3", "additional properties"),
        ('image={"repository":""}', "/image/repository"),
        ('image={"registry":"x"}', "additional properties"),
        ('image.digest="sha256:12"', "/image/digest"),
        ('image.pullPolicy="Sometimes"', "/image/pullPolicy"),
        ('allNamespaces="yes"', "/allNamespaces"),
        ('resources={"limits":{"memory":"lots"}}', "/resources/limits/memory"),
        ('resources={"limit":{}}', "additional properties"),
        ('fullnameOverride="Not A Name"', "/fullnameOverride"),
        ('podAnnotations={"a":1}', "/podAnnotations/a"),
        ('env=[{"value":"x"}]', "name"),
        ("networkPolicy.egressPorts=[]", "/networkPolicy/egressPorts"),
        ("networkPolicy.egressPorts=null", "egressPorts"),
        ("networkPolicy.egressPorts=[0]", "/networkPolicy/egressPorts"),
        ("networkPolicy.metricsFrom=[]", "/networkPolicy/metricsFrom"),
        ("serviceAccount.create=false", "serviceAccount.name"),
    ],
)
def test_helm_refuses_nonsense(given: str, said: str) -> None:
    """A value that is misspelt or wrong fails, and is named: nothing is installed with less than was asked for."""
    done = helm("template", NAME, CHART, "--set-json", given)
    assert done.returncode != 0
    assert done.stdout == ""
    assert said in done.stderr


def test_the_api_server_takes_all_of_it_twice(api_server: ApiServer, namespace: str) -> None:
    """Every object passes strict validation, and what is applied again changes nothing."""
    objects = manifests.controller(Terms(namespace), DRIVERS, with_policy=True)
    text = manifests.stream([*manifests.crds(DRIVERS), *objects])
    api_server.kubectl("apply", "--server-side", "--force-conflicts", "--validate=strict", "-f", "-", text=text)
    before = api_server.get("deployment,role,service", "--namespace", namespace)
    api_server.kubectl("apply", "--server-side", "--validate=strict", "-f", "-", text=text)
    assert versions(api_server.get("deployment,role,service", "--namespace", namespace)) == versions(before)


def versions(listing: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    return {(one["kind"], one["metadata"]["name"]): one["metadata"]["resourceVersion"] for one in listing["items"]}


def test_the_pod_is_let_into_a_restricted_namespace_and_no_weaker_one(api_server: ApiServer, namespace: str) -> None:
    """The API server's own admission takes our pod where pods are `restricted`, and refuses it without any of its limits."""
    objects = manifests.controller(Terms(namespace), DRIVERS)
    api_server.apply(*objects)
    api_server.kubectl("label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
    (deployment,) = (one for one in objects if one["kind"] == "Deployment")
    done = created(api_server, pod_of(deployment, namespace))
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    for where, limit in (
        ("pod", "runAsNonRoot"),
        ("pod", "seccompProfile"),
        ("container", "allowPrivilegeEscalation"),
        ("container", "capabilities"),
    ):
        weaker = pod_of(deployment, namespace)
        spec = weaker["spec"] if where == "pod" else weaker["spec"]["containers"][0]
        del spec["securityContext"][limit]
        assert "violates PodSecurity" in created(api_server, weaker).stderr, limit


def pod_of(deployment: Mapping[str, Any], namespace: str) -> dict[str, Any]:
    """A pod of a Deployment, as its controller would make it."""
    pod = json.loads(json.dumps(deployment["spec"]["template"]))
    metadata = pod["metadata"] | {"name": "by-hand", "namespace": namespace}
    return pod | {"apiVersion": "v1", "kind": "Pod", "metadata": metadata}


def created(server: ApiServer, pod: Mapping[str, Any]) -> subprocess.CompletedProcess[str]:
    return server.try_kubectl("create", "--validate=strict", "-f", "-", text=json.dumps(pod))
