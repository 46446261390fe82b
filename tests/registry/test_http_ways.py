"""The way to a registry: through a proxy where the environment names one, and over TLS that is checked."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme
from registry.loopback import BEARER, Seen, always, connected, in_turn, reply, serve, target

from reconciler.core.errors import LostReplyError, PermanentError, RegistryError, TemporaryError, UnreachableError
from reconciler.registry.http import open_client
from reconciler.registry.http.proxies import Proxy, proxy_for

OK = reply(200, {"key": "chat"})


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority that nobody knows."""
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    """What a server on 127.0.0.1 needs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.fixture(scope="module")
def ca(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its certificate, as a file."""
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


async def test_an_unknown_certificate_is_refused_at_once(tls: ssl.SSLContext) -> None:
    """For good, without a second try, with the setting that helps; no request arrives."""
    async with serve(always(OK), tls) as server, open_client(target(server.url)) as client:
        for method in ("GET", "POST"):
            with pytest.raises(PermanentError, match="its certificate is not trusted: ") as caught:
                await client.call(method, "/models")
            assert caught.value.hint == "name its certificate authority in `ca`; `verify: false` trusts anybody"
        assert server.seen == []


async def test_a_certificate_is_accepted_with_its_authority(tls: ssl.SSLContext, ca: Path) -> None:
    """And the connection is used again."""
    async with serve(always(OK), tls) as server, open_client(target(server.url, ca=ca)) as client:
        for method in ("GET", "POST"):
            assert (await client.call(method, "/models")).data == {"key": "chat"}
        assert server.connections == 1


