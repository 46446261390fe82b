"""Seed 001, NVIDIA NeMo Platform, "Create Model": each field of the request and of the answer, on the real server."""

from __future__ import annotations

from typing import Any, Final

import pytest
from cli.project import Project
from registry.nemo.judge import Judge
from registry.nemo.server import create_fileset
from registry.server_process import Running
from seeds.conftest import declare

CONFIG: Final = """\
owner: us
registries:
  nemo: {{driver: nemo, url: '{url}', workspace: {workspace}, default: true, owns: ['*']}}
"""
CHECKPOINT: Final = {
    **dict.fromkeys(("checkpoint_model_name", "family"), "llama"),
    **dict.fromkeys(("num_layers", "hidden_size", "num_attention_heads", "num_kv_heads", "ffn_hidden_size"), 8),
    **dict.fromkeys(("vocab_size", "base_num_parameters"), 8),
    **dict.fromkeys(("tied_embeddings", "gated_mlp"), True),
    "precision": "bf16",
}


def entity(key: str, **fields: Any) -> dict[str, Any]:
    return {"kind": "nemo/Model", "key": key, **fields}


@pytest.fixture
def here(project: Project, nemo_server: Running, workspace: str) -> Project:
    """A project for a workspace of its own."""
    project.write("reconciler.yaml", CONFIG.format(url=nemo_server.url, workspace=workspace))
    return project


def problems(project: Project, /, **fields: Any) -> list[str]:
    """The rules that `validate` finds broken in a model with these fields."""
    declare(project, entity("model", **fields))
    return [one["rule"] for one in project.run("validate", "--format", "json").json("validate")["problems"]]


def test_create_a_new_model_entity(here: Project, workspace: str, nemo_judge: Judge) -> None:
    """ "registered for use within the platform": only `name` is required, and NVIDIA's client finds it in the workspace."""
    declare(here, entity("my-model"))
    here.apply()
    found = nemo_judge.get("Model", workspace, "my-model")
    assert found is not None
    assert (found["name"], found["workspace"]) == ("my-model", workspace)


def test_every_field_of_the_request(here: Project, workspace: str, nemo_judge: Judge, nemo_server: Running) -> None:
    """What a manifest says is what NVIDIA's client reads, field by field, and nothing is left to do."""
    create_fileset(nemo_server.url, workspace, "files")
    fields = {
        "description": "Answers questions.",
        "spec": CHECKPOINT,
        "finetuning_type": "lora",
        "base_model": "llama",
        "api_endpoint": {"url": "https://llm.example.com/v1", "model_id": "m", "format": "openai"},
        "backend_format": "OPENAI_CHAT",
        "prompt": {"system_prompt": "Be kind.", "inference_params": {"temperature": 0.5, "max_tokens": 9}},
        "custom_fields": {"cost_centre": 42, "deep": {"list": [None, 1.5]}},
        "ownership": {"team": "cx"},
        "trust_remote_code": False,
    }
    parts = [
        {"kind": "nemo/Project", "key": "cx"},
        {"kind": "nemo/Provider", "key": "gateway", "host_url": "https://x"},
    ]
    whole = entity("model", **fields, project="cx", fileset="files", model_providers=["gateway"])
    declare(here, *parts, whole)
    here.apply()
    found = nemo_judge.get("Model", workspace, "model")
    assert found is not None
    assert contains(found, fields)
    assert (found["project"], found["fileset"]) == ("cx", f"{workspace}/files")
    assert found["model_providers"] == [f"{workspace}/gateway"]
    assert not here.plan()


def contains(found: Any, wanted: Any) -> bool:
    """Whether all that is wanted was found; the server fills maps with nulls and defaults."""
    if isinstance(wanted, dict):
        return all(name in found and contains(found[name], item) for name, item in wanted.items())
    return bool(found == wanted)


def test_allowed_characters_of_the_name(here: Project) -> None:
    """ "letters, digits, underscores, hyphens, and dots": and, as the server really has it, lower case and 2 to 63 of them."""
    for key, fine in {"a.b_c-9": True, "m" * 63: True, "A-b": False, "a": False, "m" * 64: False, "a b": False}.items():
        declare(here, entity(key))
        assert (here.run("validate").code == 0) == fine, key


def test_lengths_and_patterns_of_fields(here: Project) -> None:
    """ "<=1000 characters" of a description, "<=255" and "^[\\w\\-./]+$" of a project: found before anything is sent."""
    assert problems(here, description="d" * 1000) == []
    assert problems(here, description="d" * 1001) == ["bad-length"]
    assert problems(here, project="p" * 256)
    assert problems(here, project="a project")


def test_enums_of_fields(here: Project) -> None:
    """`finetuning_type` and `backend_format`: a value of no known server is a warning, with `--strict` an error."""
    assert problems(here, finetuning_type="lora", backend_format="ANTHROPIC_MESSAGES") == []
    assert problems(here, finetuning_type="lorra", backend_format="OPENAI") == ["unknown-value", "unknown-value"]


def test_the_spec_is_generated_when_a_fileset_is_provided(
    here: Project, workspace: str, nemo_judge: Judge, nemo_server: Running
) -> None:
    """ "Automatically generated by the platform": what it wrote there is no drift, and is left alone."""
    create_fileset(nemo_server.url, workspace, "files")
    declare(here, entity("model", fileset="files"))
    here.apply()
    nemo_judge.update("Model", workspace, "model", spec=CHECKPOINT)
    assert not here.plan()


