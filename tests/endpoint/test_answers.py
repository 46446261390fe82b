"""What endpoints answer, on raw sockets: failures in the middle of streams, odd headers, refusals, and what each of them says of a model."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from endpoint.place import check_of, failed, names, run, states, subject
from endpoint.server import KEY
from registry.loopback import Behaviour, Seen, Server, reply, serve

from reconciler.registry.capabilities import TestResult

OPENAI = {
    "whole": {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}]},
    "half": ['data: {"choices": [{"index": 0, "delta": {"content": "H"}}]}', ""],
    "end": ['data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}', ""],
    "done": ["data: [DONE]", ""],
}
ANTHROPIC = {
    "whole": {"type": "message", "content": [{"type": "text", "text": "Hi."}], "stop_reason": "end_turn"},
    "half": ['data: {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "H"}}', ""],
    "end": ['data: {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}', ""],
    "done": ['data: {"type": "message_stop"}', ""],
}
FORMS: dict[str, dict[str, Any]] = {"openai": OPENAI, "anthropic": ANTHROPIC}
Answer = Callable[[Mapping[str, Any]], bytes]


def stream(*lines: str, kind: str | None = "text/event-stream", status: int = 200) -> bytes:
    """A whole stream, which the server ends by closing the connection."""
    head = f"HTTP/1.1 {status} OK\r\n" + (f"Content-Type: {kind}\r\n" if kind else "") + "Connection: close\r\n\r\n"
    return head.encode() + "".join(f"{line}\n" for line in lines).encode()


def chunked(*pieces: bytes, last: bool = True) -> bytes:
    """A stream in chunks of HTTP; without the last one it is broken off."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in pieces) + (b"0\r\n\r\n" if last else b"")


def behaving(answer: Answer, models: Any = None) -> Behaviour:
    """GET is answered with `models`, a question with what `answer` makes of it; then the connection is closed where that says so."""

    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        raw = reply(200, models or {"data": []}) if seen.method == "GET" else answer(seen.data)
        writer.write(raw)
        if b"Connection: close" in raw or b"chunked" in raw:
            await writer.drain()
            writer.close()

    return behave


async def asked(
    answer: Answer, *, models: Any = None, probe: bool = False, how: Mapping[str, Any] | None = None
) -> tuple[TestResult, Server]:
    """A test of a model whose endpoint answers so."""
    async with serve(behaving(answer, models)) as server:
        done = await run(subject(f"{server.url}/v1", **{"timeout": 10, **(how or {})}), probe=probe)
    assert KEY not in repr(done)
    return done, server


async def streamed(form: str, raw: bytes) -> TestResult:
    """A test whose whole answers are sound and whose streams are these bytes."""
    whole = reply(200, FORMS[form]["whole"])
    done, _ = await asked(lambda body: raw if body.get("stream") else whole, how={"format": form})
    return done


def piece(form: str, *parts: str) -> list[str]:
    return [line for part in parts for line in FORMS[form][part]]


# --- failures in the middle of a stream ------------------------------------------------------------------------------------

FAILURES = {
    "data": ['data: {"error": {"message": "the context is full", "code": 500}}', ""],
    "text": ['data: {"error": "the context is full", "error_type": "generation"}', ""],
    "event": ["event: error", 'data: {"type": "error", "error": {"message": "the context is full"}}', ""],
    "event-text": ["event: error", "data: the context is full", ""],
    "event-alone": ["event: error", ""],
    "field": ['error: {"code": 500, "message": "the context is full"}', ""],
    "line": ['{"error": {"message": "the context is full"}}', ""],
    "lines": ["{", '  "error": {', '    "message": "the context is full"', "  }", "}"],
    "half": ['{"error": {"message": "the context is full"'],
    "detail": ['{"detail": "the context is full"}'],
    "object": ['data: {"object": "error", "message": "the context is full", "code": 50001}', ""],
    "message": ['data: {"message": "the context is full", "status": 500}', ""],
    "choice": ['data: {"choices": [{"index": 0, "error": {"message": "the context is full"}}]}', ""],
    "reason": ['data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "error"}]}', ""],
    "not-json": ["data: [ERROR] the context is full", ""],
    "html": ["<html>502 the context is full</html>"],
    "words": ["Internal Server Error: the context is full"],
}


