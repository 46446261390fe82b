"""What `watsonx` promises beyond the contract: tokens, names of options, tags, shapes of lists, and what an interrupted run leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from registry.watsonx.rules import OPTIONS, SECRETS
from registry.watsonx.server import Server, orchestrate
from registry.watsonx_contract import ACCOUNT, connected
from registry.watsonx_samples import CREDS, native, option
from world import World, actions, statuses

from reconciler.core.errors import PermanentError, RegistryError
from reconciler.core.resource import Address
from reconciler.core.secret import Resolver, Secret
from reconciler.registry.watsonx import DRIVER
from reconciler.registry.watsonx.options import CANONICAL, NAMES, canonical
from reconciler.testing.stored import stored

NAME = "virtual-model/openai/gpt-4o"


@pytest.fixture
def server() -> Iterator[Server]:
    with orchestrate() as server:
        yield server


@pytest_asyncio.fixture
async def world(server: Server) -> AsyncIterator[World]:
    async with connected(server) as world:
        yield world


def chat(**fields: Any) -> dict[str, Any]:
    return native("Model", NAME, **fields)


# --- names of options --------------------------------------------------------------------------------------------


def test_every_option_is_known_under_each_of_its_names() -> None:
    """All of seed 003 and one newer option, as the API and as IBM's client calls them; the emulator's table was written apart from ours."""
    assert set(NAMES) == set(OPTIONS)
    assert {other: name for name, (others, _) in OPTIONS.items() for other in (name, *others)} == CANONICAL


def test_the_names_that_mislead() -> None:
    """One snake_case name is another option's camelCase one with other letters."""
    given = {
        "provider_config": {"azure_api_version": "1", "azure_inference_api_version": "2", "azure_foundry_url": "u"}
    }
    assert canonical(given) == {"provider_config": {"apiVersion": "1", "azureApiVersion": "2", "azureFoundryUrl": "u"}}


@pytest.mark.parametrize("spelling", ["camel", "snake"])
async def test_either_spelling_says_the_same(server: Server, world: World, spelling: Any) -> None:
    """A manifest in snake_case is what one in camelCase is, and what the server answers in either."""
    server.behaviour.spelling = spelling
    camel = {name: option(name) for name in OPTIONS if name not in SECRETS}
    snake = {(*OPTIONS[name][0], name)[0]: value for name, value in camel.items()}
    await world.apply(chat(provider_config=snake))
    assert server.state.named(NAME)["provider_config"] == camel
    assert (await world.plan(chat(provider_config=snake))).changes == ()
    assert (await world.plan(chat(provider_config=camel))).changes == ()


async def test_one_option_under_two_names_is_an_error(world: World) -> None:
    """Who says two things of one option means neither."""
    with pytest.raises(AssertionError, match="azureDeploymentName"):
        world.desired(chat(provider_config={"azure_deployment_name": "a", "azure_inference_deployment_name": "b"}))


async def test_an_override_and_an_ignore_may_use_the_other_name(server: Server, world: World) -> None:
    """What a registry's override says under another name is said of the same option; so is what is ignored."""
    model = {
        "kind": "Model",
        "key": "m",
        "endpoint": {"url": "https://a.example.com", "model": "m"},
        "registries": {"one": {"provider_config": {"custom_host": "https://b.example.com"}}},
    }
    await world.apply(model)
    name = "virtual-model/openai/m"
    assert server.state.named(name)["provider_config"] == {"customHost": "https://b.example.com"}
    server.state.named(name)["provider_config"]["customHost"] = "https://c.example.com"
    ignoring = model | {"ignore": ["/provider_config/custom_host"]}
    assert actions(await world.plan(model)) == {f"Model/{name}": "update drifted"}
    assert actions(await world.plan(ignoring)) == {}


# --- what the server makes up ------------------------------------------------------------------------------------


async def test_what_ibms_client_makes_up_is_no_drift(server: Server, world: World) -> None:
    """It sets max_tokens for Anthropic's models, and its own names for what people see; the server the provider and a key."""
    document = native("Model", "virtual-model/anthropic/claude", config={"temperature": 0})
    await world.apply(document)
    row = server.state.named("virtual-model/anthropic/claude")
    row["config"]["max_tokens"] = 4096
    row["provider_config"]["provider"] = "anthropic"
    assert row["display_name"] == row["description"] == row["name"]
    assert (await stored(world))[0].spec.keys() == {"model_type", "config", "provider_config"}
    assert (await world.plan(document)).changes == ()
    await world.apply(document | {"tags": ["new"]})
    assert server.state.named("virtual-model/anthropic/claude")["config"] == {"temperature": 0, "max_tokens": 4096}


