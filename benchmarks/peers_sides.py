"""The two controllers that the peers' benchmark sets side by side: how each is installed, run, and told of models."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

from peers_cluster import Data, condition, install
from registry.server_process import free_port

from reconciler.controller.crds import definitions
from reconciler.registry.catalog import load_driver, names

TICKS: Final = os.sysconf("SC_CLK_TCK")
CREDENTIAL: Final = "proxy"  # the Secret that holds the proxy's master key, under `key`


@dataclass(frozen=True)
class Wanted:
    """A model as both sides are told of it. `secret` is the Secret and key of its api_key."""

    name: str
    model: str = "openai/gpt-4o"
    model_name: str = ""  # the object's name if empty
    params: Mapping[str, Any] = field(default_factory=dict)
    info: Mapping[str, Any] = field(default_factory=dict)
    secret: tuple[str, str] | None = None


class Side(Protocol):
    """One controller."""

    name: str

    def install(self) -> None:
        """Make its definitions known to the cluster."""
        ...

    def command(self) -> tuple[list[str], dict[str, str]]:
        """What runs it for all namespaces, and the environment."""
        ...

    def registry(self, namespace: str, url: str) -> Data:
        """The object that stands for the LiteLLM proxy."""
        ...

    def model(self, namespace: str, wanted: Wanted) -> Data:
        """The object that stands for a model."""
        ...

    def settled(self, model: Data | None, registry: Data | None) -> bool:
        """True where the side says of this very generation that all is done."""
        ...


class Ours:
    """This project's controller."""

    name = "reconciler"

    def install(self) -> None:
        made = [definition.manifest for definition in definitions(load_driver(name) for name in names())]
        install("-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": made}))

    def command(self) -> tuple[list[str], dict[str, str]]:
        program = str(Path(sys.executable).parent / "reconciler")
        return [program, "controller", "run", "--all-namespaces", "--listen", f"127.0.0.1:{free_port()}"], {}

    def registry(self, namespace: str, url: str) -> Data:
        spec = {
            "driver": "litellm",
            "url": url,
            "token": {"secretKeyRef": {"name": CREDENTIAL, "key": "key"}},
            "default": True,
            "prune": True,
            "interval": "30s",
            "guards": {"max_deletes": 1000, "max_delete_percent": 100},
        }
        return _object("models.reconciler.dev/v1alpha1", "Registry", namespace, "proxy", spec)

    def model(self, namespace: str, wanted: Wanted) -> Data:
        key = "${{secret:{}/{}}}".format(*wanted.secret) if wanted.secret else None
        params = {"model": wanted.model, **wanted.params, **({"api_key": key} if key else {})}
        spec = {"litellm_params": params, **({"model_info": dict(wanted.info)} if wanted.info else {})}
        if wanted.model_name:
            spec["model_name"] = wanted.model_name
        return _object("litellm.models.reconciler.dev/v1alpha1", "Model", namespace, wanted.name, spec)

    def settled(self, model: Data | None, registry: Data | None) -> bool:
        return condition(model, "Synced") == "True"


@dataclass(frozen=True)
class Theirs:
    """home-operations/litellm-operator: its program, and the folder of its definitions with those of the Gateway API beside it."""

    program: Path
    definitions: tuple[str, ...]
    name = "litellm-operator"

    def install(self) -> None:
        install(*self.definitions)

    def command(self) -> tuple[list[str], dict[str, str]]:
        return [str(self.program), "--metrics-bind-address", f"127.0.0.1:{free_port()}"], {}

    def registry(self, namespace: str, url: str) -> Data:
        access = {"endpoint": url, "masterKeyRef": {"name": CREDENTIAL, "key": "key"}}
        spec = {"applyMode": "api", "apiAccess": access, "replicas": 0}
        return _object("litellm.home-operations.com/v1alpha1", "LiteLLMProxy", namespace, "proxy", spec)

    def model(self, namespace: str, wanted: Wanted) -> Data:
        params: Data = {"model": wanted.model, **wanted.params}
        if wanted.secret:
            params["apiKeyRef"] = {"name": wanted.secret[0], "key": wanted.secret[1]}
        spec = {"modelName": wanted.model_name or wanted.name, "params": params}
        if wanted.info:
            spec["info"] = {"extra": dict(wanted.info)}
        return _object("litellm.home-operations.com/v1alpha1", "LiteLLMModel", namespace, wanted.name, spec)

    def settled(self, model: Data | None, registry: Data | None) -> bool:
        return condition(registry, "Ready") == "True"


class Running:
    """A controller's process."""

    def __init__(self, side: Side, log: Path) -> None:
        command, environment = side.command()
        with log.open("ab") as told:
            self._process = subprocess.Popen(command, env=os.environ | environment, stdout=told, stderr=told)

    @property
    def cpu(self) -> float:
        """Seconds of CPU until now."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def memory(self) -> float:
        """The most megabytes that it held."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024

    def stop(self) -> None:
        """Ends it in order."""
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def secret(namespace: str, name: str, **values: str) -> Data:
    """A Secret."""
    base = {"apiVersion": "v1", "kind": "Secret", "metadata": {"namespace": namespace, "name": name}}
    return {**base, "stringData": values}


def _object(api_version: str, kind: str, namespace: str, name: str, spec: Data) -> Data:
    metadata = {"namespace": namespace, "name": name}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec}