@pytest.mark.parametrize("form", ["openai", "anthropic"])
@pytest.mark.parametrize("finished", [False, True], ids=["unfinished", "finished"])
@pytest.mark.parametrize("failure", FAILURES)
async def test_a_failure_in_the_middle_of_a_stream_is_one(failure: str, finished: bool, form: str) -> None:
    """In every form that servers give it, also where the stream is ended after it as if all were well, or had ended before."""
    before = ("half", "end") if finished else ("half",)
    lines = [*piece(form, *before), *FAILURES[failure], *piece(form, "done")]
    message = failed(await streamed(form, stream(*lines)), "streaming")
    if failure not in ("event-alone", "reason"):
        assert "the context is full" in message


@pytest.mark.parametrize("form", ["openai", "anthropic"])
@pytest.mark.parametrize("parts", [("half",), ()], ids=["half", "nothing"])
async def test_a_stream_that_is_closed_too_early_fails(parts: tuple[str, ...], form: str) -> None:
    """By its server cleanly, or in the middle of a chunk or an event; and where the end was announced before it broke off."""
    text = "\n".join(piece(form, *parts)).encode()
    failed(await streamed(form, stream(*piece(form, *parts))), "streaming")
    failed(await streamed(form, chunked(text + b"\n")), "streaming")
    failed(await streamed(form, chunked(text + b"\n", last=False)), "streaming")
    failed(await streamed(form, stream(*piece(form, "half"), FORMS[form]["end"][0][:20])), "streaming")
    whole = "\n".join(piece(form, "half", "end")).encode()
    failed(await streamed(form, chunked(whole + b"\n", last=False)), "streaming")


@pytest.mark.parametrize("form", ["openai", "anthropic"])
async def test_a_stream_that_ends_with_its_reason_needs_no_further_mark(form: str) -> None:
    """As transformers 5.24 and MLflow's gateway end theirs."""
    for raw in (
        stream(*piece(form, "half", "end")),
        chunked("\n".join(piece(form, "half", "end")).encode() + b"\n"),
        stream(*piece(form, "half", "end", "done")),
    ):
        done = await streamed(form, raw)
        assert states(done)["streaming"] == "ok", done.checks


# --- headers and statuses --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 202])
@pytest.mark.parametrize(
    "kind", ["application/json", "application/json; charset=UTF-8", "text/plain", "", "application/octet-stream"]
)
async def test_an_answer_is_judged_by_what_it_holds(kind: str, status: int) -> None:
    """Whole and as a stream; a content type that strict clients refuse is said."""
    lines = piece("openai", "half", "end", "done")
    odd = "json" not in kind
    whole = reply(status, OPENAI["whole"], {"Content-Type": kind})
    events = stream(*lines, kind=kind if odd else "text/event-stream; charset=utf-8", status=status)
    done, _ = await asked(lambda body: events if body.get("stream") else whole)
    assert done.state == "ok", done.checks
    for name in ("inference", "streaming"):
        assert ("strict clients may refuse" in check_of(done, name).message) is odd


async def test_a_byte_order_mark_is_no_part_of_an_answer() -> None:
    """Before JSON, and before a stream."""
    whole = reply(200, b"\xef\xbb\xbf" + json.dumps(OPENAI["whole"]).encode())
    done, _ = await asked(
        lambda body: stream("\ufeff", *piece("openai", "half", "end")) if body.get("stream") else whole
    )
    assert done.state == "ok", done.checks


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (reply(404, {"detail": "no streams"}), "degraded"),
        (reply(422, {"detail": [{"loc": ["body", "stream"], "msg": "must be false"}]}), "degraded"),
        (reply(501, {"error": "not implemented"}), "degraded"),
        (reply(500, {"error": {"message": "Streaming is not supported"}}), "degraded"),
        (reply(200, {"error": {"message": "stream is not supported"}}), "degraded"),
        (reply(200, OPENAI["whole"]), "degraded"),
        (reply(200, json.dumps(OPENAI["whole"], indent=2).encode(), {"Content-Type": "text/event-stream"}), "degraded"),
        (reply(500, {"error": {"message": "CUDA out of memory"}}), "failed"),
        (reply(429, {"error": {"message": "slow down"}}), "failed"),
        (reply(200, {"error": {"message": "overloaded"}}), "failed"),
        (reply(200, b"<html>log in to the stream</html>", {"Content-Type": "text/html"}), "failed"),
        (reply(200, b""), "failed"),
    ],
)
async def test_to_have_no_streams_is_not_to_break_them(answer: bytes, state: str) -> None:
    """A refusal of what was answered whole is degraded; what breaks is broken. Capabilities are found out in any case."""
    whole = reply(200, OPENAI["whole"])
    done, _ = await asked(lambda body: answer if body.get("stream") else whole, probe=True)
    assert states(done) == {"connection": "ok", "inference": "ok", "streaming": state, "capabilities": "ok"}, (
        done.checks
    )