async def test_nothing_that_is_read_only_is_ever_sent(server: Server, world: World) -> None:
    """Neither ids nor tenants nor moments, nor the provider that follows from the name."""
    await world.apply(CREDS, chat(app_id="creds", config={"n": 1}))
    await world.apply(CREDS, chat(app_id="creds", config={"n": 2}))
    sent = [one for one in server.writes if one.path.startswith("/models")]
    assert [one.method for one in sent] == ["POST", "PUT"]
    for one in sent:
        assert set(one.body) <= {
            "name", "display_name", "description", "provider_config", "config", "tags", "model_type", "connection_id"
        }  # fmt: skip
        assert "provider" not in one.body.get("provider_config", {})


# --- tags --------------------------------------------------------------------------------------------------------


async def test_what_the_server_says_in_tags_stays_there(server: Server, world: World) -> None:
    """An administrator's word is neither drift nor taken away by an update."""
    await world.apply(chat(tags=["mine"]))
    server.state.named(NAME)["tags"] += ["wxo-reserved-tag-admin-disallowed", "recommended"]
    assert (await world.plan(chat(tags=["mine"]))).changes == ()
    await world.apply(chat(tags=["yours"]))
    kept = [tag for tag in server.state.named(NAME)["tags"] if not tag.startswith("reconciler:")]
    assert kept == ["yours", "wxo-reserved-tag-admin-disallowed", "recommended"]


@pytest.mark.parametrize("tag", ["reconciler:owner=me", "reconciler:", "third party", "wxo-reserved-tag-premier"])
async def test_reserved_tags_are_refused(world: World, tag: str) -> None:
    """Neither our mark nor the server's own tags can be set by a manifest."""
    with pytest.raises(AssertionError, match="registry-limit"):
        world.desired(chat(tags=["fine", tag]))


async def test_tags_that_are_no_mark_make_the_row_unreadable(server: Server, world: World) -> None:
    """Whoever wrote there: the object is a conflict, and is left alone."""
    await world.apply(chat())
    server.state.named(NAME)["tags"].append("reconciler:nonsense")
    assert actions(await world.plan(chat())) == {f"Model/{NAME}": "conflict unreadable"}


async def test_tags_that_are_not_kept_are_told(server: Server, world: World) -> None:
    """A server that drops tags keeps no mark: silence is not success."""
    server.behaviour.keeps_tags = False
    report = await world.apply(chat(tags=["mine"]))
    assert set(statuses(report).values()) == {"not_stored"}


async def test_the_mark_holds_fingerprints_and_what_is_excluded(server: Server, world: World) -> None:
    """All of a mark comes back from its tags."""
    world = replace(world, fingerprint_key=Secret("a key for fingerprints"))
    await world.apply(chat(provider_config={"api_key": "${env:KEY}"}, protected=True))
    (found,) = await stored(world)
    assert found.mark is not None
    assert set(found.mark.fingerprints) == {"/provider_config/api_key"}
    assert found.mark.excluded == ("/config/max_tokens",)
    assert found.mark.protected
    assert found.mark.applied


# --- the token ---------------------------------------------------------------------------------------------------


async def test_a_token_that_expired_is_read_again(server: Server, world: World) -> None:
    """On a 401 the reference is read once more, and what was refused is sent once more: one model, and no error."""
    await world.plan(chat())
    server.token = "newer"
    (world.root / "token").write_text("newer", "utf-8")
    server.forget()
    report = await world.apply(chat())
    assert set(statuses(report).values()) == {"ok"}
    assert sum(one.get("Authorization") != "Bearer newer" for one in server.headers) == 1
    assert len(server.state.models) == 1


async def test_a_token_that_expires_between_two_writes(server: Server, world: World) -> None:
    """A write that was refused was not done, so it is sent again, whatever it was."""
    plan = await world.plan(chat())
    server.token = "newer"
    (world.root / "token").write_text("newer", "utf-8")
    report = await world.carry_out(plan)
    assert set(statuses(report).values()) == {"ok"}
    assert len(server.state.models) == 1


async def test_a_wrong_token_is_asked_for_once(server: Server, world: World) -> None:
    """The same token again would be refused again; the message says what to look at, and never the token."""
    server.token = "another"
    with pytest.raises(RegistryError) as caught:
        await world.remote()
    assert "401" in caught.value.message
    assert "watsonx-token-of-the-tests" not in caught.value.message
    assert caught.value.hint is not None
    assert "token" in caught.value.hint
    assert len(server.requests) == 1


