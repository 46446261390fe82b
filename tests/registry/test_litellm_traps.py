"""What a guess gets wrong about LiteLLM Proxy: each trap that was measured, met by our driver on the real proxy."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from acceptance.nemo_place import references
from programs import run
from registry.litellm.server import LiteLLMServer
from registry.litellm.wire import Row, Wire, wire
from registry.nemo_proxy import proxied
from world import Document, World, actions, statuses

from reconciler.core.errors import RegistryError

MOCKED: Final = {"model": "openai/gpt-4o", "mock_response": "pong"}


def model(key: str, *, info: Document | None = None, fields: Document | None = None, **params: Any) -> Document:
    """A deployment that answers `pong`; `params` go into its parameters."""
    found = {"kind": "litellm/Model", "key": key, "litellm_params": MOCKED | params, **(fields or {})}
    return found | ({"model_info": info} if info else {})


def credential(key: str, **values: Any) -> Document:
    return {"kind": "litellm/Credential", "key": key, "credential_values": {"api_key": "${env:KEY}", **values}}


@pytest_asyncio.fixture
async def world(litellm: LiteLLMServer, tmp_path: Path) -> AsyncIterator[World]:
    """An empty proxy."""
    async with at(litellm, tmp_path) as world:
        yield world


def at(server: LiteLLMServer, folder: Path, *, url: str = "", token: str = "") -> Any:
    """A world whose one registry is that proxy, perhaps reached at another address or with another key."""
    (folder / "token").write_text(token or server.token, "utf-8")
    entry = {"driver": "litellm", "url": url or server.url, "token": "${file:token}"}
    return World.of(root=folder, litellm=entry)


async def converges(world: World, *documents: Document, **how: Any) -> None:
    """One apply does it all, and leaves nothing to do."""
    report = await world.apply(*documents, **how)
    assert set(statuses(report).values()) <= {"ok"}, report.outcomes
    assert actions(await world.plan(*documents, **how)) == {}


async def refused(document: Document, folder: Path) -> str:
    """What is wrong with a document. The proxy is none: nobody is asked."""
    (folder / "token").write_text("t", "utf-8")
    entry = {"driver": "litellm", "url": "http://127.0.0.1:9", "token": "${file:token}"}
    async with World.of(root=folder, litellm=entry) as world:
        with pytest.raises(AssertionError) as caught:
            world.desired(document)
    return str(caught.value)


# --- lists -------------------------------------------------------------------------------------------------------


async def test_a_wildcard_is_one_model(world: World, litellm_wire: Wire) -> None:
    """Which other lists show as 200, with one id."""
    await converges(world, model("every", fields={"model_name": "openai/*"}, model="openai/*"))
    assert list(litellm_wire.models()) == ["every"]


async def test_no_model_is_missed_while_somebody_writes(world: World, litellm_wire: Wire) -> None:
    """An update moves a row to the end of the list: whoever pages loses it."""
    documents = [model(f"m{number:02}") for number in range(30)]
    await converges(world, *documents)
    for _ in range(2):
        writing = asyncio.to_thread(
            lambda: [litellm_wire.patch(f"m{one:02}", model_info={"id": f"m{one:02}", "seen": 1}) for one in range(6)]
        )
        remote, _ = await asyncio.gather(world.remote(), writing)
        seen = {resource.address.key for resource in remote.resources()}
        assert seen >= {one["key"] for one in documents}


async def test_several_models_of_one_name_are_one_group(world: World, litellm_wire: Wire) -> None:
    """Requests are shared among them; each is an object of its own."""
    await converges(world, *(model(key, fields={"model_name": "group"}) for key in ("a", "b")))
    assert {row["model_name"] for row in litellm_wire.models().values()} == {"group"}
    assert litellm_wire.said("group") == "pong"


# --- values that do not come back as they went ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "params",
    [
        {"timeout": 30, "stream_timeout": 30.5, "rpm": 10, "tpm": 100, "max_retries": 3, "max_budget": 10},
        {"api_base": "os.environ/NOWHERE", "api_version": "os.environ/HOME"},
        {"api_key": "${env:KEY}", "aws_session_token": "${env:TOKEN}"},
        {"api_key": "os.environ/NOWHERE"},
        {"extra_headers": {"Authorization": "${env:TOKEN}", "X-Team": "cx"}},
        {"configurable_clientside_auth_params": ["api_base"]},
        {"extra_body": {"zz": 1, "a": {"b": [1, 2.5, 0, "x"]}, "bb": 2}},
        {"tags": ["b", "a"], "stop": ["y", "x", "x"], "drop_params": True},
        {"input_cost_per_token": 0.000001, "output_cost_per_token": 0.0},
    ],
    ids=lambda params: next(iter(params)),
)  # fmt: skip
async def test_it_converges(world: World, params: Document) -> None:
    """Numbers change their type, references are resolved, secrets are masked or gone, maps are reordered."""
    document = model("m", **params)
    await converges(world, document)
    await converges(world, model("m", **params, seed=7))  # an update of another field


async def test_a_mask_is_never_written_back(world: World, litellm_wire: Wire) -> None:
    """The proxy shows `s3cr****oken`, and would keep just that: after an update of another field it has the value."""
    document = model("m", extra_headers={"Authorization": "${env:TOKEN}"})
    await converges(world, document)
    shown = litellm_wire.models()["m"]["litellm_params"]["extra_headers"]["Authorization"]
    assert "*" in shown
    await converges(world, model("m", extra_headers={"Authorization": "${env:TOKEN}", "X-Team": "cx"}))
    assert litellm_wire.models()["m"]["litellm_params"]["extra_headers"]["Authorization"] == shown


async def test_what_the_price_list_says_of_one_model_is_no_drift_of_another(world: World) -> None:
    """Catalogue keys leak between models of one provider's model, beyond the deletion of the one that set them."""
    other = model("other")
    loud = model("loud", info={"mode": "embedding", "max_input_tokens": 5, "supports_vision": True})
    await converges(world, other, loud)
    await converges(world, other, prune=True)
    await converges(world, other, model("third"))


