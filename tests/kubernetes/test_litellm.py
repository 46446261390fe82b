"""A real LiteLLM Proxy behind the controller. The judge is the proxy's own list of its database.

What a person sees here is what benchmarks/kubernetes_peers.py measures beside another operator: see docs/kubernetes-peers.md.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest_asyncio
from kubernetes.api_server import ApiServer
from kubernetes.controller_process import NATIVE, Space, controller, until
from registry.litellm.server import LiteLLMServer
from registry.litellm.wire import Row, Wire
from registry.nemo_proxy import Proxy, proxied, writes

from reconciler.controller.cluster import SECRETS, Cluster
from reconciler.controller.crds import REGISTRY

MODEL: Final = NATIVE["litellm/Model"]
LIST: Final = "/v2/model/info"


def params(**more: Any) -> dict[str, Any]:
    """What every model of these tests is called with."""
    return {"litellm_params": {"model": "openai/gpt-4o", "mock_response": "pong", **more}}


class Behind:
    """A namespace with a controller, whose Registry `proxy` leads to LiteLLM through a recorder."""

    def __init__(self, space: Space, wire: Wire, recorder: Proxy, url: str) -> None:
        self.space = space
        self.wire = wire
        self.recorder = recorder
        self.entry = {
            "driver": "litellm",
            "url": url,
            "token": {"secretKeyRef": {"name": "master", "key": "key"}},
            "interval": "30s",
        }

    def row(self, key: str) -> Row:
        """One row of the proxy's database; empty where there is none."""
        return self.wire.models().get(key, {})

    def written(self) -> list[str]:
        """The writes that came since the recorder was last cleared, as `POST /model/new`."""
        return [f"{one.method} {one.path}" for one in self.recorder.passed if writes(one)]

    async def stored(self, key: str, part: str, field: str, value: Any) -> None:
        """Wait until the proxy's database holds a value."""

        async def holds() -> bool:
            return (self.row(key).get(part) or {}).get(field) == value

        await until(holds, f"{key}: {part}.{field} is {value}")

    async def no_row(self, key: str) -> None:
        """Wait until the proxy's database has no such row."""

        async def holds() -> bool:
            return not self.row(key)

        await until(holds, f"{key} is gone from the proxy")

    async def look(self) -> None:
        """Have the registry reconciled twice. When the second one reads, the first is over: one runs at a time."""
        for _ in range(2):
            self.recorder.passed.clear()
            await self.space.annotate(REGISTRY, "proxy", reconcile=secrets.token_hex(4))
            await until(self._read, "the proxy is read")

    async def _read(self) -> bool:
        return any(one.path == LIST for one in self.recorder.passed)


@pytest_asyncio.fixture
async def behind(
    api_server: ApiServer,
    cluster: Cluster,
    namespace: str,
    litellm: LiteLLMServer,
    litellm_wire: Wire,
    tmp_path: Path,
) -> AsyncIterator[Behind]:
    """One, started, with nothing in it but the Registry."""
    with proxied(litellm.url) as recorder:
        behind = Behind(Space(cluster, namespace), litellm_wire, recorder, recorder.url)
        await behind.space.secret("master", key=litellm.token)
        await behind.space.registry("proxy", **behind.entry)
        with controller(api_server.kubeconfig, namespace, tmp_path / "controller.log"):
            yield behind


async def test_everything_declared_counts_and_what_cannot_be_removed_is_named(behind: Behind) -> None:
    """Created, changed in a parameter and in model_info; a parameter that the proxy cannot take away blocks, and says so."""
    space = behind.space
    await space.put(MODEL, "chat", **params(rpm=10), model_info={"description": "one"})
    await space.synced(MODEL, "chat")
    assert behind.row("chat")["litellm_params"]["rpm"] == 10
    await space.put(MODEL, "chat", **params(rpm=11), model_info={"description": "two"})
    await space.synced(MODEL, "chat")
    assert behind.row("chat")["litellm_params"]["rpm"] == 11
    assert behind.row("chat")["model_info"]["description"] == "two"
    await space.put(MODEL, "chat", **params(), model_info={"description": "two"})
    told = await space.says(MODEL, "chat", "Synced", "False", "CannotClear")
    assert "rpm" in told["message"]
    assert (await space.condition(MODEL, "chat", "Blocked"))["status"] == "True"


async def test_drift_is_told_by_field_and_healed(behind: Behind) -> None:
    """Nothing changes in the cluster: the interval alone brings it."""
    await behind.space.put(MODEL, "chat", **params(rpm=10, tpm=5))
    await behind.space.synced(MODEL, "chat")
    behind.wire.patch("chat", litellm_params={"rpm": 99}, model_info={"id": "chat"}).raise_for_status()
    await behind.stored("chat", "litellm_params", "rpm", 10)
    assert any("/litellm_params/rpm" in event and "drifted" in event.lower() for event in await behind.space.events())


