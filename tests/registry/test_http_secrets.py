"""Credentials and secrets go to the registry and nowhere else: not to another host, not into an error, a traceback or a log."""

from __future__ import annotations

import asyncio
import base64
import logging
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from registry.loopback import BEARER, CREDENTIAL, Seen, always, connected, reply, serve, target

from reconciler.core.errors import PermanentError, RegistryError, TemporaryError
from reconciler.core.redaction import Redactor
from reconciler.core.secret import Secret
from reconciler.registry.http import Client, open_client

BODY_SECRET = 'pa"ss\nword/ü'
BODY = {"key": "chat", "api_key": Secret(BODY_SECRET), "headers": [{"X-Token": Secret("t0ken-in-list")}]}
HIDDEN = (CREDENTIAL, BODY_SECRET, 'pa\\"ss', "pa%22ss", 'pa"ss', "t0ken-in-list")


def leaks(text: str) -> list[str]:
    return [secret for secret in HIDDEN if secret in text]


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


async def fails(client: Client, method: str = "POST", **how: Any) -> RegistryError:
    with pytest.raises(RegistryError) as caught:
        await client.call(method, "/models", body=BODY, **how)
    return caught.value


def assert_tight(error: BaseException) -> None:
    assert leaks("".join(traceback.format_exception(error))) == []
    for link in chain(error):
        assert leaks(repr(link)) == []
        assert leaks(repr(vars(link))) == []
        assert leaks(repr(link.args)) == []


async def echo(seen: Seen, writer: asyncio.StreamWriter) -> None:
    """A server that answers with all that it was sent."""
    said = f"{seen.headers['authorization']} {seen.body.decode()} {seen.data['api_key']}"
    if seen.path.endswith("malformed"):
        writer.write(f"HTTP/1.1 {said} \r\nX: {said}\r\n\r\n".encode())
        await writer.drain()
        writer.close()
        return
    status = int(seen.path.rpartition("=")[2])
    writer.write(reply(status, {"message": said}, {"Location": f"/x/{CREDENTIAL}", "X-Echo": CREDENTIAL}))


@pytest.mark.parametrize("status", [200, 302, 400, 401, 404, 409, 422, 429, 500, 503])
async def test_no_error_holds_a_secret(status: int) -> None:
    """A server that repeats credential and body in its message, its headers and its redirect: the error and its traceback do not."""
    async with connected(echo, attempts=1) as (client, _):
        error = await fails(client, query={"status": str(status)}, expected=())
        assert_tight(error)
        assert f"answered {status}" in error.message


@pytest.mark.parametrize("kind", ["malformed", "html", "redirect", "closed"])
async def test_no_error_about_a_broken_reply_holds_a_secret(kind: str) -> None:
    """A reply that is no HTTP, no JSON, or none at all."""

    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        said = f"{seen.headers['authorization']} {seen.data['api_key']}".encode()
        flat = said.replace(b"\n", b" ")
        raw = {
            "malformed": b"HTTP/1.1 " + flat + b"\r\nX: " + flat + b"\r\n\r\n",
            "html": reply(200, b"<html>" + said, {"Content-Type": f"text/html; x={CREDENTIAL}"}),
            "redirect": reply(
                302, b"", {"Location": f"https://u:{CREDENTIAL}@h.example/{CREDENTIAL}?{CREDENTIAL}#{CREDENTIAL}"}
            ),
            "closed": b"",
        }
        writer.write(raw[kind])
        await writer.drain()
        writer.close()

    async with connected(behave, attempts=2) as (client, _):
        assert_tight(await fails(client))
        assert_tight(await fails(client, "GET"))
        assert_tight(await fails(client, "PUT", repeatable=True))


async def test_no_error_about_a_connection_holds_a_secret() -> None:
    """Nobody listens, and nobody answers in time."""
    async with open_client(target("http://127.0.0.1:1")) as client:
        assert_tight(await fails(client))

    async def sleep(seen: Seen, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async with connected(sleep, timeout=0.5) as (client, _):
        assert_tight(await fails(client))


@pytest.mark.parametrize("value", [BEARER + "\n", "Bearer sk-Zx81qLmWü", "\r\nX: sk-Zx81qLmW", "sk-Zx81qLmW\x00"])
async def test_a_credential_that_cannot_be_sent_is_named_by_its_header(value: str) -> None:
    """A line break at the end of a credential is common; the libraries would quote the value."""
    with pytest.raises(PermanentError, match="the header 'Authorization' cannot be sent") as caught:
        async with open_client(target("http://127.0.0.1:1", headers={"Authorization": Secret(value)})):
            pass
    assert_tight(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://user:sk-Zx81qLmW@127.0.0.1",
        "ftp://127.0.0.1",
        "127.0.0.1:80",
        "http://",
        "http://h:99999",
        "http://h?key=sk-Zx81qLmW",
        "http://[::1",
        "http://a..b",
        "http://.a",
        f"https://{'a' * 64}.example.com",
    ],
)
async def test_an_address_that_cannot_be_used_is_not_quoted(url: str) -> None:
    """It may hold a password."""
    with pytest.raises(PermanentError, match="aigo: its url cannot be used") as caught:
        async with open_client(target(url)):
            pass
    assert_tight(caught.value)


