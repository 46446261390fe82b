"""What the driver `latticeflow` promises beyond the contract: nothing of somebody else's is deleted, nothing in use is, nothing is taken for gone."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from cli.project import Project
from registry.aigo.server import Server, aigo
from registry.aigo.state import State
from registry.latticeflow_contract import connected, held
from registry.latticeflow_samples import ONE, SECRETS, adapter, native
from world import Document, World, actions, model, paths, statuses

from reconciler.core.document.dump import dump_yaml
from reconciler.core.errors import PermanentError, SecretError
from reconciler.core.pointer import MISSING
from reconciler.core.resource import Address, Resource
from reconciler.planner.plan import Plan
from reconciler.planner.references import dangling
from reconciler.registry.protocol import Removal, Write

IDENTITY = "latticeflow$identity"
CHAT = "latticeflow$openai_chat_completion"


@pytest.fixture
def server() -> Iterator[Server]:
    with aigo() as server:
        yield server


@pytest_asyncio.fixture
async def world(server: Server) -> AsyncIterator[World]:
    async with connected(server) as world:
        yield world


def connection(key: str, **config: Any) -> Document:
    """A model behind a URL."""
    return native("Model", key, display_name="A model", config={"url": "https://llm.example.com", **config})


def chat(key: str = "chat", **endpoint: Any) -> Document:
    """A portable Model behind an endpoint with a key."""
    whole = {"url": "https://llm.example.com/v1", "model": "m", "api_key": "${env:KEY}"} | endpoint
    return model(key, display_name="Chat", endpoint={name: value for name, value in whole.items() if value is not None})


def said(plan: Plan) -> dict[str, str]:
    """What the plan says to each change."""
    return {f"{change.address.kind}/{change.address.key}": change.message for change in plan.changes}


async def found(world: World, address: str) -> Resource:
    registry = world.registries["one"]
    resource = await registry.get(Address.parse(f"one/{address}"))
    assert resource is not None
    return resource


KEPT = connection("kept")  # a plan without any document prunes nothing

# --- pruning -----------------------------------------------------------------------------------------------------


async def test_prune_deletes_what_matches_owns_and_nothing_else(server: Server) -> None:
    """`owns` says what is ours, in every kind; what it does not name stays."""
    with aigo() as server:
        async with connected(server, owns=["ours-*", "kept"]) as world:
            mine = [connection("ours-1"), native("Secret", "ours-2", value="${env:KEY}"), adapter("ours-3")]
            theirs = [connection("theirs"), native("Secret", "THEIRS", value="${env:KEY}"), adapter("theirs")]
            await world.apply(KEPT, *mine, *theirs)
            plan = await world.plan(KEPT, prune=True, allow_deletes=9)
            expected = {"Model/ours-1": "delete removed", "Secret/ours-2": "delete removed"}
            assert actions(plan) == expected | {"Adapter/ours-3": "delete removed"}
            await world.carry_out(plan)
            assert set(held(server)["models"]) == {"kept", "theirs"}
            assert set(held(server)["secrets"]) == {"THEIRS"}
            assert set(held(server)["adapters"]) == {IDENTITY, "theirs"}


async def test_prune_never_deletes_what_came_with_the_platform(world: World, server: Server) -> None:
    """Keys with `$` are the platform's, even where `owns` is everything; a manifest may declare them, and then let them go."""
    hosted = {"connection_type": "provider_connection", "provider_id": "openai", "model_key": "gpt-4o"}
    provided = native("Model", "openai$gpt-4o", display_name="gpt-4o", config=hosted)
    integration = native("Integration", "openai", api_key="${env:KEY}")
    await world.apply(KEPT, provided, integration)
    plan = await world.plan(KEPT, integration, prune=True, allow_deletes=9)
    assert plan.changes == ()
    assert (await world.plan(KEPT, integration, provided, prune=True)).changes == ()
    assert actions(await world.plan(KEPT, integration, provided | {"state": "absent"})) == {
        "Model/openai$gpt-4o": "delete absent"
    }
    assert IDENTITY in server.state.adapters


async def test_an_integration_cannot_be_deleted_and_the_plan_says_so(world: World, server: Server) -> None:
    """AI GO! has no way to delete one: absent, it is blocked with words, prune leaves it alone, and the driver itself refuses."""
    integration = native("Integration", "openai", api_key="${env:KEY}")
    await world.apply(KEPT, integration)
    plan = await world.plan(KEPT, integration | {"state": "absent"})
    assert actions(plan) == {"Integration/openai": "blocked not-deletable"}
    assert "cannot delete an integration through its API" in said(plan)["Integration/openai"]
    await world.carry_out(plan)
    pruned = await world.plan(KEPT, prune=True)
    assert (pruned.changes, pruned.orphans) == ((), ())
    with pytest.raises(PermanentError, match="cannot delete an integration"):
        await world.registries["one"].delete(Removal(await found(world, "Integration/openai")))
    assert server.state.integrations["openai"] is not None
    assert "DELETE" not in {one.method for one in server.requests}


