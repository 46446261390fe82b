"""Nothing is sent twice that must not be: requests are counted at the server in every way that a reply can get lost."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable, Iterator

import pytest
from registry.loopback import Behaviour, Seen, connected, reply, serve, target

from reconciler.core.errors import LostReplyError, TemporaryError, UnreachableError
from reconciler.registry.http import open_client

METHODS = ("GET", "HEAD", "PUT", "POST", "PATCH", "DELETE")
WRITES = ("PUT", "POST", "PATCH", "DELETE")


async def close_before_reply(seen: Seen, writer: asyncio.StreamWriter) -> None:
    writer.close()


async def close_in_head(seen: Seen, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Le")
    await writer.drain()
    writer.close()


async def close_in_body(seen: Seen, writer: asyncio.StreamWriter) -> None:
    writer.write(reply(200, {"key": "chat"})[:-4])
    await writer.drain()
    writer.close()


async def close_in_chunks(seen: Seen, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}   \r\n")
    await writer.drain()
    writer.close()


async def send_reset(seen: Seen, writer: asyncio.StreamWriter) -> None:
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def say_nothing(seen: Seen, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def stop_in_body(seen: Seen, writer: asyncio.StreamWriter) -> None:
    writer.write(reply(200, {"key": "chat"})[:-4])
    await writer.drain()
    await asyncio.sleep(60)


def sends(raw: bytes) -> Behaviour:
    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)
        await writer.drain()
        writer.close()

    return behave


OK = b"HTTP/1.1 200 OK\r\n"
CLOSE = b"Connection: close\r\n"  # where the body is whole, the connection would be used again
LOSSES = {
    "closed before the reply": close_before_reply,
    "closed in the head": close_in_head,
    "closed in the body": close_in_body,
    "closed in chunks": close_in_chunks,
    "reset": send_reset,
    "not HTTP": sends(b"hello, I am no web server\r\n\r\n"),
    "a status that is no number": sends(b"HTTP/1.1 two hundred\r\n\r\n"),
    "a long header": sends(OK + b"X-Long: " + b"a" * 10_240 + b"\r\nContent-Length: 2\r\n\r\n{}"),
    "many headers": sends(OK + b"".join(b"X-%d: 1\r\n" % number for number in range(5000)) + b"\r\n"),
    "bad chunks": sends(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"),
    "two lengths": sends(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "a negative length": sends(OK + b"Content-Length: -1\r\n\r\n{}"),
    "bad gzip": sends(OK + CLOSE + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope"),
    "half of gzip": sends(OK + CLOSE + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08"),
}
BODILESS = ("closed in the body", "closed in chunks", "bad chunks", "bad gzip", "half of gzip")  # HEAD reads no body


@pytest.mark.parametrize("loss", LOSSES)
async def test_a_lost_reply_is_told_and_nothing_is_sent_again(loss: str) -> None:
    """However a reply gets lost, a write is sent once, and the error says that it may have been done."""
    async with connected(LOSSES[loss]) as (client, server):
        for method in WRITES:
            with pytest.raises(LostReplyError) as caught:
                await client.call(method, "/models", body={"key": "chat"})
            assert caught.value.message.startswith(f"aigo: {method} {server.url}/models: ")
            assert caught.value.hint is not None
            assert server.count(method) == 1
        assert server.connections == len(WRITES)


@pytest.mark.parametrize("loss", LOSSES)
async def test_what_may_be_repeated_is_repeated_as_often_as_it_was_told(loss: str) -> None:
    """However a reply gets lost, a read is sent `attempts` times by us and never by the transport; it fails as temporary."""
    async with connected(LOSSES[loss]) as (client, server):
        for method in ("GET", "HEAD"):
            if method == "HEAD" and loss in BODILESS:
                continue
            with pytest.raises(TemporaryError, match=r"\(tried 3 times\)") as caught:
                await client.call(method, "/models")
            assert type(caught.value) is TemporaryError
            assert server.count(method) == 3


@pytest.mark.parametrize("method", WRITES)
async def test_a_write_that_may_be_repeated_is(method: str) -> None:
    """`repeatable=True` makes a write be sent again."""
    async with connected(close_before_reply) as (client, server):
        with pytest.raises(TemporaryError):
            await client.call(method, "/models/1", repeatable=True)
        assert server.count(method) == 3


async def test_a_read_that_may_not_be_repeated_is_not() -> None:
    """`repeatable=False` makes a GET be sent once."""
    async with connected(close_before_reply) as (client, server):
        with pytest.raises(LostReplyError):
            await client.call("GET", "/models", repeatable=False)
        assert server.count("GET") == 1


@pytest.mark.parametrize("silence", [say_nothing, stop_in_body])
async def test_a_timeout_after_sending_is_a_lost_reply(silence: Behaviour) -> None:
    """A reply that does not come in time, or not all of it, is lost; the limit spans the whole attempt."""
    async with connected(silence, timeout=1.5) as (client, server):
        with pytest.raises(LostReplyError, match=r"no reply within 1\.5 seconds"):
            await client.call("POST", "/models", body={})
        with pytest.raises(TemporaryError, match=r"no reply within 1 seconds \(tried 3 times\)"):
            await client.call("GET", "/models", timeout=1)
        assert (server.count("POST"), server.count("GET")) == (1, 3)


async def test_a_body_that_trickles_in_ends_with_the_timeout() -> None:
    """A server that sends one byte now and then cannot hold a request for ever."""

    async def trickle(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(1000):
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with connected(trickle, timeout=1) as (client, server):
        with pytest.raises(LostReplyError, match="no reply within"):
            await client.call("POST", "/models")
        assert server.count("POST") == 1


@pytest.mark.parametrize("method", METHODS)
async def test_a_pooled_connection_that_breaks_is_not_sent_on_again(method: str) -> None:
    """A connection that served one request and drops at the next: aiohttp alone would send GET, HEAD, PUT and DELETE once more."""

    async def serve_one(seen: Seen, writer: asyncio.StreamWriter) -> None:
        if seen.path == "/first":
            writer.write(reply(200))
        else:
            writer.close()

    async with connected(serve_one, attempts=1) as (client, server):
        await client.call("GET", "/first")
        with pytest.raises(TemporaryError) as caught:
            await client.call(method, "/second", body={"key": "chat"} if method != "HEAD" else None)
        assert isinstance(caught.value, LostReplyError) == (method in WRITES)
        assert [seen.path for seen in server.seen] == ["/first", "/second"]
        assert server.connections == 1


@pytest.mark.parametrize("method", METHODS)
async def test_a_pooled_connection_that_was_closed_meanwhile_is_replaced(method: str) -> None:
    """A connection that the server closed between two calls is noticed before sending, and the next call gets a new one."""

    async def goodbye(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(200))
        await writer.drain()
        writer.close()

    async with connected(goodbye) as (client, server):
        await client.call("GET", "/first")
        await server.until(lambda: server.open == 0)
        await asyncio.sleep(0.05)
        await client.call(method, "/second")
        assert [seen.path for seen in server.seen] == ["/first", "/second"]
        assert server.connections == 2


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("repeatable", [True, False])
async def test_what_may_be_repeated_is_sent_on_a_new_connection_where_a_pooled_one_drops(
    method: str, repeatable: bool
) -> None:
    """Once more, and only then; nothing else is sent twice. A first connection that drops is no pooled one."""

    async def once_each(seen: Seen, writer: asyncio.StreamWriter) -> None:
        if seen.connection in used or seen.path == "/never":
            writer.close()
        else:
            used.add(seen.connection)
            writer.write(reply(200))

    used: set[int] = set()
    async with connected(once_each, attempts=1) as (client, server):
        await client.exchange("GET", "/first")
        if repeatable:
            await client.exchange(method, "/second", repeatable=True)
            assert [seen.path for seen in server.seen] == ["/first", "/second", "/second"]
        else:
            with pytest.raises(TemporaryError):
                await client.exchange(method, "/second")
            assert [seen.path for seen in server.seen] == ["/first", "/second"]
    async with connected(once_each, attempts=1) as (client, server):
        with pytest.raises(TemporaryError):
            await client.exchange(method, "/never", repeatable=repeatable)
        assert [seen.path for seen in server.seen] == ["/never"]


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A port that is taken, and at which nobody listens: who connects is refused."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken


def at(port: socket.socket) -> str:
    return f"http://127.0.0.1:{port.getsockname()[1]}"


@pytest.mark.parametrize("method", METHODS)
async def test_a_refused_connection_is_no_lost_reply(method: str, silent: socket.socket) -> None:
    """Where nobody listens, nothing was sent: that is temporary for every method, and tried again."""
    async with open_client(target(at(silent), attempts=5)) as client:
        with pytest.raises(UnreachableError, match=r"no connection: Connection refused \(tried 3 times\)") as caught:
            await client.call(method, "/models")
        assert type(caught.value) is UnreachableError


@pytest.mark.parametrize("method", METHODS)
async def test_a_registry_that_starts_meanwhile_gets_the_request_once(method: str, silent: socket.socket) -> None:
    """A write is sent again after a refused connection, and then arrives once."""
    seen: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(reply(200))
        await writer.drain()
        writer.close()

    async with open_client(target(at(silent), backoff=0.3)) as client:
        calling = asyncio.create_task(client.call(method, "/models"))
        await asyncio.sleep(0.1)
        server = await asyncio.start_server(answer, sock=silent)
        assert (await calling).status == 200
        server.close()
    assert len(seen) == 1


async def test_an_unknown_host_is_no_lost_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that does not resolve means that nothing was sent."""

    def unknown(*args: object, **options: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)  # the real resolver would leave the machine
    async with open_client(target("http://registry.invalid")) as client:
        with pytest.raises(
            UnreachableError, match=r"unknown host: Name or service not known \(tried 3 times\)"
        ) as caught:
            await client.call("POST", "/models")
        assert type(caught.value) is UnreachableError
        assert caught.value.hint == "check `url`"


