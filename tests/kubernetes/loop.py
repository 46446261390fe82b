"""The controller as its users run it, and what tests ask of the cluster and of the registry while it runs."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from kept import passed
from kubernetes.api_server import WAITS, ApiServer
from kubernetes.judge import Judge
from programs import BIN
from registry.server_process import free_port

GROUP: Final = "models.reconciler.dev"
VERSION: Final = f"{GROUP}/v1alpha1"
HELD: Final = ("models", "nemomodels.nemo.models.reconciler.dev", "nemosecrets.nemo.models.reconciler.dev")
LEASE: Final = (
    "10"  # seconds, as text: so short that a lease of who was killed is soon over, and long enough for a slow machine
)
STEP: Final = 0.1  # seconds between two looks


class Controller:
    """`reconciler controller run` on one namespace. It may be frozen and killed, and started again."""

    def __init__(self, kubeconfig: Path, namespace: str, folder: Path, *options: str) -> None:
        self.log = folder / f"controller-{namespace}.log"
        self.port = free_port()
        self._folder = folder
        self._kubeconfig = kubeconfig
        self._options = ("--namespace", namespace, "--listen", f"127.0.0.1:{self.port}", *options)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, and does not wait for anything."""
        environment = passed() | {"KUBECONFIG": str(self._kubeconfig), "HOME": str(self._folder)}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", BIN / "reconciler", "controller", "run", *self._options],
                cwd=self._folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def stop(self) -> None:
        """Ends it in order."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it in the middle of whatever it does."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Lets it do nothing until `wake`."""
        self._running().send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Lets it go on."""
        self._running().send_signal(signal.SIGCONT)

    def said(self) -> str:
        """All that it logged, over all its starts."""
        return self.log.read_text("utf-8", "replace") if self.log.exists() else ""

    def check(self) -> None:
        """Fails where it has ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            pytest.fail(f"the controller ended with {self._process.returncode}:\n{self.said()[-4000:]}")

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError("the controller does not run")
        return self._process

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.wait(WAITS)


class Team:
    """One namespace with a Registry object `store` of the embedded registry, and the controller that looks after it."""

    def __init__(self, server: ApiServer, namespace: str, folder: Path, *, kubeconfig: Path | None = None) -> None:
        self.server = server
        self.namespace = namespace
        self.judge = Judge(folder / namespace / "registry.db")  # the controller keeps a folder for each namespace
        self.controller = Controller(kubeconfig or server.kubeconfig, namespace, folder, "--lease-duration", LEASE)

    def registry(self, *, name: str = "store", annotations: Mapping[str, str] | None = None, **spec: Any) -> None:
        """Applies the Registry object."""
        given = {"driver": "local", "path": self.judge.path.name, "default": True, "interval": "1h", **spec}
        self.server.apply(self.object("Registry", name, annotations=annotations, **given))

    def model(self, name: str, **spec: Any) -> dict[str, Any]:
        """A Model object, not applied."""
        given = {"provider": {"name": "openai", "model": "gpt-5-nano"}, **spec}
        return self.object("Model", name, **given)

    def models(self, names: Iterable[str], **spec: Any) -> list[dict[str, Any]]:
        """Model objects, not applied."""
        return [self.model(name, **spec) for name in names]

    def apply(self, *objects: Mapping[str, Any]) -> None:
        """Applies objects."""
        self.server.apply(*objects)

    def edit(self, resource: str, name: str, **spec: Any) -> None:
        """Changes members of an object's spec."""
        self.patch(resource, name, {"spec": spec})

    def patch(self, resource: str, name: str, part: Mapping[str, Any], *options: str) -> None:
        """Patches an object."""
        self.kubectl("patch", _full(resource), name, "--type=merge", "-p", json.dumps(part), *options)

    def kubectl(self, *arguments: str, text: str = "") -> str:
        """Runs kubectl in the namespace."""
        return self.server.kubectl("--namespace", self.namespace, *arguments, text=text)

    def list(self, resource: str = "models") -> dict[str, dict[str, Any]]:
        """The objects of a type by name."""
        found = self.server.ask("GET", self.path(resource)) or {}  # a type that is not defined has none
        return {item["metadata"]["name"]: item for item in found.get("items", ())}

    def get(self, resource: str, name: str) -> dict[str, Any]:
        """One object."""
        found: dict[str, Any] = self.server.ask("GET", f"{self.path(resource)}/{name}")
        return found

    def path(self, resource: str) -> str:
        """Where the API server has the objects of a type of ours: `models`, or with its group as `nemosecrets.nemo.models.reconciler.dev`."""
        plural, _, group = _full(resource).partition(".")
        return f"/apis/{group}/v1alpha1/namespaces/{self.namespace}/{plural}"

    def release(self) -> None:
        """Lets all objects go, as an administrator would where there is no controller any more."""
        for resource in HELD:
            found = self.server.ask("GET", self.path(resource)) or {}
            for name in [
                item["metadata"]["name"] for item in found.get("items", ()) if item["metadata"].get("finalizers")
            ]:
                self.server.ask("PATCH", f"{self.path(resource)}/{name}", {"metadata": {"finalizers": None}})

    def until(self, holds: Callable[[], bool], what: str, limit: float = WAITS) -> None:
        """Waits for a condition while the controller runs; shows what it said where that does not come."""
        deadline = time.monotonic() + limit
        while not holds():
            self.controller.check()
            if time.monotonic() > deadline:
                pytest.fail(f"not within {limit:.0f} s: {what}\n{self.described()}\n{self.controller.said()[-4000:]}")
            time.sleep(STEP)

    def until_synced(self, *names: str, resource: str = "models") -> None:
        """Waits until these objects (all, unless named) are synced as they are now."""
        self.until(
            lambda: self.synced(*names, resource=resource), f"{', '.join(names) or f'all {resource}'} are synced"
        )

    def synced(self, *names: str, resource: str = "models") -> bool:
        """Tell if these objects (all, unless named) are synced as they are now."""
        found = self.list(resource)
        return all(is_synced(found[name]) for name in names or found)

    def described(self) -> str:
        """The conditions of all objects, for who reads why a test failed."""
        lines = []
        for resource in ("registries", "models"):
            for name, item in self.list(resource).items():
                told = [f"{one['type']}={one['status']} {one['reason']}" for one in conditions(item).values()]
                lines.append(f"{resource}/{name}: {'; '.join(told)}")
        return "\n".join(lines[:20])

    def bury(self) -> None:
        """Deletes the leases of controllers that were killed, so that the next one need not wait for their end."""
        self.kubectl("delete", "leases", "--all", "--wait=false")

    def object(
        self, kind: str, name: str, version: str = VERSION, *, annotations: Mapping[str, str] | None = None, **spec: Any
    ) -> dict[str, Any]:
        """An object of the namespace, not applied."""
        metadata: dict[str, Any] = {"name": name, "namespace": self.namespace}
        if annotations:
            metadata["annotations"] = dict(annotations)
        return {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}


def conditions(item: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The conditions of an object, by type."""
    return {one["type"]: one for one in (item.get("status") or {}).get("conditions") or ()}


def is_synced(item: Mapping[str, Any]) -> bool:
    """Tell if an object says that it is synced, of what it says now."""
    found = conditions(item).get("Synced")
    return bool(
        found and found["status"] == "True" and found.get("observedGeneration") == item["metadata"]["generation"]
    )


def _full(resource: str) -> str:
    """The whole name of a resource type of ours: drivers have Models of their own."""
    return f"{resource}.{GROUP}" if resource in ("models", "registries") else resource
