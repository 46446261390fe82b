"""Every format against a real server: what is sent, what is read, what is shown. No secret is ever in it."""

from __future__ import annotations

from typing import Any

import pytest
from endpoint.place import Place, check_of, failed, names, place, run, states, subject
from endpoint.server import KEY

from reconciler.core.errors import InputError
from reconciler.endpoint.test_run import check_input

__all__ = ["place"]

WHOLE = ["connection", "inference", "streaming", "capabilities"]


async def test_a_chat_is_tested_whole(place: Place) -> None:
    """Reached, answered, streamed, probed; with its speed and the time to its first text."""
    done = await run(subject(place.url, "plain"))
    assert (done.ok, names(done)) == (True, WHOLE), done.checks
    assert done.checks[1].message.startswith("Hello there. (3 tokens, ")
    assert "first text after " in done.checks[2].message
    assert done.output["choices"][0]["message"]["content"] == "Hello there."
    assert set(done.figures) == {"latency_ms", "tokens_per_second", "time_to_first_token_ms"}
    assert all(value > 0 for value in done.figures.values())
    assert done.capabilities == dict.fromkeys(("max_completion_tokens", "temperature", "n", "top_p"), "accepted")
    assert KEY not in repr(done)
    first = place.seen("plain")[0]
    assert (first["path"], first["headers"]["authorization"]) == ("/v1/chat/completions", f"Bearer {KEY}")
    assert first["body"] == {"model": "plain", "messages": [{"role": "user", "content": "Hello!"}]}


async def test_a_completion_has_names_of_its_own(place: Place) -> None:
    """`max_completion_tokens` is `max_tokens` there, also where it is probed."""
    parameters = {"max_completion_tokens": 5, "temperature": 0.2, "reasoning_effort": "low"}
    done = await run(subject(place.url, "older", task="completion", parameters=parameters))
    assert (done.ok, names(done)) == (True, WHOLE), done.checks
    assert done.checks[1].message.endswith("; the format has no reasoning_effort")
    assert place.seen("older")[0]["body"] == {
        "model": "older",
        "prompt": "Hello!",
        "max_tokens": 5,
        "temperature": 0.2,
    }
    assert done.capabilities["max_completion_tokens"] == "accepted"


async def test_embeddings_are_counted(place: Place) -> None:
    """There is nothing to stream and nothing to probe; one text or several."""
    done = await run(subject(place.url, "vectors", task="embeddings", parameters={"n": 1}))
    assert (done.ok, names(done)) == (True, ["connection", "inference"]), done.checks
    assert done.checks[1].message == "1 embedding of 3 dimensions; the format has no n"
    done = await run(subject(place.url, "vectors", task="embeddings"), {"input": ["a", "b"]})
    assert done.checks[1].message == "2 embeddings of 3 dimensions"


async def test_a_ranking_is_read(place: Place) -> None:
    """The task rerank, in the form that several servers share."""
    done = await run(subject(place.url, "ranks", task="rerank"))
    assert (done.ok, done.checks[1].message) == (True, "2 documents ranked"), done.checks


async def test_anthropic_messages(place: Place) -> None:
    """The key goes into its header, the version beside it; `max_tokens` is always sent; there is no `n`."""
    parameters = {"stop": "END", "n": 2, "top_k": 3}
    done = await run(subject(place.url, "claude", format="anthropic", parameters=parameters))
    assert (done.ok, names(done)) == (True, WHOLE), done.checks
    assert done.checks[1].message.endswith("; the format has no n")
    assert set(done.capabilities) == {"max_completion_tokens", "temperature", "top_p"}
    first = place.seen("claude")[0]
    assert (first["path"], first["headers"]["x-api-key"]) == ("/v1/messages", KEY)
    assert "authorization" not in first["headers"]
    assert first["body"] == {
        "model": "claude",
        "messages": [{"role": "user", "content": "Hello!"}],
        "max_tokens": 64,
        "stop_sequences": ["END"],
        "top_k": 3,
    }


