"""What a portable Model becomes in AI GO!, row by row of the mapping, and what AI GO! cannot hold."""

from __future__ import annotations

import base64
import re
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.model import Model
from reconciler.registry.latticeflow import DRIVER
from reconciler.registry.latticeflow.derived import API_KEY, LONGEST, header_field, model_of, secret_name
from reconciler.registry.protocol import Compiled

IDENTITY: Final = "latticeflow$identity"
CHAT: Final = "latticeflow$openai_chat_completion"
NAME: Final = re.compile(r"[A-Za-z0-9_-]+")


def compiled(key: str = "chat", /, **fields: Any) -> Compiled:
    """A Model behind an endpoint, compiled under its own key."""
    document = {"kind": "Model", "key": key, "display_name": "Chat"} | fields
    if "provider" not in fields:
        document["endpoint"] = {"url": "https://llm.example.com/v1"} | fields.get("endpoint", {})
    return DRIVER.compile(Model.model_validate(document), key)


def config(**fields: Any) -> dict[str, Any]:
    return dict(compiled(**fields).model.spec["config"])


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    ("form", "task", "path", "adapter"),
    [
        (None, None, "/chat/completions", CHAT),
        ("openai", "chat_completion", "/chat/completions", CHAT),
        ("openai", "embeddings", "/embeddings", IDENTITY),
        ("anthropic", "chat_completion", "/messages", IDENTITY),
    ],
)
def test_the_url_is_the_base_and_the_path_of_the_task(
    form: str | None, task: str | None, path: str, adapter: str, slash: str
) -> None:
    """`endpoint.url` is the base, with or without a slash; the format and the task say what is served below it, and by which adapter."""
    chosen = {name: value for name, value in (("task", task),) if value is not None}
    endpoint = {"url": f"https://llm.example.com/v1{slash}"} | ({} if form is None else {"format": form})
    found = config(endpoint=endpoint, **chosen)
    assert found["connection_type"] == "custom_connection"
    assert found["url"] == f"https://llm.example.com/v1{path}"
    assert found["adapter"] == {"key": adapter}


@pytest.mark.parametrize(("form", "task"), [("custom", "chat_completion"), ("openai", "custom"), ("custom", "custom")])
def test_what_has_no_path_is_the_address_itself(form: str, task: str) -> None:
    """A format or a task of one's own: nothing is added, not even a slash is taken away."""
    found = config(endpoint={"url": "https://llm.example.com/v1/", "format": form}, task=task)
    assert found["url"] == "https://llm.example.com/v1/"
    assert found["adapter"] == {"key": IDENTITY}


@pytest.mark.parametrize(
    ("form", "task", "url", "sent"),
    [
        (None, None, "https://x/v1?api-version=1", "https://x/v1/chat/completions?api-version=1"),
        (None, None, "https://x/v1/?a=1&b=%2F#top", "https://x/v1/chat/completions?a=1&b=%2F#top"),
        ("openai", "embeddings", "https://x?api-version=1", "https://x/embeddings?api-version=1"),
        ("anthropic", "chat_completion", "https://x/v1?k=/v2", "https://x/v1/messages?k=/v2"),
        (None, "custom", "https://x/v1/?api-version=1", "https://x/v1/?api-version=1"),
        ("custom", "chat_completion", "https://x/v1?api-version=1", "https://x/v1?api-version=1"),
    ],
)
def test_the_path_stands_in_front_of_the_query(form: str | None, task: str | None, url: str, sent: str) -> None:
    """Azure's addresses end in `?api-version=…`: what is served below the base is not part of its query."""
    chosen = {name: value for name, value in (("task", task),) if value is not None}
    assert config(endpoint={"url": url} | ({} if form is None else {"format": form}), **chosen)["url"] == sent


def test_an_adapter_of_ones_own_is_taken() -> None:
    """`endpoint.adapter` is the key of one; the path stays."""
    found = config(endpoint={"adapter": "mine"})
    assert (found["adapter"], found["url"]) == ({"key": "mine"}, "https://llm.example.com/v1/chat/completions")


@pytest.mark.parametrize(
    ("tls", "context"),
    [
        ({"verify": True}, {"trust_chain_verification": "verify_trust_chain"}),
        ({"verify": False}, {"trust_chain_verification": "accept_untrusted"}),
        ({"ca": "-----BEGIN\nÜ"}, {"trusted_ca": base64.b64encode("-----BEGIN\nÜ".encode()).decode()}),
        (
            {"ca": "x", "verify": False},
            {"trusted_ca": "eA==", "trust_chain_verification": "accept_untrusted"},
        ),
    ],
    ids=str,
)
def test_tls_becomes_the_tls_context(tls: dict[str, Any], context: dict[str, str]) -> None:
    """The certificate is PEM in base64; `verify` is the chain's."""
    assert config(endpoint={"tls": tls})["tls_context"] == {"validation_context": context}


