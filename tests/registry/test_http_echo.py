"""A server that repeats what it was sent, in any encoding and at any place of its answer, gets none of it into a message or a log."""

from __future__ import annotations

import asyncio
import json
import logging
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from registry.loopback import CREDENTIAL, Seen, connected, reply, serve, target
from test_redaction import FORMS

from reconciler.core.destinations import Allowed
from reconciler.core.errors import PermanentError, RegistryError
from reconciler.core.resource import Address, Resource
from reconciler.core.secret import Origin, Resolver, Secret
from reconciler.core.url import location, place_of, public_url
from reconciler.registry.http import open_client
from reconciler.registry.http.opening import target_of
from reconciler.registry.http.write_errors import raise_for_write
from reconciler.registry.protocol import Opening, Write
from reconciler.registry.settings import RemoteSettings, checked_url, location_of, resolved_url

BODY_SECRET: Final = "body-Secret-0123456789"


def _quoted(text: str) -> str:
    return urllib.parse.quote(text, safe="%+/=&#;:,")


PLACES: Final[dict[str, Callable[[str], bytes]]] = {
    "message": lambda said: reply(400, {"message": f"bad key {said}"}),
    "detail": lambda said: reply(422, {"detail": [{"loc": ["body", said], "msg": f"bad {said}"}]}),
    "error": lambda said: reply(401, {"error": {"message": f"bad key '{said}'"}}),
    "text": lambda said: reply(500, f"bad key {said}".encode(), {"Content-Type": "text/plain"}),
    "redirect": lambda said: reply(302, b"", {"Location": f"https://other.example/{_quoted(said)}"}),
    "query of a redirect": lambda said: reply(302, b"", {"Location": f"https://other.example/?k={_quoted(said)}"}),
    "content type": lambda said: reply(200, b"<", {"Content-Type": f"text/{_quoted(said)}"}),
    "page": lambda said: reply(200, f"<html>{said}".encode(), {"Content-Type": "text/html"}),
    "behind blanks": lambda said: reply(200, b"<" + b" " * 4090 + said.encode(), {"Content-Type": "application/json"}),
    "where it is cut": lambda said: reply(200, ("x" * 70 + said).encode(), {"Content-Type": "application/json"}),
    "far behind": lambda said: reply(400, b" " * 65_000 + said.encode(), {"Content-Type": "text/plain"}),
}


@pytest.mark.parametrize("place", PLACES)
async def test_nothing_of_an_echo_is_shown(place: str, caplog: pytest.LogCaptureFixture) -> None:
    """The credential, and the secret in the body."""
    caplog.set_level(logging.DEBUG)
    for secret in (CREDENTIAL, BODY_SECRET):
        for name, form in FORMS.items():
            said = form(secret).replace("\n", " ")
            if place in ("content type", "redirect", "query of a redirect"):
                said = _quoted(said)

            async def behave(seen: Seen, writer: asyncio.StreamWriter, said: str = said) -> None:
                writer.write(PLACES[place](said))

            async with connected(behave, attempts=1) as (client, _):
                with pytest.raises(RegistryError) as caught:
                    await client.call("POST", "/models", body={"key": Secret(BODY_SECRET)}, expected=(200, 201))
            for part in (said, said[:6]) if name == "plain" else (said,):
                assert part not in str(caught.value), (name, caught.value)
            assert "\n" not in caught.value.message
            assert said not in caplog.text


async def test_nothing_of_an_echo_is_in_the_judgement_of_a_write() -> None:
    """A driver takes 422 itself; where the server names a place, that may be an echo too."""

    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        said = [seen.headers["authorization"], seen.data["key"]]
        writer.write(reply(422, {"detail": [{"loc": ["body", one], "msg": f"bad {one[:-3]}…"} for one in said]}))

    write = Write(Resource(Address("r", "Model", "a"), {}))
    body = {"key": Secret(BODY_SECRET)}
    async with connected(behave) as (client, _):
        answer = await client.call("POST", "/models", body=body, expected=(200, 422))
        with pytest.raises(PermanentError) as caught:
            raise_for_write(write, answer, body)
    for text in (str(caught.value), repr(caught.value.places)):
        assert CREDENTIAL[:6] not in text
        assert BODY_SECRET[:6] not in text


