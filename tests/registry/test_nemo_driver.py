"""What the driver `nemo` sends and what it makes of the answers, on the real server. NVIDIA's own client is the judge.

| trap of the server | test |
|---|---|
| real name rule is tighter than the documented one | test_names_at_the_edges_of_the_rule, test_names_that_the_server_would_refuse |
| a PUT of a bad name is stored, then poisons all lists | test_a_poisonous_name_is_never_sent |
| URLs come back in another form | test_another_spelling_of_a_url_is_no_change |
| nulls dropped in lists, filled in alone; keys filled in | test_the_judge_reads_what_we_wrote, and the contract |
| `custom_fields` keeps anything | test_custom_fields_come_back_as_they_went, test_whatever_is_in_a_model_converges |
| PATCH: null keeps, nested objects are replaced whole | test_a_patch_holds_what_changed_and_nothing_else |
| no-op PATCH and PUT | test_the_judge_reads_what_we_wrote |
| PUT of a provider clears what it leaves out | test_a_provider_keeps_the_deployment_that_it_belongs_to |
| what a deployment or another writer put there | test_a_list_of_providers_keeps_what_serves_the_model_and_drops_the_rest |
| `api_endpoint.api_key` is shown in clear | test_a_key_in_an_endpoint_goes_nowhere |
| our mark in `custom_fields` | test_our_mark_is_hidden, test_what_a_manifest_says_wrongly_is_told_at_its_line |
| only one limit of tokens | the same |
| `tool_call_plugin` needs a setting of the platform | test_a_refusal_of_the_platform_is_explained |
| unknown body fields are ignored | the same |
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import hypothesis
import pytest
from cli.project import Project
from hypothesis import strategies as st
from registry.nemo.fixtures import nemo_judge as nemo_judge
from registry.nemo.fixtures import nemo_server as nemo_server
from registry.nemo.fixtures import workspace as workspace
from registry.nemo.judge import Judge
from registry.nemo.server import create_fileset, create_workspace
from registry.nemo.wire import wire
from registry.nemo_contract import connected
from registry.nemo_contract import nemo as nemo
from registry.nemo_contract import proxy as proxy
from registry.nemo_proxy import Proxy
from registry.nemo_samples import (
    ADAPTER,
    CHECKPOINT,
    FILESETS,
    LAYERS,
    MODEL,
    PORTABLE,
    PROJECT,
    PROMPT,
    PROMPTED,
    PROVIDER,
    SECRET,
    SPEC,
    WHOLE_FIELDS,
    native,
)
from registry.server_process import Running
from world import ENVIRON, World, actions, model, paths, statuses

from reconciler.core.errors import PermanentError
from reconciler.core.resource import Address, Resource
from reconciler.registry.nemo.kinds import KINDS
from reconciler.registry.protocol import Write
from reconciler.testing.sample import Sample
from reconciler.testing.stored import registry_of, stored

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("aé😀", max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("a.", max_size=2), inner, max_size=2),
    max_leaves=4,
)
ODD = {
    "a": None,
    "": 1,
    "a.b": 1e300,
    "$k": -0.5,
    "n": 12345678901234567890,
    "f": 1.5,
    "😀": "😀",
    "l": [None, {"": None}],
}


@pytest.mark.parametrize("name", ["a", "m" * 64, "A1", "1a", "a--b", "ab-", "a@b", "a+b", "a/b", "ab\n", ""])
def test_names_that_the_server_would_refuse(name: str) -> None:
    """`validate` refuses what the server would: what it documents is not its rule."""
    assert all(KINDS[kind].check_key(name) for kind in ("Model", "Provider", "Secret", "Adapter", "Prompt"))


async def test_names_at_the_edges_of_the_rule(nemo: World) -> None:
    """2 to 63 characters, with dots and underscores: they are taken, and need nothing more."""
    documents = [native("Model", name) for name in ("ab", "m" * 63, "a.b_c-d")]
    documents += [native("Project", "a@b+c"), native("Prompt", "a.b_c-d")]
    assert set(statuses(await nemo.apply(*documents)).values()) == {"ok"}
    assert await nemo.settled(*documents)


async def test_a_poisonous_name_is_never_sent(nemo: World, proxy: Proxy) -> None:
    """The driver itself sends no name that the server would store and then could not read, whoever asks it to."""
    for kind, spec in (("Provider", {"host_url": "http://x"}), ("Model", {})):
        with pytest.raises(PermanentError, match="cannot be taken"):
            await registry_of(nemo).create(Write(Resource(Address("nemo", kind, "a@b"), spec)))
    assert proxy.written() == []


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("http://127.0.0.1:19001", "http://127.0.0.1:19001/"),
        ("HTTP://Example.COM:80/V1", "http://example.com/V1"),
        ("https://x.example:443/v1/", "https://x.example/v1/"),
        ("http://bücher.example/a b", "http://xn--bcher-kva.example/a%20b"),
    ],
)
async def test_another_spelling_of_a_url_is_no_change(
    nemo: World, nemo_judge: Judge, workspace: str, sent: str, kept: str
) -> None:
    """The server writes a model's URL in its own form: that is no drift, and a provider's is kept as it is."""
    documents = [
        native("Model", "m1", api_endpoint={"url": sent, "model_id": "m"}),
        native("Provider", "p1", host_url=sent),
    ]
    await nemo.apply(*documents)
    model = nemo_judge.get("Model", workspace, "m1")
    assert model is not None
    assert model["api_endpoint"]["url"] == kept
    assert await nemo.settled(*documents)


async def test_custom_fields_come_back_as_they_went(nemo: World, nemo_judge: Judge, workspace: str) -> None:
    """Nulls, huge numbers, 20 digits, emoji, empty and dotted names survive create, update and both ways to read."""
    first = native("Model", "m1", custom_fields=ODD, ownership=ODD)
    second = native("Model", "m1", custom_fields={**ODD, "more": {"": None}}, ownership=ODD)
    for document in (first, second):
        assert set(statuses(await nemo.apply(document)).values()) == {"ok"}
        assert await nemo.settled(document)
        found = nemo_judge.get("Model", workspace, "m1")
        assert found is not None
        kept = {name: value for name, value in found["custom_fields"].items() if name != "reconciler"}
        assert repr(kept) == repr(document["custom_fields"])
        (listed,) = [one for one in await stored(nemo) if one.address.key == "m1"]
        assert listed.spec["custom_fields"] == document["custom_fields"]


@hypothesis.settings(max_examples=6)
@hypothesis.given(
    st.dictionaries(st.text("aZ. 😀é", max_size=3), json_values, max_size=3),
    st.dictionaries(st.text("ab.", min_size=1, max_size=3), st.text("xé", max_size=3), max_size=2),
    st.lists(st.text("tu", min_size=1, max_size=3), max_size=2),
)
def test_whatever_is_in_a_model_converges(
    nemo_server: Running, metadata: dict[str, Any], labels: dict[str, str], tags: list[str]
) -> None:
    """Whatever is in metadata, labels, tags and custom_fields: one apply stores it, and the next one has nothing to do."""

    async def converges() -> None:
        async with connected(nemo_server.url, create_workspace(nemo_server.url)) as world:
            documents = [
                model("portable", metadata=metadata, labels=labels, tags=tags),
                native("Model", "native", custom_fields=metadata, ownership=labels),
            ]
            report = await world.apply(*documents)
            assert set(statuses(report).values()) == {"ok"}, report.outcomes
            assert await world.settled(*documents)

    asyncio.run(converges())


async def test_a_patch_holds_what_changed_and_nothing_else(nemo: World, proxy: Proxy) -> None:
    """An update of a model sends the fields that differ and the mark: what somebody else changes meanwhile elsewhere stays."""
    await nemo.apply(*MODEL.whole)
    sent = {
        "/description": {"description": "Answers more."},
        "/base_model": {"base_model": "elsewhere/base"},
        "/backend_format": {"backend_format": "ANTHROPIC_MESSAGES"},
        "/api_endpoint/model_id": {
            "api_endpoint": {"url": "http://LLM.example.com:80", "model_id": "other", "format": "openai"}
        },
    }
    changed = {"/description": "Answers more.", "/base_model": "elsewhere/base"}
    changed |= {"/backend_format": "ANTHROPIC_MESSAGES", "/api_endpoint/model_id": "other"}
    for place, value in changed.items():
        await nemo.apply(*MODEL.whole)
        before = len(proxy.written())
        await nemo.apply(*MODEL.having(place, value))
        (patch,) = proxy.written()[before:]
        assert patch.shown == "PATCH models/model"
        assert {name: field for name, field in patch.body.items() if name != "custom_fields"} == sent[place]
        assert patch.body["custom_fields"]["team"] == "cx"


def holds(stored: Any, declared: Any) -> bool:
    """Whether everything declared is stored: what is null or missing counts as one, what is more is the server's."""
    if isinstance(declared, Mapping):
        return isinstance(stored, Mapping) and all(holds(stored.get(name), value) for name, value in declared.items())
    if isinstance(declared, list):
        return isinstance(stored, list) and len(stored) == len(declared) and all(map(holds, stored, declared))
    return bool(stored == declared)


