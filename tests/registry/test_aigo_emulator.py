"""The emulator of AI GO!, judged by the vendor's own client: what `lf` takes for the real one, our driver may be tested against."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lf import Lf
from registry.aigo.behaviour import MASK, Behaviour
from registry.aigo.rules import PROVIDERS
from registry.aigo.samples import CUSTOM, MODELS, RAW, SECRET, adapter, model
from registry.aigo.server import Server, aigo


@pytest.fixture
def server() -> Iterator[Server]:
    with aigo() as server:
        yield server


@pytest.fixture
def lf(server: Server, tmp_path: Path) -> Lf:
    return Lf(server.url, server.key, tmp_path)


def wrote(server: Server) -> list[str]:
    """The writes since the last time that this was asked, in short."""
    writes = [f"{one.method} {one.path.removeprefix('/api/').partition('/')[0]}" for one in server.writes]
    server.forget()
    return writes


def raw(lf: Lf, **fields: object) -> Path:
    """A file of one model with an API key in the clear."""
    return lf.write("raw.yaml", model("raw", RAW, **fields))


def test_every_connection_type_is_stored_listed_and_left_alone(server: Server, lf: Lf) -> None:
    """`lf` creates all nine types, reads back what it wrote, and a second time finds nothing to do."""
    lf.write("adapter.yaml", adapter())
    for key, document in MODELS.items():
        lf.write(f"models/{key}.yaml", document)
    lf("secret", "add", "--name", "LLM_KEY", "--value", SECRET)
    lf("add", "model-adapter", "-f", "adapter.yaml")
    said = lf("add", "model", "-f", "models/*.yaml")
    assert said.out.count("Successfully created model with key") == len(MODELS), said
    assert said.err == ""
    assert {row["config"]["connection_type"] for row in server.state.models.values()} == {
        *("custom_connection", "custom_inference", "provider_connection", "langsmith", "azure_foundry"),
        *("aws_bedrock", "claude_managed_agents", "dify", "placeholder"),
    }
    assert server.state.secrets["LLM_KEY"]["value"] == SECRET
    assert server.state.adapters.keys() == {"chat-in-and-out", "latticeflow$identity"}  # lf added its default

    listed = {row["key"]: row for row in lf("models", "-j").json()}
    assert listed.keys() == MODELS.keys()
    assert listed["custom"]["config"] == CUSTOM | {
        "api_key": "<<secrets.LLM_KEY>>",
        "custom_headers": CUSTOM["custom_headers"] | {"X-Token": "<<secrets.LLM_KEY>>"},
        "tls_context": {
            "validation_context": CUSTOM["tls_context"]["validation_context"] | {"trusted_ca": "<<secrets.COMPANY-CA>>"}
        },
    }

    wrote(server)
    for behaviour in (Behaviour(), Behaviour(fill_nulls=True, ints_as_floats=True, unknown_fields=True)):
        server.behaviour = behaviour
        said = lf("add", "model", "-f", "models/*.yaml")
        assert said.out.count("Skipping the update of model with key") == len(MODELS), said
        assert wrote(server) == []


def test_an_export_is_what_was_added(server: Server, lf: Lf) -> None:
    """What `lf` exports it adds again, to no effect."""
    server.state.put_adapter(adapter())
    lf.write("one.yaml", model("one", CUSTOM))
    lf("add", "model", "-f", "one.yaml")
    lf("export", "model", "one", "-o", "exported.yaml")
    lf("export", "model-adapter", "chat-in-and-out", "-o", "adapter.yaml")
    wrote(server)
    assert "Skipping" in lf("add", "model", "-f", "exported.yaml").out
    assert "Skipping" in lf("add", "model-adapter", "-f", "adapter.yaml").out
    assert wrote(server) == []


def test_a_change_is_one_put_and_a_field_left_out_is_gone(server: Server, lf: Lf) -> None:
    """An update replaces the whole object, under the same id."""
    lf("add", "model", "-f", raw(lf))
    before = server.state.models["raw"]
    wrote(server)
    document = model("raw", RAW)
    del document["description"], document["rate_limit"]
    lf.write("raw.yaml", document | {"display_name": "Another name"})
    assert "Successfully updated" in lf("add", "model", "-f", "raw.yaml").out
    assert wrote(server) == ["PUT models"]
    after = server.state.models["raw"]
    assert {"description", "rate_limit"}.isdisjoint(after)
    assert (after["display_name"], after["id"]) == ("Another name", before["id"])


@pytest.mark.parametrize(
    ("raw_keys", "writes", "exported"),
    [("echo", [], RAW["api_key"]), ("mask", ["PUT models"], MASK), ("omit", ["PUT models"], None)],
)
def test_what_lf_does_about_a_raw_key(
    server: Server, lf: Lf, raw_keys: str, writes: list[str], exported: str | None
) -> None:
    """Only where the server tells the key does `lf` ever come to rest."""
    lf("add", "model", "-f", raw(lf))
    server.behaviour.raw_keys = raw_keys
    wrote(server)
    lf("add", "model", "-f", "raw.yaml")
    assert wrote(server) == writes
    assert lf("export", "model", "raw").json()["config"].get("api_key") == exported
    assert server.state.models["raw"]["config"]["api_key"] == RAW["api_key"]


def test_a_model_is_tried_out_through_its_adapter(server: Server, lf: Lf) -> None:
    """`lf test` gets from connection to answer, and none of it counts as a write."""
    server.state.put_adapter(adapter())
    lf.write("one.yaml", model("one", CUSTOM))
    lf("add", "model", "-f", "one.yaml")
    wrote(server)
    said = lf("test", "model", "one")
    assert "Successfully tested" in said.out
    assert "big-one" in said.out  # the name at the endpoint, by the adapter's template
    asked = [one.path.rpartition("/")[2] for one in server.requests if one.method == "POST"]
    assert asked == ["check-connection", "transform-input", "run-inference", "transform-output"]
    assert wrote(server) == []
    server.behaviour.connects = False
    assert "cannot be reached" in lf("test", "model", "one", code=1).both


def test_a_delete_deletes_and_a_used_adapter_stays(server: Server, lf: Lf) -> None:
    """`lf` deletes by key; an adapter goes only when no model uses it."""
    server.state.put_adapter(adapter())
    lf.write("one.yaml", model("one", CUSTOM))
    lf("add", "model", "-f", "one.yaml")
    assert "used by" in lf("delete", "model-adapter", "chat-in-and-out", code=1).err
    lf("delete", "model", "one")
    lf("delete", "model-adapter", "chat-in-and-out")
    assert (server.state.models, server.state.adapters) == ({}, {})


def test_a_provider_is_integrated_and_its_model_added(server: Server, lf: Lf) -> None:
    """A provider's model needs the provider's API key first, which is never answered."""
    assert "not found" in lf("add", "model", "-p", "openai/gpt-4.1", code=1).err
    lf("integration", "add", "--provider", "openai", "--api-key", SECRET)
    said = lf("integration", "list", "-j")
    assert {row["id"] for row in said.json()} == set(PROVIDERS)
    assert SECRET not in said.both
    lf("add", "model", "-p", "openai/gpt-4.1")
    assert server.state.models["openai$gpt-4-1"]["config"]["model_key"] == "gpt-4.1"


def test_a_run_configuration_is_added_once(server: Server, lf: Lf) -> None:
    """A whole run configuration goes in, and a second time only its secret does."""
    server.state.integrations["anthropic"] = {"api_key": SECRET}
    chat = model("from-run", CUSTOM | {"adapter": {"key": "theirs"}})
    provided = {"$provider": "anthropic/claude-3.5-haiku"}
    run = {"secrets": {"LLM_KEY": SECRET}, "model_adapters": [adapter("theirs")], "models": [chat, provided]}
    lf.write("run.yaml", run)
    lf("add", "-f", "run.yaml")
    assert wrote(server) == ["POST secrets", "POST model-adapters", "POST models", "POST models"]
    assert server.state.models.keys() == {"from-run", "anthropic$claude-3-5-haiku"}
    lf("add", "-f", "run.yaml")
    assert wrote(server) == ["POST secrets"]


def test_a_duplicate_is_refused(server: Server, lf: Lf) -> None:
    """Somebody else was quicker: `lf` shows the server's refusal."""
    server.behaviour.meanwhile = lambda state: state.put_model(model("raw", RAW | {"connection_type": "placeholder"}))
    raw(lf)
    server.state.identity()
    assert "exists already" in lf("add", "model", "-f", "raw.yaml", code=1).err


