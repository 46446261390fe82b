"""Flux's kustomize-controller, as build.sh builds it, on an API server of the tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from kept import HERE, Kept, passed
from kubernetes.api_server import ApiServer
from registry.server_process import free_port, listens, use

BUILT: Final = HERE.parent / ".cache" / "flux"
NAMESPACE: Final = "flux-system"


@contextmanager
def flux(server: ApiServer, folder: Path) -> Iterator[None]:
    """The controller, started, with the rights of the cluster's administrator. Its log is in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    server.install(_definitions())
    server.kubectl("create", "namespace", NAMESPACE)
    with use(folder / "users"):
        kept = _controller("kustomize-controller", server, folder, ["--requeue-dependency", "2s"])
        try:
            yield
        finally:
            kept.kill()


def _definitions() -> list[dict[str, Any]]:
    files = sorted((BUILT / "definitions").glob("*.yaml"))
    if not files:
        pytest.fail("Flux is missing: tests/kubernetes/flux/build.sh builds it, in a quarter of an hour")
    return [yaml.safe_load(file.read_text("utf-8")) for file in files]


def _controller(name: str, server: ApiServer, folder: Path, options: list[str]) -> Kept:
    """Started, once it answers that it is ready."""
    health = free_port()
    kept = Kept(name, folder / f"{name}.log", folder / "users")
    shared = ["--metrics-addr", "127.0.0.1:0", "--health-addr", f"127.0.0.1:{health}", "--enable-leader-election=false"]
    environment = passed() | {
        "HOME": str(folder),
        "TMPDIR": str(folder),
        "KUBECONFIG": str(server.kubeconfig),
        "RUNTIME_NAMESPACE": NAMESPACE,
    }
    kept.start([str(BUILT / name), *shared, *options], environment, lambda: listens(health))
    return kept