async def test_an_object_goes_when_the_proxy_says_that_its_row_is_gone(behind: Behind) -> None:
    """While the proxy fails to delete, the object stays; what stays when the Registry goes is told."""
    space = behind.space
    for name in ("goes", "stays"):
        await space.put(MODEL, name, **params())
    await space.synced(MODEL, "goes", "stays")
    behind.recorder.answer(500, times=1, of=lambda one: one.path == "/model/delete")
    behind.recorder.passed.clear()
    await space.delete(MODEL, "goes")

    async def refused() -> bool:
        return bool(behind.written())

    await until(refused, "the proxy is asked to delete")
    assert await space.get(MODEL, "goes") is not None
    await space.gone(MODEL, "goes")
    assert not behind.row("goes")
    await space.delete(REGISTRY, "proxy")
    await space.gone(REGISTRY, "proxy")
    assert behind.row("stays")
    assert any(event.startswith("proxy:") and "1" in event for event in await space.events())


async def test_a_provider_that_the_proxy_does_not_know_blocks_its_own_model_alone(behind: Behind) -> None:
    """The proxy stores it and answers 500: one row, however often it is looked at, and it goes with the object."""
    space = behind.space
    await space.put(MODEL, "a-bad", litellm_params={"model": "no-such-provider/model"})
    await space.put(MODEL, "z-good", **params())
    await space.synced(MODEL, "z-good")
    told = await space.says(MODEL, "a-bad", "Synced", "False")
    assert "provider" in told["message"]
    await behind.look()
    assert behind.written() == []
    assert set(behind.wire.models()) == {"a-bad", "z-good"}
    assert (await space.condition(MODEL, "a-bad", "Synced"))["status"] == "False"
    await space.delete(MODEL, "a-bad")
    await space.gone(MODEL, "a-bad")
    assert set(behind.wire.models()) == {"z-good"}


async def test_a_secret_that_changes_is_written_once_and_one_that_is_missing_is_named(behind: Behind) -> None:
    space = behind.space
    await space.secret("provider", key="sk-before-1234567890")
    await space.put(MODEL, "chat", **params(api_key="${secret:provider/key}"))
    await space.put(MODEL, "lost", **params(api_key="${secret:absent/key}"))
    await space.synced(MODEL, "chat")
    told = await space.says(MODEL, "lost", "Synced", "False")
    assert "absent" in told["message"]
    assert "lost" not in behind.wire.models()
    behind.recorder.passed.clear()
    await space.secret("provider", key="sk-after-0987654321")

    async def rotated() -> bool:
        return any("sk-after" in str(one.body) for one in behind.recorder.passed)

    await until(rotated, "the new value is written")
    await behind.look()
    assert behind.written() == []
    await space.secret("absent", key="sk-late-1234567890")
    await space.synced(MODEL, "lost")


async def test_two_objects_of_one_model_name_are_two_rows(behind: Behind) -> None:
    """A pool: neither takes the other's row."""
    for number, name in enumerate(("pool-a", "pool-b")):
        await behind.space.put(MODEL, name, model_name="pool", **params(rpm=number + 1))
    await behind.space.synced(MODEL, "pool-a", "pool-b")
    await behind.look()
    assert behind.written() == []
    rows = behind.wire.models()
    assert {key: row["litellm_params"]["rpm"] for key, row in rows.items()} == {"pool-a": 1, "pool-b": 2}
    assert {row["model_name"] for row in rows.values()} == {"pool"}


async def test_another_owners_row_is_a_conflict_that_both_survive(
    behind: Behind, api_server: ApiServer, tmp_path: Path
) -> None:
    """Two namespaces, one proxy: the second one's object says so, and its other models live beside."""
    await behind.space.put(MODEL, "shared", **params(rpm=1))
    await behind.space.synced(MODEL, "shared")
    namespace = f"{behind.space.namespace}-too"
    api_server.kubectl("create", "namespace", namespace)
    other = Space(behind.space.cluster, namespace)
    master = (await behind.space.get(SECRETS, "master") or {})["data"]["key"]
    await other.secret("master", key=base64.b64decode(master).decode())
    await other.registry("proxy", **behind.entry)
    await other.put(MODEL, "shared", **params(rpm=2))
    await other.put(MODEL, "own", **params())
    with controller(api_server.kubeconfig, namespace, tmp_path / "other.log"):
        await other.synced(MODEL, "own")
        told = await other.says(MODEL, "shared", "Synced", "False")
        assert behind.space.namespace in told["message"]
        assert (await other.condition(MODEL, "shared", "Blocked"))["status"] == "True"
        await other.delete(MODEL, "shared")
        await other.gone(MODEL, "shared")
    api_server.kubectl("delete", "namespace", namespace, "--wait=false")
    await behind.look()
    assert behind.row("shared")["litellm_params"]["rpm"] == 1
    await behind.space.synced(MODEL, "shared")


async def test_a_proxy_that_was_away_is_healed_and_a_restart_writes_nothing(
    behind: Behind, litellm: LiteLLMServer, api_server: ApiServer, tmp_path: Path
) -> None:
    """While it is away the Registry says so, and no Model claims to be Synced that is not."""
    space = behind.space
    await space.put(MODEL, "chat", **params(rpm=1))
    await space.synced(MODEL, "chat")
    litellm.kill()
    try:
        await space.put(MODEL, "chat", **params(rpm=2))
        await space.says(REGISTRY, "proxy", "Ready", "False")
        assert (await space.condition(MODEL, "chat", "Synced")).get("status") != "True"
    finally:
        litellm.start()
    await space.synced(MODEL, "chat")
    assert behind.row("chat")["litellm_params"]["rpm"] == 2