async def test_without_owns_nothing_is_pruned_and_it_is_said() -> None:
    """AI GO! has no room for a mark: who does not say what is theirs deletes nothing by leaving it out."""
    with aigo() as server:
        async with connected(server, owns=[]) as world:
            await world.apply(KEPT, connection("gone"), *SECRETS, adapter("gone"))
            plan = await world.plan(KEPT, prune=True, allow_deletes=9)
            assert plan.changes == ()
            messages = [problem.message for problem in plan.problems if problem.rule == "never-pruned"]
            assert [message.split()[1] for message in messages] == ["Adapter", "Model", "Secret"]
            assert all("say which are ours with `owns`" in message for message in messages)


# --- what stands beside a model ----------------------------------------------------------------------------------

BOTH = {"reconciler-chat-api-key", "reconciler-chat-header-x-token"}
HEADERS = {"X-Token": "${env:TOKEN}"}


@pytest.mark.parametrize("owns", [["chat"], ["*"]], ids=str)
async def test_a_models_secrets_go_with_it(owns: list[str]) -> None:
    """Removed with --prune, or absent: the model, and then its secrets."""
    with aigo() as server:
        async with connected(server, owns=owns) as world:
            for documents, consents, reason in (
                ((KEPT,), {"prune": True}, "removed"),
                ((KEPT, {"kind": "Model", "key": "chat", "state": "absent"}), {}, "absent"),
            ):
                await world.apply(KEPT, chat(headers=HEADERS))
                assert set(server.state.secrets) == BOTH
                plan = await world.plan(*documents, **consents)
                deleted = {f"Secret/{name}": f"delete {reason}" for name in BOTH}
                assert actions(plan) == {"Model/chat": f"delete {reason}"} | deleted
                assert set(statuses(await world.carry_out(plan)).values()) == {"ok"}
                assert server.state.secrets == {}
                assert (await world.plan(*documents, **consents)).changes == ()


async def test_a_models_secrets_follow_its_rename(world: World, server: Server) -> None:
    """Under the new key there are new ones, under the old one none."""
    await world.apply(chat(headers=HEADERS))
    renamed = chat("talk", headers=HEADERS) | {"previous_keys": ["chat"]}
    assert set(statuses(await world.apply(renamed)).values()) == {"ok"}
    assert set(server.state.secrets) == {"reconciler-talk-api-key", "reconciler-talk-header-x-token"}
    assert set(server.state.models) == {"talk"}
    assert (await world.plan(renamed)).changes == ()


async def test_a_secret_that_its_model_no_longer_needs_is_pruned(server: Server) -> None:
    """Also without `owns`: it is ours by name, and its model is declared. Without --prune it is an orphan."""
    async with connected(server, owns=[]) as world:
        await world.apply(chat(headers=HEADERS))
        await world.apply(chat())
        plan = await world.plan(chat())
        assert plan.changes == ()
        assert [orphan.key for orphan in plan.orphans] == ["reconciler-chat-header-x-token"]
        await world.apply(chat(), prune=True)
        assert set(server.state.secrets) == {"reconciler-chat-api-key"}


async def test_a_secret_can_be_pruned_in_the_run_that_stops_using_it(world: World, server: Server) -> None:
    """First the model is written without it, then it goes."""
    await world.apply(chat(headers=HEADERS))
    report = await world.apply(chat(), prune=True)
    assert set(statuses(report).values()) == {"ok"}, report.outcomes
    assert set(server.state.secrets) == {"reconciler-chat-api-key"}


async def test_secrets_of_another_teams_models_are_left_alone(server: Server) -> None:
    """What stands beside a model that we neither declare nor own is not ours, though its name begins like ours."""
    async with connected(server, owns=["kept", "chat"]) as world:
        await world.apply(KEPT, chat(), chat("theirs", headers=HEADERS))
        plan = await world.plan(KEPT, prune=True, allow_deletes=9)
        assert set(actions(plan)) == {"Model/chat", "Secret/reconciler-chat-api-key"}
        assert {orphan.key for orphan in plan.orphans} == set()
        await world.carry_out(plan)
        assert set(server.state.secrets) == {"reconciler-theirs-api-key", "reconciler-theirs-header-x-token"}


async def test_two_models_of_which_one_is_named_like_a_secret_of_the_other_keep_theirs(
    world: World, server: Server
) -> None:
    """`chat` and `chat-api-key`: each secret goes with the model that it is of."""
    both = (chat(), chat("chat-api-key"))
    await world.apply(*both)
    assert (await world.plan(*both, prune=True)).changes == ()
    await world.apply(both[1], prune=True)
    assert set(server.state.secrets) == {"reconciler-chat-api-key-api-key"}
    await world.apply(*both)
    await world.apply(both[0], prune=True)
    assert set(server.state.secrets) == {"reconciler-chat-api-key"}