JUDGED = (MODEL, WHOLE_FIELDS, PROMPTED, SPEC, LAYERS, PROVIDER, SECRET, ADAPTER, PROMPT, PROJECT)


@pytest.mark.parametrize("sample", JUDGED, ids=lambda sample: sample.key)
async def test_the_judge_reads_what_we_wrote(
    nemo: World, nemo_judge: Judge, nemo_server: Running, workspace: str, sample: Sample
) -> None:
    """NVIDIA's client finds every declared field after a create and after an update, and an apply without changes writes nothing."""
    if "fileset" in sample.document:
        for name in FILESETS:
            create_fileset(nemo_server.url, workspace, name)
    place, values = next(iter(sample.updates.items()))
    for documents in (sample.whole, sample.having(place, values[0])):
        report = await nemo.apply(*documents, allow_replaces=3)
        assert set(statuses(report).values()) == {"ok"}, report.outcomes
        before = nemo_judge.written(workspace)
        await nemo.apply(*documents)
        assert nemo_judge.written(workspace) == before
        document = documents[-1]
        kind = document["kind"].removeprefix("nemo/")
        verbose = {"verbose": True} if kind == "Model" else {}
        calls = {"Model": "models", "Provider": "inference.providers", "Prompt": "inference.prompts"}
        call = calls.get(kind, kind.lower() + "s")
        found = nemo_judge.call(f"{call}.retrieve", sample.key, workspace=workspace, **verbose)
        assert holds(found, declared(document, workspace)), (found, document)
        if kind == "Secret":
            assert nemo_judge.secret(workspace, sample.key) == ENVIRON["KEY"]


