"""The definitions on a real API server: it takes what `validate` takes, and refuses the rest, but for what a table lists."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from kubernetes.api_server import ApiServer
from kubernetes.parity import Asking, Judged, all_judged, disagreements
from manifest.schema_documents import ODD, WHOLE_MODEL, accidents, changed, places

from reconciler.controller.crds import MODEL, REGISTRY
from reconciler.core import document

ROOT: Final = Path(__file__).parents[2]
JUDGED: Final = {one.resource.name: one for one in all_judged()}
ADAPTER: Final = JUDGED["nemoadapters.nemo.models.reconciler.dev"].resource
FOLDERS: Final = ("manifests", "examples", "tests/examples")
A_MODEL: Final[dict[str, Any]] = {
    "apiVersion": "models.reconciler.dev/v1alpha1",
    "kind": "Model",
    "metadata": {"name": "support-chat"},
    "spec": {"endpoint": {"url": "https://llm.example.com/v1", "model": "gpt-oss-120b"}, "registries": {"one": {}}},
}
AN_ADAPTER: Final[dict[str, Any]] = {
    "apiVersion": "nemo.models.reconciler.dev/v1alpha1",
    "kind": "Adapter",
    "metadata": {"name": "support-lora"},
    "spec": {"model": "base", "fileset": "lora", "finetuning_type": "lora", "lora_config": {"rank": 8}},
}
# a right document of each native kind, with its maps and lists filled
WHOLE: Final[dict[str, dict[str, Any]]] = {
    "insidellms/Model": {"key": "a-b", "model": {"type": "openai", "args": {"model_name": "x", "timeout": 5}}},
    "latticeflow/Model": {
        "key": "ab",
        "display_name": "A",
        "config": {
            "url": "https://a.example",
            "api_key": {"name": "KEY"},
            "custom_headers": {"X-A": "b", "X-Token": {"name": "KEY"}},
        },
        "rate_limit": 5,
    },
    "latticeflow/Adapter": {
        "key": "ab",
        "display_name": "A",
        "process_input": {"language": "jinja", "source_code": "{{ x }}"},
        "process_output": {"language": "jinja", "source_code": "{{ x }}"},
    },
    "latticeflow/Secret": {"key": "ab", "value": "${env:K}"},
    "latticeflow/Integration": {"key": "openai", "api_key": "${env:K}"},
    "litellm/Model": {
        "key": "a b",
        "litellm_params": {
            "model": "openai/x",
            "api_key": "${env:K}",
            "temperature": 0.5,
            "stop": ["a"],
            "extra_headers": {"X-A": "b"},
            "api_base": "https://a.example/v1",
        },
        "model_info": {"mode": "chat", "tier": "free", "supports_vision": True},
    },
    "litellm/Credential": {"key": "ab", "credential_values": {"api_key": "${env:K}"}, "credential_info": {}},
    "mlflow/Endpoint": {
        "key": "ab",
        "models": [{"definition": "a", "weight": 1, "linkage": "PRIMARY"}],
        "tags": {"a": "b"},
    },
    "mlflow/RegisteredModel": {"key": "ab", "description": "é", "tags": {"a": "b"}, "aliases": {"live": 1}},
    "mlflow/ModelVersion": {"key": "a/b", "source": "s3://a/b", "tags": {"a": "b"}},
    "mlflow/Secret": {"key": "ab", "provider": "openai", "secret_value": {"api_key": "${env:K}"}, "auth_config": {"r": "a"}},
    "mlflow/ModelDefinition": {"key": "ab", "provider": "openai", "model_name": "a", "secret": "b"},
    "nemo/Model": {
        "key": "ab",
        "api_endpoint": {"url": "https://a.example/v1", "model_id": "a"},
        "prompt": {"inference_params": {"temperature": 0.5, "max_tokens": 3}},
        "trust_remote_code": False,
        "custom_fields": {"a": 1},
    },
    "nemo/Provider": {
        "key": "ab",
        "host_url": "https://a.example",
        "api_key_secret_name": "key",
        "default_extra_headers": {"X-A": "b"},
        "auth_header_format": "x-api-key: {{ auth_secret }}",
    },
    "nemo/Secret": {"key": "ab", "value": "${env:K}"},
    "nemo/Adapter": {"key": "ab", **AN_ADAPTER["spec"]},
    "nemo/Prompt": {"key": "ab", "messages": [{"role": "user", "content": "a"}], "inference_params": {"top_p": 1}},
    "nemo/Project": {"key": "ab", "description": "a"},
    "nemo/Workspace": {"key": "ab", "description": "a"},
    "watsonx/Model": {
        "key": "virtual-model/openai/a",
        "provider_config": {"customHost": "https://a.example", "urlToFetch": "https://a.example"},
        "config": {"temperature": 0.5, "stop": ["a"]},
        "tags": ["a", "b"],
    },
    "watsonx/Policy": {
        "key": "virtual-policy/a",
        "policy": {"strategy": {"mode": "loadbalance"}, "targets": [{"model_name": "virtual-model/openai/a", "weight": 0.5}]},
    },
    "watsonx/Connection": {
        "key": "ab",
        "environments": {"draft": {"security_scheme": "basic_auth", "preference": "team", "credentials": {"a": "${env:K}"}}},
    },
}  # fmt: skip


@pytest.fixture
def asking(api_server: ApiServer, namespace: str) -> Iterator[Asking]:
    opened = Asking(api_server, namespace)
    yield opened
    opened.close()


def of_the_repository() -> Iterator[Any]:
    """Every document in the manifests that the repository has, right and wrong."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.[yj][as]*")):
            text = document.read_text(path, path.name)
            if isinstance(text, str) and path.suffix in (".yaml", ".yml", ".json"):
                yield from (one.value for one in document.load(text, path.name).documents)