async def test_a_host_that_cannot_be_looked_up_is_no_lost_reply(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that the resolver itself refuses, before it asks anybody, becomes an error of ours."""

    def refused(*args: object, **options: object) -> None:
        "a..b".encode("idna")

    monkeypatch.setattr(socket, "getaddrinfo", refused)  # no name of this form gets so far
    async with open_client(target("http://registry.invalid")) as client:
        with pytest.raises(UnreachableError, match="a name in the address or in the reply cannot be read") as caught:
            await client.call("POST", "/models")
        assert type(caught.value) is UnreachableError


async def test_a_connection_that_does_not_come_about_in_time_is_no_lost_reply() -> None:
    """A server that never accepts: nothing was sent."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        crowd = [socket.socket() for _ in range(8)]
        try:
            for waiting in crowd:  # they fill the queue of those who wait to be accepted
                waiting.setblocking(False)
                waiting.connect_ex(("127.0.0.1", port))
            async with open_client(target(f"http://127.0.0.1:{port}", timeout=0.3, attempts=1)) as client:
                with pytest.raises(UnreachableError, match="no connection") as caught:
                    await client.call("POST", "/models")
            assert type(caught.value) is UnreachableError
        finally:
            for waiting in crowd:
                waiting.close()


async def test_a_lost_reply_then_a_good_one() -> None:
    """A read whose first reply was lost ends well, and nobody hears of it."""
    behaviours: list[Callable[..., object]] = [close_before_reply, send_reset]

    async def first_badly(seen: Seen, writer: asyncio.StreamWriter) -> None:
        if behaviours:
            await behaviours.pop(0)(seen, writer)  # type: ignore[misc]
        else:
            writer.write(reply(200, {"key": "chat"}))

    async with connected(first_badly) as (client, server):
        assert (await client.call("GET", "/models")).data == {"key": "chat"}
        assert len(server.seen) == 3


async def test_a_cancelled_call_frees_its_place() -> None:
    """Calls cancelled while they wait or run leave the client as it was: as many as before run at one time."""
    quiet = True

    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        if quiet:
            await asyncio.sleep(60)
        await server.until(lambda: server.most == 3)
        writer.write(reply(200))

    async with connected(behave, concurrency=3) as (client, server):
        calls = [asyncio.create_task(client.call("POST", "/models")) for _ in range(8)]
        await server.until(lambda: server.working == 3)
        for call in calls:
            call.cancel()
        assert all(
            isinstance(end, asyncio.CancelledError) for end in await asyncio.gather(*calls, return_exceptions=True)
        )
        quiet = False
        await server.drop()
        server.most = 0
        await asyncio.gather(*(client.call("GET", "/models") for _ in range(9)))
        assert server.most == 3


async def test_opening_sends_nothing() -> None:
    """A client that is opened and closed makes no connection."""

    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(200))

    async with serve(behave) as server:
        async with open_client(target(server.url)):
            pass
        await asyncio.sleep(0.05)
        assert server.connections == 0