# --- what is in use ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("consents", [{"prune": True}, {}], ids=["pruned", "absent"])
async def test_what_is_in_use_is_not_deleted(server: Server, consents: dict[str, bool]) -> None:
    """A secret or an adapter that a model names is blocked, and it is said by whom; the model may be somebody else's."""
    async with connected(server, owns=["mine*"]) as world:
        used = [native("Secret", "mine", value="${env:KEY}"), adapter("mine")]
        user = connection("theirs", api_key={"name": "mine"}, adapter={"key": "mine"})
        await world.apply(*used, user)
        gone = [] if consents else [one | {"state": "absent"} for one in used]
        documents = [KEPT, *({"kind": one["kind"], "key": one["key"], "state": "absent"} for one in gone)]
        plan = await world.plan(*documents, **consents)
        blocked = {change.address.kind: (change.action, change.reason, change.message) for change in plan.changes}
        message = "one/Model/theirs still refers to one/{}/mine"
        assert blocked["Secret"] == ("blocked", "referenced", message.format("Secret"))
        assert blocked["Adapter"] == ("blocked", "referenced", message.format("Adapter"))
        await world.carry_out(plan)
        assert "mine" in server.state.secrets
        assert "mine" in server.state.adapters


@pytest.mark.parametrize("novel", [False, True], ids=["", "with-unknown-fields"])
async def test_what_an_unreadable_row_uses_is_not_deleted(server: Server, novel: bool) -> None:
    """A model of a connection_type that nobody knows still names its secret and its adapter."""
    async with connected(server) as world:
        used = [native("Secret", "mine", value="${env:KEY}"), adapter("mine")]
        user = connection("strange", custom_headers={"X-Token": {"name": "mine"}}, adapter={"key": "mine"})
        await world.apply(*used, user, KEPT)
        server.behaviour.unknown_type("strange")
        server.behaviour.unknown_fields = novel
        plan = await world.plan(KEPT, prune=True, allow_deletes=9)
        assert actions(plan) == {"Secret/mine": "blocked referenced", "Adapter/mine": "blocked referenced"}
        assert "one/Model/strange still refers to one/Secret/mine" in said(plan)["Secret/mine"]
        assert "one/Model/strange still refers to one/Adapter/mine" in said(plan)["Adapter/mine"]


async def test_secrets_of_a_model_that_cannot_be_read_are_kept(world: World, server: Server) -> None:
    """A model of ours whose row turned strange has not lost its need for them."""
    await world.apply(chat(headers=HEADERS), KEPT)
    server.behaviour.unknown_type("chat")
    plan = await world.plan(KEPT, prune=True, allow_deletes=9)
    assert {change.action for change in plan.changes} == {"blocked"}
    await world.carry_out(plan)
    assert set(server.state.secrets) == BOTH


async def test_an_adapter_that_came_into_use_meanwhile_is_not_deleted(world: World, server: Server) -> None:
    """Whether the server would refuse is not known, so it is asked for the adapter's models first."""
    await world.apply(adapter("mine"), KEPT)
    stored = await found(world, "Adapter/mine")
    await world.apply(connection("user", adapter={"key": "mine"}), KEPT)
    server.behaviour.frees_adapters = True
    with pytest.raises(PermanentError, match="in use by 1 model"):
        await world.registries["one"].delete(Removal(stored))
    assert "mine" in server.state.adapters


# --- what the platform offers ------------------------------------------------------------------------------------


async def test_an_offered_adapter_is_shown_and_created_once(world: World, server: Server) -> None:
    """Where models name adapters that the platform has ready, the plan shows that they are created; later ones find them."""
    models = (connection("one"), connection("two"), chat("three"))
    plan = await world.plan(*models)
    assert actions(plan) == {
        "Model/one": "create new",
        "Model/two": "create new",
        "Model/three": "create new",
        "Secret/reconciler-three-api-key": "create new",
        f"Adapter/{IDENTITY}": "create new",
        f"Adapter/{CHAT}": "create new",
    }
    assert set(statuses(await world.carry_out(plan)).values()) == {"ok"}
    assert set(server.state.adapters) == {IDENTITY, CHAT}
    await world.apply(*models, connection("four"))
    posts = [one for one in server.writes if one.path == "/api/model-adapters"]
    assert len(posts) == 2
    assert (await world.plan(*models, connection("four"))).changes == ()


async def test_an_adapter_that_nobody_offers_is_missing(world: World) -> None:
    """A typing mistake in an adapter's key is found at plan time."""
    desired = world.desired(connection("one", adapter={"key": "latticeflow$identiti"}))
    assert [str(target) for _, _, target in dangling(desired, await world.remote())] == [
        "one/Adapter/latticeflow$identiti"
    ]