# --- capabilities ----------------------------------------------------------------------------------------------------------


def tokens(number: int) -> dict[str, Any]:
    return {**OPENAI["whole"], "usage": {"completion_tokens": number}}


async def capabilities(answer: Answer) -> dict[str, str]:
    lines = piece("openai", "half", "end")
    done, _ = await asked(lambda body: stream(*lines) if body.get("stream") else answer(body), probe=True)
    assert done.ok, done.checks
    return dict(done.capabilities)


ACCEPTED = dict.fromkeys(("max_completion_tokens", "temperature", "top_p"), "accepted") | {"n": "ignored"}


@pytest.mark.parametrize("said", ["the output limit was reached", "try again with higher max_completion_tokens"])
async def test_a_budget_that_is_too_small_is_heeded(said: str) -> None:
    """Refused with words about it, named or not: a larger one is taken, so the parameter is."""
    full = reply(400, {"error": {"message": said, "param": None}})

    def answer(body: Mapping[str, Any]) -> bytes:
        return full if (body.get("max_completion_tokens") or 99) <= 16 else reply(200, OPENAI["whole"])

    assert await capabilities(answer) == ACCEPTED


@pytest.mark.parametrize("status", [400, 422])
async def test_a_question_that_is_filtered_says_nothing_of_parameters(status: int) -> None:
    """Another question is asked then; where none is answered, nothing is known."""
    filtered = reply(status, {"error": {"message": "stopped by the content filter", "code": "content_filter"}})
    assert (
        await capabilities(lambda body: filtered if "Count" in str(body) else reply(200, OPENAI["whole"])) == ACCEPTED
    )
    calls: list[Any] = []

    def only_at_first(body: Mapping[str, Any]) -> bytes:
        calls.append(body)
        return reply(200, OPENAI["whole"]) if len(calls) == 1 else filtered

    assert set((await capabilities(only_at_first)).values()) == {"unknown"}


@pytest.mark.parametrize(
    "reason",
    [
        {"error": {"message": "Unsupported value: 'temperature' does not support 0.5 with this model."}},
        {"detail": [{"loc": ["body", "temperature"], "msg": "Extra inputs are not permitted"}]},
        {"error": "bad request"},
        {},
    ],
)
async def test_a_parameter_that_is_refused_need_not_be_named(reason: Any) -> None:
    """It is enough that the same question passes without it."""
    refusal = reply(400, reason)
    found = await capabilities(lambda body: refusal if "temperature" in body else reply(200, OPENAI["whole"]))
    assert found == ACCEPTED | {"temperature": "refused"}


@pytest.mark.parametrize(
    ("number", "verdict"), [(16, "accepted"), (17, "accepted"), (24, "accepted"), (33, "ignored"), (200, "ignored")]
)
async def test_a_budget_is_counted_with_some_tolerance(number: int, verdict: str) -> None:
    """Servers count the first and the last token in their own ways."""
    found = await capabilities(lambda body: reply(200, tokens(number)))
    assert found["max_completion_tokens"] == verdict


async def test_what_breaks_once_is_unknown_and_the_rest_is_found_out() -> None:
    """A 500 for one parameter."""
    broken = reply(500, {"error": {"message": "oops"}})
    found = await capabilities(lambda body: broken if "temperature" in body else reply(200, OPENAI["whole"]))
    assert found == ACCEPTED | {"temperature": "unknown"}


async def test_a_pooled_connection_that_is_dead_is_replaced() -> None:
    """A server that closes each connection after its reply and does not say so: every question is answered all the same."""

    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        if seen.connection not in answered:
            answered.add(seen.connection)
            stream_ = seen.method == "POST" and seen.data.get("stream")
            events = "\n".join(piece("openai", "half", "end")).encode() + b"\n"
            writer.write(chunked(events) if stream_ else reply(200, OPENAI["whole"] if seen.method == "POST" else {}))
        else:
            writer.close()

    answered: set[int] = set()
    async with serve(behave) as server:
        done = await run(subject(f"{server.url}/v1", timeout=10))
    assert (done.state, done.capabilities) == ("ok", ACCEPTED), done.checks


# --- the model's name ------------------------------------------------------------------------------------------------------

LISTED = {"data": [{"id": "other"}, {"id": "m:latest"}]}