async def test_a_token_that_is_gone(server: Server, world: World) -> None:
    """A reference that leads nowhere any more is the registry's failure, and says so."""
    server.token = "another"
    (world.root / "token").unlink()
    with pytest.raises(RegistryError, match="the token was refused"):
        await world.remote()


# --- addresses and lists -----------------------------------------------------------------------------------------


async def test_nothing_at_all_is_not_believed_at_a_wrong_address(server: Server) -> None:
    """A 404 to everything may be a wrong prefix, and a wrong prefix must never look like an empty registry."""
    async with connected(server, url=f"{server.origin}/v1/orchestrate") as world:
        with pytest.raises(RegistryError) as caught:
            await world.remote()
    assert caught.value.hint is not None
    assert "/api/v1" in caught.value.hint


async def test_a_404_to_a_list_is_empty_where_another_read_succeeded(server: Server, world: World) -> None:
    """IBM's client takes it for empty, and so do we, once the address is known to be right."""
    server.behaviour.empty_is_404 = True
    assert (await world.remote()).listings["one"].resources == ()
    assert await next(iter(world.registries.values())).get(Address("one", "Model", NAME)) is None


async def test_the_other_prefix(server: Server) -> None:
    """An instance of the SaaS has another prefix than the Developer Edition."""
    with orchestrate(prefix="/instances/abc/v1/orchestrate") as other:
        async with connected(other) as world:
            await world.apply(CREDS, chat(app_id="creds"))
            assert (await world.plan(CREDS, chat(app_id="creds"))).changes == ()


async def test_connections_that_live_elsewhere(server: Server) -> None:
    """The Developer Edition serves connections at another address."""
    async with connected(server, connections_url=server.apps_url) as world:
        await world.apply(CREDS, chat(app_id="creds"))
        assert (await world.plan(CREDS, chat(app_id="creds"))).changes == ()
    async with connected(server, connections_url=f"{server.origin}/wrong") as world:
        with pytest.raises(RegistryError, match="connections"):
            await world.remote()


def test_two_entries_of_one_address_are_one_place(tmp_path: Path) -> None:
    """The location is the canonical URL."""
    resolver = Resolver(tmp_path, {})
    one, other = (
        DRIVER.location(DRIVER.settings.model_validate({"url": url}), resolver)
        for url in ("https://Host.example.com:443/api/v1/", "https://host.example.com/api/v1")
    )
    assert one == other


@pytest.mark.parametrize("answer", [{}, {"models": None}, {"models": [], "total": 3}, {"resources": []}])
async def test_an_answer_that_is_no_list_is_never_an_empty_one(server: Server, world: World, answer: Any) -> None:
    """Reading the wrong shape as empty would create everything twice."""
    server.behaviour.list_answer = answer
    with pytest.raises(RegistryError):
        await world.remote()


# --- connections -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("nth", [1, 2, 3, 4, 5])
async def test_a_connection_that_was_made_in_part_is_finished(server: Server, world: World, nth: int) -> None:
    """It is made in five requests: wherever a run dies, the next one goes on, credentials included."""
    for bare in (True, False):
        server.behaviour.lists_bare_apps = bare
        server.behaviour.refuse_nth_write = nth
        await world.apply(CREDS)
        report = await world.apply(CREDS)
        assert set(statuses(report).values()) <= {"ok"}, report.outcomes
        environments = server.state.apps["creds"]["environments"]
        entered = {"api_key": "s3cret-key"}
        assert {name: one["credentials"] for name, one in environments.items()} == {"draft": entered, "live": entered}
        assert (await world.plan(CREDS)).changes == ()
        server.state.apps.clear()


async def test_credentials_that_others_enter_are_left_alone(server: Server, world: World) -> None:
    """A connection without credentials in its manifest keeps those that somebody entered, whatever else changes."""
    await world.apply(CREDS)
    plain = native("Connection", "creds", environments={"draft": {}})
    assert (await world.plan(plain)).changes == ()
    await world.apply(native("Connection", "creds", environments={"draft": {"security_scheme": "api_key_auth"}}))
    draft = server.state.apps["creds"]["environments"]["draft"]
    assert draft["security_scheme"] == "api_key_auth"
    assert draft["credentials"] == {"api_key": "s3cret-key"}