def test_a_target_prints_no_secret() -> None:
    """Neither its headers nor the environment, where a proxy's password may be."""
    text = repr(target("http://h", environ={"HTTPS_PROXY": f"http://u:{CREDENTIAL}@p"}))
    assert leaks(text) == []
    assert "***" in text


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
async def test_a_redirect_is_never_followed(status: int, method: str) -> None:
    """The other host gets no request at all, so no credential either; the error says where it led."""
    async with serve(always(reply(200))) as other:
        where = {"Location": f"{other.url}/elsewhere?token=abc#x".replace("//", "//user:pass@")}
        async with connected(always(reply(status, b"", where))) as (client, server):
            with pytest.raises(PermanentError) as caught:
                await client.call(method, "/models")
            assert caught.value.message.endswith(f": it redirects to {other.url}/elsewhere")
            assert caught.value.hint is not None
            assert len(server.seen) == 1
        assert other.connections == 0


@pytest.mark.parametrize("location", ["", "http://[", "http://h:x/", "//", "\x00", "javascript:alert(1)", "a" * 5000])
async def test_a_strange_redirect_is_an_error_like_any(location: str) -> None:
    """Whatever a Location holds, it is quoted in bounds and in one line."""
    async with connected(always(reply(302, b"", {"Location": location}))) as (client, _):
        with pytest.raises(RegistryError) as caught:
            await client.call("GET", "/models")
    assert len(caught.value.message) < 700
    assert caught.value.message.isprintable()


async def test_cookies_are_neither_kept_nor_sent() -> None:
    """A load balancer's cookie is nobody's business."""
    cookie = {"Set-Cookie": "session=abc; Path=/"}
    async with connected(always(reply(200, {}, cookie))) as (client, server):
        for method in ("GET", "POST", "GET"):
            await client.call(method, "/models")
    assert [seen.headers.get("cookie") for seen in server.seen] == [None] * 3


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """All loggers at DEBUG, those of the libraries too."""
    caplog.set_level(logging.DEBUG)
    return caplog


async def test_each_attempt_is_one_line_without_secrets(everything_logged: pytest.LogCaptureFixture) -> None:
    """Method, address, outcome, milliseconds and what was sent, secrets as `***`; no header and no reply."""
    async with connected(echo) as (client, server):
        with pytest.raises(TemporaryError):
            await client.call("PUT", "/models", query={"name": "a/b", "status": "500"}, body=BODY, repeatable=True)
    lines = [record.getMessage() for record in everything_logged.records if record.name == "reconciler.http"]
    assert len(lines) == 3
    for line in lines:
        start, _, rest = line.partition(" ms, sent ")
        assert start.startswith(f"PUT {server.url}/models: 500, ")
        assert start.rpartition(" ")[2].isdigit()
        assert rest == '{"key": "chat", "api_key": "***", "headers": [{"X-Token": "***"}]}'
    assert leaks(everything_logged.text) == []


async def test_a_failed_attempt_is_logged_with_its_reason(everything_logged: pytest.LogCaptureFixture) -> None:
    """Also where no answer came."""
    async with open_client(target("http://127.0.0.1:1", attempts=1)) as client:
        await fails(client)
    assert "POST http://127.0.0.1:1/models: no connection: Connection refused, " in everything_logged.text
    assert leaks(everything_logged.text) == []


async def test_a_secret_that_a_driver_put_into_a_path_is_not_logged(
    everything_logged: pytest.LogCaptureFixture,
) -> None:
    """The credential is taken out of every text, wherever it stands."""
    async with connected(always(reply(404, {}))) as (client, _):
        with pytest.raises(PermanentError) as caught:
            await client.call("GET", f"/keys/{CREDENTIAL}")
    assert leaks(everything_logged.text) == []
    assert_tight(caught.value)


async def test_without_debugging_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """INFO is silent."""
    caplog.set_level(logging.INFO)
    async with connected(always(reply(200))) as (client, _):
        await client.call("POST", "/models", body=BODY)
    assert caplog.records == []


def test_every_form_of_a_secret_is_taken_out() -> None:
    """As it is, without its scheme, decoded, in JSON and in an address; longer ones first."""
    basic = base64.b64encode(b"user:p@ss w0rd").decode()
    redact = Redactor([Secret(BEARER), Secret(f"Basic {basic}"), Secret("ab"), Secret("abc"), Secret("")])
    assert redact(f"{BEARER}|{CREDENTIAL}|{basic}|p@ss w0rd|p%40ss%20w0rd|abc|ab") == "***|***|***|***|***|***|***"
    assert Redactor([])("x") == "x"
    assert redact.excerpt("x" * 10, 5) == "xxxx…"
    assert Redactor([Secret("0ne two")]).excerpt("<0ne\ttwo>", 50) == "<***>"