# --- an address that is a secret ---------------------------------------------------------------------------------

HOSTS: Final = {
    "${env:IT}": "http://127.0.0.1:1/sk-live-0123456789abcdef",
    "http://127.0.0.1:1/${env:IT}/api": "sk-live-0123456789abcdef",
    "http://127.0.0.1:${env:IT}/api": "59999",
    "http://${env:IT}:1": "127.0.0.1",
}


@pytest.mark.parametrize("url", HOSTS)
async def test_an_address_of_the_environment_is_in_no_message(url: str, caplog: pytest.LogCaptureFixture) -> None:
    """Neither where nobody is there, nor in a log: what was written is shown in its stead."""
    caplog.set_level(logging.DEBUG)
    value = HOSTS[url]
    resolver = Resolver(root=Path("/"), environ={"IT": value})
    settings = RemoteSettings(url=url)
    goal = target_of(
        settings,
        Opening("one", resolver),
        url=checked_url(resolved_url(url, resolver), "its url"),
        headers={},
        hints={},
    )
    assert value not in repr(goal)
    async with open_client(goal) as client:
        with pytest.raises(RegistryError) as caught:
            await client.call("GET", "/models", timeout=0.5)
    for text in (str(caught.value), caplog.text, location_of(url, resolver)):
        assert value not in text
        assert "${env:IT}" in text


async def test_an_echo_of_an_address_of_the_environment_is_masked() -> None:
    """Servers name themselves in their errors."""

    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(400, {"message": f"no {seen.headers['host']} here, nor {seen.path}"}))

    async with serve(behave) as server:
        url = f"http://localhost:{server.port}/tenant-0123456789"
        async with open_client(target(url, shown="${env:IT}", hidden=(Secret(url),))) as client:
            with pytest.raises(RegistryError) as caught:
                await client.call("GET", "/models")
    assert caught.value.message == "aigo: GET ${env:IT}/models answered 400 Bad Request: no *** here, nor /***/models"


def test_a_location_tells_places_apart_and_nothing_else() -> None:
    """Two spellings of one place are one; what is written down is shown, what comes from the environment is not."""
    resolver = Resolver(root=Path("/"), environ={"A": "https://H.example/v1/", "B": "https://h.example"})
    plain, whole, part = (location_of(url, resolver) for url in ("https://h.example:443/v1", "${env:A}", "${env:B}/v1"))
    assert plain == "https://h.example/v1"
    assert place_of(plain) == place_of(whole) == place_of(part)
    assert "h.example" not in whole + part
    assert whole.startswith("${env:A} (sha256:")
    assert place_of(location_of("${env:B}", resolver)) != place_of(plain)
    assert location("x", "y") == "y"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://u:p@h.example/a?key=1#x", "https://h.example/a"),
        ("http://[::1]:80/", "http://[::1]:80/"),
        ("http://[", "an address that cannot be read"),
        ("//user:pass@h/x?y", "//h/x"),
        ("", ""),
    ],
)
def test_an_address_is_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    """Everywhere by the same function."""
    assert public_url(url) == shown


# --- where secrets may go ----------------------------------------------------------------------------------------


