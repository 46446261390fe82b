"""Endpoints that misbehave, on raw sockets: each one is a failed check in clear words, without secrets, in bounded time and memory."""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import Callable

import pytest
import trustme
from endpoint.place import failed, run, subject
from endpoint.server import KEY
from registry.loopback import Behaviour, Seen, always, reply, reset, serve

from reconciler.registry.capabilities import TestResult

GOOD = {"choices": [{"message": {"role": "assistant", "content": "Hi."}}]}
EVENTS = {"Content-Type": "text/event-stream"}


def answering(raw: bytes, streamed: bytes = b"") -> Behaviour:
    """Every GET is answered well, a question with the first bytes, one for a stream with the second."""

    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        if seen.method == "GET":
            writer.write(reply(200, {"data": []}))
        else:
            writer.write(streamed if streamed and seen.data.get("stream") else raw)
            if raw.endswith(b"half") or (streamed and seen.data.get("stream")):
                await writer.drain()
                writer.close()

    return behave


def endless(head: bytes, piece: bytes) -> Behaviour:
    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        if seen.method == "GET":
            writer.write(reply(200, {"data": []}))
            return
        plain = seen.data.get("stream") is None and b"event-stream" in head
        if plain:
            writer.write(reply(200, GOOD))
            return
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)

    return behave


async def against(behave: Behaviour, **how: object) -> TestResult:
    async with serve(behave) as server:
        done = await run(subject(f"{server.url}/v1", timeout=how.pop("timeout", 10), **how), probe=False)
    assert KEY not in repr(done)
    return done


def raw_stream(*lines: str) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
    return head + "".join(f"{line}\n" for line in lines).encode()


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (
            reply(200, b"<html>log in</html>", {"Content-Type": "text/html"}),
            "a page (of a proxy or a log-in? check `url`), not with JSON in UTF-8 (text/html): <html>",
        ),
        (reply(200, b'{"choices": "\xff"}'), "not with JSON in UTF-8"),
        (reply(200, b'{"choices": '), "not with JSON in UTF-8"),
        (reply(200, b""), "the answer is no chat completion"),
        (reply(200, []), "the answer is no chat completion"),
        (reply(200, {"choices": []}), "it has no choices[0].message"),
        (reply(200, {"choices": [{"message": {"content": 1}}]}), "choices[0].message.content is no text"),
        (reply(200, {"error": {"message": "quota"}}), "with an error inside: quota"),
        (reply(200, {"error": "quota"}), "with an error inside: quota"),
        (reply(200, b"[" * 100_000), "not with JSON in UTF-8"),
        (reply(200, b'{"choices": ' + b"[" * 300 + b"]" * 300 + b"}"), "maps and lists inside each other"),
        (reply(500, {"error": {"message": "CUDA out of memory"}}), "answered 500 Internal Server Error: CUDA"),
        (reply(200, b"x", {"Content-Encoding": "gzip"}), "packed badly"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "the reply broke off"),
        (b"nonsense\r\n\r\n", "malformed"),
        (reply(200, GOOD, {"X-Long": "a" * 100_000}), "headers are too long"),
    ],
)
async def test_what_is_no_answer_is_told(raw: bytes, said: str) -> None:
    """The words of the server where it has any, and never more than a line."""
    message = failed(await against(answering(raw)), "inference")
    assert said in message
    assert len(message) <= 300
    assert message.isprintable()


async def test_a_key_follows_no_redirect() -> None:
    """To another host least of all: it is told where to, and nothing arrives there."""
    for status in (301, 302, 303, 307, 308):
        async with serve(always(reply(200, GOOD))) as other:
            moved = reply(status, b"", {"Location": f"{other.url}/v1/chat/completions?key=abc"})
            done = await against(always(moved))
            message = failed(done, "inference")
            assert f"it redirects to {other.url}/v1/chat/completions (redirects are not followed" in message
            assert other.connections == 0