async def test_nothing_is_lost_when_several_fields_change(world: World, litellm_wire: Wire) -> None:
    """The proxy's update is no transaction: of several at once some are lost. So all of a model's fields go in one."""
    before = [model(f"m{number}", rpm=1, info={"description": "old"}) for number in range(8)]
    after = [model(f"m{number}", rpm=2, tpm=3, info={"description": "new", "tier": "free"}) for number in range(8)]
    await converges(world, *before)
    await converges(world, *after)
    for row in litellm_wire.models().values():
        assert (row["litellm_params"]["rpm"], row["litellm_params"]["tpm"]) == (2, 3)
        assert (row["model_info"]["description"], row["model_info"]["tier"]) == ("new", "free")


async def test_taking_a_field_away_is_a_replace_that_keeps_the_id(world: World, litellm_wire: Wire) -> None:
    """No update clears anything; the plan says so, and asks."""
    await converges(world, model("m", seed=7, api_base="http://127.0.0.1:9/v1"))
    plan = await world.plan(model("m"))
    assert actions(plan) == {"Model/m": "blocked cannot-clear"}
    await converges(world, model("m"), allow_replaces=1)
    assert not {"seed", "api_base"} & set(litellm_wire.models()["m"]["litellm_params"])
    assert litellm_wire.said("m") == "pong"


# --- what the proxy stores and does not serve -----------------------------------------------------------------------


async def test_a_provider_that_is_not_known_at_a_create(world: World, litellm_wire: Wire) -> None:
    """The proxy answers 500 and has stored it: that is told, it is made once, and mending the manifest mends it."""
    report = await world.apply(model("m", model="nobodys/model"))
    (outcome,) = report.outcomes
    assert outcome.status != "ok"
    assert "provider" in outcome.message
    assert list(litellm_wire.models()) == ["m"]
    await converges(world, model("m"))
    assert litellm_wire.said("m") == "pong"


async def test_a_provider_that_is_not_known_at_an_update(world: World, litellm_wire: Wire) -> None:
    """The proxy answers 200 and goes on serving the old one until it is started again."""
    await converges(world, model("m"))
    report = await world.apply(model("m", model="nobodys/model"))
    (outcome,) = report.outcomes
    assert outcome.status != "ok"
    assert "provider" in outcome.message
    assert litellm_wire.live()["m"]["litellm_params"]["model"] == "openai/gpt-4o"
    await converges(world, model("m"))


@pytest.mark.parametrize("name", ["gpt-ü", " gpt", "gpt\n", "模型"])
async def test_a_name_for_which_every_request_fails_is_refused_offline(name: str, tmp_path: Path) -> None:
    assert "ASCII" in await refused(model("m", fields={"model_name": name}), tmp_path)


async def test_a_null_that_would_become_the_text_none_is_refused_offline(tmp_path: Path) -> None:
    assert "null" in await refused(model("m", extra_body={"a": [None]}), tmp_path)


@pytest.mark.parametrize("field", ["input_cost_per_token", "created_at", "db_model", "team_id"])
async def test_what_model_info_cannot_keep_is_refused_offline(field: str, tmp_path: Path) -> None:
    assert field in await refused(model("m", info={field: 1}), tmp_path)