async def test_a_row_that_cannot_be_read_is_not_missing(world: World, server: Server) -> None:
    """A model may name an adapter that is there in a form that we do not know: it is there."""
    await world.apply(adapter("strange"), connection("one", adapter={"key": "strange"}))
    server.behaviour.broken_adapters = {"strange"}
    documents = (connection("one", adapter={"key": "strange"}),)
    assert dangling(world.desired(*documents), await world.remote()) == []
    assert (await world.plan(*documents)).changes == ()
    assert (await world.apply(connection("two", adapter={"key": "strange"}), *documents)).outcomes[0].status == "ok"


# --- rows that are not what they should be -----------------------------------------------------------------------


async def test_an_unknown_connection_type_is_kept_aside(world: World, server: Server) -> None:
    """Declared it is a conflict that says why; undeclared it is left; it is never gone, so never created again."""
    await world.apply(connection("strange"), KEPT)
    server.behaviour.unknown_type("strange")
    plan = await world.plan(connection("strange", url="https://other.example.com"), KEPT)
    assert actions(plan) == {"Model/strange": "conflict unreadable"}
    assert "connection_type 'telepathy' is not known to this version" in said(plan)["Model/strange"]
    assert actions(await world.plan(connection("strange") | {"state": "absent"}, KEPT)) == {
        "Model/strange": "conflict unreadable"
    }
    assert (await world.plan(KEPT, prune=True)).changes == ()
    listing = (await world.remote()).listings["one"]
    assert [row.key for row in listing.unreadable] == ["strange"]
    with pytest.raises(PermanentError, match="cannot be read: its connection_type"):
        await world.registries["one"].get(Address("one", "Model", "strange"))


async def test_a_model_whose_adapter_is_gone_can_be_repaired(world: World, server: Server) -> None:
    """It is read, the plan shows the adapter that it names and cannot find, and an update gives it another."""
    await world.apply(adapter("lost"), adapter("there"), connection("one", adapter={"key": "lost"}))
    del server.state.adapters["lost"]
    documents = (adapter("there"), connection("one", adapter={"key": "there"}))
    plan = await world.plan(*documents)
    assert actions(plan) == {"Model/one": "update differs"}
    (change,) = plan.changes[0].fields
    assert change.path == "/config/adapter/key"
    assert "unknown adapter" in change.before
    assert set(statuses(await world.carry_out(plan)).values()) == {"ok"}
    assert (await world.plan(*documents)).changes == ()


async def test_an_adapter_that_was_made_again_is_named_by_its_new_id(world: World, server: Server) -> None:
    """The connection may live long: ids that were read before do not outlive their objects."""
    await world.apply(adapter("mine"))
    old = server.state.adapters.pop("mine")
    await world.apply(adapter("mine"))
    assert server.state.adapters["mine"]["id"] != old["id"]
    report = await world.apply(adapter("mine"), connection("one", adapter={"key": "mine"}))
    assert set(statuses(report).values()) == {"ok"}, report.outcomes


async def test_two_rows_of_one_key_are_a_conflict(world: World, server: Server) -> None:
    """Keys are unique, says AI GO!; should they not be, nobody guesses which of two is meant."""
    await world.apply(connection("twin"), adapter("twin"))
    for rows in (server.state.models, server.state.adapters):
        rows["other"] = rows["twin"] | {"id": "another-id"}
    plan = await world.plan(connection("twin", url="https://other.example.com"), adapter("twin", description="x"))
    assert actions(plan) == {"Model/twin": "conflict duplicate", "Adapter/twin": "conflict duplicate"}
    for kind in ("Model", "Adapter"):
        with pytest.raises(PermanentError, match="2 objects of this key"):
            await world.registries["one"].get(Address("one", kind, "twin"))


@pytest.mark.parametrize("row", ["x", None, 3, [], {"display_name": "nobody"}, {"key": ""}, {"key": 7}], ids=str)
async def test_a_row_without_a_key_forbids_creates_and_deletes(world: World, server: Server, row: Any) -> None:
    """It may be anything, also what is about to be created; updates go on."""
    await world.apply(connection("one"), connection("gone"))
    answers_with(server, row)
    changed = connection("one", url="https://other.example.com")
    plan = await world.plan(changed, connection("new"), prune=True)
    assert actions(plan) == {
        "Model/one": "update differs",
        "Model/new": "blocked unreadable",
        "Model/gone": "blocked unreadable",
    }
    assert "cannot be read" in said(plan)["Model/new"]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"config": None}, "its config is no map"),
        ({"config": {}}, "connection_type None is not known"),
        ({"id": None}, "it has no id"),
        ({"config": {"connection_type": ["dify"]}}, "is not known"),
    ],
    ids=str,
)
async def test_a_row_that_says_too_little_is_a_conflict(
    world: World, server: Server, row: dict[str, Any], why: str
) -> None:
    """It is there, under its key, and nobody writes over what he cannot read; the rest goes on."""
    await world.apply(connection("one"), connection("two"))
    stored = server.state.models.pop("one")
    answers_with(server, {**stored, **row})
    plan = await world.plan(connection("one"), connection("two", url="https://other.example.com"))
    assert actions(plan) == {"Model/one": "conflict unreadable", "Model/two": "update differs"}
    assert why in said(plan)["Model/one"]