def test_empty_tls_is_no_tls_context() -> None:
    """What says nothing is not sent."""
    assert "tls_context" not in config(endpoint={"tls": {}})
    assert "tls_context" not in config()


def test_limits_name_and_description_are_the_models_own() -> None:
    """Each has its place; what is absent is absent, so that it is removed there."""
    spec = compiled(description="d", limits={"requests_per_minute": 60, "max_concurrency": 4}).model.spec
    assert (spec["display_name"], spec["description"]) == ("Chat", "d")
    assert (spec["rate_limit"], spec["max_concurrent_requests"], spec["task"]) == (60, 4, "chat_completion")
    assert not {"description", "rate_limit", "max_concurrent_requests"} & set(compiled().model.spec)


def test_a_provider_becomes_a_provider_connection() -> None:
    """Under our key or the one that `lf` gives it; no adapter, no key, no secret."""
    document = {"kind": "Model", "key": "nano", "display_name": "Nano"}
    model = Model.model_validate(document | {"provider": {"name": "openai", "model": "gpt-5-nano"}})
    for key in ("nano", "openai$gpt-5-nano"):
        found = DRIVER.compile(model, key)
        assert (found.model.key, found.derived) == (key, ())
        assert found.model.spec["config"] == {
            "connection_type": "provider_connection",
            "provider_id": "openai",
            "model_key": "gpt-5-nano",
        }
        assert DRIVER.kinds["Model"].check_key(key) is None


# --- secrets -----------------------------------------------------------------------------------------------------


def test_no_secret_is_ever_sent_raw() -> None:
    """The key and each header that holds a reference become named secrets; other headers are sent as they are."""
    endpoint = {
        "api_key": "${env:KEY}",
        "headers": {"X-Tenant": "acme", "X-Token": "${env:T}", "Authorization": "${file:t}"},
    }
    found = compiled(endpoint=endpoint)
    names = ("reconciler-chat-api-key", "reconciler-chat-header-authorization", "reconciler-chat-header-x-token")
    assert found.model.spec["config"]["api_key"] == {"name": names[0]}
    assert found.model.spec["config"]["custom_headers"] == {
        "X-Tenant": "acme",
        "X-Token": {"name": names[2]},
        "Authorization": {"name": names[1]},
    }
    assert [(one.kind, one.key) for one in found.derived] == [("Secret", name) for name in names]
    assert [one.spec["value"] for one in found.derived] == ["${env:KEY}", "${file:t}", "${env:T}"]
    assert [one.origins["/value"] for one in found.derived] == [
        "/endpoint/api_key",
        "/endpoint/headers/Authorization",
        "/endpoint/headers/X-Token",
    ]
    assert "${" not in repr(found.model.spec)


def test_two_headers_that_read_the_same_have_two_secrets() -> None:
    """`X-Token` and `x_token` are told apart by a hash of each, whichever is written first."""
    headers = {"X-Token": "${env:A}", "x_token": "${env:B}"}
    found = compiled(endpoint={"headers": headers})
    named = {name: one["name"] for name, one in found.model.spec["config"]["custom_headers"].items()}
    assert len(set(named.values())) == 2
    assert all(name.startswith("reconciler-chat-header-x-token-") for name in named.values())
    assert {one.key: one.spec["value"] for one in found.derived} == {
        named["X-Token"]: "${env:A}",
        named["x_token"]: "${env:B}",
    }
    turned = compiled(endpoint={"headers": dict(reversed(headers.items()))})
    assert turned.model.spec["config"]["custom_headers"] == found.model.spec["config"]["custom_headers"]
    assert turned.derived == found.derived


@pytest.mark.parametrize("length", [1, 200, 230, 231, 232, 249, 250])
def test_the_names_of_long_keys_fit_and_lead_back(length: int) -> None:
    """However long a model's key is, its secrets' names are at most 250 characters, different, and known to be its own."""
    key = "k" * length
    found = compiled(key, endpoint={"api_key": "${env:K}", "headers": {"X-Token": "${env:T}", "X-Other": "${env:O}"}})
    names = [one.key for one in found.derived]
    assert len(set(names)) == 3
    assert all(len(name) <= LONGEST and DRIVER.kinds["Secret"].check_key(name) is None for name in names)
    assert {model_of(name, {key, "other"}) for name in names} == {key}