def declared(document: Mapping[str, Any], workspace: str) -> dict[str, Any]:
    """The fields of a document as the server writes them."""
    fields = {name: value for name, value in document.items() if name not in ("kind", "key", "value")}
    for name in ("fileset", *(("model",) if "lora_config" in fields else ())):
        if name in fields:
            fields[name] = f"{workspace}/{fields[name]}"
    if "model_providers" in fields:
        fields["model_providers"] = [f"{workspace}/{name}" for name in fields["model_providers"]]
    if fields.get("api_endpoint", {}).get("url") == "http://LLM.example.com:80":
        fields["api_endpoint"] = {**fields["api_endpoint"], "url": "http://llm.example.com/"}
    return fields


async def test_a_provider_keeps_the_deployment_that_it_belongs_to(
    nemo: World, nemo_judge: Judge, workspace: str
) -> None:
    """A PUT would clear `model_deployment_id`, which a deployment wrote and no manifest names: it is sent along."""
    await nemo.apply(native("Provider", "p1", host_url="http://x"))
    path = f"/apis/models/v2/workspaces/{workspace}/providers/p1/status"
    with wire(nemo_judge.url, workspace) as other:
        other.http.put(path, json={"status": "READY", "model_deployment_id": "default/d"}).raise_for_status()
    assert await nemo.settled(native("Provider", "p1", host_url="http://x"))
    await nemo.apply(native("Provider", "p1", host_url="http://y"))
    provider = nemo_judge.get("Provider", workspace, "p1")
    assert provider is not None
    assert (provider["host_url"], provider["model_deployment_id"], provider["status"]) == (
        "http://y",
        "default/d",
        "READY",
    )


async def test_a_list_of_providers_keeps_what_serves_the_model_and_drops_the_rest(
    nemo: World, nemo_judge: Judge, workspace: str
) -> None:
    """A link that the models controller keeps up stays, since it would come back; one that was declared before goes."""
    providers = [native("Provider", name, host_url="http://x") for name in ("p1", "p2", "p3")]
    await nemo.apply(*providers, native("Model", "m1", model_providers=["p1"]))
    served = [{"model_entity_id": f"{workspace}/m1", "served_model_name": "m"}]
    path = f"/apis/models/v2/workspaces/{workspace}/providers/p3/status"
    with wire(nemo_judge.url, workspace) as other:
        other.http.put(path, json={"status": "READY", "served_models": served}).raise_for_status()
    nemo_judge.update("Model", workspace, "m1", model_providers=[f"{workspace}/p1", f"{workspace}/p3"])
    assert await nemo.settled(*providers, native("Model", "m1", model_providers=["p1"]))
    after = [*providers, native("Model", "m1", model_providers=["p2"])]
    await nemo.apply(*after)
    found = nemo_judge.get("Model", workspace, "m1")
    assert found is not None
    assert found["model_providers"] == [f"{workspace}/p2", f"{workspace}/p3"]
    assert await nemo.settled(*after)


async def test_a_key_in_an_endpoint_goes_nowhere(nemo: World, nemo_judge: Judge, workspace: str) -> None:
    """Somebody put a key where the server shows it to everybody: we do not pass it on, in the list or alone."""
    nemo_judge.create("Model", workspace, "m1", api_endpoint={"url": "http://x/", "api_key": "hush-hush"})
    alone = await registry_of(nemo).get(Address("nemo", "Model", "m1"))
    plan = await nemo.plan(native("Model", "m1", api_endpoint={"url": "http://y/"}))
    assert alone is not None
    assert "hush-hush" not in repr([await stored(nemo), alone, plan])
    assert "api_key" not in alone.spec["api_endpoint"]