def answers_with(server: Server, row: Any) -> None:
    """From now on the list of models has one more row."""
    plain = server.behaviour.model
    strange = server.state.models["a row"] = {"key": "a row", "id": "a row's", "adapter_id": "of no adapter"}

    def model(stored: dict[str, Any]) -> Any:
        return row if stored is strange else plain(stored)

    server.behaviour.model = model  # type: ignore[method-assign]


# --- drift, ignore, secrets --------------------------------------------------------------------------------------


async def test_drift_in_the_console_is_shown_field_by_field(world: World, server: Server) -> None:
    """What somebody changed by hand is named, with both sides, and an apply takes it back."""
    document = connection("one", model_key="m", custom_headers={"X-Tenant": "acme"}) | {"rate_limit": 60}
    await world.apply(document)
    row = server.state.models["one"]
    config = row["config"] | {"url": "https://by.hand", "custom_headers": {"X-Tenant": "x", "X-More": True}}
    server.state.models["one"] = row | {"rate_limit": 1, "description": "by hand", "config": config}
    plan = await world.plan(document)
    assert {one.path: (one.before, one.after) for one in plan.changes[0].fields} == {
        "/config/custom_headers/X-More": (True, MISSING),
        "/config/custom_headers/X-Tenant": ("x", "acme"),
        "/config/url": ("https://by.hand", "https://llm.example.com"),
        "/description": ("by hand", MISSING),
        "/rate_limit": (1, 60),
    }
    await world.carry_out(plan)
    assert (await world.plan(document)).changes == ()


async def test_an_ignored_field_is_left_to_others(world: World, server: Server) -> None:
    """Sent on create, never compared, and kept as it is by an update."""
    document = connection("one", api_key=ONE) | {"rate_limit": 60, "ignore": ["/rate_limit", "/config/url"]}
    await world.apply(*SECRETS, document)
    assert server.state.models["one"]["rate_limit"] == 60
    row = server.state.models["one"]
    server.state.models["one"] = row | {"rate_limit": 1, "config": row["config"] | {"url": "https://by.hand"}}
    assert (await world.plan(*SECRETS, document)).changes == ()
    report = await world.apply(*SECRETS, document | {"description": "new"})
    assert statuses(report) == {"Model/one": "ok"}
    assert server.state.models["one"]["rate_limit"] == 1
    assert server.state.models["one"]["config"]["url"] == "https://by.hand"
    assert server.state.models["one"]["description"] == "new"


@pytest.mark.parametrize("raw_keys", ["echo", "mask", "omit"])
async def test_an_update_of_a_model_with_a_raw_key_needs_its_value(world: World, server: Server, raw_keys: Any) -> None:
    """AI GO! replaces the whole object: without the key's value nothing is written at all; with it the key stays."""
    server.behaviour.raw_keys = raw_keys
    document = connection("one", api_key="${env:KEY}")
    await world.apply(document, KEPT)
    value = world.environ.pop("KEY")
    server.forget()
    assert (await world.plan(document)).changes == ()
    with pytest.raises(SecretError, match="the environment variable KEY is not set"):
        await world.apply(document | {"description": "x"}, KEPT | {"description": "x"})
    assert server.writes == []
    world.environ["KEY"] = value
    await world.apply(document | {"description": "x"})
    assert server.state.models["one"]["config"]["api_key"] == value


@pytest.mark.parametrize("raw_keys", ["echo", "mask"])
async def test_an_ignored_raw_key_is_refused_with_words(world: World, server: Server, raw_keys: Any) -> None:
    """Nobody here knows its value, and an update would take it away: it is told, and nothing is written."""
    server.behaviour.raw_keys = raw_keys
    document = connection("one", api_key="${env:KEY}") | {"ignore": ["/config/api_key"]}
    await world.apply(document)
    report = await world.apply(document | {"description": "x"})
    (outcome,) = report.outcomes
    assert outcome.status == "failed"
    assert "one/Model/one /config/api_key: AI GO! replaces the whole object" in outcome.message
    assert "name a secret that AI GO! keeps" in outcome.message
    assert "description" not in server.state.models["one"]


async def test_rotate_writes_a_named_secret_and_a_raw_key(world: World, server: Server) -> None:
    """What is never read back is written where it is asked for, and only there."""
    documents = (native("Secret", "S", value="${env:KEY}"), connection("raw", api_key="${env:KEY}"), chat())
    await world.apply(*documents)
    world.environ["KEY"] = "another value"
    assert (await world.plan(*documents)).changes == ()
    plan = await world.plan(*documents, rotate=("S", "raw"))
    assert actions(plan) == {"Secret/S": "update rotate", "Model/raw": "update rotate"}
    await world.carry_out(plan)
    assert server.state.secrets["S"]["value"] == "another value"
    assert server.state.models["raw"]["config"]["api_key"] == "another value"
    assert server.state.secrets["reconciler-chat-api-key"]["value"] != "another value"
    plan = await world.plan(*documents, rotate=("chat",))
    assert actions(plan) == {"Secret/reconciler-chat-api-key": "update rotate"}
    await world.carry_out(plan)
    assert server.state.secrets["reconciler-chat-api-key"]["value"] == "another value"