@pytest.mark.parametrize(
    ("model", "name", "verdict"),
    [
        ("ignores-n", "n", "ignored"),
        ("refuses-n", "n", "refused"),
        ("refuses-temperature", "temperature", "refused"),
        ("refuses-top_p", "top_p", "refused"),
        ("refuses-max_completion_tokens", "max_completion_tokens", "refused"),
        ("ignores-max_tokens", "max_completion_tokens", "ignored"),
    ],
)
async def test_what_is_not_heeded_is_told_and_fails_nothing(place: Place, model: str, name: str, verdict: str) -> None:
    """One parameter; the others are accepted all the same."""
    done = await run(subject(place.url, model))
    assert done.ok
    assert {one: word for one, word in done.capabilities.items() if word != "accepted"} == {name: verdict}
    assert f"{name}: {verdict}" in done.checks[-1].message


async def test_an_endpoint_that_has_enough_is_left_alone(place: Place) -> None:
    """429 while probing: the rest stays unknown, at once, and nothing fails."""
    done = await run(subject(place.url, "busy"))
    assert (done.ok, set(done.capabilities.values())) == (True, {"unknown"})


async def test_what_costs_is_left_out_where_it_was_not_asked_for(place: Place) -> None:
    """Without probing there are two questions: one plain, one streamed."""
    done = await run(subject(place.url, "cheap"), probe=False)
    assert (done.ok, names(done), done.capabilities) == (True, WHOLE[:3], {})
    assert [one["body"].get("stream") for one in place.seen("cheap")] == [None, True]


async def test_parameters_are_sent_as_the_manifest_has_them(place: Place) -> None:
    """With the question and with the stream, not with the probes."""
    parameters = {"temperature": 0.2, "top_p": 0.95, "n": 1, "max_completion_tokens": 1024, "stop": ["a"]}
    await run(subject(place.url, "tuned", parameters=parameters))
    plain, streamed, *probes = (one["body"] for one in place.seen("tuned"))
    for body in (plain, streamed):
        assert parameters.items() <= body.items()
    assert all("stop" not in body for body in probes)
    assert len(probes) == 4


@pytest.mark.parametrize(
    ("given", "content"),
    [("Why?", "Why?"), ({"messages": [{"role": "user", "content": "How?"}], "stream": True, "seed": 1}, "How?")],
)
async def test_an_input_takes_the_greeting_s_place(place: Place, given: Any, content: str) -> None:
    """A text is what a user says; an object's members win; whether it is streamed is our business."""
    model = f"asked-{content}"
    assert (await run(subject(place.url, model), given)).ok
    body = place.seen(model)[0]["body"]
    assert (body["messages"], "stream" in body) == ([{"role": "user", "content": content}], False)


async def test_the_address_may_have_a_query_and_headers_their_own_way(place: Place) -> None:
    """The query stays behind the path; a header that the manifest writes down is sent in our place."""
    headers = {"authorization": "${env:OTHER}", "X-Tenant": "acme"}
    one = subject(f"{place.url}/?api-version=2&x=a%20b", "azure", api_key="${env:LLM_KEY}", headers=headers)
    assert (await run(one, OTHER=f"Bearer {KEY}", probe=False)).ok
    first = place.seen("azure")[0]
    assert first["path"] == "/v1/chat/completions?api-version=2&x=a%20b"
    assert first["headers"]["authorization"] == f"Bearer {KEY}"
    assert first["headers"]["x-tenant"] == "acme"
    twice = await run(subject(f"{place.url}?a=1&a=2", "azure"))
    assert "twice" in failed(twice, "connection")


# --- what a server says no with ---------------------------------------------------------------------------------------


async def test_a_wrong_key_is_a_failed_inference(place: Place) -> None:
    """With the server's words, but without the key that it repeats, and with what to look at."""
    done = await run(subject(place.url), LLM_KEY="sk-wrong-and-secret")
    message = failed(done, "inference")
    assert "answered 401 Unauthorized: no such key: ***" in message
    assert "look at `api_key`" in message
    assert "sk-wrong" not in repr(done)


