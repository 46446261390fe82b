"""With Flux's own controllers: a Kustomization of models is ready once every one is in its registry, and not before.

`make test-flux` builds Flux first; CI leaves this out.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from kubernetes.api_server import ApiServer, wait_until
from kubernetes.flux.flux import NAMESPACE, flux
from kubernetes.flux.source import Source, published
from kubernetes.loop import Controller

from reconciler.controller.crds import definitions
from reconciler.core.document.dump import dump_yaml
from reconciler.registry import catalog

EXAMPLE: Final = Path(__file__).parents[3] / "examples" / "gitops"
LIMIT: Final = 300.0


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ApiServer]:
    """An API server of the test's own, with Flux on it."""
    with ApiServer.private(tmp_path / "kubernetes") as server, flux(server, tmp_path / "flux"):
        yield server


@pytest.fixture
def source(server: ApiServer, tmp_path: Path) -> Iterator[Source]:
    """The example's repository, whose registry is a file, and whose controller runs beside the cluster: it has no nodes."""
    with published(server, tmp_path / "source", "models", NAMESPACE) as source:
        folder = source.folder / "gitops"
        shutil.copytree(EXAMPLE, folder)
        drivers = [*catalog.built_in().values()]
        installed = "---\n".join(dump_yaml(one.manifest) for one in definitions(drivers))
        (folder / "controller" / "controller.yaml").write_text(installed, "utf-8")
        registry = yaml.safe_load((folder / "registries" / "gateway.yaml").read_text("utf-8"))
        registry["spec"] = {"driver": "local", "path": "registry.db", "default": True, "prune": True}
        (folder / "registries" / "gateway.yaml").write_text(yaml.safe_dump(registry), "utf-8")
        yield source


@pytest.fixture
def controller(server: ApiServer, tmp_path: Path) -> Iterator[Controller]:
    """Our controller, not started."""
    controller = Controller(server.kubeconfig, "models", tmp_path, "--lease-duration", "5")
    yield controller
    controller.kill()


def readiness(server: ApiServer, name: str) -> dict[str, Any]:
    """The condition Ready of a Kustomization."""
    status = server.get("kustomization", name, "--namespace", NAMESPACE).get("status", {})
    found = [one for one in status.get("conditions", ()) if one["type"] == "Ready"]
    return found[0] if found else {"status": "", "message": ""}


def stored(folder: Path) -> set[str]:
    """The keys in the registry, a file somewhere below the folder that the controller runs in."""
    (path,) = folder.glob("**/registry.db")
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        rows = database.execute("SELECT key FROM object WHERE kind = 'Model' AND deleted_at IS NULL")
        return {key for (key,) in rows}


@pytest.mark.timeout(1800)
def test_a_kustomization_is_ready_once_its_models_are_synced(
    server: ApiServer, source: Source, controller: Controller, tmp_path: Path
) -> None:
    """Before our controller runs nothing is ready; then one after the other is. What is removed from Git is deleted."""
    repository = yaml.safe_load((EXAMPLE / "flux" / "source.yaml").read_text("utf-8"))
    wanted = list(yaml.safe_load_all((EXAMPLE / "flux" / "models.yaml").read_text("utf-8")))
    for one in wanted:
        one["spec"] |= {"interval": "10s", "retryInterval": "2s"}
    server.kubectl("create", "secret", "generic", "sops-age", "--namespace", NAMESPACE)
    server.apply(repository, *wanted)
    first = source.publish()

    def ready(name: str, revision: str) -> bool:
        status = server.get("kustomization", name, "--namespace", NAMESPACE).get("status", {})
        return readiness(server, name)["status"] == "True" and revision == status.get("lastAppliedRevision")

    wait_until(lambda: applied(server), "Flux applies the Registry", LIMIT)
    assert readiness(server, "model-registries")["status"] != "True"
    assert not server.exists("model", "--namespace", "models")

    controller.start()
    wait_until(lambda: ready("models", first), "the models are ready", LIMIT)
    assert stored(tmp_path) == {"judge", "support-chat"}

    folder = source.folder / "gitops" / "models"
    model = yaml.safe_load((folder / "judge.yaml").read_text("utf-8"))
    model["spec"]["endpoint"]["api_key"] = "${secret:llm/key}"
    (folder / "judge.yaml").write_text(yaml.safe_dump(model), "utf-8")
    second = source.publish()
    late = 'model/judge names the Secret "llm"'
    wait_until(lambda: readiness(server, "models")["status"] != "True" and at(server, second), late, LIMIT)
    server.kubectl("create", "secret", "generic", "llm", "--from-literal=key=sk-late", "--namespace", "models")
    wait_until(lambda: ready("models", second), "the models are ready again", LIMIT)

    (folder / "judge.yaml").unlink()
    (folder / "kustomization.yaml").write_text("resources: [support-chat.yaml]\nnamespace: models\n", "utf-8")
    third = source.publish()
    wait_until(lambda: ready("models", third), "the models are ready without it", LIMIT)
    wait_until(lambda: stored(tmp_path) == {"support-chat"}, "it is deleted in the registry", LIMIT)


def applied(server: ApiServer) -> bool:
    """Flux has applied the Registry: before, its very type is unknown."""
    return server.try_kubectl("get", "registry", "gateway", "--namespace", "models").returncode == 0


def at(server: ApiServer, revision: str) -> bool:
    """The cluster has the Model of that commit: Flux tries it, ready or not."""
    tried = server.get("kustomization", "models", "--namespace", NAMESPACE)["status"].get("lastAttemptedRevision", "")
    return revision in tried
