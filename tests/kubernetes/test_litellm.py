"""A real LiteLLM Proxy behind the controller. The judge is the proxy's own list of its database.

benchmarks/kubernetes_peers.py measures the same cases beside another operator: see docs/kubernetes-peers.md.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from kubernetes.api_server import ApiServer
from kubernetes.loop import Team, conditions
from registry.litellm.server import LiteLLMServer
from registry.litellm.wire import Row, Wire
from registry.nemo_proxy import Proxy, proxied, writes

from reconciler.controller.crds import native_types
from reconciler.registry import catalog

MODEL: Final = native_types([catalog.load_driver("litellm")])["litellm/Model"]
MODELS: Final = MODEL.name
LIST: Final = "/v2/model/info"


class Behind:
    """A namespace whose Registry `proxy` leads to LiteLLM through a recorder."""

    def __init__(self, team: Team, server: LiteLLMServer, wire: Wire, recorder: Proxy) -> None:
        self.team = team
        self.server = server
        self.wire = wire
        self.recorder = recorder

    def connect(self) -> None:
        """Applies the Registry, and the Secret with the master key."""
        encoded = base64.b64encode(self.server.token.encode()).decode()
        self.secret("master", encoded)
        spec = {
            "driver": "litellm",
            "url": self.recorder.url,
            "token": {"secretKeyRef": {"name": "master", "key": "key"}},
            "default": True,
            "prune": True,
            "interval": "15s",
        }
        self.team.apply(self.team.object("Registry", "proxy", **spec))

    def secret(self, name: str, encoded: str) -> None:
        """Applies a Secret with one value, `key`."""
        metadata = {"name": name, "namespace": self.team.namespace}
        self.team.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": {"key": encoded}})

    def declare(self, name: str, *, info: Row | None = None, fields: Row | None = None, **params: Any) -> None:
        """Applies a litellm/Model with these parameters."""
        called = {"model": "openai/gpt-4o", "mock_response": "pong", **params}
        spec = {"litellm_params": called, **({"model_info": info} if info else {}), **(fields or {})}
        self.team.apply(self.team.object("Model", name, MODEL.api_version, **spec))

    def delete(self, name: str) -> None:
        """Asks for the end of a litellm/Model, and does not wait for it."""
        self.team.kubectl("delete", MODELS, name, "--wait=false")

    def synced(self, *names: str) -> None:
        """Waits until models are synced as they are now."""
        self.team.until_synced(*names, resource=MODELS)

    def says(self, name: str, kind: str, status: str, resource: str = MODELS) -> Row:
        """Waits until an object has a condition, of its present generation, and gives it."""
        found: Row = {}

        def holds() -> bool:
            item = self.team.get(resource, name)
            found.clear()
            found.update(conditions(item).get(kind, {}))
            return found.get("status") == status and found["observedGeneration"] == item["metadata"]["generation"]

        self.team.until(holds, f"{name}: {kind}={status}")
        return found

    def row(self, key: str) -> Row:
        """One row of the proxy's database; empty where there is none."""
        return self.wire.models().get(key, {})

    def written(self) -> list[str]:
        """The writes that came since the last look."""
        return [f"{one.method} {one.path}" for one in self.recorder.passed if writes(one)]

    def look(self) -> None:
        """Has the registry reconciled twice: one runs at a time, so when the second reads, the first is over."""
        for _ in range(2):
            self.recorder.passed.clear()
            mark = {"metadata": {"annotations": {"models.reconciler.dev/reconcile": secrets.token_hex(4)}}}
            self.team.patch("registries", "proxy", mark)
            self.team.until(lambda: any(one.path == LIST for one in self.recorder.passed), "the proxy is read")


@pytest.fixture
def behind(team: Team, litellm: LiteLLMServer, litellm_wire: Wire) -> Iterator[Behind]:
    """One, with a controller that runs, and no models yet."""
    with proxied(litellm.url) as recorder:
        made = Behind(team, litellm, litellm_wire, recorder)
        made.connect()
        team.controller.start()
        yield made


def test_everything_declared_counts_and_what_cannot_be_removed_is_named(behind: Behind) -> None:
    """Created, and changed in a parameter and in model_info; a parameter that the proxy cannot take away holds, and says so."""
    behind.declare("chat", rpm=10, info={"description": "one"})
    behind.synced("chat")
    assert behind.row("chat")["litellm_params"]["rpm"] == 10
    behind.declare("chat", rpm=11, info={"description": "two"})
    behind.synced("chat")
    assert behind.row("chat")["litellm_params"]["rpm"] == 11
    assert behind.row("chat")["model_info"]["description"] == "two"
    behind.declare("chat", info={"description": "two"})
    told = behind.says("chat", "Blocked", "True")
    assert told["reason"] == "cannot-clear"
    assert "/litellm_params/rpm" in told["message"]
    assert behind.says("chat", "Synced", "False")["reason"] == "cannot-clear"