@pytest.mark.parametrize("raw_keys", ["echo", "mask", "omit"])
async def test_a_raw_key_that_is_added_later_is_written_with_rotate(
    world: World, server: Server, raw_keys: Any
) -> None:
    """Whether AI GO! says that there is one is not known, so that its absence tells nothing: only a named secret is seen by a plan."""
    server.behaviour.raw_keys = raw_keys
    await world.apply(*SECRETS, connection("raw"), connection("named"))
    documents = (*SECRETS, connection("raw", api_key="${env:KEY}"), connection("named", api_key=ONE))
    plan = await world.plan(*documents)
    assert actions(plan) == {"Model/named": "update differs"}
    assert [(one.rule, "--rotate raw" in one.message) for one in plan.problems] == [("secret-unseen", True)]
    plan = await world.plan(*documents, rotate=("raw",))
    assert actions(plan) == {"Model/named": "update differs", "Model/raw": "update rotate"}
    await world.carry_out(plan)
    assert server.state.models["raw"]["config"]["api_key"] == world.environ["KEY"]
    assert (await world.plan(*documents)).changes == ()


async def test_paths_name_the_field_that_changed(world: World) -> None:
    """A plan for a person: one pointer for each field, and not the whole config."""
    await world.apply(connection("one", custom_headers={"X-A": "1"}))
    plan = await world.plan(connection("one", custom_headers={"X-A": "2", "X-B": "3"}, model_key="m"))
    assert paths(plan, "one") == ["/config/custom_headers/X-A", "/config/custom_headers/X-B", "/config/model_key"]


# --- what stays hidden, and what cannot be told -------------------------------------------------------------------

OFFLINE = """\
owner: us
registries:
  one: {driver: latticeflow, url: "https://aigo.example.com", api_key: "${env:AIGO_KEY}", default: true}
"""
CODE = {"connection_type": "custom_inference", "run_inference_snippet": "x", "timeout": 30}


def problems(project: Project, *documents: Document, strict: bool = False) -> list[tuple[str, str, str]]:
    """What `validate` finds in these documents: severity, rule, pointer."""
    project.write("reconciler.yaml", OFFLINE)
    for number, document in enumerate(documents):
        project.write(f"manifests/{number}.yaml", dump_yaml(document))
    answer = project.run("validate", "--format", "json", *(["--strict"] if strict else []))
    found = answer.json("validate")["problems"]
    wrong = found if strict else [one for one in found if one["severity"] == "error"]
    assert answer.code == (1 if wrong else 0)
    return [(one["severity"], one["rule"], one["pointer"]) for one in found]


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"url": "https://x", "custom_headers": {"X-Digest": "${env:KEY}"}}, "X-Digest"),
        ({"url": "https://x", "custom_headers": {"X-Tenant": "a", "X-Hash": "${env:KEY}"}}, "X-Hash"),
        (CODE | {"environment": {"COOKIE": "${env:KEY}"}}, "COOKIE"),
    ],
    ids=["header", "one-of-two", "variable"],
)
def test_a_raw_secret_under_a_name_that_is_not_hidden_is_refused(
    project: Project, config: dict[str, Any], name: str
) -> None:
    """AI GO! may show what stands in a map to everybody, and by such a name we would not know it for a secret either."""
    place = "custom_headers" if "url" in config else "environment"
    document = native("Model", "one", display_name="One", config=config)
    assert problems(project, document) == [("error", "registry-limit", f"/config/{place}")]
    said = project.run("validate").both
    assert f"would show the secret in {name} to everybody: declare a latticeflow/Secret" in said
    named = document | {"config": config | {place: {name: {"name": "S"}}}}
    assert problems(project, named) == []


@pytest.mark.parametrize(
    "config",
    [
        {
            "url": "https://x",
            "custom_headers": {"Authorization": "${env:KEY}", "X-Api-Key": "${env:KEY}", "Cookie": "${env:KEY}"},
        },
        CODE | {"environment": {"MY_TOKEN": "${env:KEY}", "DB_PASSWORD": "${env:KEY}"}},
    ],
    ids=["headers", "variables"],
)
def test_a_raw_secret_under_a_hidden_name_is_allowed(project: Project, config: dict[str, Any]) -> None:
    """What we hide by its name, whatever the server answers, may be sent as it is."""
    assert problems(project, native("Model", "one", display_name="One", config=config)) == []


