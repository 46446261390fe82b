"""What of LiteLLM is pure: a portable Model compiled, what the proxy hides by its names, what it cannot hold, and the notes beside the mark."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world import model

from reconciler.core.model import Model
from reconciler.core.resource import Address, Mark, Resource
from reconciler.core.secret import Secret
from reconciler.core.spec import PRESENT, refusals_in
from reconciler.registry.litellm import DRIVER, bodies
from reconciler.registry.litellm.info import PRICE_LIST, ModelInfo
from reconciler.registry.litellm.kinds import KINDS
from reconciler.registry.litellm.masks import is_masked, masked_in
from reconciler.registry.litellm.notes import PLACE, Notes, kept, read_kept
from reconciler.registry.litellm.rows import model_of_row
from reconciler.registry.protocol import Write

ADDRESS = Address("gateway", "Model", "chat")


def compiled(**fields: Any) -> Any:
    return DRIVER.compile(Model.model_validate(model("chat", **fields)), "chat")


def test_an_endpoint_becomes_a_deployment_and_a_credential() -> None:
    """Each part of the Model stands where LiteLLM looks for it."""
    found = compiled(
        endpoint={"url": "https://llm.example.com/v1", "model": "m", "api_key": "${env:KEY}", "timeout": 5},
        parameters={"temperature": 0.5},
        limits={"requests_per_minute": 60, "max_concurrency": 4, "context_length": 1000},
        tags=["a"],
    )
    assert found.inexpressible == ()
    assert found.model.spec == {
        "model_name": "chat",
        "litellm_params": {
            "model": "openai/m",
            "api_base": "https://llm.example.com/v1",
            "timeout": 5,
            "litellm_credential_name": "reconciler-chat",
            "temperature": 0.5,
            "rpm": 60,
            "max_parallel_requests": 4,
        },
        "model_info": {"mode": "chat", "tags": ["a"], "max_input_tokens": 1000},
    }
    assert [(one.kind, one.key, one.spec) for one in found.derived] == [
        ("Credential", "reconciler-chat", {"credential_values": {"api_key": "${env:KEY}"}})
    ]


@pytest.mark.parametrize(
    ("fields", "called"),
    [
        ({"endpoint": {"url": "https://x.example.com", "model": "m", "format": "anthropic"}}, "anthropic/m"),
        ({"endpoint": {"url": "https://x.example.com", "model": "m"}, "task": "rerank"}, "hosted_vllm/m"),
        ({"endpoint": {"url": "https://x.example.com"}}, "openai/chat"),
        ({"endpoint": None, "provider": {"name": "mistral", "model": "small"}}, "mistral/small"),
    ],
)
def test_the_provider_is_the_one_that_speaks_the_format(fields: dict[str, Any], called: str) -> None:
    """LiteLLM finds out by the prefix of the model's name how to ask."""
    assert compiled(**fields).model.spec["litellm_params"]["model"] == called


@pytest.mark.parametrize(
    ("endpoint", "pointer"),
    [
        ({"adapter": "a"}, "/endpoint/adapter"),
        ({"format": "custom"}, "/endpoint/format"),
        ({"tls": {"verify": False}}, "/endpoint/tls/verify"),
        ({"tls": {"ca": "x"}}, "/endpoint/tls/ca"),
    ],
)
def test_what_it_cannot_hold_is_an_error(endpoint: dict[str, Any], pointer: str) -> None:
    """Left out, it would be another model."""
    found = compiled(endpoint={"url": "https://x.example.com", "model": "m"} | endpoint).inexpressible
    assert [(one.pointer, one.fatal) for one in found] == [(pointer, True)]


def test_masks_go_by_segments_of_names() -> None:
    """As the proxy does it: a part of a word is no secret, and a price is none whatever else is in its name."""
    masked = (
        "api_key",
        "my_token",
        "X-Api-Key",
        "token_limit",
        "Authorization",
        "vertex_credentials",
        "aws_access_key_id",
    )
    shown = (
        "max_tokens",
        "tokenizer",
        "author",
        "input_cost_per_token",
        "litellm_credential_name",
        "default_api_key_tpm_limit",
        "X-Tenant",
    )
    assert [name for name in masked if not is_masked(name)] == []
    assert [name for name in shown if is_masked(name)] == []
    assert dict(masked_in({"a": {"my_key": 9, "b": [{"token": "x"}]}, "auth": ["x", 3], "empty_key": ""})) == {
        "/a/my_key": 9,
        "/a/b/0/token": "x",
        "/auth": ["x", 3],
    }


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"model_name": "größe", "litellm_params": {"model": "openai/m", "n": 1}}, None),
        ({"model_name": "日本"}, "printable ASCII"),
        ({"model_name": " a"}, "printable ASCII"),
        ({"litellm_params": {"model": "openai/m", "extra_body": {"a": None}}}, "null"),
        ({"litellm_params": {"model": "openai/m", "region": "${env:REGION}"}}, "would show the secret in region"),
        ({"litellm_params": {"model": "openai/m", "my_token": "abc"}}, "written down"),
        ({"litellm_params": {"model": "openai/m", "extra_body": {"api_key": "abc"}}}, "written down"),
        (
            {"litellm_params": {"model": "openai/m", "extra_headers": {"X-Tenant": "${env:T}"}}},
            "would show the secret in X-Tenant",
        ),
        ({"litellm_params": {"model": "openai/m", "api_base": "https://u:p@x.example.com"}}, "user name or password"),
        ({"litellm_params": {"model": "openai/m", "provider_affinity_header": "X-A"}}, "never delete"),
        ({"litellm_params": {"model": "openai/m", "quality_router_config": {"a": 1}}}, "begins with 'auto_router/'"),
        ({"model_info": {"input_cost_per_token": 1}}, "prices"),
        ({"model_info": {"reconciler": {}}}, "keeps whose the model is"),
        ({"model_info": {"db_model": True}}, "sets it by itself"),
        ({"litellm_params": {"model": "openai/m", "api_key": "os.environ/OPENAI_API_KEY"}}, ""),
        ({"litellm_params": {"model": "openai/m", "my_token": "${env:T}", "token_limit": 7}}, ""),
    ],
)
def test_what_the_proxy_would_lose_or_show_is_refused(spec: dict[str, Any], words: str | None) -> None:
    """Offline, before anything is sent: the proxy stores all of it with 200."""
    found = [said for _, said in refusals_in(spec, KINDS["Model"].root)]
    if words == "":
        assert found == []
    else:
        assert any((words or "printable ASCII") in said for said in found), found