async def test_a_name_that_is_not_listed_and_ignored_is_degraded() -> None:
    """The server answers to any name: nobody knows what answers."""
    done, _ = await asked(
        lambda body: stream(*piece("openai", "half", "end")) if body.get("stream") else reply(200, OPENAI["whole"]),
        models=LISTED,
        probe=True,
    )
    assert (done.ok, states(done)["inference"]) == (True, "degraded")
    message = check_of(done, "inference").message
    assert message.startswith("the endpoint does not list the model m, and answers to any name (it lists m:latest)")


@pytest.mark.parametrize("models", [LISTED, {"data": []}, {}, {"data": [{"id": "x", "aliases": ["m"]}]}])
async def test_a_name_that_counts_or_is_listed_is_well(models: Any) -> None:
    """Lists leave out aliases and deployments: who refuses a name that nobody has, reads the names."""
    unknown = reply(404, {"error": {"message": "no such model"}})
    done, _ = await asked(
        lambda body: (
            stream(*piece("openai", "half", "end"))
            if body.get("stream")
            else reply(200, OPENAI["whole"])
            if body["model"] == "m"
            else unknown
        ),
        models=models,
        probe=True,
    )
    assert done.state == "ok", done.checks


# --- embeddings ------------------------------------------------------------------------------------------------------------


def packed(*numbers: float) -> str:
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()


@pytest.mark.parametrize(
    ("vectors", "said"),
    [
        ([[0.5, 1, -2]], "1 embedding of 3 dimensions"),
        ([packed(0.5, 1, -2), packed(1, 2, 3)], "2 embeddings of 3 dimensions (base64)"),
    ],
)
async def test_embeddings_are_read(vectors: list[Any], said: str) -> None:
    """As numbers, and packed."""
    body = {"data": [{"index": index, "embedding": one} for index, one in enumerate(vectors)]}
    done, _ = await asked(lambda _: reply(200, body), how={"task": "embeddings"})
    assert check_of(done, "inference").message == said


@pytest.mark.parametrize(
    "vectors",
    [
        [],
        [[]],
        ["no base64!"],
        ["Hello"],
        [""],
        [base64.b64encode(b"abcdef").decode()],
        [packed(1, float("nan"))],
        [packed(1, float("inf"))],
        [[1, "2"]],
        [[True]],
        [[1, 2], [1, 2, 3]],
        [[1, 2], None],
        [[1, 2], packed(1)],
    ],
)
async def test_what_is_no_embedding_fails(vectors: list[Any]) -> None:
    """A text is none because it is there; every row counts."""
    body = {"data": [{"index": index, "embedding": one} for index, one in enumerate(vectors)]}
    done, _ = await asked(lambda _: reply(200, body), how={"task": "embeddings"})
    failed(done, "inference")


# --- what a server says ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        {"detail": {"error": {"message": "model m not found"}}},
        {"detail": {"message": "model m not found"}},
        {"detail": [{"loc": ["body"], "msg": "model m not found"}]},
        {"detail": "model m not found"},
        {"error": "model m not found"},
        {"error": {"message": "model m not found", "code": 1}},
        {"message": "model m not found"},
        {"errors": [{"message": "model m not found"}]},
        {"type": "error", "error": {"type": "not_found_error", "message": "model m not found"}},
        {"object": "error", "message": "model m not found"},
        {"detail": {"model": "model m not found"}},
    ],
)
async def test_the_reason_is_told_and_no_hint_misleads(body: Any) -> None:
    """A 404 that speaks of the model says nothing against the url; without a reason, the url is what to look at."""
    done, _ = await asked(lambda _: reply(404, body))
    message = failed(done, "inference")
    assert "model m not found" in message
    assert "look at `model`" in message
    done, _ = await asked(lambda _: reply(404, b"", {"Content-Type": "text/html"}))
    assert "`url` is the base below which" in failed(done, "inference")


@pytest.mark.parametrize("before", range(20, 70, 7))
async def test_a_secret_is_masked_before_anything_is_cut(before: int) -> None:
    """Wherever the cut falls: in an answer, in an event, in a refusal."""
    said = "x" * before + KEY + "y" * 400
    whole = {"choices": [{"message": {"content": said}, "finish_reason": "stop"}]}
    events = stream(*piece("openai", "half"), f"data: no JSON {'z' * before}{said}", "")
    done, _ = await asked(lambda body: events if body.get("stream") else reply(200, whole))
    texts = [check.message for check in done.checks]
    done, _ = await asked(lambda body: reply(400, {"detail": "x" * (before * 4) + said}), how={"parameters": {"n": 1}})
    texts += [check.message for check in done.checks]
    assert not any(KEY[:size] in text for text in texts for size in range(6, len(KEY)))
    assert names(done) == ["connection", "inference"]