async def test_an_ignored_config_of_which_nobody_knows_whether_it_has_a_key_is_refused_with_words(
    world: World, server: Server
) -> None:
    """A server that leaves raw keys out: an update of something else would take the key away, so nothing is sent."""
    server.behaviour.raw_keys = "omit"
    document = connection("one", api_key="${env:KEY}") | {"ignore": ["/config"]}
    await world.apply(document)
    server.forget()
    (outcome,) = (await world.apply(document | {"display_name": "Other"})).outcomes
    assert outcome.status == "failed"
    assert "one/Model/one /config/api_key: AI GO! replaces the whole object" in outcome.message
    assert "`ignore` must not cover it" in outcome.message
    assert server.writes == []
    assert server.state.models["one"]["config"]["api_key"] == world.environ["KEY"]


async def test_an_ignored_config_of_a_type_without_secrets_does_not_stand_in_the_way(
    world: World, server: Server
) -> None:
    """There is no key that could be lost, whatever the server leaves out."""
    server.behaviour.raw_keys = "omit"
    hosted = {"connection_type": "provider_connection", "provider_id": "openai", "model_key": "gpt-4o"}
    integration = native("Integration", "openai", api_key="${env:KEY}")
    document = native("Model", "one", display_name="One", config=hosted) | {"ignore": ["/config"]}
    await world.apply(document, integration)
    row = server.state.models["one"]
    server.state.models["one"] = row | {"config": row["config"] | {"model_key": "by hand"}}
    report = await world.apply(document | {"display_name": "Other"}, integration)
    assert statuses(report) == {"Model/one": "ok"}, report.outcomes
    assert server.state.models["one"]["display_name"] == "Other"
    assert server.state.models["one"]["config"] == hosted | {"model_key": "by hand"}


@pytest.mark.parametrize("number", ["", None], ids=["empty", "none"])
async def test_what_has_no_id_is_neither_deleted_nor_updated(world: World, server: Server, number: str | None) -> None:
    """An empty id would make the path of one object that of all of them: it is a bug, and nothing is sent."""
    await world.apply(connection("one"), adapter("a"), native("Secret", "S", value="${env:KEY}"))
    server.forget()
    for address in ("Model/one", "Adapter/a", "Secret/S"):
        stored = replace(await found(world, address), id=number)
        with pytest.raises(ValueError, match="has no id"):
            await world.registries["one"].delete(Removal(stored))
        if not address.startswith("Secret"):
            with pytest.raises(ValueError, match="has no id"):
                await world.registries["one"].update(Write(stored, stored))
    assert server.writes == []


async def test_a_row_with_an_empty_id_is_a_conflict(world: World, server: Server) -> None:
    """Nobody writes to an object that cannot be addressed."""
    await world.apply(connection("one"), adapter("a"))
    for rows, key in ((server.state.models, "one"), (server.state.adapters, "a")):
        rows[key] = rows[key] | {"id": ""}
    plan = await world.plan(connection("one", url="https://other.example.com"), adapter("a", description="new"))
    assert actions(plan) == {"Model/one": "conflict unreadable", "Adapter/a": "conflict unreadable"}
    assert all("it has no id" in message for message in said(plan).values())


@pytest.mark.parametrize("protected", [True, False])
@pytest.mark.parametrize(
    "document",
    [chat(api_key=None), connection("chat"), native("Secret", "S", value="${env:KEY}")],
    ids=["portable", "native", "secret"],
)
def test_a_protection_that_nothing_keeps_is_told(project: Project, document: Document, protected: bool) -> None:
    """AI GO! has no room for a mark: who takes the manifest away takes the protection away. A warning, or an error with --strict."""
    whole = document | {"protected": protected}
    told = [("warning", "protection-not-kept", "/protected")] if protected else []
    assert problems(project, whole) == told
    assert problems(project, whole, strict=True) == [("error", *rest) for _, *rest in told]


# --- what others did meanwhile -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "other"),
    [
        (native("Secret", "S", value="${env:KEY}"), lambda state: state.put_secret("S", "theirs")),
        (
            native("Integration", "openai", api_key="${env:KEY}"),
            lambda state: state.integrations.update(openai={"api_key": "theirs"}),
        ),
    ],
    ids=["secret", "integration"],
)
async def test_what_a_create_would_write_over_is_looked_for_first(
    world: World, server: Server, document: Document, other: Callable[[State], object]
) -> None:
    """AI GO! has one call for new and for known ones: what somebody made since the plan stays his, and it is told."""
    plan = await world.plan(adapter("a"), document)
    assert {change.action for change in plan.changes} == {"create"}
    server.behaviour.meanwhile = other  # before the first write, which is the adapter's
    report = await world.carry_out(plan, concurrency=1)
    name = f"{plan.changes[1].address.kind}/{plan.changes[1].address.key}"
    assert statuses(report) == {"Adapter/a": "ok", name: "failed"}
    assert report.outcomes[1].reason == "stale-object"
    assert f"one/{name} exists already" in report.outcomes[1].message
    assert "theirs" in repr(held(server))
    assert world.environ["KEY"] not in repr(held(server))