async def test_a_model_whose_connection_is_gone(server: Server, world: World) -> None:
    """An id that leads nowhere is drift, and is set right; without such a connection it cannot be."""
    await world.apply(CREDS, chat(app_id="creds"))
    server.state.apps.clear()
    plan = await world.plan(CREDS, chat(app_id="creds"))
    assert actions(plan) == {"Connection/creds": "create new", f"Model/{NAME}": "update drifted"}
    await world.carry_out(plan)
    assert server.state.named(NAME)["connection_id"] == server.state.apps["creds"]["connection_id"]


async def test_a_connection_in_use_is_not_deleted(world: World) -> None:
    """A delete that would leave a dangling reference is blocked."""
    await world.apply(CREDS, chat(app_id="creds"))
    gone = {"kind": "watsonx/Connection", "key": "creds", "state": "absent"}
    assert actions(await world.plan(gone, chat(app_id="creds"))) == {"Connection/creds": "blocked referenced"}


async def test_a_model_in_a_policy_is_not_deleted(world: World) -> None:
    """Nor is a model that a policy names; both together go in order."""
    policy = native("Policy", "virtual-policy/p", policy={"targets": [{"model_name": NAME}]})
    await world.apply(CREDS, chat(app_id="creds"), policy)
    gone = [{"kind": one["kind"], "key": one["key"], "state": "absent"} for one in (CREDS, chat(), policy)]
    assert actions(await world.plan(CREDS, gone[1], policy)) == {f"Model/{NAME}": "blocked referenced"}
    report = await world.apply(*gone)
    assert [str(one.address) for one in report.outcomes] == [
        "one/Policy/virtual-policy/p",
        f"one/Model/{NAME}",
        "one/Connection/creds",
    ]
    assert set(statuses(report).values()) == {"ok"}


async def test_a_literal_credential_is_an_error(world: World) -> None:
    """No secret is written down, wherever it would be kept."""
    for document in (
        chat(provider_config={"watsonxCpdPassword": "hunter2"}),
        chat(provider_config={"aws_secret_access_key": "hunter2"}),
        native("Connection", "c", environments={"draft": {"credentials": {"api_key": "hunter2"}}}),
    ):
        with pytest.raises(AssertionError) as caught:
            world.desired(document)
        assert "literal-secret" in str(caught.value)
        assert "hunter2" not in str(caught.value)


# --- secrets -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["echo", "mask", "omit"])
async def test_a_service_account_is_sent_as_the_object_it_is(server: Server, world: World, how: Any) -> None:
    """Its manifest names the file as Google gives it."""
    server.behaviour.secrets = how
    document = chat(provider_config={"vertex_service_account_json": "${file:account.json}"})
    await world.apply(document)
    assert server.state.named(NAME)["provider_config"]["vertexServiceAccountJson"] == ACCOUNT
    assert (await world.plan(document)).changes == ()
    assert ACCOUNT["private_key"] not in repr(await world.remote())
    (world.root / "account.json").write_text("no JSON s3cret", "utf-8")
    report = await world.apply(document | {"tags": ["a"]})
    assert set(statuses(report).values()) == {"failed"}
    assert "s3cret" not in repr(report)


async def test_a_secret_that_is_removed_is_removed(server: Server, world: World) -> None:
    """Also where the server merges what it is sent, and shows no secrets."""
    for put in ("replace", "merge"):
        for how in ("echo", "mask"):
            server.behaviour.put, server.behaviour.secrets = put, how  # type: ignore[assignment]
            await world.apply(chat(provider_config={"api_key": "${env:KEY}", "index": 1}))
            await world.apply(chat(provider_config={"index": 1}))
            assert server.state.named(NAME)["provider_config"] == {"index": 1}
            assert (await world.plan(chat(provider_config={"index": 1}))).changes == ()


async def test_what_the_server_repeats_of_a_secret_is_not_told(server: Server, world: World) -> None:
    """A refusal names the place of each mistake, and never what was sent."""
    server.behaviour.refuses_keys = True
    report = await world.apply(chat(provider_config={"api_key": "${env:KEY}"}))
    (outcome,) = report.outcomes
    assert outcome.status == "failed"
    assert "/provider_config/api_key: the key *** is not valid" in outcome.message


async def test_two_models_of_one_name_are_a_conflict(server: Server, world: World) -> None:
    """The server refuses no second one: nothing is touched, and nobody guesses."""
    await world.apply(chat())
    twin = server.state.named(NAME) | {"id": "twin"}
    server.state.models["twin"] = twin
    assert actions(await world.plan(chat(tags=["new"]))) == {f"Model/{NAME}": "conflict duplicate"}
    with pytest.raises(PermanentError, match="2 objects"):
        await next(iter(world.registries.values())).get(Address("one", "Model", NAME))