def broken(judged: Judged) -> Iterator[Any]:
    """The right document of a kind, and what becomes of it by an accident in any of its places."""
    assert judged.native is not None
    data = {"kind": judged.native.name, **WHOLE[judged.native.name]}
    yield data
    for number, place in enumerate(places(data)[2:]):
        for odd in (None, *ODD[number % 9 :: 9]):
            yield changed(data, place, lambda _, odd=odd: odd)
        if len(place) > 1 or place[0] not in ("kind", "key"):
            yield changed(data, place[:-1], lambda value, gone=place[-1]: _without(value, gone))


def _without(value: Any, gone: Any) -> Any:
    if isinstance(value, list):
        return [item for number, item in enumerate(value) if number != gone]
    return {name: item for name, item in value.items() if name != gone}


def test_every_definition_is_established(api_server: ApiServer) -> None:
    """None is taken with a schema that is not structural, which would be pruned and never checked."""
    installed = {one["metadata"]["name"]: one["status"] for one in api_server.get("crd")["items"]}
    assert JUDGED.keys() | {REGISTRY.name} <= installed.keys()
    for status in installed.values():
        conditions = {one["type"]: one["status"] for one in status["conditions"]}
        assert conditions["Established"] == conditions["NamesAccepted"] == "True"
        assert conditions.get("NonStructuralSchema", "False") == "False"


def test_the_manifests_of_the_repository_are_judged_alike(asking: Asking) -> None:
    """Whatever stands in an example, right or wrong."""
    documents = list(of_the_repository())
    seen = 0
    for judged in JUDGED.values():
        mine = [one for one in documents if isinstance(one, dict) and one.get("kind") == _kind(judged)]
        seen += len(mine)
        assert disagreements(asking, judged, mine) == ([], [])
    assert seen > 50


def test_every_accident_in_a_model_is_judged_alike(asking: Asking) -> None:
    """Every odd value in every field, every field missing, misspelt and added: a seventh of them, spread over all."""
    whole = {
        name: value
        for name, value in WHOLE_MODEL.items()
        if name not in ("extends", "state", "provider", "$schema", "format_version")
    }
    hosted = {"kind": "Model", "key": "a", "provider": WHOLE_MODEL["provider"], "endpoint": {"url": "https://a"}}
    documents = [*accidents(whole, ("kind", "key")), *accidents(hosted, ("kind", "key"))]
    assert disagreements(asking, JUDGED[MODEL.name], documents[::7]) == ([], [])


@pytest.mark.parametrize("name", [name for name in JUDGED if name != MODEL.name])
def test_every_accident_in_a_native_object_is_judged_alike(asking: Asking, name: str) -> None:
    """The same for each native kind, from a right document of it."""
    judged = JUDGED[name]
    assert judged.native is not None
    right = {"kind": judged.native.name, **WHOLE[judged.native.name]}
    assert judged.mistakes(right) == []
    assert disagreements(asking, judged, broken(judged)) == ([], [])