async def test_our_mark_is_hidden(nemo: World, nemo_judge: Judge, workspace: str) -> None:
    """It is in `custom_fields` of the server and nowhere in what we show; removing all fields beside it leaves it."""
    await nemo.apply(native("Model", "m1", custom_fields={"a": 1}))
    await nemo.apply(native("Model", "m1"))
    found = nemo_judge.get("Model", workspace, "m1")
    assert found is not None
    assert list(found["custom_fields"]) == ["reconciler"]
    assert found["custom_fields"]["reconciler"]["owner"] == "us"
    (resource,) = [one for one in await stored(nemo) if one.address.key == "m1"]
    assert "reconciler" not in json.dumps(resource.spec)
    assert resource.mark is not None


CONFIG = "owner: us\nregistries:\n  nemo: {{driver: nemo, url: '{url}', workspace: {workspace}, default: true, owns: ['*']}}\n"


@pytest.fixture
def here(project: Project, proxy: Proxy, workspace: str) -> Project:
    """A project whose one registry is the workspace."""
    project.write("reconciler.yaml", CONFIG.format(url=proxy.url, workspace=workspace))
    return project


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("custom_fields:\n  reconciler: {owner: me}\n", 4, "'reconciler'"),
        ("prompt:\n  inference_params: {max_tokens: 1, max_completion_tokens: 1}\n", 4, "only one"),
        ("descripton: x\n", 3, "description"),
        ("project: other/p\n", 3, "same workspace"),
    ],
    ids=["mark", "tokens", "misspelt", "project"],
)
def test_what_a_manifest_says_wrongly_is_told_at_its_line(here: Project, text: str, line: int, said: str) -> None:
    """Our mark, two limits of tokens, a misspelt field, a project elsewhere: the server would take or ignore or refuse them late."""
    here.write("manifests/m.yaml", "kind: nemo/Model\nkey: m1\n" + text)
    answer = here.run("validate", "--format", "json")
    (problem,) = answer.json("validate")["problems"]
    assert answer.code == 1
    assert problem["line"] == line, problem
    assert said in problem["message"] + str(problem["suggestion"])


async def test_a_refusal_of_the_platform_is_explained(nemo: World) -> None:
    """A parser of one's own is refused with 403 by a platform that does not allow it, and the message says which setting that is."""
    spec = CHECKPOINT | {"tool_call_config": {"tool_call_plugin": "default/parser"}}
    report = await nemo.apply(native("Model", "m1", spec=spec))
    (outcome,) = report.outcomes
    assert outcome.status == "failed"
    assert "models.tool_call_plugin.enabled" in outcome.message


async def test_a_portable_model_is_an_entity_a_provider_and_a_secret(
    nemo: World, nemo_judge: Judge, workspace: str
) -> None:
    """The judge finds all three, linked, with the fields in NeMo's own terms, and the secret's value."""
    assert set(statuses(await nemo.apply(*PORTABLE.whole)).values()) == {"ok"}
    found = nemo_judge.get("Model", workspace, "support-chat")
    provider = nemo_judge.get("Provider", workspace, "reconciler-support-chat")
    assert found is not None
    assert provider is not None
    assert found["model_providers"] == [f"{workspace}/reconciler-support-chat"]
    assert found["api_endpoint"]["url"] == provider["host_url"] == "https://llm.example.com/v1"
    assert provider["api_key_secret_name"] == "reconciler-support-chat-api-key"
    assert nemo_judge.secret(workspace, "reconciler-support-chat-api-key") == ENVIRON["KEY"]
    assert found["backend_format"] == "OPENAI_CHAT"
    assert found["prompt"]["inference_params"]["stop"] == ["x"]
    assert found["custom_fields"]["metadata"] == {"cost_centre": 42, "nothing": None}


async def test_only_what_was_declared_is_compared(nemo: World, nemo_judge: Judge, workspace: str) -> None:
    """`api_endpoint`, `backend_format` and `model_providers` belong to the controller where a manifest says nothing of them."""
    await nemo.apply(native("Model", "m1", description="d"))
    nemo_judge.update(
        "Model",
        workspace,
        "m1",
        api_endpoint={"url": "http://x/"},
        backend_format="OPENAI_CHAT",
        model_providers=["a/b"],
    )
    assert await nemo.settled(native("Model", "m1", description="d"))
    plan = await nemo.plan(native("Model", "m1", description="d", backend_format="ANTHROPIC_MESSAGES"))
    assert (actions(plan), paths(plan, "m1")) == ({"Model/m1": "update changed"}, ["/backend_format"])
