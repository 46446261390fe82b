"""The server that LiteLLM's tests run on: that it is what it says, ends when it should, and what it answers to anybody."""

from __future__ import annotations

from registry.litellm.server import LiteLLMServer
from registry.litellm.wire import Wire

MOCKED = {"model": "openai/gpt-4o", "mock_response": "pong", "api_key": "k"}


def test_a_created_model_is_stored_and_served(litellm: LiteLLMServer, litellm_wire: Wire) -> None:
    """In the database's list, the process's list, the names, and in an answer."""
    assert litellm_wire.models() == {}
    litellm_wire.create("m-1", MOCKED, model_name="pinger").raise_for_status()
    assert litellm_wire.models()["m-1"]["model_name"] == "pinger"
    assert set(litellm_wire.live()) == {"m-1", "of-the-config"}
    assert litellm_wire.served() == {"pinger", "of-the-config"}
    assert litellm_wire.said("pinger") == "pong"
    assert "m-1" in litellm.database.dump()


def test_its_own_models_are_there_and_in_no_database(litellm_wire: Wire) -> None:
    assert litellm_wire.said("of-the-config") == "from config.yaml"
    assert litellm_wire.credentials()["credential-of-the-config"]["source"] == "config"
    assert litellm_wire.models() == {}


def test_numbers_of_any_size_come_back_through_the_engine(litellm_wire: Wire) -> None:
    """The engine's front end is ours: no value may change in it."""
    values = {"whole": 2**63 - 1, "text": 'ü"\\\n€😀', "nested": {"a": [1, 2.5, True, None, "x"]}, "list": []}
    litellm_wire.create("m-2", MOCKED, **values).raise_for_status()
    info = litellm_wire.models()["m-2"]["model_info"]
    assert {name: info[name] for name in values} == values


def test_what_was_stored_outlives_a_kill(litellm: LiteLLMServer, litellm_wire: Wire) -> None:
    litellm_wire.create("m-3", MOCKED).raise_for_status()
    litellm.kill()
    litellm.start()
    assert litellm_wire.said("m-3") == "pong"