def _kind(judged: Judged) -> str:
    return "Model" if judged.native is None else judged.native.name


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ({"finetuning_type": "dora"}, "finetuning_type cannot change"),
        ({"model": "other"}, "model cannot change"),
        ({"lora_config": {"rank": 4}}, "lora_config.rank cannot change"),
        ({"lora_config": {"alpha": 4, "rank": 8}}, "lora_config.alpha cannot change"),
        ({"lora_config": None}, "lora_config.rank cannot change"),
        ({"lora_config": {"alpha": 4}}, "lora_config.alpha cannot change"),
    ],
)
def test_what_cannot_change_does_not(api_server: ApiServer, namespace: str, patch: dict[str, Any], said: str) -> None:
    """A field that is fixed, its coming and going, and that of the map that holds it: the object is made anew instead."""
    api_server.apply(_in(AN_ADAPTER, namespace))
    change = ("patch", ADAPTER.plural, "support-lora", "-n", namespace, "--type", "merge", "-p")
    refused = api_server.try_kubectl(*change, json.dumps({"spec": patch}))
    assert refused.returncode == 1
    assert said in refused.stderr
    api_server.kubectl(*change, json.dumps({"spec": {"description": "This may."}}))


def test_an_applied_object_does_not_differ_from_its_file(api_server: ApiServer, namespace: str) -> None:
    """No default of the schema shows as a difference, in whichever way it was applied."""
    registry = {
        "apiVersion": "models.reconciler.dev/v1alpha1",
        "kind": "Registry",
        "metadata": {"name": "one"},
        "spec": {
            "driver": "nemo",
            "url": "https://nemo.example.com",
            "token": {"secretKeyRef": {"name": "a", "key": "b"}},
        },
    }
    text = "\n---\n".join(json.dumps(_in(item, namespace)) for item in (registry, A_MODEL, AN_ADAPTER))
    for flags in ((), ("--server-side", "--force-conflicts")):
        api_server.kubectl("apply", *flags, "-f", "-", text=text)
        assert api_server.kubectl("diff", *flags, "-f", "-", text=text) == ""


def test_kubectl_shows_them(api_server: ApiServer, namespace: str) -> None:
    """By the category, by short names, by fields, with columns and with an explanation."""
    api_server.apply(_in(A_MODEL, namespace), _in(AN_ADAPTER, namespace))
    listed = api_server.kubectl("get", "reconciler", "-n", namespace)
    assert "model.models.reconciler.dev/support-chat" in listed
    assert "/support-lora" in listed
    assert "READY" in listed
    chosen = ("get", MODEL.name, "-n", namespace, "-o", "name", "--field-selector")
    assert api_server.kubectl(*chosen, "spec.task=embeddings") == ""
    assert api_server.kubectl("get", "mdl", "-n", namespace, "-o", "name").strip().endswith("/support-chat")
    assert "Sampling temperature" in api_server.kubectl("explain", f"{MODEL.plural}.spec.parameters.temperature")
    assert "<string> -required-" in api_server.kubectl("explain", f"{ADAPTER.plural}.spec")


def test_two_owners_have_their_own_parts(api_server: ApiServer, namespace: str) -> None:
    """Server-side apply: registries, labels and tags of two teams stand beside each other."""
    parts = {
        "a": {**A_MODEL["spec"], "tags": ["a"], "labels": {"a": "1"}},
        "b": {"registries": {"two": {"key": "b"}}, "tags": ["b"], "labels": {"b": "1"}},
    }
    for owner, spec in parts.items():
        text = json.dumps(_in(A_MODEL | {"spec": spec}, namespace))
        api_server.kubectl("apply", "--server-side", "--field-manager", owner, "-f", "-", text=text)
    spec = api_server.get(MODEL.name, "support-chat", "-n", namespace)["spec"]
    assert spec["registries"] == {"one": {}, "two": {"key": "b"}}
    assert spec["labels"] == {"a": "1", "b": "1"}
    assert sorted(spec["tags"]) == ["a", "b"]


def test_kubectl_waits_for_a_condition(api_server: ApiServer, namespace: str) -> None:
    """`kubectl wait --for=condition=Synced` ends when the status says so of this generation."""
    api_server.apply(_in(A_MODEL, namespace))
    condition = {"type": "Synced", "status": "True", "reason": "Synced", "lastTransitionTime": "2026-11-29T00:00:00Z"}
    status = {"status": {"observedGeneration": 1, "conditions": [condition | {"observedGeneration": 1}]}}
    patching = ("patch", MODEL.name, "support-chat", "-n", namespace, "--subresource", "status", "--type", "merge")
    api_server.kubectl(*patching, "-p", json.dumps(status))
    api_server.kubectl("wait", "--for=condition=Synced", f"{MODEL.name}/support-chat", "-n", namespace, "--timeout=60s")


def _in(item: dict[str, Any], namespace: str) -> dict[str, Any]:
    return item | {"metadata": {**item["metadata"], "namespace": namespace}}