async def test_a_key_without_a_value_is_a_failed_check(place: Place) -> None:
    """Before anything is sent; other models are tested all the same."""
    done = await run(subject(place.url, "unsent", api_key="${env:NOBODY_SET_THIS}"))
    assert "the environment variable NOBODY_SET_THIS is not set" in failed(done, "credentials")
    assert place.seen("unsent") == []


async def test_a_wrong_base_is_told(place: Place) -> None:
    """404, with what the url is meant to be."""
    message = failed(await run(subject(f"{place.host}/nothing")), "inference")
    assert "/nothing/chat/completions answered 404 Not Found" in message
    assert "the base below which the format has its paths" in message


@pytest.mark.parametrize(
    ("model", "check", "said"),
    [
        ("error-inside", "inference", "with an error inside: the model is out of order"),
        ("unended", "streaming", "the stream ends without [DONE]"),
        ("error-in-stream", "streaming", "with an error inside: overloaded"),
    ],
)
async def test_half_a_format_is_a_failed_check(place: Place, model: str, check: str, said: str) -> None:
    """Each in words."""
    assert said in failed(await run(subject(place.url, model)), check)


async def test_the_manifest_s_timeout_counts(place: Place) -> None:
    """A slow model is waited for as long as it says, and no longer."""
    assert (await run(subject(place.url, "slow"), probe=False)).ok
    message = failed(await run(subject(place.url, "slow+very", timeout=3)), "inference")
    assert "no reply within 3 seconds" in message
    assert "registry" not in message


@pytest.mark.parametrize(
    ("model", "said"),
    [("unstreamed", "`stream: true` is ignored"), ("refuses-stream", "unsupported parameter: stream")],
)
async def test_an_endpoint_without_streams_is_degraded(place: Place, model: str, said: str) -> None:
    """Streaming is a capability: the rest is found out all the same."""
    done = await run(subject(place.url, model))
    assert states(done) == {"connection": "ok", "inference": "ok", "streaming": "degraded", "capabilities": "ok"}
    assert said in check_of(done, "streaming").message
    assert (done.ok, done.state) == (True, "degraded")


@pytest.mark.parametrize("names_of", [("seed",), ("seed", "top_k"), ("n", "max_completion_tokens", "seed")])
async def test_declared_parameters_that_are_refused_are_degraded(place: Place, names_of: tuple[str, ...]) -> None:
    """It is asked again without them: each is named with its line, the others are sent, and the capabilities are reached."""
    model = "+".join(["kept", *(f"refuses-{name}" for name in names_of)])
    parameters = {"temperature": 0.5, **dict.fromkeys(names_of, 7)}
    done = await run(subject(place.url, model, parameters=parameters))
    inference = check_of(done, "inference")
    assert (done.state, inference.state) == ("degraded", "degraded")
    for name in names_of:
        assert (
            f"{name} refused (manifests/chat.yaml:/parameters/{name}): unsupported parameter: {name}"
            in inference.message
        )
    assert set(done.capabilities) == {"max_completion_tokens", "temperature", "n", "top_p"}
    (streamed,) = [one["body"] for one in place.seen(model) if one["body"].get("stream")]
    assert streamed["temperature"] == 0.5
    assert not set(names_of) & set(streamed)


async def test_a_refusal_that_no_parameter_causes_is_a_failure(place: Place) -> None:
    """Asked again without parameters, it is refused all the same: the first words are told."""
    done = await run(subject(place.url, "refuses-messages", parameters={"seed": 1, "top_k": 2}))
    assert "unsupported parameter: messages" in failed(done, "inference")
    assert names(done) == ["connection", "inference"]


async def test_a_format_without_that_task(place: Place) -> None:
    """Said, and nothing is asked."""
    done = await run(subject(place.url, "none", format="anthropic", task="embeddings"))
    assert failed(done, "inference") == "the format anthropic has no embeddings"


async def test_an_input_of_another_kind_is_refused_before() -> None:
    """A list is no question."""
    with pytest.raises(InputError, match="its input is an object, or a text"):
        check_input(subject("https://x.example.com"), [1])
