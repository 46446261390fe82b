"""What a user of `latticeflow` is told when AI GO! does not do as it is asked, and what nobody is ever told: a secret."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Final

import pytest
import pytest_asyncio
from registry.aigo.server import VERSION_HEADER, Server, aigo
from registry.latticeflow_contract import connected, held
from registry.latticeflow_samples import SAMPLES, adapter, native
from registry.loopback import Behaviour, Seen, always, reply, serve
from registry.loopback import connected as reaching
from world import World, statuses

from reconciler.core.errors import PermanentError, RegistryError, StaleObjectError
from reconciler.core.resource import Address, Listing, Resource
from reconciler.manifest.export import text_of
from reconciler.planner.planfile import dump
from reconciler.registry.capabilities import RunsTests, TestResult
from reconciler.registry.latticeflow import test_run
from reconciler.registry.protocol import Write
from reconciler.render import plan_text, report_text
from reconciler.render.terminal import Style
from reconciler.testing.sample import Leaks

ONE: Final = native("Model", "one", display_name="One", config={"url": "https://llm.example.com"})
OFTEN: Final = 40  # requests that fail: more than one read sends, repetitions and all


@pytest.fixture
def server() -> Iterator[Server]:
    with aigo() as server:
        yield server


@pytest_asyncio.fixture
async def world(server: Server) -> AsyncIterator[World]:
    async with connected(server) as world:
        yield world


def fails(status: int, after: str) -> Callable[[Server], None]:
    def become(server: Server) -> None:
        server.behaviour.fail_nth = dict.fromkeys(range(1, OFTEN), (status, after))

    return become


def lists(status: int) -> Callable[[Server], None]:
    return lambda server: setattr(server.behaviour, "list_status", status)


TROUBLES: Final[dict[str, tuple[Callable[[Server], None], str, str]]] = {
    "401": (
        lambda server: setattr(server, "key", "another"),
        "401 Unauthorized: The API key is missing or wrong.",
        "check the API key: `api_key` in reconciler.yaml, or LF_API_KEY",
    ),
    "403": (lists(403), "403 Forbidden: This list cannot be had.", "the API key may not do that"),
    "404": (
        lists(404),
        "404 Not Found",
        "`url` in reconciler.yaml (or LF_URL) is wrong: it is the address without /api",
    ),
    "426": (
        lambda server: setattr(server.behaviour, "version_mismatch", True),
        "426 Upgrade Required",
        "the server wants another version of the client: set `client_version` in reconciler.yaml",
    ),
    "429": (fails(429, "3600"), "429 Too Many Requests: Not now., and asks to wait 3600 seconds", ""),
    "500": (fails(500, ""), "500 Internal Server Error: Not now. (tried 5 times)", ""),
    "503": (fails(503, "3600"), "503 Service Unavailable: Not now., and asks to wait 3600 seconds", ""),
    "html": (
        lambda server: setattr(server.behaviour, "html", True),
        "answered 200 OK, not with JSON in UTF-8 (text/html",
        "",
    ),
}


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_a_read_that_fails_says_why_and_what_to_do(world: World, server: Server, trouble: str) -> None:
    """The registry's name, the request, the status, the server's own words, and a hint where there is something to do."""
    become, message, hint = TROUBLES[trouble]
    become(server)
    with pytest.raises(RegistryError) as caught:
        await world.plan(ONE)
    assert caught.value.message.startswith("one could not be read: one: GET http://127.0.0.1")
    assert message in caught.value.message
    assert hint in (caught.value.hint or "")
    assert server.key not in caught.value.message
    assert server.writes == []


async def test_an_address_that_leads_elsewhere_is_told(server: Server) -> None:
    """A base path too much is 404, and the hint says what the address is."""
    async with connected(server, url=f"{server.url}/wrong") as world:
        with pytest.raises(RegistryError, match="404 Not Found") as caught:
            await world.plan(ONE)
        assert "it is the address without /api" in str(caught.value.hint)


async def test_the_address_may_end_in_api(server: Server) -> None:
    """Who writes the address with /api means the same place."""
    async with connected(server, url=f"{server.url}/api/") as world:
        assert set(statuses(await world.apply(ONE)).values()) == {"ok"}


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_never_followed(server: Server, status: int) -> None:
    """The key goes nowhere but where it was meant to; the message says where the redirect leads, without its query."""
    location = "https://login.example.com/sso?token=t0ps3cret"
    redirecting = always(reply(status, headers={"Location": location}))
    async with serve(redirecting) as elsewhere, connected(server, url=elsewhere.url) as world:
        with pytest.raises(RegistryError) as caught:
            await world.plan(ONE)
    assert "it redirects to https://login.example.com/sso" in caught.value.message
    assert "t0ps3cret" not in caught.value.message
    assert "redirects are not followed: set `url`" in str(caught.value.hint)


@pytest.mark.parametrize("body", [{}, [], {"models": {}}, {"models": None}, "models", None], ids=str)
async def test_an_answer_that_is_no_list_is_not_an_empty_one(server: Server, body: Any) -> None:
    """Whatever else speaks JSON there: nothing is taken for gone."""
    async with serve(always(reply(200, body))) as elsewhere, connected(server, url=elsewhere.url) as world:
        with pytest.raises(RegistryError, match=r"answered without a list of \w+: this is not AI GO!'s API"):
            await world.plan(ONE)


async def test_an_object_made_meanwhile_is_not_written_over(world: World, server: Server) -> None:
    """409 on a create: it is told to plan again, and what is there stays."""
    await world.apply(adapter("a"))
    plan = await world.plan(ONE, adapter("new"))
    server.behaviour.meanwhile = lambda state: state.put_adapter(
        {name: value for name, value in adapter("new", display_name="theirs").items() if name != "kind"}
    )
    report = await world.carry_out(plan)
    outcome = next(one for one in report.outcomes if one.address.key == "new")
    assert (outcome.status, outcome.reason) == ("failed", "stale-object")
    assert "one/Adapter/new exists already" in outcome.message
    assert "plan again" in outcome.message
    assert server.state.adapters["new"]["display_name"] == "theirs"


async def test_an_object_deleted_meanwhile_is_not_made_again(world: World, server: Server) -> None:
    """404 on an update: it is told to plan again."""
    await world.apply(ONE)
    plan = await world.plan(ONE | {"description": "new"})
    server.behaviour.meanwhile = lambda state: state.models.pop("one")
    (outcome,) = (await world.carry_out(plan)).outcomes
    assert (outcome.status, outcome.reason) == ("failed", "stale-object")
    assert "one/Model/one was deleted since it was read" in outcome.message
    assert server.state.models == {}


async def test_a_refused_write_says_what_the_server_said(world: World, server: Server) -> None:
    """400 in the middle of a run: the server's own words, the rest goes on."""
    server.behaviour.checks_secrets = True
    plan = await world.plan(ONE | {"config": {"url": "https://x", "api_key": {"name": "NOBODY"}}}, adapter("a"))
    report = await world.carry_out(plan)
    assert statuses(report)["Model/one"] == "failed"
    assert statuses(report)["Adapter/a"] == "ok"
    assert "400 Bad Request: There is no secret NOBODY." in "".join(one.message for one in report.outcomes)