def test_drift_is_told_by_field_and_healed(behind: Behind) -> None:
    """Nothing changes in the cluster: the interval alone brings it."""
    behind.declare("chat", rpm=10, tpm=5)
    behind.synced("chat")
    behind.wire.patch("chat", litellm_params={"rpm": 99}, model_info={"id": "chat"}).raise_for_status()
    behind.team.until(lambda: behind.row("chat")["litellm_params"]["rpm"] == 10, "the change is healed")
    told = behind.team.kubectl("get", "events", "-o", "jsonpath={range .items[*]}{.reason}: {.message}{'\\n'}{end}")
    (line,) = (line for line in told.splitlines() if line.startswith("Drifted:"))
    assert "/litellm_params/rpm: 99 → 10" in line
    assert "tpm" not in line


def test_an_object_goes_when_the_proxy_says_that_its_row_is_gone(behind: Behind) -> None:
    """While the proxy fails to delete, the object stays; what stays behind when the Registry goes is told."""
    behind.declare("goes")
    behind.declare("stays")
    behind.synced("goes", "stays")
    behind.recorder.answer(500, times=1000, of=lambda one: one.path == "/model/delete")
    behind.recorder.passed.clear()
    behind.delete("goes")
    behind.team.until(lambda: "POST /model/delete" in behind.written(), "the proxy is asked to delete")
    assert "goes" in behind.team.list(MODELS)
    behind.recorder.faults.clear()
    behind.team.until(lambda: "goes" not in behind.team.list(MODELS), "the object is gone")
    assert not behind.row("goes")
    behind.team.kubectl("delete", "registries.models.reconciler.dev", "proxy")
    assert behind.says("stays", "Synced", "False")["reason"] == "no-registry"
    assert behind.row("stays")


def test_a_provider_that_the_proxy_does_not_know_holds_up_its_own_model_alone(behind: Behind) -> None:
    """The proxy answers 500 and has stored it: one row, however often it is looked at, which goes with the object."""
    behind.declare("a-bad", model="no-such-provider/model")
    behind.declare("z-good")
    behind.synced("z-good")
    assert "provider" in behind.says("a-bad", "Synced", "False")["message"]
    behind.look()
    assert behind.written() == []
    assert set(behind.wire.models()) == {"a-bad", "z-good"}
    assert "provider" in behind.says("a-bad", "Synced", "False")["message"]
    behind.delete("a-bad")
    behind.team.until(lambda: "a-bad" not in behind.team.list(MODELS), "the object is gone")
    assert set(behind.wire.models()) == {"z-good"}


def test_a_secret_that_changes_is_written_once_and_one_that_is_missing_is_named(behind: Behind) -> None:
    before, after, late = (f"sk-{word}-1234567890" for word in ("before", "after", "late"))
    behind.secret("provider", base64.b64encode(before.encode()).decode())
    behind.declare("chat", api_key="${secret:provider/key}")
    behind.declare("lost", api_key="${secret:absent/key}")
    behind.synced("chat")
    assert "absent" in behind.says("lost", "Synced", "False")["message"]
    assert set(behind.wire.models()) == {"chat"}
    behind.recorder.passed.clear()
    behind.secret("provider", base64.b64encode(after.encode()).decode())
    behind.team.until(lambda: after in str([one.body for one in behind.recorder.passed]), "the new value is written")
    assert len(behind.written()) == 1
    behind.look()
    assert behind.written() == []
    behind.secret("absent", base64.b64encode(late.encode()).decode())
    behind.synced("lost")
    assert before not in behind.team.controller.said() + str(behind.team.list(MODELS))


def test_two_objects_of_one_model_name_are_two_rows(behind: Behind) -> None:
    """A pool: neither takes the other's row."""
    for rpm, name in enumerate(("pool-a", "pool-b")):
        behind.declare(name, fields={"model_name": "pool"}, rpm=rpm)
    behind.synced("pool-a", "pool-b")
    behind.look()
    assert behind.written() == []
    rows = behind.wire.models()
    assert {key: row["litellm_params"]["rpm"] for key, row in rows.items()} == {"pool-a": 0, "pool-b": 1}
    assert {row["model_name"] for row in rows.values()} == {"pool"}


def test_another_owners_row_is_a_conflict_and_survives(behind: Behind, api_server: ApiServer, tmp_path: Path) -> None:
    """Two namespaces, one proxy: the second one's object says whose the row is, and what else it has lives beside it."""
    behind.declare("shared", rpm=1)
    behind.synced("shared")
    namespace = f"{behind.team.namespace}-too"
    api_server.kubectl("create", "namespace", namespace)
    other = Behind(Team(api_server, namespace, tmp_path), behind.server, behind.wire, behind.recorder)
    other.connect()
    other.declare("shared", rpm=2)
    other.declare("own")
    other.team.controller.start()
    try:
        other.synced("own")
        told = other.says("shared", "Blocked", "True")
        assert behind.team.namespace in told["message"]
        other.delete("shared")
        other.team.until(lambda: "shared" not in other.team.list(MODELS), "the object is gone")
    finally:
        other.team.controller.stop()
        api_server.kubectl("delete", "namespace", namespace, "--wait=false")
    behind.look()
    assert behind.written() == []
    assert behind.row("shared")["litellm_params"]["rpm"] == 1
    assert set(behind.wire.models()) == {"shared", "own"}