class Once(set[str]):
    """Strings that are in it until somebody asks for them."""

    def __contains__(self, item: object) -> bool:
        there = super().__contains__(item)
        self.discard(str(item))
        return there


async def test_an_adapter_that_was_made_while_the_lists_were_read_is_known(world: World, server: Server) -> None:
    """The list of models already names it, that of adapters did not have it yet: it is asked for again."""
    documents = (adapter("mine"), connection("one", adapter={"key": "mine"}))
    await world.apply(*documents)
    server.behaviour.drop_adapters = Once({"mine"})
    resources = {str(one.address): one for one in (await world.remote()).resources()}
    assert resources["one/Model/one"].spec["config"]["adapter"] == {"key": "mine"}
    assert "one/Adapter/mine" in resources
    server.behaviour.drop_adapters = Once({"mine"})
    assert (await world.plan(*documents)).changes == ()


# --- secrets whose model is gone ---------------------------------------------------------------------------------


async def test_a_secret_whose_model_is_gone_is_an_orphan_and_is_pruned(server: Server) -> None:
    """Somebody deleted the model in the console, and its manifest is gone: what stood beside it goes by the model's key."""
    async with connected(server, owns=["kept", "chat"]) as world:
        await world.apply(KEPT, chat(headers=HEADERS), chat("theirs"))
        del server.state.models["chat"], server.state.models["theirs"]
        plan = await world.plan(KEPT)
        assert plan.changes == ()
        assert {orphan.key for orphan in plan.orphans} == BOTH
        plan = await world.plan(KEPT, prune=True)
        assert actions(plan) == {f"Secret/{name}": "delete removed" for name in BOTH}
        assert set(statuses(await world.carry_out(plan)).values()) == {"ok"}
        assert set(server.state.secrets) == {"reconciler-theirs-api-key"}


async def test_a_secret_whose_model_is_an_orphan_is_not_listed_beside_it(world: World) -> None:
    """One orphan, and not three: what stands beside it goes with it."""
    await world.apply(KEPT, chat(headers=HEADERS))
    assert list(map(str, (await world.plan(KEPT)).orphans)) == ["one/Model/chat"]


async def test_a_secret_that_a_run_left_behind_is_written_again_with_its_model(world: World, server: Server) -> None:
    """The model is still to be created: nobody knows whose value is in the secret, nor how old it is."""
    await world.apply(chat())
    del server.state.models["chat"]
    server.state.put_secret("reconciler-chat-api-key", "of a year ago")
    plan = await world.plan(chat())
    assert actions(plan) == {"Model/chat": "create new", "Secret/reconciler-chat-api-key": "update rotate"}
    assert set(statuses(await world.carry_out(plan)).values()) == {"ok"}
    assert server.state.secrets["reconciler-chat-api-key"]["value"] == world.environ["KEY"]
    assert (await world.plan(chat())).changes == ()


async def test_a_secret_of_a_model_that_cannot_be_read_is_not_written_again(world: World, server: Server) -> None:
    """The model is there, though nobody understands it."""
    await world.apply(chat())
    server.behaviour.unknown_type("chat")
    assert actions(await world.plan(chat())) == {"Model/chat": "conflict unreadable"}


async def test_a_model_under_a_providers_key_has_its_secret(world: World, server: Server) -> None:
    """A secret's name holds no `$`, and leads back to the model all the same."""
    document = chat("one") | {"registries": {"one": {"key": "openai$one"}}}
    assert set(statuses(await world.apply(KEPT, document)).values()) == {"ok"}
    assert set(server.state.secrets) == {"reconciler-openai-one-68ddb950-api-key"}
    secret = next(one for one in (await world.remote()).resources() if one.address.kind == "Secret")
    assert str(secret.parent) == "one/Model/openai$one"
    assert (await world.plan(KEPT, document, prune=True)).changes == ()
    gone = {"kind": "Model", "key": "one", "state": "absent", "registries": {"one": {"key": "openai$one"}}}
    await world.apply(KEPT, gone)
    assert server.state.secrets == {}


@pytest.mark.parametrize("raw_keys", ["echo", "mask", "omit"])
async def test_a_raw_key_is_not_told_as_unseen_where_it_is_written_anyway(
    world: World, server: Server, raw_keys: Any
) -> None:
    """An update of anything else sends the whole object, key and all: then there is nothing to warn of."""
    server.behaviour.raw_keys = raw_keys
    await world.apply(connection("one"))
    document = connection("one", api_key="${env:KEY}")
    assert [problem.rule for problem in (await world.plan(document)).problems] == ["secret-unseen"]
    plan = await world.plan(document | {"display_name": "Other"})
    assert (actions(plan), plan.problems) == ({"Model/one": "update differs"}, ())
    await world.carry_out(plan)
    assert server.state.models["one"]["config"]["api_key"] == world.environ["KEY"]