async def test_what_the_server_does_not_keep_is_told(world: World, server: Server) -> None:
    """Silence is not success: a field that was dropped is named, and the run has failed."""
    await world.apply(ONE)
    server.behaviour.drops = {"description"}
    (outcome,) = (await world.apply(ONE | {"description": "new"})).outcomes
    assert outcome.status == "not_stored"
    assert "/description" in outcome.message


@pytest.mark.parametrize("version", [None, "sdk@3.17.0"])
async def test_the_version_of_a_client_is_claimed_only_if_asked(server: Server, version: str | None) -> None:
    """We do not pretend to be their client; who has to can say so."""
    async with connected(server, **({} if version is None else {"client_version": version})) as world:
        await world.plan(ONE)
    assert {headers.get(VERSION_HEADER) for headers in server.headers} == {version}


async def test_an_update_without_its_current_object_is_a_bug(world: World) -> None:
    """A driver never guesses which object is meant."""
    await world.apply(ONE)
    desired = world.desired(ONE).resources[0].resource
    with pytest.raises(ValueError, match="without the object as it was read"):
        await world.registries["one"].update(Write(desired))
    with pytest.raises(StaleObjectError):
        await world.registries["one"].create(Write(desired))


# --- secrets -----------------------------------------------------------------------------------------------------

UNIQUE: Final = {"KEY": "sk-unique-Qx81", "TOKEN": "tk-unique-Zw92"}