# --- models of the proxy's own config.yaml ---------------------------------------------------------------------------


async def test_a_model_of_the_config_is_never_shadowed_nor_deleted(world: World, litellm_wire: Wire) -> None:
    """One in the database with its id would take its place, and its deletion would take both away."""
    plan = await world.plan(model("of-the-config"))
    assert actions(plan)["Model/of-the-config"].startswith("conflict")
    await world.apply(model("of-the-config"))
    assert litellm_wire.models() == {}
    await converges(world, model("m"), model("kept"))
    await converges(world, model("kept"), prune=True, allow_deletes=1)
    assert list(litellm_wire.models()) == ["kept"]
    assert litellm_wire.said("of-the-config") == "from config.yaml"
    assert "credential-of-the-config" in litellm_wire.credentials()


# --- credentials ------------------------------------------------------------------------------------------------------


async def test_a_credential_is_there_before_its_model_and_goes_after_it(
    litellm: LiteLLMServer, litellm_wire: Wire, tmp_path: Path
) -> None:
    """The proxy lets a credential in use be deleted, and every request to its models fails from then on."""
    both = (model("m", litellm_credential_name="c"), credential("c", api_base="http://127.0.0.1:9/v1"))
    with proxied(litellm.url) as found:
        async with at(litellm, tmp_path, url=found.url) as world:
            await converges(world, *both, model("kept"))
            await converges(world, model("kept"), prune=True, allow_deletes=1)
        writes = [one.path.replace("/model/", "/models/") for one in found.written()]
    assert [path.split("/")[1] for path in writes if path != "/models/new"] == ["credentials", "models", "credentials"]
    assert set(litellm_wire.credentials()) == {"credential-of-the-config"}


async def test_what_is_said_of_a_credential_outlives_the_proxys_memory(world: World, litellm: LiteLLMServer) -> None:
    """The proxy answers from its memory, which merges what an update says; its database takes the place of it."""
    said = {"description": "Ours.", "team": "cx"}
    await converges(world, credential("c", retries=3) | {"credential_info": said})
    litellm.database.run(
        """update "LiteLLM_CredentialsTable" set credential_info = credential_info || '{"theirs": 1}'"""
        " where credential_name = 'c'"
    )
    litellm.stop()
    litellm.start()
    await converges(world, credential("c", retries=4) | {"credential_info": said})
    await converges(world, credential("c", retries=4) | {"credential_info": said | {"team": "sales"}})
    row = json.loads(
        litellm.database.run("""select credential_info from "LiteLLM_CredentialsTable" where credential_name = 'c'""")
    )
    assert {"description": "Ours.", "team": "sales", "theirs": 1}.items() <= row.items()


async def test_a_portable_model_brings_its_credential(world: World, litellm_wire: Wire) -> None:
    """Which holds the key, and the model names it."""
    document = {
        "kind": "Model", "key": "chat", "limits": {"requests_per_minute": 60, "max_concurrency": 4}, "parameters": {"temperature": 0.2},
        "endpoint": {"url": "http://127.0.0.1:9/v1", "model": "m", "api_key": "${env:KEY}"},
    }  # fmt: skip
    await converges(world, document)
    row = litellm_wire.models()["chat"]
    wanted = {"model": "openai/m", "api_base": "http://127.0.0.1:9/v1", "litellm_credential_name": "reconciler-chat", "rpm": 60,
              "max_parallel_requests": 4, "temperature": 0.2}  # fmt: skip
    assert wanted.items() <= row["litellm_params"].items()
    assert set(litellm_wire.credentials()) == {"reconciler-chat", "credential-of-the-config"}


# --- who asks, and what cannot be asked ------------------------------------------------------------------------------


async def test_a_key_that_is_no_admins_is_told_before_anything_is_written(
    litellm: LiteLLMServer, litellm_wire: Wire, tmp_path: Path
) -> None:
    """It may read models; writes would fail one by one."""
    key = litellm_wire.http.post("/key/generate", json={}).raise_for_status().json()["key"]
    async with at(litellm, tmp_path, token=key) as world:
        with pytest.raises(RegistryError, match="admin"):
            await world.registries["litellm"].read()
    assert litellm_wire.models() == {}


# --- import and export -------------------------------------------------------------------------------------------------

