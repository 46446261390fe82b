"""A real NeMo server behind the controller. The judge is NVIDIA's own client, and the server's own count of writes."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from kubernetes.loop import Team
from registry.litellm.server import LiteLLMServer
from registry.litellm.wire import Wire
from registry.nemo.judge import Judge
from registry.nemo.server import create_fileset
from registry.nemo_proxy import Proxy, proxied
from registry.nemo_samples import ADAPTER, FILESETS, MODEL, PROJECT, PROMPT, PROVIDER, native
from registry.server_process import Running

from reconciler.controller.crds import native_types
from reconciler.registry import catalog

TYPES: Final = native_types([catalog.load_driver("nemo")])
KEY: Final = "sk-of-the-provider-1234567890"
CHAT: Final = {
    "display_name": "Support chat",
    "description": "Answers questions.",
    "endpoint": {"url": "https://llm.example.com/v1", "model": "gpt-oss-120b", "api_key": "${secret:provider/key}"},
    "labels": {"team": "cx"},
}
SETUP: Final = (  # what refers comes first: the order of the objects must not matter
    PROMPT.document,
    ADAPTER.document,
    MODEL.document,
    native("Model", "base"),
    native("Provider", "gateway", host_url="https://llm.example.com/v1"),
    PROVIDER.document,
    native("Secret", "llm-key", value="${secret:provider/key}"),
    native("Project", "cx", description="Customer experience."),
    PROJECT.document,
)


class Behind:
    """A namespace whose Registry `nemo` leads to a workspace of the server through a recorder."""

    def __init__(self, team: Team, recorder: Proxy, workspace: str) -> None:
        self.team = team
        self.recorder = recorder
        self.workspace = workspace

    def secret(self, name: str, value: str) -> None:
        """Applies a Secret with one value, `key`."""
        metadata = {"name": name, "namespace": self.team.namespace}
        data = {"key": base64.b64encode(value.encode()).decode()}
        self.team.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})

    def registry(self, name: str, **spec: Any) -> None:
        """Applies a Registry that takes what names none, and prunes."""
        self.team.apply(
            self.team.object("Registry", name, **{"default": True, "prune": True, "interval": "15s", **spec})
        )

    def native(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """A native document as an object."""
        resource = TYPES[document["kind"]]
        spec = {name: value for name, value in document.items() if name not in ("kind", "key")}
        return self.team.object(resource.kind, document["key"], resource.api_version, **spec)

    def look(self) -> None:
        """Has the registry reconciled twice: one runs at a time, so when the second reads, the first is over."""
        for _ in range(2):
            self.recorder.passed.clear()
            mark = {"metadata": {"annotations": {"models.reconciler.dev/reconcile": secrets.token_hex(4)}}}
            self.team.patch("registries", "nemo", mark)
            self.team.until(lambda: any(one.kind == "models" for one in self.recorder.passed), "the server is read")


@pytest.fixture
def behind(team: Team, nemo_server: Running, workspace: str) -> Iterator[Behind]:
    """One, with the Secret of the provider; its controller does not run yet."""
    for name in FILESETS:
        create_fileset(nemo_server.url, workspace, name)
    with proxied(nemo_server.url) as recorder:
        made = Behind(team, recorder, workspace)
        made.secret("provider", KEY)
        made.registry("nemo", driver="nemo", url=recorder.url, workspace=workspace, owns=["*"])
        yield made


def test_every_kind_of_a_usual_set_up_is_synced_healed_and_deleted(behind: Behind, nemo_judge: Judge) -> None:
    """A second look writes nothing; a change by hand is set back; what goes here goes there."""
    team = behind.team
    team.apply(*(behind.native(document) for document in SETUP), team.object("Model", "support-chat", **CHAT))
    team.controller.start()
    types = sorted({TYPES[document["kind"]].name for document in SETUP})
    for resource in (*types, "models"):
        team.until_synced(resource=resource)
    assert nemo_judge.secret(behind.workspace, "llm-key") == KEY
    before = nemo_judge.written(behind.workspace)
    behind.look()
    assert nemo_judge.written(behind.workspace) == before

    nemo_judge.update("Model", behind.workspace, "model", description="Somebody else's words.")

    def healed() -> bool:
        found = nemo_judge.get("Model", behind.workspace, "model") or {}
        return bool(found["description"] == "Answers questions.")

    team.until(healed, "the description is what its object says")
    allowed = {"metadata": {"annotations": {"models.reconciler.dev/allow-deletes": "3"}}}
    team.patch("registries", "nemo", allowed)  # three models; what else goes counts in no guard
    team.kubectl("delete", ",".join((*types, "models.models.reconciler.dev")), "--all", "--wait=false")
    for resource in (*types, "models"):
        team.until(lambda resource=resource: not team.list(resource), f"all {resource} are gone")
    assert nemo_judge.written(behind.workspace) == {}


def test_one_model_goes_to_every_default_registry(
    behind: Behind, nemo_judge: Judge, litellm: LiteLLMServer, litellm_wire: Wire
) -> None:
    """NeMo, LiteLLM and the embedded registry at once, from one object that names none of them."""
    team = behind.team
    behind.secret("master", litellm.token)
    token = {"secretKeyRef": {"name": "master", "key": "key"}}
    behind.registry("litellm", driver="litellm", url=litellm.url, token=token)
    behind.registry("store", driver="local", path="registry.db")
    team.apply(team.object("Model", "support-chat", **CHAT))
    team.controller.start()
    team.until(lambda: len(_rows(team)) == 3, "the model has three rows")
    team.until_synced("support-chat")
    assert _rows(team) == dict.fromkeys(("nemo", "litellm", "store"), "unchanged")
    found = nemo_judge.get("Model", behind.workspace, "support-chat") or {}
    assert found["description"] == CHAT["description"]
    assert litellm_wire.models()["support-chat"]["litellm_params"]["model"] == "openai/gpt-oss-120b"


def _rows(team: Team) -> dict[str, str]:
    """The actions that are left in each registry, as the model's status says."""
    rows = (team.get("models", "support-chat").get("status") or {}).get("registries") or ()
    return {row["name"]: row["action"] for row in rows}