@pytest.mark.parametrize(
    ("behaviour", "wanted"),
    [
        (Behaviour(version_mismatch=True), "SDKVersionMismatchError"),
        (Behaviour(html=True), "Could not parse the response"),
        (Behaviour(fail_nth={1: 503}), "API error: Not now."),
        (Behaviour(unknown_types={"raw"}), "telepathy"),
        (Behaviour(close_before_nth_write=1), "disconnected"),
    ],
    ids=["426", "page", "503", "type", "cut"],
)
def test_lf_words_what_went_wrong(server: Server, lf: Lf, behaviour: Behaviour, wanted: str) -> None:
    """Each sort of trouble reaches `lf` as what it is meant to be."""
    server.state.put_model(model("raw", RAW | {"connection_type": "custom_connection"}))
    server.behaviour = behaviour
    arguments = ("secret", "delete", "--name", "LLM_KEY") if behaviour.close_before_nth_write else ("models", "-j")
    assert wanted in lf(*arguments, code=1).err


def test_a_wrong_key_opens_nothing(server: Server, tmp_path: Path) -> None:
    """Without the API key there is nothing to be read."""
    said = Lf(server.url, "wrong", tmp_path)("models", "-j", code=1)
    assert "API key" in said.err


def test_the_program_prints_where_it_is(root: Path, tmp_path: Path) -> None:
    """As a program it serves `lf` at the URL on its first line."""
    command = [sys.executable, str(root / "tests/registry/aigo/serve.py"), "--key", "k", "--seeded"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        try:
            assert program.stdout is not None
            lf = Lf(program.stdout.readline().strip(), "k", tmp_path)
            keys = [row["key"] for row in lf("model-adapters", "-j").json()]
        finally:
            program.terminate()
    names = ("identity", "openai_chat_completion", "openai_responses")
    assert keys == [f"latticeflow${name}" for name in names]
