"""A real NeMo server behind the controller. The judge is NVIDIA's own client, and the server's count of writes."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest_asyncio
from kubernetes.api_server import ApiServer
from kubernetes.controller_process import NATIVE, Space, controller, until
from registry.litellm.server import LiteLLMServer
from registry.litellm.wire import Wire
from registry.nemo.judge import Judge
from registry.nemo.server import create_fileset
from registry.nemo_proxy import Proxy, proxied
from registry.nemo_samples import ADAPTER, MODEL, PROJECT, PROMPT, PROVIDER
from registry.server_process import Running

from reconciler.controller.cluster import Cluster, ResourceType
from reconciler.controller.crds import MODEL as PORTABLE
from reconciler.controller.crds import REGISTRY

KEY: Final = "sk-of-the-provider-1234567890"
CHAT: Final = {
    "display_name": "Support chat",
    "description": "Answers questions.",
    "endpoint": {"url": "https://llm.example.com/v1", "model": "gpt-oss-120b", "api_key": "${secret:provider/key}"},
    "labels": {"team": "cx"},
}
SETUP: Final = (  # one of each native kind, as a team has them, and what they refer to
    PROJECT.document,
    {"kind": "nemo/Secret", "key": "llm-key", "value": "${secret:provider/key}"},
    *(one for one in PROVIDER.beside if one["kind"] == "nemo/Project"),
    PROVIDER.document,
    {"kind": "nemo/Provider", "key": "gateway", "host_url": "https://llm.example.com/v1"},
    {"kind": "nemo/Model", "key": "base"},
    MODEL.document,
    ADAPTER.document,
    PROMPT.document,
)


def object_of(document: dict[str, Any]) -> tuple[ResourceType, str, dict[str, Any]]:
    """The type, name and spec of a native document as an object."""
    spec = {name: value for name, value in document.items() if name not in ("kind", "key")}
    return NATIVE[document["kind"]], document["key"], spec


@pytest_asyncio.fixture
async def space(cluster: Cluster, namespace: str) -> Space:
    """The test's namespace, with the Secret of the provider."""
    space = Space(cluster, namespace)
    await space.secret("provider", key=KEY)
    return space


@pytest_asyncio.fixture
async def recorder(space: Space, nemo_server: Running, workspace: str) -> AsyncIterator[Proxy]:
    """What stands between the controller and the server, behind the Registry `nemo`."""
    with proxied(nemo_server.url) as found:
        await space.registry("nemo", driver="nemo", url=found.url, workspace=workspace, owns=["*"], interval="30s")
        yield found


async def looked_twice(space: Space, recorder: Proxy) -> None:
    """Have the registry reconciled twice: when the second reads, the first is over."""
    for _ in range(2):
        recorder.passed.clear()
        await space.annotate(REGISTRY, "nemo", reconcile=secrets.token_hex(4))

        async def read() -> bool:
            return any(one.method == "GET" and one.kind == "models" for one in recorder.passed)

        await until(read, "the server is read")


async def test_every_kind_of_a_usual_set_up_is_synced_healed_and_deleted(
    space: Space,
    recorder: Proxy,
    nemo_server: Running,
    nemo_judge: Judge,
    workspace: str,
    api_server: ApiServer,
    tmp_path: Path,
) -> None:
    """Written in one order of references, whatever the order of the objects; a second look writes nothing."""
    for name in ("files", "other-files"):
        create_fileset(nemo_server.url, workspace, name)
    objects = [object_of(document) for document in reversed(SETUP)]
    for resource, name, spec in objects:
        await space.put(resource, name, **spec)
    await space.model("support-chat", **CHAT)
    with controller(api_server.kubeconfig, space.namespace, tmp_path / "controller.log"):
        for resource, name, _ in objects:
            await space.synced(resource, name)
        await space.synced(PORTABLE, "support-chat")
        assert nemo_judge.secret(workspace, "llm-key") == KEY
        before = nemo_judge.written(workspace)
        await looked_twice(space, recorder)
        assert nemo_judge.written(workspace) == before

        nemo_judge.update("Model", workspace, "model", description="Somebody else's words.")

        async def healed() -> bool:
            found = nemo_judge.get("Model", workspace, "model") or {}
            return bool(found.get("description") == "Answers questions.")

        await until(healed, "the description is as declared")
        for resource, name, _ in objects:
            await space.delete(resource, name)
        await space.delete(PORTABLE, "support-chat")
        await space.says(REGISTRY, "nemo", "Synced", "False")
        await space.annotate(REGISTRY, "nemo", **{"allow-deletes": "3"})  # models; what else goes counts in no guard
        for resource, name, _ in objects:
            await space.gone(resource, name)
        await space.gone(PORTABLE, "support-chat")
    assert nemo_judge.written(workspace) == {}


async def test_one_model_goes_to_every_default_registry(
    space: Space,
    recorder: Proxy,
    nemo_judge: Judge,
    workspace: str,
    litellm: LiteLLMServer,
    litellm_wire: Wire,
    api_server: ApiServer,
    tmp_path: Path,
) -> None:
    """NeMo, LiteLLM and the embedded registry at once; a fault of one is told of that one."""
    await space.secret("master", key=litellm.token)
    token = {"secretKeyRef": {"name": "master", "key": "key"}}
    await space.registry("litellm", driver="litellm", url=litellm.url, token=token)
    await space.registry("embedded", driver="local", path=str(tmp_path / "registry.db"))
    await space.model("support-chat", **CHAT)
    with controller(api_server.kubeconfig, space.namespace, tmp_path / "controller.log"):
        await space.synced(PORTABLE, "support-chat")
        item = await space.get(PORTABLE, "support-chat") or {}
        rows = {row["name"]: row["action"] for row in item["status"]["registries"]}
        assert set(rows) == {"nemo", "litellm", "embedded"}
        found = nemo_judge.get("Model", workspace, "support-chat") or {}
        assert found.get("description") == CHAT["description"]
        assert litellm_wire.models()["support-chat"]["litellm_params"]["model"] == "openai/gpt-oss-120b"
        assert (tmp_path / "registry.db").stat().st_size > 0