@pytest.mark.parametrize("key", ["a/b", " a", "a\nb"])
def test_a_key_that_no_update_could_name_is_refused(key: str) -> None:
    """An id with a slash can be created and never changed."""
    assert KINDS["Model"].check_key(key) is not None
    assert KINDS["Model"].check_key("gpt-4o.mini_1") is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.dictionaries(
        st.sampled_from(["owner", "key", "own", "secrets", "unechoed", "applied", "x"]), json_values, max_size=6
    )
)
def test_whatever_stands_in_the_place_of_the_mark_is_read_or_refused(data: dict[str, Any]) -> None:
    """Somebody else's member is no mark, and never a crash."""
    row = {
        "model_name": "m",
        "litellm_params": {"model": "openai/m"},
        "model_info": {"id": "chat", "db_model": True, PLACE: data},
    }
    try:
        found = model_of_row(row, "gateway")
    except ValueError:
        return
    assert found.address == ADDRESS


def written(spec: dict[str, Any], secrets: dict[str, str] | None = None) -> dict[str, Any]:
    """The body of a create of that object."""
    values = {place: Secret(value) for place, value in (secrets or {}).items()}
    return bodies.created_model(Write(Resource(ADDRESS, spec, Mark("us", "chat")), secrets=values))


def test_what_is_not_given_back_is_read_from_the_notes() -> None:
    """A reference to the proxy's environment, a number behind a mask, a secret that is dropped, a member that nobody declares."""
    spec = {
        "model_name": "chat",
        "litellm_params": {
            "model": "openai/m",
            "api_version": "os.environ/V",
            "token_limit": 7,
            "api_key": "${env:KEY}",
            "mine": 1,
        },
        "model_info": {"team": {"a": None}},
    }
    body = written(spec, {"/litellm_params/api_key": "s3cret-value"})
    assert "s3cret-value" not in str(body["model_info"])
    shown = {"model": "openai/m", "api_version": "resolved", "token_limit": "*", "mine": 1, "use_xai_oauth": False}
    row = {
        "model_name": "chat",
        "litellm_params": shown,
        "model_info": {**body["model_info"], "db_model": True, "mode": None, "tpm": 5},
    }
    found = model_of_row(row, "gateway")
    assert found.spec == {**spec, "litellm_params": {**spec["litellm_params"], "api_key": PRESENT}}
    assert found.mark == Mark("us", "chat")
    assert found.unmanaged == {}


def test_what_others_wrote_is_beside_what_is_ours() -> None:
    """A member that no kind declares and that we did not write is nobody's: never compared, and never taken away."""
    row = {
        "model_name": "chat",
        "litellm_params": {"model": "openai/m", "theirs": 1, "extra_body": {"api_key": "abcd****wxyz"}},
        "model_info": {"id": "chat", "db_model": True, "theirs": {"a": 1}, **dict.fromkeys(PRICE_LIST, 1)},
    }
    found = model_of_row(row, "gateway")
    assert found.spec == {"model_name": "chat", "litellm_params": {"model": "openai/m"}}
    assert found.unmanaged["model_info"] == {"theirs": {"a": 1}}
    assert set(found.unmanaged["litellm_params"]) == {"theirs", "extra_body"}


def test_a_model_of_config_yaml_is_read_only_and_bears_no_mark() -> None:
    """Whatever stands in it: it is never ours."""
    info = {"id": "chat", "db_model": False, PLACE: Mark("us", "chat").to_json()}
    found = model_of_row({"model_name": "m", "litellm_params": {"model": "openai/m"}, "model_info": info}, "gateway")
    assert found.read_only
    assert found.mark is None


@given(
    st.builds(
        Notes,
        st.frozensets(st.sampled_from(["/a/b", "/c"])),
        st.frozensets(st.just("/s")),
        st.dictionaries(st.just("/u"), st.integers()),
    )
)
def test_notes_come_back_as_they_were_written(notes: Notes) -> None:
    """With a mark or without one."""
    for mark in (None, Mark("us", "chat", fingerprints={"/litellm_params/api_key": "f:0"})):
        assert read_kept(kept(mark, notes) or None, PLACE) == (mark, notes)


def test_the_price_list_says_nothing_that_is_declared() -> None:
    """Or else a declared field would be thrown away when it is read."""
    assert PRICE_LIST.isdisjoint(ModelInfo.model_fields)