async def test_an_endless_body_is_given_up() -> None:
    """At 8 MiB, also where it is packed and would unpack to more."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
    message = failed(await against(endless(head, b" " * 65536), timeout=60), "inference")
    assert "with more than 8 MiB" in message
    bomb = zlib.compress(b" " * 100_000_000, wbits=31)
    packed = reply(200, bomb, {"Content-Encoding": "gzip"})
    assert "with more than 8 MiB" in failed(await against(answering(packed)), "inference")


async def test_a_body_that_drips_is_given_up() -> None:
    """After the manifest's time, however alive the connection is."""

    async def drip(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    done = await against(drip, timeout=1)
    assert done.checks[0].message == "connected; a GET got no whole answer"
    assert "no reply within 1 seconds" in failed(done, "inference")


CHUNK = 'data: {"choices": [{"delta": {"content": "a"}}]}'
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


@pytest.mark.parametrize(
    ("piece", "said"),
    [
        (f"{CHUNK}\n\n".encode(), "more than 10,000 events"),
        (b"data: " + b"a" * 65536, "a line of it has more than 1,024 KiB"),
        (b": alive\n" * 10_000, "it is too long"),
    ],
)
async def test_an_endless_stream_is_given_up(piece: bytes, said: str) -> None:
    """Of events, of one line, of nothing at all."""
    assert said in failed(await against(endless(HEAD, piece), timeout=60), "streaming")


async def test_a_stream_that_never_ends_is_given_up() -> None:
    """After the manifest's time, with what is wrong: it had begun."""

    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        if seen.method == "GET" or not seen.data.get("stream"):
            writer.write(reply(200, GOOD))
            return
        writer.write(HEAD + f"{CHUNK}\n\n".encode())
        await writer.drain()
        await asyncio.sleep(60)

    message = failed(await against(behave, timeout=1), "streaming")
    assert message == "the stream began and did not end within 1 seconds, or broke off"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("data: nonsense", "data: [DONE]"), "an event is not JSON: nonsense"),
        (("data: 1", "data: [DONE]"), "an event is no object: 1"),
        (("data: [DONE]",), "the stream holds no piece of an answer"),
        ((CHUNK,), "the stream ends without [DONE]"),
        (('data: {"error": {"message": "late"}}', "data: [DONE]"), "with an error inside: late"),
        (("",), "the stream ends without a piece of an answer"),
    ],
)
async def test_a_stream_of_something_else(lines: tuple[str, ...], said: str) -> None:
    """Every event is looked at."""
    assert said in failed(await against(answering(reply(200, GOOD), raw_stream(*lines))), "streaming")


async def test_a_stream_that_is_not_utf_8() -> None:
    """Given up at that line."""
    raw = raw_stream() + b'data: {"a": "\xff"}\n\ndata: [DONE]\n\n'
    assert "a line of it is not UTF-8" in failed(await against(answering(reply(200, GOOD), raw)), "streaming")


@pytest.mark.parametrize("lines", [(CHUNK, "data: [DONE]"), (f"{CHUNK}\r", "\r", "data:[DONE]")])
async def test_a_stream_may_be_written_in_several_ways(lines: tuple[str, ...]) -> None:
    """Without blank lines, with CR LF, without a space, without a last line's end."""
    done = await against(answering(reply(200, GOOD), raw_stream(*lines).removesuffix(b"\n")))
    assert done.ok, done.checks


async def test_a_connection_that_breaks() -> None:
    """Before an answer to anything: connected, and no inference. Nobody there: no connection."""

    async def hang_up(seen: Seen, writer: asyncio.StreamWriter) -> None:
        reset(writer)

    message = failed(await against(hang_up), "inference")
    assert "connection" in message
    async with serve(hang_up) as server:
        url = server.url
    assert "no connection" in failed(await run(subject(url)), "connection")


async def test_what_repeats_a_secret_is_shown_without() -> None:
    """In what the model answers, too: as key and as value."""

    async def echo(seen: Seen, writer: asyncio.StreamWriter) -> None:
        sent = seen.headers.get("authorization", "")
        answer = {"choices": [{"message": {"content": f"you sent {sent}"}}], sent: [sent, 1]}
        writer.write(reply(200, answer) if seen.method == "POST" else reply(200, {}))

    done = await against(echo, task="chat_completion")
    assert done.output == {"choices": [{"message": {"content": "you sent ***"}}], "***": ["***", 1]}
    assert "you sent ***" in done.checks[1].message


async def test_a_header_that_cannot_be_sent() -> None:
    """A line break in a key: told by its name, never its value."""
    done = await run(subject("http://127.0.0.1:9"), LLM_KEY="sk-two\nlines")
    assert "the header 'Authorization' cannot be sent" in failed(done, "connection")
    assert "sk-two" not in repr(done)


# --- TLS -----------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def pem(authority: trustme.CA) -> str:
    return authority.cert_pem.bytes().decode()


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        (lambda ca: None, "its certificate is not trusted"),
        (lambda ca: {"verify": True}, "its certificate is not trusted"),
        (lambda ca: {"ca": pem(trustme.CA())}, "its certificate is not trusted"),
        (lambda ca: {"ca": "no certificates"}, "`ca` holds no certificates"),
        (lambda ca: {"ca": "ä"}, "`ca` holds no certificates"),
        (lambda ca: {"ca": " "}, "`ca` holds no certificates: it is empty"),
        (lambda ca: {"ca": pem(ca)}, ""),
        (lambda ca: {"verify": False}, ""),
    ],
)
async def test_the_manifest_says_whom_to_trust(
    authority: trustme.CA, tls: Callable[[trustme.CA], dict[str, object] | None], said: str
) -> None:
    """`ca` is the text of certificates, trusted instead of the system's; `verify: false` trusts anybody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with serve(answering(reply(200, GOOD), raw_stream(CHUNK, "data: [DONE]")), context) as server:
        done = await run(subject(server.url, tls=tls(authority)), probe=False)
        assert done.ok if not said else said in failed(done, "connection"), done.checks
        assert bool(server.seen) is not bool(said)