CONFIG: Final = """\
model_list:
  # For everybody.
  - model_name: chat
    litellm_params: {model: openai/gpt-4o, mock_response: one, rpm: 10}
    model_info: {id: chat-1, mode: chat}
  - model_name: chat
    litellm_params: {model: openai/gpt-4o, mock_response: one, api_key: os.environ/KEY}
  - model_name: second
    litellm_params: {model: openai/gpt-4o-mini, mock_response: two, litellm_credential_name: shared}
credential_list:
  - credential_name: shared
    credential_values: {api_key: os.environ/TOKEN, api_base: "http://127.0.0.1:9/v1"}
"""


def project(folder: Path, server: LiteLLMServer, *, url: str = "") -> None:
    """A folder that leads to that proxy, perhaps at another address. A proxy's keys change nothing in what is exported."""
    folder.mkdir(exist_ok=True)
    text = f'owner: us\nregistries: {{litellm: {{driver: litellm, url: "{url or server.url}", token: "${{env:PROXY}}", default: true}}}}\n'
    (folder / "reconciler.yaml").write_text(text, "utf-8")


def command(folder: Path, server: LiteLLMServer, *words: str, **secrets: str) -> str:
    environ = {"PROXY": server.token, "KEY": "sk-of-a-key", "TOKEN": "sk-of-a-token", **secrets}
    return run(sys.executable, "-m", "reconciler", *words, cwd=folder, env=environ).stdout


def test_an_imported_config_serves_the_same_names(litellm: LiteLLMServer, litellm_wire: Wire, tmp_path: Path) -> None:
    """And answers under them: the same file, applied to an empty proxy."""
    project(tmp_path, litellm)
    (tmp_path / "config.yaml").write_text(CONFIG, "utf-8")
    command(tmp_path, litellm, "import", "config.yaml", "-o", "manifests")
    assert "# For everybody." in (tmp_path / "manifests/models/chat-1.yaml").read_text("utf-8")
    command(tmp_path, litellm, "apply", "--yes")
    assert litellm_wire.served() == {"chat", "second", "of-the-config"}
    assert (litellm_wire.said("chat"), litellm_wire.said("second")) == ("one", "two")
    assert "othing to do" in command(tmp_path, litellm, "apply", "--yes")


def test_an_exported_proxy_is_made_again_elsewhere(
    litellm: LiteLLMServer, litellm_wire: Wire, litellm_too: LiteLLMServer, tmp_path: Path
) -> None:
    """With an equal list of models: what was made by hand moves to an empty proxy, and there is nothing left to do."""
    litellm_wire.create_credential("shared", api_key="sk-of-a-key", api_base="http://127.0.0.1:9/v1").raise_for_status()
    mocked = MOCKED | {"model": "openai/gpt-4.1-mini"}  # of which no other test has told the proxy anything
    rich = mocked | {
        "timeout": 30,
        "tags": ["b", "a"],
        "extra_body": {"zz": 1, "a": [1, "x"]},
        "litellm_credential_name": "shared",
    }
    litellm_wire.create("rich", rich, model_name="chat", mode="chat", own={"b": [None, 1], "a": {}}).raise_for_status()
    litellm_wire.create("plain", mocked, model_name="chat").raise_for_status()
    litellm_wire.create("every", {"model": "openai/*"}, model_name="openai/*").raise_for_status()
    for folder, server in ((tmp_path / "from", litellm), (tmp_path / "to", litellm_too)):
        project(folder, server)
    command(tmp_path / "from", litellm, "export", "--all", "-o", str(tmp_path / "to/manifests"))
    assert not list((tmp_path / "to/manifests").rglob("*of-the-config*"))  # nobody could apply those
    names = references(tmp_path / "to/manifests")
    secrets = dict.fromkeys(names, "sk-of-a-key")
    command(tmp_path / "to", litellm_too, "apply", "--yes", **secrets)
    assert "othing to do" in command(tmp_path / "to", litellm_too, "apply", "--yes", **secrets)
    with wire(litellm_too.url, litellm_too.token) as there:
        assert differences(litellm_wire.models(), there.models()) == {}
        assert there.served() == litellm_wire.served()
        assert there.said("chat") == "pong"


def differences(some: dict[str, Row], others: dict[str, Row]) -> dict[str, Any]:
    """What two lists do not have in common, by id, part and name: but for our marks, and for what a process makes of all that it was told."""
    assert some.keys() == others.keys()
    found: dict[str, Any] = {}
    for key, row in some.items():
        for part in ("litellm_params", "model_info"):
            one, other = row[part], others[key][part]
            for name in (one.keys() | other.keys()) - {"reconciler", "supported_openai_params"}:
                if one.get(name) != other.get(name):
                    found[f"{key} {part} {name}"] = (one.get(name), other.get(name))
        if row["model_name"] != others[key]["model_name"]:
            found[key] = (row["model_name"], others[key]["model_name"])
    return found