async def test_a_secret_that_may_not_go_there_is_not_sent() -> None:
    """In a header, in the address, in the body of any request, in whatever was made of it; the server sees nothing."""
    bound = Secret("sk-0123456789", (Origin("OPENAI_KEY", ("api.openai.com", "*.example.com")),))
    cases: list[tuple[dict[str, Any], Any]] = [
        ({"headers": {"Authorization": bound.derived("Bearer {}".format)}}, None),
        ({"headers": {"X": bound}}, None),
        ({"hidden": (bound,)}, None),
        ({}, {"a": [{"b": bound}]}),
    ]
    async with serve(lambda seen, writer: asyncio.sleep(0)) as server:
        for how, body in cases:
            async with open_client(target(server.url, **how)) as client:
                with pytest.raises(PermanentError, match="OPENAI_KEY may not be sent to") as caught:
                    await client.call("POST", "/models", body=body)
                assert "sk-0123456789" not in json.dumps([str(caught.value), caught.value.hint])
                if body is None:
                    with pytest.raises(PermanentError, match="OPENAI_KEY may not be sent to"):
                        await client.exchange("GET", "/models")
        assert server.connections == 0


@pytest.mark.parametrize(
    ("patterns", "url", "allowed"),
    [
        (["api.openai.com"], "https://api.openai.com/v1", True),
        (["api.openai.com"], "https://API.OpenAI.com.:443/v1", True),
        (["api.openai.com"], "https://api.openai.com.evil.example/v1", False),
        (["api.openai.com"], "https://evil.example/api.openai.com", False),
        (["api.openai.com"], "https://api.openai.com@evil.example/", False),
        (["api.openai.com"], "https://evil.example\\.api.openai.com/", False),
        (["api.openai.com"], "https://evil.example?.api.openai.com", False),
        (["api.openai.com"], "https://evil.example#.api.openai.com", False),
        (["*.example.com"], "https://a.example.com", True),
        (["*.example.com"], "https://a.b.example.com:8443", True),
        (["*.example.com"], "https://example.com", False),
        (["*.example.com"], "https://evilexample.com", False),
        (["*.example.com"], "https://evil.org\\.example.com", False),
        (["*.example.com"], "https://evil.org%2f.example.com", False),
        (["h.example:8443"], "https://h.example:8443", True),
        (["h.example:8443"], "https://h.example", False),
        (["h.example:443"], "https://h.example", True),
        (["[::1]"], "http://[0:0:0:0:0:0:0:1]:80/v1", True),
        (["[::1]:80"], "http://[::1]/v1", True),
        (["[::1]"], "http://[::2]", False),
        (["127.0.0.1"], "http://127.0.0.1:5", True),
        (["127.0.0.1"], "http://127.0.0.1.evil.example", False),
        (["bücher.example"], "https://xn--bcher-kva.example", True),
        (["*"], "https://anything.example", True),
        ([], "https://anything.example", False),
        (["*"], "not an address", False),
        (["*"], "https://", False),
    ],
)
def test_a_host_is_compared_as_clients_understand_it(patterns: list[str], url: str, allowed: bool) -> None:
    """Case, dots, ports and IPv6 spellings mean the same; what only looks like a host does not."""
    assert Allowed({"A": tuple(patterns)}).permits("A", url) is allowed


def test_variables_are_bounded_by_globs() -> None:
    """Several globs add up; one that none matches goes nowhere, but to the registry whose own entry names it."""
    allowed = Allowed({"OPENAI_*": ("a.example",), "*_KEY": ("b.example",), "NOWHERE": ()})
    resolver = Resolver(
        root=Path("/"),
        environ=dict.fromkeys(("OPENAI_KEY", "OTHER", "NOWHERE"), "value"),
        allowed=allowed,
    )

    def refused(name: str, host: str, source: Resolver = resolver) -> bool:
        return source.resolve(f"${{env:{name}}}").refused_at(f"https://{host}") != ()

    assert [refused("OPENAI_KEY", host) for host in ("a.example", "b.example", "c.example")] == [False, False, True]
    assert refused("OTHER", "a.example")
    assert not refused("OTHER", "a.example", resolver.for_configuration())
    assert refused("NOWHERE", "a.example", resolver.for_configuration())
    assert refused("OPENAI_KEY", "c.example", resolver.for_configuration())