KEYS: Final = st.text(st.sampled_from("ab-_1$"), min_size=1, max_size=12) | st.just("x" * 245)


@given(key=KEYS, headers=st.sets(st.text(st.sampled_from("Xx-_a."), min_size=1, max_size=6), max_size=4))
def test_every_secrets_name_leads_back_to_its_model(key: str, headers: set[str]) -> None:
    """Of any key and any headers, as long as the model is there; and no two fields share a name."""
    fields = [API_KEY, *(header_field(header, headers) for header in headers)]
    names = [secret_name(key, field) for field in fields]
    assert len(set(names)) == len(names)
    assert all(len(name) <= LONGEST for name in names)
    assert {model_of(name, {key}) for name in names} == {key}


def test_somebody_elses_secret_is_no_models() -> None:
    """What is not named as ours is nobody's part."""
    for name in (
        "LLM_KEY",
        "reconciler",
        "reconciler-",
        "reconciler-api-key",
        "reconciler-chat",
        "my-reconciler-chat-api-key",
    ):
        assert model_of(name, {"chat"}) is None


# --- what AI GO! cannot hold -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "pointer"),
    [
        ({"tags": ["a"]}, "/tags"),
        ({"labels": {"a": "b"}}, "/labels"),
        ({"metadata": {"a": 1}}, "/metadata"),
        ({"parameters": {"n": 1}}, "/parameters"),
    ],
    ids=str,
)
def test_what_has_no_place_is_a_warning(fields: dict[str, Any], pointer: str) -> None:
    """The model works without it."""
    assert [(one.pointer, one.fatal) for one in compiled(**fields).inexpressible] == [(pointer, False)]


@pytest.mark.parametrize(
    ("fields", "pointer", "words"),
    [
        ({"task": "rerank"}, "/task", "chat_completion, embeddings, custom"),
        ({"task": "completion"}, "/task", "chat_completion, embeddings, custom"),
        ({"endpoint": {"timeout": 30}}, "/endpoint/timeout", "no timeout"),
        ({"endpoint": {"format": "anthropic"}}, "/endpoint/format", "name one with `adapter`"),
        ({"endpoint": {"format": "anthropic"}, "task": "embeddings"}, "/endpoint/format", "no embeddings"),
    ],
    ids=str,
)
def test_what_would_change_the_model_is_an_error(fields: dict[str, Any], pointer: str, words: str) -> None:
    """Without it the model would be another one."""
    (found,) = compiled(**fields).inexpressible
    assert (found.pointer, found.fatal) == (pointer, True)
    assert words in found.message


def test_what_can_be_held_is_no_finding() -> None:
    """Everything that has a place, at once: not one word."""
    endpoint = {
        "model": "m",
        "format": "anthropic",
        "adapter": "mine",
        "api_key": "${env:K}",
        "headers": {"X-Tenant": "a"},
        "tls": {"verify": True, "ca": "x"},
    }
    whole = compiled(endpoint=endpoint, description="d", limits={"max_concurrency": 1})
    assert whole.inexpressible == ()
    assert compiled(tags=[], labels={}, metadata={}).inexpressible == ()


# --- keys --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        ("Model", ("chat", "A_b-1", "openai$gpt-4o", "k" * 250), ("gpt-4.1", "a/b", "x$y", "", "k" * 251, "a\n", "ü")),
        ("Adapter", ("mine", "latticeflow$identity"), ("openai$x", "a.b", "", "$", "a\n")),
        ("Secret", ("LLM_KEY", "a-1"), ("a.b", "a b", "", "a$b", "a\n")),
        ("Integration", ("openai", "together"), ("nobody", "OpenAI", "", "openai\n")),
    ],
)
def test_keys_that_ai_go_would_refuse_are_refused_by_validate(
    kind: str, right: tuple[str, ...], wrong: tuple[str, ...]
) -> None:
    """By the rules of the wire, which `lf add -v` does not check."""
    check = DRIVER.kinds[kind].check_key
    assert {key: check(key) for key in right} == dict.fromkeys(right)
    assert all(check(key) for key in wrong)


def test_only_names_that_ai_go_takes_are_made_up() -> None:
    """A derived name is letters, digits, _ and -, whatever a header is called."""
    found = compiled(endpoint={"headers": {"X.Strange~Name!": "${env:A}", "!": "${env:B}"}})
    assert len(found.derived) == 2
    assert all(NAME.fullmatch(one.key) for one in found.derived)