def test_a_fileset_has_to_be_there(here: Project, workspace: str) -> None:
    """ "expected format {workspace}/{fileset_name}": one that is not there is found at plan, and one of three parts offline."""
    declare(here, entity("model", fileset=f"{workspace}/nope"))
    answer = here.run("plan")
    assert (answer.code, "which the registry does not have" in answer.err) == (1, True)
    assert problems(here, fileset="a/b/c") == ["bad-key"]


def test_the_inference_endpoint_is_a_url_without_a_key(here: Project) -> None:
    """ "Data about the inference endpoint": a URL that is none and a key that everybody would see are refused, with the way on."""
    assert problems(here, api_endpoint={"url": "not-a-url"}) == ["registry-limit"]
    declare(here, entity("model", api_endpoint={"url": "https://x", "api_key": "sk-of-somebody"}))
    answer = here.run("validate")
    assert "nemo/Provider" in answer.out
    assert "sk-of-somebody" not in answer.both


def test_a_key_that_somebody_set_outlives_an_update(here: Project, workspace: str, nemo_judge: Judge) -> None:
    """`api_endpoint` is replaced whole by the server; the member of it that no manifest holds is not lost, and not shown."""
    key = "sk-live-9f2c71e04b8a"
    endpoint = {"url": "https://llm.example.com/v1", "model_id": "m"}
    nemo_judge.create("Model", workspace, "model", api_endpoint={**endpoint, "api_key": key})
    declare(here, entity("model", api_endpoint={**endpoint, "model_id": "other"}))
    here.apply()
    found = nemo_judge.get("Model", workspace, "model")
    assert found is not None
    assert (found["api_endpoint"]["model_id"], found["api_endpoint"]["api_key"]) == ("other", key)
    here.run("get", "model")
    assert not any(key in one.both for one in here.runs)


def test_an_unset_backend_format_is_openai_chat(here: Project) -> None:
    """ "If unset, inference routing treats the model as OPENAI_CHAT": that is what `info` says."""
    declare(here, entity("model", api_endpoint={"url": "https://llm.example.com/v1", "model_id": "m"}))
    assert here.ok("info", "model", "--format", "json").json("info")["supports_chat"] is True


def test_model_providers_are_workspace_and_name(here: Project, workspace: str, nemo_judge: Judge) -> None:
    """ "workspace/name resource names": written either way it is the same provider, which must be declared or there."""
    provider = {"kind": "nemo/Provider", "key": "gateway", "host_url": "https://x"}
    declare(here, provider, entity("model", model_providers=["gateway"]))
    here.apply()
    declare(here, provider, entity("model", model_providers=[f"{workspace}/gateway"]))
    assert not here.plan()
    declare(here, provider, entity("model", model_providers=["nobody"]))
    assert "nemo/Provider/nobody" in here.run("plan").err


def test_trust_remote_code_defaults_to_false(here: Project, workspace: str, nemo_judge: Judge) -> None:
    """ "security ramifications of running arbitrary code": it is false, and true only where the configuration allows it."""
    declare(here, entity("model"))
    here.apply()
    found = nemo_judge.get("Model", workspace, "model")
    assert found is not None
    assert found["trust_remote_code"] is False
    declare(here, entity("model", trust_remote_code=True))
    answer = here.run("apply", "--yes")
    assert (answer.code, "allow_trust_remote_code" in answer.both) == (4, True)


def test_the_answer_has_id_created_at_updated_at_and_adapters(here: Project, workspace: str, nemo_judge: Judge) -> None:
    """What the server alone says of a model is shown by `get`, and is no field of a manifest."""
    declare(here, entity("model"))
    here.apply()
    found = nemo_judge.get("Model", workspace, "model")
    assert found is not None
    told = here.ok("get", "model", "--format", "json").json("get")
    assert {**told["server_facts"], "revision": told["revision"]} == {
        **{name: found[name] for name in ("id", "created_at", "adapters")},
        "revision": found["updated_at"],
    }
    for name in ("id", "created_at", "updated_at", "adapters"):
        assert problems(here, **{name: "x"}) == ["unknown-field"]


def test_a_name_is_unique_in_its_workspace(here: Project) -> None:
    """ "Name/workspace combo must be unique": two manifests of one name are an error that names both places."""
    here.write("manifests/a.yaml", "kind: nemo/Model\nkey: model\n")
    here.write("manifests/b.yaml", "kind: nemo/Model\nkey: model\n")
    answer = here.run("validate")
    assert answer.code == 1
    assert "manifests/a.yaml" in answer.out
    assert "manifests/b.yaml" in answer.out


def test_the_request_itself_can_be_imported(here: Project, workspace: str, nemo_judge: Judge) -> None:
    """The JSON body among the manifests: the message says what to do, and the import declares what it says."""
    here.write("manifests/body.json", '{"name": "my-model", "description": "d", "finetuning_type": "lora"}')
    assert "`reconciler import manifests/body.json -o DIR`" in here.run("validate").out
    here.ok("import", "manifests/body.json", "-o", "imported")
    (here.root / "manifests/body.json").unlink()
    here.apply("imported")
    found = nemo_judge.get("Model", workspace, "my-model")
    assert found is not None
    assert (found["description"], found["finetuning_type"]) == ("d", "lora")