@pytest.mark.parametrize("raw_keys", ["echo", "mask", "omit"])
async def test_no_secret_is_ever_shown(
    world: World, server: Server, raw_keys: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """All samples, created, changed, refused and deleted, by a server that hands raw keys out and repeats them in its errors."""
    caplog.set_level(logging.DEBUG, "reconciler.http")
    server.behaviour.raw_keys = raw_keys
    world.environ.update(UNIQUE)
    leaks = Leaks()
    every = {str(one["kind"]) + str(one["key"]): one for sample in SAMPLES for one in sample.whole}
    documents = tuple(every.values())
    plan = await world.plan(*documents)
    report = await world.carry_out(plan)
    assert set(statuses(report).values()) == {"ok"}, report.outcomes
    remote = await world.remote()
    drifted = tuple(one | {"display_name": "other"} if "display_name" in one else one for one in documents)
    other = await world.plan(*drifted, rotate=tuple(str(one["key"]) for one in documents))
    again = await world.carry_out(other)
    for value in (plan, dump(plan), report, remote, other, dump(other), again):
        leaks.look(value)
    for resource in remote.resources():
        leaks.look(text_of(resource, world.entries["one"]))
        leaks.look(await world.registries["one"].get(resource.address))
    for text in (plan_text.plan(plan, Style(color=False)), report_text.render(again, Style(color=False))):
        leaks.look(text)
    leaks.look(caplog.text)
    assert "POST http" in caplog.text
    assert leaks.holding({**UNIQUE, "the registry's own key": server.key}) == []
    assert set(UNIQUE.values()) <= set(held(server)["secrets"].values())  # they did arrive


async def test_an_error_that_repeats_a_secret_does_not_reach_anybody(
    server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    """A server that quotes what it was sent, key and all: the message is without it, and so is the log."""
    caplog.set_level(logging.DEBUG, "reconciler.http")
    rows = {"model_adapters": [adapter("a") | {"id": "1"}]}

    async def quote(seen: Seen, writer: asyncio.StreamWriter) -> None:
        said = f"cannot take {seen.body.decode()} from {server.key}"
        writer.write(reply(200, rows) if seen.method == "GET" else reply(400, {"message": said}))

    config = {"url": "https://x.example.com", "api_key": "${env:KEY}", "adapter": {"key": "a"}}
    documents = (ONE | {"config": config}, native("Secret", "S", value="${env:KEY}"))
    async with serve(quote) as quoting, connected(server, url=quoting.url) as world:
        world.environ.update(UNIQUE)
        resolver = world.options().resolver
        for item in world.desired(*documents).resources:
            secrets = {place: resolver.resolve(text) for place, text in item.secrets.items()}
            with pytest.raises(PermanentError, match="cannot take") as caught:
                await world.registries["one"].create(Write(item.resource, secrets=secrets))
            leaks = Leaks([caught.value.message, str(caught.value.hint), repr(caught.value), caplog.text])
            assert leaks.holding({**UNIQUE, "key": server.key}) == []
        assert UNIQUE["KEY"] in quoting.seen[-1].body.decode()


@pytest.mark.parametrize("raw_keys", ["echo", "mask", "omit"])
async def test_raw_secrets_under_hidden_names_are_never_shown(world: World, server: Server, raw_keys: Any) -> None:
    """In a map only the name says what is a secret: a server that hands their values out tells nobody."""
    server.behaviour.raw_keys = raw_keys
    world.environ.update(UNIQUE)
    headers = {"Authorization": "${env:KEY}", "X-Api-Key": "${env:TOKEN}", "X-Tenant": "acme"}
    variables = {"MY_TOKEN": "${env:KEY}", "DB_PASSWORD": "${env:TOKEN}", "REGION": "eu"}
    code = {"connection_type": "custom_inference", "run_inference_snippet": "x", "timeout": 30}
    documents = (
        ONE | {"config": {"url": "https://x", "custom_headers": headers}},
        ONE | {"key": "two", "config": code | {"environment": variables}},
    )
    assert set(statuses(await world.apply(*documents)).values()) == {"ok"}
    assert held(server)["models"]["one"]["config"]["custom_headers"]["Authorization"] == UNIQUE["KEY"]
    assert held(server)["models"]["two"]["config"]["environment"]["DB_PASSWORD"] == UNIQUE["TOKEN"]
    assert (await world.plan(*documents)).changes == ()
    bare = (ONE, documents[1] | {"config": code | {"environment": {"REGION": "us"}}})
    plan = await world.plan(*bare)
    assert {field.path for change in plan.changes for field in change.fields if field.sensitive} == {
        "/config/custom_headers/Authorization",
        "/config/custom_headers/X-Api-Key",
        "/config/environment/DB_PASSWORD",
        "/config/environment/MY_TOKEN",
    }
    leaks = Leaks()
    for value in (plan, dump(plan), plan_text.plan(plan, Style(color=False))):
        leaks.look(value)
    for resource in (await world.remote()).resources():
        leaks.look(text_of(resource, world.entries["one"]))
        leaks.look(await world.registries["one"].get(resource.address))
    assert leaks.holding(UNIQUE) == []


# --- trying a model out ------------------------------------------------------------------------------------------

WORKS: Final = {"success": True, "message": "It works."}
ANSWER: Final = {"output": "hello", "status_code": 200, "response_headers": {}, "request_headers": {}}
STEPS: Final = {
    "check-connection": (200, WORKS),
    "check-status": (200, WORKS),
    "transform-input": (200, {"input": "{}"}),
    "run-inference": (200, ANSWER),
    "transform-output": (200, {"output": "hello"}),
}


def answering(**steps: tuple[int, Any]) -> Behaviour:
    """A server on which a model can be tried out, and whose steps (with _ for -) answer like this."""
    whole = STEPS | {name.replace("_", "-"): answer for name, answer in steps.items()}

    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        status, body = whole[seen.path.rpartition("/")[2]]
        writer.write(reply(status, body))

    return behave


async def run_test(behave: Behaviour, kind: str) -> tuple[TestResult | RegistryError, list[str]]:
    """How the test of a model of that connection type ended, and what was asked, in order."""
    spec = {"task": "chat_completion", "config": {"connection_type": kind}}
    async with reaching(behave) as (client, server):
        ended: TestResult | RegistryError
        try:
            ended = await test_run.run(client, Resource(Address("one", "Model", "m"), spec, id="7"), None)
        except RegistryError as error:
            ended = error
        return ended, [seen.path.rpartition("/")[2] for seen in server.seen]


def checks(ended: TestResult | RegistryError) -> dict[str, tuple[bool, str]]:
    assert isinstance(ended, TestResult)
    return {check.name: (check.ok, check.message) for check in ended.checks}


QUOTED: Final = {
    "Authorization": "Bearer sk-unique-Qx81",
    "X-Api-Key": "tk-unique-Zw92",
    "Connection": "close",
    "Cookie": "session=ck-unique-Yv73",
}
CREDENTIALS: Final = ("sk-unique-Qx81", "tk-unique-Zw92", "ck-unique-Yv73")


@pytest.mark.parametrize("status", [200, 401])
async def test_credentials_that_an_endpoint_quotes_are_not_shown(status: int, caplog: pytest.LogCaptureFixture) -> None:
    """An endpoint may answer with the headers that it was sent, the key among them: neither message nor output tell it."""
    caplog.set_level(logging.DEBUG, "reconciler.http")
    said = "no: sk-unique-Qx81, tk-unique-Zw92, session=ck-unique-Yv73; close"
    answer = ANSWER | {"output": said, "status_code": status, "request_headers": QUOTED}
    behave = answering(run_inference=(200, answer), transform_output=(200, {"output": json.dumps({"said": said})}))
    ended, _ = await run_test(behave, "custom_connection")
    assert [word for word in CREDENTIALS if word in repr(ended)] == []
    if status == 200:
        assert isinstance(ended, TestResult)
        assert ended.output == {"said": "no: ***, ***, ***; close"}
    else:
        assert checks(ended)["run-inference"] == (False, "the endpoint answered 401: no: ***, ***, ***; close")


@pytest.mark.parametrize("kind", ["custom_inference", "dify", "langsmith", "placeholder"])
async def test_what_ai_go_does_not_connect_to_is_asked_for_its_status(kind: str) -> None:
    """Only a connection can be checked as one; the others have a check of their own."""
    ended, asked = await run_test(answering(), kind)
    assert asked == ["check-status", "transform-input", "run-inference", "transform-output"]
    assert checks(ended)["check-status"] == (True, "It works.")


async def test_a_status_that_this_server_does_not_tell_is_no_check() -> None:
    """Whether it does is not documented: a 404 says nothing of the model, and the test goes on; a 400 says that it is not well."""
    ended, asked = await run_test(answering(check_status=(404, {"message": "no"})), "dify")
    assert list(checks(ended)) == ["transform-input", "run-inference", "transform-output"]
    assert all(ok for ok, _ in checks(ended).values())
    assert asked == ["check-status", "transform-input", "run-inference", "transform-output"]
    ended, asked = await run_test(answering(check_status=(400, {"message": "It is down."})), "dify")
    assert checks(ended) == {"check-status": (False, "It is down.")}
    assert asked == ["check-status"]


async def test_a_check_that_is_under_way_is_asked_again_until_it_has_ended(world: World, server: Server) -> None:
    """202 is no answer yet, and no failure."""
    await world.apply(ONE | {"config": {"connection_type": "placeholder"}})
    server.behaviour.pending = 2
    stored = await world.registries["one"].get(Address("one", "Model", "one"))
    registry = world.registries["one"]
    assert stored is not None
    assert isinstance(registry, RunsTests)
    server.forget()
    assert checks(await registry.test(stored, None))["check-status"] == (True, "The endpoint answers.")
    assert [one.path.rpartition("/")[2] for one in server.requests].count("check-status") == 3


@pytest.mark.parametrize("status", [202, 500, 503])
async def test_a_model_is_run_once_and_never_again(status: int) -> None:
    """Each run is paid for: what did not end at once has failed."""
    ended, asked = await run_test(answering(run_inference=(status, {"message": "later"})), "dify")
    assert isinstance(ended, RegistryError) or checks(ended)["run-inference"][0] is False
    assert asked == ["check-status", "transform-input", "run-inference"]


# --- what the platform offers ------------------------------------------------------------------------------------


def offering(status: int, body: Any) -> Behaviour:
    """A server that holds nothing, and answers like this when it is asked what it offers."""
    lists = {"models": [], "model_adapters": [], "secrets": [], "integrations": []}

    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        writer.write(reply(status, body) if "/model-adapter-providers/" in seen.path else reply(200, lists))

    return behave


@pytest.mark.parametrize("body", [{}, [], {"model_adapters": None}, {"model_adapters": {}}, None], ids=str)
async def test_offers_that_are_no_list_are_an_error(server: Server, body: Any) -> None:
    """Something else speaks there: a plan that believed it would call every offered adapter missing."""
    async with serve(offering(200, body)) as place, connected(server, url=place.url) as world:
        with pytest.raises(RegistryError, match="the adapters of the provider latticeflow are no list"):
            await world.remote()


async def test_a_server_that_offers_nothing_is_read_all_the_same(server: Server) -> None:
    """404 says that there is nothing to offer."""
    async with serve(offering(404, {"message": "no"})) as place, connected(server, url=place.url) as world:
        assert (await world.remote()).listings["one"] == Listing((), ())


@pytest.mark.parametrize("number", [[], {}, 7, None], ids=str)
@pytest.mark.parametrize("kind", ["model", "adapter"])
async def test_an_id_that_is_none_is_no_bug_of_ours(server: Server, kind: str, number: Any) -> None:
    """Whatever stands where an adapter's id should: the row is understood or kept aside, and the rest is read."""
    a = adapter("a") | {"id": number if kind == "adapter" else "1"}
    config = {"connection_type": "custom_connection", "url": "u", "adapter_id": number if kind == "model" else "1"}
    rows = {"models": [{"id": "2", "key": "m", "display_name": "M", "config": config}], "model_adapters": [a]}

    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        known = "provider" not in seen.path
        writer.write(reply(200, rows | {"secrets": [], "integrations": []}) if known else reply(404, {}))

    async with serve(behave) as place, connected(server, url=place.url) as world:
        listing = (await world.remote()).listings["one"]
        aside = {"adapter": ["a"], "model": ["m"] if number is not None else []}[kind]
        assert [row.key for row in listing.unreadable] == aside
        assert {resource.address.key for resource in listing.resources} == {"a", "m"} - set(aside)
        if "m" not in aside:
            assert await world.registries["one"].get(Address("one", "Model", "m")) is not None
