"""A Kubernetes API server as the peers' benchmark uses it: plain requests with the credentials of KUBECONFIG, and waiting."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import httpx2
from lightkube.config import client_adapter
from lightkube.config.client_adapter import ConnectionParams
from lightkube.config.kubeconfig import KubeConfig

Data = dict[str, Any]

PAUSE: Final = 0.1  # seconds between two looks
MANAGER: Final = "benchmark"
_PLURALS: Final = {
    "Namespace": "namespaces",
    "Secret": "secrets",
    "Event": "events",
    "Registry": "registries",
    "Model": "litellmmodels",
    "LiteLLMProxy": "litellmproxies",
    "LiteLLMModel": "litellmmodels",
}


class Cluster:
    """One API server."""

    def __init__(self, http: httpx2.Client) -> None:
        self._http = http

    def apply(self, item: Data) -> Data:
        """Create or change an object (server-side apply)."""
        headers = {"Content-Type": "application/apply-patch+yaml"}
        answer = self._http.patch(
            path_of(item), params={"fieldManager": MANAGER, "force": "true"}, json=item, headers=headers
        )
        if answer.is_error:
            raise SystemExit(f"{item['kind']} {item['metadata']['name']}: {answer.text}")
        return dict(answer.json())

    def get(self, item: Data) -> Data | None:
        """The object as it is now, if it is there."""
        answer = self._http.get(path_of(item))
        return None if answer.status_code == httpx2.codes.NOT_FOUND else dict(answer.raise_for_status().json())

    def delete(self, item: Data) -> None:
        """Ask for an object's end."""
        self._http.delete(path_of(item)).raise_for_status()

    def list(self, api_version: str, kind: str, namespace: str) -> list[Data]:
        """All objects of a kind in a namespace."""
        item = {"apiVersion": api_version, "kind": kind, "metadata": {"namespace": namespace, "name": ""}}
        return list(self._http.get(path_of(item).rstrip("/")).raise_for_status().json()["items"])

    def touch(self, item: Data, number: int) -> None:
        """An event that asks both sides to look again, and changes nothing: a label, and our annotation."""
        annotation = {"models.reconciler.dev/reconcile": str(number)}
        patch = {"metadata": {"labels": {"touched": str(number)}, "annotations": annotation}}
        headers = {"Content-Type": "application/merge-patch+json"}
        self._http.patch(path_of(item), json=patch, headers=headers).raise_for_status()

    def events(self, namespace: str) -> list[str]:
        """What Events say in a namespace, oldest first."""
        found = self.list("events.k8s.io/v1", "Event", namespace)
        found.sort(key=lambda event: event.get("eventTime") or event["metadata"]["creationTimestamp"])
        return [f"{event['regarding'].get('name')}: {event['reason']}: {event.get('note', '')}" for event in found]


def path_of(item: Mapping[str, Any]) -> str:
    """The path of an object."""
    group, namespace = item["apiVersion"], item["metadata"].get("namespace")
    base = "/api/v1" if group == "v1" else f"/apis/{group}"
    inside = f"/namespaces/{namespace}" if namespace else ""
    return f"{base}{inside}/{_PLURALS[item['kind']]}/{item['metadata']['name']}"


@contextmanager
def connected() -> Iterator[Cluster]:
    """The cluster of KUBECONFIG."""
    config = KubeConfig.from_env().get()
    if config is None:
        raise SystemExit("set KUBECONFIG to a cluster of which you need nothing")
    parameters = ConnectionParams(timeout=httpx2.Timeout(60), trust_env=False)
    with client_adapter.Client(config, parameters) as http:
        yield Cluster(http)


def install(*sources: str, text: str | None = None) -> None:
    """Apply files or folders of definitions (`-`: the text), and wait until they are served."""
    for source in sources:
        command = ["kubectl", "apply", "--server-side", "--force-conflicts", "--validate=false", "-f", source]
        done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
        if done.returncode:
            raise SystemExit(f"{source}: {done.stderr[:2000]}")
    command = ["kubectl", "wait", "crd", "--all", "--for=condition=Established", "--timeout=60s"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def until(holds: Callable[[], object], limit: float) -> float | None:
    """Seconds until something holds; None if it does not within the limit."""
    started = time.perf_counter()
    while not holds():
        if time.perf_counter() - started > limit:
            return None
        time.sleep(PAUSE)
    return time.perf_counter() - started


def said(seconds: float | None, limit: float) -> str:
    """A time as the table shows it."""
    return f"not within {limit:g} s" if seconds is None else f"{seconds:.2f} s"


def conditions(item: Data | None) -> str:
    """The conditions of an object on one line."""
    if item is None:
        return "gone"
    found = (item.get("status") or {}).get("conditions") or []
    shown = (f"{one['type']}={one['status']} ({one['reason']}: {one.get('message', '')})" for one in found)
    return "; ".join(shown) or "no conditions"


def condition(item: Data | None, name: str) -> str:
    """The status of one condition, of this generation; empty where it is not told."""
    generation = (item or {}).get("metadata", {}).get("generation")
    for one in ((item or {}).get("status") or {}).get("conditions") or []:
        if one["type"] == name and one.get("observedGeneration", generation) == generation:
            return str(one["status"])
    return ""