async def test_a_certificate_for_another_host_is_refused(authority: trustme.CA, ca: Path) -> None:
    """Also where its authority is known."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.example.com").configure_cert(context)
    async with serve(always(OK), context) as server, open_client(target(server.url, ca=ca)) as client:
        with pytest.raises(PermanentError, match=r"not valid for '127\.0\.0\.1'") as caught:
            await client.call("GET", "/models")
        assert "`ca`" in str(caught.value.hint)


async def test_any_certificate_is_accepted_without_verification(tls: ssl.SSLContext) -> None:
    """`verify=False` is what it says."""
    async with serve(always(OK), tls) as server, open_client(target(server.url, verify=False)) as client:
        assert (await client.call("GET", "/models")).data == {"key": "chat"}


@pytest.mark.parametrize("content", [None, "", "no certificate"])
async def test_an_authority_that_cannot_be_read_is_an_error(content: str | None, tmp_path: Path) -> None:
    """Missing, empty, or something else."""
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    with pytest.raises(PermanentError, match=r"aigo: .*ca\.pem holds no certificates"):
        async with open_client(target("https://127.0.0.1:1", ca=path)):
            pass


async def test_a_server_without_tls_is_told_from_one_that_is_not_trusted() -> None:
    """https where http is spoken: a mistake in the address, so no second try."""
    connections = 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await reader.read(1)
        writer.write(reply(400))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with open_client(target(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}")) as client:
        with pytest.raises(
            PermanentError, match=r"no TLS with it: (wrong version number|record layer failure)"
        ) as caught:
            await client.call("GET", "/models")
        assert caught.value.hint == "does the address want http://?"
    server.close()
    assert connections == 1


async def test_a_reply_lost_over_tls_is_a_lost_reply(tls: ssl.SSLContext, ca: Path) -> None:
    """Closed after the request, on a new connection and on one used before."""

    async def close(seen: Seen, writer: asyncio.StreamWriter) -> None:
        if seen.method == "GET":
            writer.write(OK)
        else:
            writer.close()

    async with serve(close, tls) as server, open_client(target(server.url, ca=ca)) as client:
        for method in ("PUT", "GET", "DELETE"):
            if method == "GET":
                await client.call(method, "/models")
            else:
                with pytest.raises(LostReplyError):
                    await client.call(method, "/models")
        assert [seen.method for seen in server.seen] == ["PUT", "GET", "DELETE"]


@dataclass
class Relay:
    """A tiny proxy. `asked` holds the first line and the Proxy-Authorization of every request that it got."""

    port: int = 0
    asked: list[tuple[str, str]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass  # one side had enough
    finally:
        writer.close()


@asynccontextmanager
async def relay(refuse: bytes = b"") -> AsyncIterator[Relay]:
    """Relays requests and tunnels, or refuses with these bytes."""
    proxy = Relay()
    tasks: set[asyncio.Task[None]] = set()

    async def serve_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode().split("\r\n")
            credential = [line.partition(": ")[2] for line in lines if line.lower().startswith("proxy-authorization:")]
            proxy.asked.append((lines[0], "".join(credential)))
            if refuse:
                writer.write(refuse)
                await writer.drain()
                return
            method, where, _ = lines[0].split(" ")
            host = urlsplit(where if method != "CONNECT" else f"//{where}")
            far_reader, far_writer = await asyncio.open_connection(host.hostname, host.port)
            if method == "CONNECT":
                writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            else:
                far_writer.write(head)
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client had enough, or the test
        finally:
            writer.close()

    server = await asyncio.start_server(serve_one, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
async def test_a_proxy_is_used(variable: str) -> None:
    """Plain requests go to the proxy with the whole address, its credential and ours."""
    async with serve(always(OK)) as server, relay() as proxy:
        environ = {variable: proxy.url.replace("//", "//me:p%40ss@")}
        async with open_client(target(server.url, environ=environ)) as client:
            assert (await client.call("GET", "/models")).data == {"key": "chat"}
        basic = "Basic " + base64.b64encode(b"me:p@ss").decode()
        assert proxy.asked == [(f"GET {server.url}/models HTTP/1.1", basic)]
        assert server.seen[0].headers["authorization"] == BEARER


@pytest.mark.parametrize("status", [400, 407, 500])
@pytest.mark.parametrize("form", ["Basic bWU6cHJveHktcGFzc3dvcmQtMQ==", "proxy-password-1", "me:proxy-password-1"])
async def test_what_a_proxy_repeats_of_its_credential_is_not_told(form: str, status: int) -> None:
    """It answers itself, and knows what it was sent."""
    async with serve(always(reply(status, {"message": f"no access with {form}"}))) as proxy:
        environ = {"HTTP_PROXY": proxy.url.replace("//", "//me:proxy-password-1@")}
        async with open_client(target("http://registry.example.com", environ=environ, attempts=1)) as client:
            with pytest.raises(RegistryError) as told:
                await client.call("GET", "/models")
    assert "no access with ***" in str(told.value)
    assert "bWU6cHJv" not in str(told.value)
    assert "proxy-password-1" not in str(told.value)


async def test_a_tunnel_is_used_for_tls(tls: ssl.SSLContext, ca: Path) -> None:
    """The proxy sees the host, its own credential and nothing of ours."""
    async with serve(always(OK), tls) as server, relay() as proxy:
        environ = {"HTTPS_PROXY": proxy.url.replace("//", "//me:pass@")}
        async with open_client(target(server.url, environ=environ, ca=ca)) as client:
            for _ in range(2):
                assert (await client.call("POST", "/models", body={})).data == {"key": "chat"}
        basic = "Basic " + base64.b64encode(b"me:pass").decode()
        assert proxy.asked == [(f"CONNECT 127.0.0.1:{server.port} HTTP/1.1", basic)]
        assert [seen.headers.get("proxy-authorization") for seen in server.seen] == [None, None]


async def test_certificates_are_checked_through_a_tunnel(tls: ssl.SSLContext) -> None:
    """As without one."""
    async with serve(always(OK), tls) as server, relay() as proxy:
        async with open_client(target(server.url, environ={"https_proxy": proxy.url})) as client:
            with pytest.raises(PermanentError, match="its certificate is not trusted"):
                await client.call("POST", "/models")
        assert server.seen == []


async def test_a_host_named_in_no_proxy_is_reached_directly() -> None:
    """The proxy gets nothing."""
    async with serve(always(OK)) as server, relay() as proxy:
        async with open_client(
            target(server.url, environ={"HTTP_PROXY": proxy.url, "NO_PROXY": "a.b, 127.0.0.1"})
        ) as client:
            await client.call("GET", "/models")
        assert proxy.asked == []
        assert server.connections == 1


@pytest.mark.parametrize(
    "refusal", [b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 502 Bad\r\n\r\n"]
)
async def test_a_tunnel_that_is_refused_is_no_lost_reply(refusal: bytes) -> None:
    """Nothing reached the registry."""
    async with (
        relay(refusal) as proxy,
        open_client(target("https://127.0.0.1:1", environ={"HTTPS_PROXY": proxy.url})) as client,
    ):
        with pytest.raises(UnreachableError, match=r"the proxy answered (407|502) \(tried 3 times\)") as caught:
            await client.call("POST", "/models")
        assert type(caught.value) is UnreachableError
        assert caught.value.hint == "check `url` and the proxy in HTTPS_PROXY"
        assert len(proxy.asked) == 3


async def test_a_proxy_that_closes_instead_of_a_tunnel_is_no_lost_reply() -> None:
    """The request itself was never written."""
    async with (
        relay(b"HTTP/1.1 2") as proxy,
        open_client(target("https://127.0.0.1:1", environ={"HTTPS_PROXY": proxy.url})) as client,
    ):
        with pytest.raises(UnreachableError) as caught:
            await client.call("POST", "/models")
        assert type(caught.value) is UnreachableError


async def test_a_proxy_that_is_not_there_is_no_lost_reply() -> None:
    """And it is the proxy that the error names."""
    async with open_client(target("http://127.0.0.1:2", environ={"HTTP_PROXY": "127.0.0.1:1"})) as client:
        with pytest.raises(UnreachableError, match="no connection to the proxy: Connection refused") as caught:
            await client.call("POST", "/models")
        assert type(caught.value) is UnreachableError


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("variable", ["{0}_PROXY", "{0}_proxy", "ALL_PROXY", "all_proxy"])
async def test_the_variable_that_names_the_proxy_is_told(scheme: str, variable: str) -> None:
    """The one that is used, and never its value."""
    name = variable.format(scheme if variable.islower() else scheme.upper())
    environ = {f"{scheme}_proxy": " ", name: "http://me:hunter2@127.0.0.1:1", "NO_PROXY": "example.com"}
    async with open_client(target(f"{scheme}://127.0.0.1:2", environ=environ)) as client:
        with pytest.raises(TemporaryError) as caught:
            await client.call("GET", "/models")
    assert caught.value.hint == f"check `url` and the proxy in {name}"


async def test_a_proxy_that_is_not_used_is_not_told() -> None:
    """The host is exempt, so the proxy has no part in it."""
    environ = {"HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": "*"}
    async with open_client(target("http://127.0.0.1:2", environ=environ)) as client:
        with pytest.raises(TemporaryError, match="no connection: Connection refused") as caught:
            await client.call("GET", "/models")
    assert caught.value.hint == "check `url`"


async def test_a_proxy_that_speaks_no_tls_is_told() -> None:
    """`https://` before the address of a proxy is as easily written as before that of the registry."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(reply(400))
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    environ = {"HTTP_PROXY": f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"}
    async with open_client(target("http://127.0.0.1:2", environ=environ)) as client:
        with pytest.raises(RegistryError) as caught:
            await client.call("GET", "/models")
    server.close()
    assert "HTTP_PROXY" in str(caught.value.hint)


async def test_a_reply_that_does_not_come_names_the_address() -> None:
    """A read may be slow, or nobody is there who answers; of a write it matters more that it may have been done."""

    async def wait(seen: Seen, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3600)

    async with connected(wait, timeout=1, attempts=1) as (client, _):
        with pytest.raises(TemporaryError, match="no reply within") as caught:
            await client.call("GET", "/models")
        assert caught.value.hint == "check `url` and `timeout` if the registry is slow"
        with pytest.raises(LostReplyError) as caught:
            await client.call("POST", "/models")
        assert "look before you send it again" in str(caught.value.hint)


@pytest.mark.parametrize(
    "value",
    [
        "socks5://p:1080",
        "http://u:hunter2@",
        "http://u:hunter2@h:99999",
        "http://u:hunter2@[::1",
        "http://u:hunter2@a..b",
        f"u:hunter2@{'a' * 64}",
        "http://u:hunter2@999.1.1.1",
        "http://u:hunter2@☃",
    ],
)
async def test_a_proxy_that_cannot_be_used_is_named_by_its_variable(value: str) -> None:
    """Its value may hold a password."""
    with pytest.raises(PermanentError, match="HTTPS_PROXY is not the address of a proxy") as caught:
        async with open_client(target("https://h", environ={"HTTPS_PROXY": value})):
            pass
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "listed", "exempt"),
    [
        ("http://a.b.c", "*", True),
        ("http://a.b.c", "a.b.c", True),
        ("http://A.B.C", "a.B.c", True),
        ("http://a.b.c", "b.c", True),
        ("http://a.b.c", ".b.c", True),
        ("http://a.b.c", "*.b.c", True),
        ("http://a.b.c", "x, .b.c ,y", True),
        ("http://ab.c", "b.c", False),
        ("http://a.b.c", "a.b", False),
        ("http://a.b.c", "", False),
        ("http://a.b.c", ",.,", False),
        ("http://a.b.c:8080", "a.b.c:8080", True),
        ("http://a.b.c:8080", "b.c:8081", False),
        ("http://a.b.c", "a.b.c:80", True),
        ("https://a.b.c", "a.b.c:80", False),
        ("https://a.b.c", "a.b.c:443", True),
        ("http://10.1.2.3", "10.1.2.3", True),
        ("http://10.1.2.3", "10.0.0.0/8", True),
        ("http://11.1.2.3", "10.0.0.0/8", False),
        ("http://10.1.2.3:81", "10.1.2.3:80", False),
        ("http://[::1]:8080", "::1", True),
        ("http://[::1]:8080", "[::1]", True),
        ("http://[::1]:8080", "[::1]:8080", True),
        ("http://[::1]:8080", "[::1]:8081", False),
        ("http://127.0.0.1", "localhost", False),
    ],
)
def test_no_proxy_in_all_forms(url: str, listed: str, exempt: bool) -> None:
    """Hosts and those below them, addresses, networks and ports; what is not named goes through the proxy, loopback too."""
    for name in ("NO_PROXY", "no_proxy"):
        found = proxy_for(urlsplit(url), {"ALL_PROXY": "http://p:3128", name: listed})
        assert found == (None if exempt else Proxy("http://p:3128", None))


def test_the_scheme_chooses_the_proxy() -> None:
    """The variable of the scheme, then the one for all; lower case first; empty is as if it were not there."""
    environ = {
        "https_proxy": "http://one",
        "HTTPS_PROXY": "http://two",
        "ALL_PROXY": "https://[::2]:8443",
        "HTTP_PROXY": " ",
    }
    assert proxy_for(urlsplit("https://h"), environ) == Proxy("http://one:80", None)
    assert proxy_for(urlsplit("http://h"), environ) == Proxy("https://[::2]:8443", None)
    assert proxy_for(urlsplit("http://h"), {}) is None


async def test_a_connection_is_used_for_several_calls() -> None:
    """One after the other: one connection."""
    async with connected(in_turn(OK)) as (client, server):
        for _ in range(5):
            await client.call("GET", "/models")
        assert server.connections == 1
