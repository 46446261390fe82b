"""What each answer becomes: a value, or one of our errors with the registry's name, the request and the server's own words."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st
from registry.loopback import Seen, always, connected, in_turn, reply, serve, target

from reconciler.core.errors import LostReplyError, PermanentError, RegistryError, TemporaryError
from reconciler.core.secret import Secret
from reconciler.registry.http import Response, open_client
from reconciler.registry.http.payload import encode, parse, read, secrets_in, shown

HTML = b"<!doctype html><html><title>Sign in</title>"


async def test_a_reply_is_status_headers_and_data() -> None:
    """JSON is parsed, header names are in lower case, a header that comes twice is joined."""
    body = '{"key":"é"}'.encode()
    raw = b'HTTP/1.1 201 Made\r\nX-A: 1\r\nETag: "r1"\r\nx-a: 2\r\nContent-Length: %d\r\n\r\n' % len(body) + body
    async with connected(always(raw)) as (client, _):
        got = await client.call("POST", "/models", body={}, expected=(200, 201))
    assert got == Response(201, {"x-a": "1, 2", "etag": '"r1"', "content-length": str(len(body))}, {"key": "é"})


@pytest.mark.parametrize(
    "raw", [reply(204, headers={"Content-Length": "0"}), b"HTTP/1.1 204 No\r\n\r\n", reply(204, b"")]
)
async def test_an_empty_body_is_none(raw: bytes) -> None:
    """Nothing at all is no error."""
    async with connected(always(raw)) as (client, _):
        assert (await client.call("DELETE", "/models/1", expected=(200, 204))).data is None


async def test_a_request_without_a_body_has_no_content_type() -> None:
    """And one with a body says JSON; null inside is sent as null."""
    async with connected(always(reply(200))) as (client, server):
        for method in ("GET", "POST", "PUT", "DELETE"):
            await client.call(method, "/a")
        await client.call("POST", "/a", body={"a": None, "b": [1.5, "ü", True, Secret("s3cret")]})
    assert [seen.headers.get("content-type") for seen in server.seen] == [None] * 4 + ["application/json"]
    assert [seen.body for seen in server.seen[:4]] == [b""] * 4
    assert server.seen[4].data == {"a": None, "b": [1.5, "ü", True, "s3cret"]}
    assert server.seen[0].headers["accept"] == "application/json"
    assert server.seen[0].headers["user-agent"].startswith("model-reconciler/")


async def test_headers_of_the_target_take_the_place_of_ours() -> None:
    """Whatever the case of their names."""
    async with connected(always(reply(200)), headers={"ACCEPT": "text/x", "X-Client": "1"}) as (client, server):
        await client.call("GET", "/a")
    assert server.seen[0].headers["accept"] == "text/x"
    assert server.seen[0].headers["x-client"] == "1"


async def test_query_values_arrive_as_they_were() -> None:
    """Whatever a key holds, the server reads the same key; aiohttp's own server is the judge."""
    seen: list[dict[str, str]] = []

    async def handle(request: web.Request) -> web.Response:
        seen.append(dict(request.query))
        return web.json_response({})

    app = web.Application()
    app.router.add_get("/models", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    hard = [
        "openai$gpt-4o",
        "a/b",
        "a+b",
        "a&b=c",
        "a b",
        "ü€😀",
        "%2F",
        "%",
        "#?;,'\"<>",
        "..",
        "a\r\nX: 1",
        "\x00\x7f",
    ]
    async with open_client(target(f"http://127.0.0.1:{port}")) as client:
        for key in hard:
            await client.call("GET", "/models", query={"key": key, "q=&": "x"})
    await runner.cleanup()
    assert seen == [{"key": key, "q=&": "x"} for key in hard]


async def test_a_path_arrives_as_it_was() -> None:
    """Quoted slashes stay quoted, and what needs no quoting stays too."""
    paths = [
        "/a%2Fb",
        "/openai$gpt-4o",
        "/virtual-model%2Fopenai%2Fgpt-4o",
        "/a%25b",
        "/a%20b",
        "/...",
        "/a;b=1",
    ]
    async with connected(always(reply(200))) as (client, server):
        for path in paths:
            await client.call("GET", path)
    assert [seen.path for seen in server.seen] == paths


@pytest.mark.parametrize(
    "path",
    [
        "/secrets/..",
        "/a/../b",
        "/secrets/%2E%2e",
        "/a/.",
        "/secrets/.%2E/x",
        "/a?b",
        "/a#b",
        "/a\nb",
        "/secrets/",
        "/a//b",
        "/",
    ],
)
async def test_a_path_that_leads_elsewhere_is_not_sent(path: str) -> None:
    """HTTP clients resolve dots: the deletion of the secret `..` would be that of all secrets, and so would that of an empty key."""
    async with connected(always(reply(200))) as (client, server):
        with pytest.raises(PermanentError, match="cannot be asked for"):
            await client.call("DELETE", path)
    assert server.seen == []


STATUSES = [
    (400, PermanentError, PermanentError, 1),
    (401, PermanentError, PermanentError, 1),
    (404, PermanentError, PermanentError, 1),
    (409, PermanentError, PermanentError, 1),
    (422, PermanentError, PermanentError, 1),
    (426, PermanentError, PermanentError, 1),
    (202, PermanentError, LostReplyError, 1),
    (204, PermanentError, LostReplyError, 1),
    (304, PermanentError, PermanentError, 1),
    (599, TemporaryError, LostReplyError, 3),
    (500, TemporaryError, LostReplyError, 3),
    (501, TemporaryError, LostReplyError, 3),
    (502, TemporaryError, LostReplyError, 3),
    (503, TemporaryError, LostReplyError, 3),
    (504, TemporaryError, LostReplyError, 3),
    (999, TemporaryError, LostReplyError, 3),
]


@pytest.mark.parametrize(("status", "reading", "writing", "reads"), STATUSES)
async def test_each_status_becomes_one_error(status: int, reading: type, writing: type, reads: int) -> None:
    """Reads are repeated where that may help; a write never is, and what may have been done is told as such."""
    async with connected(always(reply(status, b"" if status in (204, 304) else {"message": "no"}))) as (client, server):
        with pytest.raises(RegistryError) as caught:
            await client.call("GET", "/models")
        assert type(caught.value) is reading
        with pytest.raises(RegistryError) as caught:
            await client.call("POST", "/models", body={})
        assert type(caught.value) is writing
        assert f"aigo: POST {server.url}/models answered {status}" in caught.value.message
        assert (server.count("GET"), server.count("POST")) == (reads, 1)


async def test_an_expected_status_is_no_error() -> None:
    """Whatever it is."""
    async with connected(always(reply(404, {"detail": "none"}))) as (client, _):
        assert await client.call("GET", "/models/1", expected=(200, 404)) == Response(
            404, {"content-type": "application/json", "content-length": "18"}, {"detail": "none"}
        )


async def test_the_hint_of_a_status_reaches_the_error() -> None:
    """A driver says what to do about 401 and 426."""
    async with connected(always(reply(401, {})), hints={401: "set LF_API_KEY"}) as (client, server):
        with pytest.raises(PermanentError) as caught:
            await client.call("GET", "/models", query={"key": "a b"})
    assert caught.value.message == f"aigo: GET {server.url}/models answered 401 Unauthorized"
    assert caught.value.hint == "set LF_API_KEY"


MESSAGES: list[tuple[Any, str]] = [
    ({"message": "one"}, ": one"),
    ({"detail": "two"}, ": two"),
    ({"error": "three"}, ": three"),
    ({"error": {"message": "four", "code": 1}}, ": four"),
    ({"error": {"message": {"no": "text"}}}, ': {"no": "text"}'),
    (
        {"detail": [{"loc": ["body", "key"], "msg": "too long"}, {"loc": ["body", 0], "msg": "bad"}]},
        ": body.key: too long; body.0: bad",
    ),
    ({"errors": [{"code": "x", "message": "five"}]}, ": five"),
    ({"detail": {"a": 1}}, ': {"a": 1}'),
    ({"detail": {"error": {"message": "six", "type": "x"}}}, ": six"),
    ({"errors": {"n": ["must be 1"]}}, ': {"n": ["must be 1"]}'),
    ({"title": "Bad Request", "status": 400, "detail": "seven"}, ": seven"),
    ({"error": "Bad Request", "message": "eight"}, ": eight"),
    ({"fault": {"faultstring": "nine"}}, ": nine"),
    ({"message": 5}, ""),
    ({"message": "a\x1b[31m\nb\u202e\tc"}, ": a [31m b c"),
    ({"message": "x" * 2000}, ": " + "x" * 499 + "…"),
    ([], ""),
    (HTML, ""),
    (b"\xff\xfe", ""),
    (b"[" * 60_000, ""),
]


@pytest.mark.parametrize(("body", "said"), MESSAGES, ids=[str(number) for number in range(len(MESSAGES))])
async def test_the_servers_own_message_is_told(body: Any, said: str) -> None:
    """From the fields that servers use, in one line of bounded length and without control characters."""
    async with connected(always(reply(409, body))) as (client, server):
        with pytest.raises(PermanentError) as caught:
            await client.call("POST", "/models", body={})
    assert caught.value.message == f"aigo: POST {server.url}/models answered 409 Conflict{said}"


async def test_a_message_in_plain_text_is_told() -> None:
    """As gateways send it."""
    async with connected(always(reply(502, b"upstream is away", {"Content-Type": "text/plain"}))) as (client, _):
        with pytest.raises(LostReplyError, match="answered 502 Bad Gateway: upstream is away"):
            await client.call("POST", "/models")


NOT_JSON = {
    "html": reply(200, HTML, {"Content-Type": "text/html; charset=utf-8"}),
    "invalid UTF-8": reply(200, b'{"key": "\xff\xfe"}'),
    "UTF-16": reply(200, '{"key": 1}'.encode("utf-16")),
    "half": reply(200, b'{"key": '),
    "NaN": reply(200, b'{"key": NaN}'),
    "infinity": reply(200, b"[-Infinity]"),
    "a number beyond all floats": reply(200, b'{"a": [1e999]}'),
    "the same below zero": reply(200, b"-1E400"),
    "deep": reply(200, b"[" * 200_000),
    "a huge number": reply(200, b"1" * 10_000),
    "an unknown packing": reply(200, b"\x00\x01", {"Content-Encoding": "br"}),
}


@pytest.mark.parametrize("case", NOT_JSON)
async def test_what_is_not_json_is_an_error(case: str) -> None:
    """A log-in page answers 200. A read fails for good, once; a write may have been done."""
    async with connected(always(NOT_JSON[case])) as (client, server):
        with pytest.raises(PermanentError, match=r"answered 200 OK, not with JSON in UTF-8 \(\w+/\w+"):
            await client.call("GET", "/models")
        with pytest.raises(LostReplyError, match="not with JSON"):
            await client.call("POST", "/models")
        assert (server.count("GET"), server.count("POST")) == (1, 1)


async def test_a_log_in_page_is_shown_in_part() -> None:
    """The content type and the first characters tell what answered."""
    async with connected(always(NOT_JSON["html"])) as (client, _):
        with pytest.raises(PermanentError) as caught:
            await client.call("GET", "/models")
    assert caught.value.message.endswith(
        "answered 200 OK, not with JSON in UTF-8 (text/html; charset=utf-8): <!doctype html><html><title>Sign in</title>"
    )


@pytest.mark.parametrize("kind", ["text/html", "Text/HTML; charset=utf-8", "text/plain", "application/json"])
async def test_a_page_is_told_for_what_it_is(kind: str) -> None:
    """By its type or by its beginning; for a write it comes first that it may have been done. Other text is no page."""
    async with connected(always(reply(200, b"\n " + HTML, {"Content-Type": kind}))) as (client, _):
        with pytest.raises(PermanentError) as caught:
            await client.call("GET", "/models")
        assert caught.value.hint == "a page of a proxy or a log-in? check `url`"
        with pytest.raises(LostReplyError) as caught:
            await client.call("POST", "/models")
        assert "check `url`; it may have been done: look before" in str(caught.value.hint)
    async with connected(always(NOT_JSON["half"])) as (client, _):
        with pytest.raises(PermanentError) as caught:
            await client.call("GET", "/models")
        assert caught.value.hint is None


async def test_half_a_character_is_no_reason_to_refuse_a_list() -> None:
    """A server that cut a text in the middle of an emoji: the half becomes a question mark, whole ones stay."""
    async with connected(always(reply(200, rb'["\ud83d", "\ud83d\ude00", "\\ud83d"]'))) as (client, _):
        assert (await client.call("GET", "/models")).data == ["?", "😀", r"\ud83d"]


async def test_a_packed_body_is_unpacked() -> None:
    """gzip, in one member or several; nothing else is asked for."""
    data = {"key": "chat" * 1000}
    raw = json.dumps(data).encode()
    members = gzip.compress(raw[:100]) + gzip.compress(raw[100:])
    packed = [reply(200, body, {"Content-Encoding": "gzip"}) for body in (gzip.compress(raw), members)]
    async with connected(in_turn(*packed)) as (client, server):
        for _ in packed:
            assert (await client.call("GET", "/models")).data == data
    assert server.seen[0].headers["accept-encoding"] == "gzip"


async def test_a_body_of_the_largest_size_is_read() -> None:
    """And one byte more is not."""
    body = json.dumps("x" * 998).encode()
    async with connected(always(reply(200, body)), largest_body=1000) as (client, _):
        assert (await client.call("GET", "/models")).data == "x" * 998
    async with connected(always(reply(200, body)), largest_body=999) as (client, server):
        with pytest.raises(PermanentError, match=r"answered 200 OK, with more than 0\.000953 MiB"):
            await client.call("GET", "/models")
        with pytest.raises(LostReplyError, match="with more than"):
            await client.call("POST", "/models")
        assert len(server.seen) == 2


@pytest.mark.parametrize("status", [200, 500])
async def test_an_endless_body_ends(status: int) -> None:
    """The stream is stopped, and the server finds the connection closed."""
    sent = 0

    async def pour(seen: Seen, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\n\r\n" % status)
        while not writer.is_closing():
            writer.write(b" " * 65_536)
            sent += 65_536
            await writer.drain()

    async with connected(pour, largest_body=1_000_000) as (client, server):
        with pytest.raises(RegistryError, match="with more than" if status == 200 else "answered 500"):
            await client.call("POST", "/models")
        await server.until(lambda: server.open == 0)
    assert sent < 50_000_000


BOMB = gzip.compress(b" " * 100_000_000)


@pytest.mark.parametrize(
    ("packed", "encoding"),
    [(BOMB, "gzip"), (gzip.compress(b"") * 60_000, "gzip"), (gzip.compress(BOMB), "gzip, gzip")],
    ids=["bomb", "nothing, often", "bomb in a bomb"],
)
async def test_a_bomb_is_not_unpacked(packed: bytes, encoding: str) -> None:
    """A small body that unpacks to 100 MB, one that unpacks to nothing for ever, and one within another."""
    async with connected(always(reply(200, packed, {"Content-Encoding": encoding})), largest_body=1_000_000) as (
        client,
        server,
    ):
        with pytest.raises(PermanentError, match=r"with more than|not with JSON"):
            await client.call("GET", "/models")
        assert len(server.seen) == 1


async def test_unpacking_takes_no_more_memory_than_is_allowed() -> None:
    """100 MB in one small piece: no more is made of it than is wanted."""

    async def chunks() -> AsyncIterator[bytes]:
        yield BOMB

    tracemalloc.start()
    body = await read(chunks(), 1_000_000, packed=True)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (len(body.data), body.whole) == (1_000_000, False)
    assert peak < 10_000_000


def test_a_body_is_shown_without_its_secrets() -> None:
    """And sent with them."""
    body = {"a": Secret("x"), "b": [Secret("y"), "ü"]}
    assert shown(body) == '{"a": "***", "b": ["***", "ü"]}'
    assert encode(body) == b'{"a":"x","b":["y","\\u00fc"]}'
    assert [secret.reveal() for secret in secrets_in(body)] == ["x", "y"]


async def test_an_error_that_breaks_off_is_still_that_error() -> None:
    """A refusal whose text does not arrive is no lost reply."""

    async def half(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(409, {"message": "taken"})[:-3])
        await writer.drain()
        writer.close()

    async with connected(half) as (client, server):
        with pytest.raises(PermanentError, match="answered 409 Conflict"):
            await client.call("POST", "/models")
        assert len(server.seen) == 1


async def test_a_body_that_is_no_json_is_not_sent() -> None:
    """NaN is refused before anything leaves."""
    async with connected(always(reply(200))) as (client, server):
        with pytest.raises(PermanentError, match="aigo: POST /models cannot be sent"):
            await client.call("POST", "/models", body={"temperature": float("nan")})
    assert server.seen == []


async def test_a_reason_in_another_language_is_no_matter() -> None:
    """Servers write the phrase after the status in their own language and encoding."""
    raw = reply(401, {"message": "no"}).replace(b"Whatever", "Não autorizado".encode("latin-1"))
    async with connected(always(raw)) as (client, server):
        with pytest.raises(PermanentError, match="answered 401 Unauthorized: no"):
            await client.call("GET", "/models")
        assert (len(server.seen), server.connections) == (1, 1)


REPLIES = [
    b"",
    reply(200, {"key": "chat"}),
    reply(429, {}, {"Retry-After": "0"}),
    reply(302, b"", {"Location": "http://127.0.0.1:1/x"}),
    reply(500, {"error": {"message": "no"}}),
    reply(200, gzip.compress(b"{}"), {"Content-Encoding": "gzip"}),
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
]
EDITS = st.lists(st.tuples(st.integers(0, 120), st.integers(0, 4), st.binary(max_size=5)), max_size=4)


@settings(max_examples=150)
@given(st.sampled_from(REPLIES), EDITS)
def test_garbage_never_becomes_a_foreign_error(raw: bytes, edits: list[tuple[int, int, bytes]]) -> None:
    """Whatever a server sends, the outcome is a value or a RegistryError, and a write arrives once."""
    for place, length, noise in edits:
        raw = raw[:place] + noise + raw[place + length :]

    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        writer.close()

    async def ask() -> int:
        async with serve(behave) as server, open_client(target(server.url, attempts=1)) as client:
            with contextlib.suppress(RegistryError):
                await client.call("PUT", "/models/1", body={})
            return len(server.seen)

    assert asyncio.run(ask()) == 1


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.sampled_from([1e300, 12345678901234567890, 5e-324])
        | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_json_is_read_as_it_was_written(data: Any) -> None:
    """Parsing undoes writing."""
    assert parse(json.dumps(data, ensure_ascii=False).encode()) == data
