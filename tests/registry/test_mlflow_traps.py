"""What a guess gets wrong about MLflow: each trap of the server with its test, on the real server. MLflow's own client is the judge.

| trap of the server | test |
|---|---|
| prompts are registered models: get, update and delete find them, search does not | test_a_prompt_is_left_alone |
| an update without a description erases it; erased and "" read as absent | test_a_description_stays_and_goes |
| "" is a tag's value, and a value is text | test_an_empty_tag_is_one, test_what_the_server_refuses_late_is_refused_offline |
| lengths are PostgreSQL's, names and aliases have forms of their own | test_what_the_server_refuses_late_is_refused_offline |
| tags and aliases move no timestamp | test_what_moves_no_timestamp_is_seen |
| a version's delete takes its aliases along | test_a_version_that_was_deleted_by_hand |
| the same source twice is two versions | test_a_version_is_never_made_twice |
| a list may lag behind a create | test_an_alias_waits_for_no_list |
| a version's number is a text, and "02" is 2 | test_a_number_is_a_text |
| stages are the server's | test_stages_are_nobodys_difference |
| a secret in use can be deleted | test_deletes_go_from_endpoint_to_secret, test_a_secret_that_came_into_use_is_kept |
| an endpoint's name that is taken is 400 BAD_REQUEST | test_a_name_that_was_taken_meanwhile |
| `usage_tracking` makes an experiment | test_nobody_asked_for_an_experiment |
| routing_strategy and auth_config cannot be cleared | test_what_no_update_clears |
| a secret is shown as a mask, of which the mask of another may be the same | test_a_secret_of_the_same_mask |
| created_by is what a client says | test_another_owners_secret_is_theirs |
| names are nearly free, and a filter has no escapes | test_names_that_only_look_odd |
| a model goes with all its versions | test_a_model_with_versions_goes_only_on_request |
| database errors hold the parameters of the statement | test_a_database_error_shows_no_secret |
| a weight is kept as 32 bits | test_a_weight_and_what_32_bits_keep_of_it_are_one |
| 503 while the database is down | test_a_database_that_is_down_is_no_empty_registry |
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import Any, Final

import pytest
from cli.project import Project
from hypothesis import given
from hypothesis import strategies as st
from registry.mlflow.fixtures import mlflow, proxy
from registry.mlflow.judge import Judge
from registry.mlflow.server import GATEWAY, WORKSPACE, call
from registry.mlflow.world import absent, connected, registered, served, version
from registry.nemo_proxy import Answer, Fault, Matches, Passed, Proxy, proxied, writes
from registry.server_process import Running
from world import ENVIRON, World, actions, paths, statuses

from reconciler.core.errors import RefusedError, RegistryError
from reconciler.core.secret import Secret
from reconciler.registry.mlflow.forms import single_precision

__all__ = ["mlflow", "proxy"]  # fixtures

ODD: Final = (
    "a b",
    " lead and trail ",
    "50%",
    "a?b#c&d",
    "\U0001f600",
    "A",
    "a",
    "é",
    "e\u0301",
    "a'b",
    'a"b',
    "a'\"b",
    "v1",
    "latest",
)
LATE: Final = (  # a document, and what is said of it
    ("kind: mlflow/RegisteredModel\nkey: m\ntags: {n: 5}\n", "3:11", "must be a string"),
    ("kind: mlflow/RegisteredModel\nkey: m\ntags: {mlflow.prompt.is_prompt: 'true'}\n", "3:", "MLflow's own"),
    ("kind: mlflow/RegisteredModel\nkey: m\ntags: {reconciler.owner: us}\n", "3:", "reconciler keeps"),
    (f"kind: mlflow/RegisteredModel\nkey: m\ntags: {{n: {'x' * 5001}}}\n", "3:", "5,000"),
    (f"kind: mlflow/RegisteredModel\nkey: m\ndescription: {'x' * 5001}\n", "3:", "5,000"),
    (f"kind: mlflow/RegisteredModel\nkey: {'m' * 257}\n", "2:6", "256"),
    ("kind: mlflow/RegisteredModel\nkey: a:b\n", "2:6", "':'"),
    ("kind: mlflow/RegisteredModel\nkey: m\naliases: {v2: 1}\n", "3:", "v2"),
    ("kind: mlflow/RegisteredModel\nkey: m\naliases: {Latest: 1}\n", "3:", "Latest"),
    (f"kind: mlflow/ModelVersion\nkey: m/a\nsource: s3://{'x' * 500}\n", "3:", "500"),
    ("kind: mlflow/ModelVersion\nkey: m/a\nsource: s3://b/../a\n", "3:", "'..'"),
    ("kind: mlflow/ModelVersion\nkey: m\nsource: s3://b/a\n", "2:6", "MODEL/NAME"),
    ("kind: mlflow/Secret\nkey: s\nprovider: p\nauth_config: {api_key: abc}\n", "4:", "secret_value"),
    ("kind: mlflow/Endpoint\nkey: a b\nmodels: [{definition: d}]\n", "2:6", "letters, digits"),
    ("kind: mlflow/Endpoint\nkey: e\nmodels: [{definition: d, weight: -1}]\n", "3:", "0"),
    ("kind: mlflow/Endpoint\nkey: e\nmodels: [{definition: d, linkage: FALLBACK}]\n", "3:", "PRIMARY"),
)


# --- the model registry -------------------------------------------------------------------------------------------


async def test_a_prompt_is_left_alone(mlflow: World, mlflow_judge: Judge) -> None:
    """A prompt is no orphan, and a model of its name is neither created nor deleted nor changed, and that is said."""
    mlflow_judge.call("register_prompt", "greeting", "Hello {{name}}")
    before = mlflow_judge.model("greeting")
    assert actions(await mlflow.plan(registered("m"), prune=True)) == {"RegisteredModel/m": "create new"}
    ours = registered("greeting", description="ours")
    many = [registered(f"m{number}") for number in range(9)]
    planned = await mlflow.plan(ours, *many)  # of many names that are not there, those of prompts are listed at once
    assert [change.address.key for change in planned.changes if change.action == "conflict"] == ["greeting"]
    for documents in ([ours], absent(registered("greeting"))):
        report = await mlflow.apply(*documents, allow_deletes=9)
        assert "ok" not in statuses(report).values()
    (outcome,) = (await mlflow.apply(registered("greeting", description="ours"))).outcomes
    assert "prompt" in outcome.message
    assert mlflow_judge.model("greeting") == before


async def test_a_description_stays_and_goes(mlflow: World, mlflow_judge: Judge) -> None:
    """It survives the change of a tag; taken out of the manifest it goes, and then nothing is left to do."""
    one, two = registered("m", description="d", tags={"a": "1"}), version("m/a", description="of the version")
    await mlflow.apply(one, two)
    await mlflow.apply({**one, "tags": {"a": "2"}}, {**two, "tags": {"b": "1"}})
    assert mlflow_judge.models()["m"]["description"] == "d"
    assert mlflow_judge.versions("m")["1"]["description"] == "of the version"
    bare = (registered("m"), version("m/a"))
    assert set(statuses(await mlflow.apply(*bare)).values()) == {"ok"}
    assert not mlflow_judge.models()["m"]["description"]
    assert not mlflow_judge.versions("m")["1"]["description"]
    assert await mlflow.settled(*bare)


async def test_an_empty_tag_is_one(mlflow: World, mlflow_judge: Judge) -> None:
    wanted = registered("m", tags={"empty": "", "full": "1"})
    await mlflow.apply(wanted)
    assert await mlflow.settled(wanted)
    tags = mlflow_judge.models()["m"]["tags"]
    assert {name: tags[name] for name in ("empty", "full")} == {"empty": "", "full": "1"}
    assert actions(await mlflow.plan(registered("m", tags={"full": "1"}))) == {"RegisteredModel/m": "update changed"}


@pytest.mark.parametrize(("document", "place", "said"), LATE, ids=[f"{one[0][12:20]}-{one[2]}" for one in LATE])
def test_what_the_server_refuses_late_is_refused_offline(
    project: Project, document: str, place: str, said: str
) -> None:
    """What it refuses in the middle of a run, or only on PostgreSQL, or takes and breaks by, is told by `validate`, at its place."""
    project.write("reconciler.yaml", "owner: us\nregistries:\n  mlflow: {driver: mlflow, url: 'http://127.0.0.1:9'}\n")
    project.write("manifests/it.yaml", document)
    answer = project.run("validate")
    assert answer.code == 1
    told = [line for line in answer.both.splitlines() if f"manifests/it.yaml:{place}" in line]
    assert told, answer.both
    assert said in answer.both


async def test_what_moves_no_timestamp_is_seen(mlflow: World, mlflow_judge: Judge) -> None:
    """Tags and aliases that somebody changed are drift, also between our plan and our write: then theirs stays."""
    versions = (version("m/a", "s3://b/a"), version("m/b", "s3://b/b"))
    wanted = registered("m", tags={"t": "1"}, aliases={"champion": {"version": "a"}})
    await mlflow.apply(wanted, versions[0])
    await mlflow.apply(wanted, *versions)
    stamp = mlflow_judge.models()["m"]["last_updated_timestamp"]
    planned = await mlflow.plan({**wanted, "tags": {"t": "2"}}, *versions)
    mlflow_judge.call("set_registered_model_alias", "m", "champion", "2")
    mlflow_judge.call("set_registered_model_tag", "m", "t", "theirs")
    assert mlflow_judge.models()["m"]["last_updated_timestamp"] == stamp
    with pytest.raises(RefusedError, match="stale"):
        await mlflow.carry_out(planned)
    assert mlflow_judge.models()["m"]["tags"]["t"] == "theirs"
    plan = await mlflow.plan(wanted, *versions)
    assert actions(plan) == {"RegisteredModel/m": "update drifted"}
    assert sorted(paths(plan, "m")) == ["/aliases/champion/version", "/tags/t"]


async def test_a_version_that_was_deleted_by_hand(mlflow: World, mlflow_judge: Judge) -> None:
    """Its aliases went with it: one run makes both again."""
    wanted = (registered("m", aliases={"champion": {"version": "a"}}), version("m/a"))
    await mlflow.apply(*wanted)
    mlflow_judge.call("delete_model_version", "m", "1")
    assert not mlflow_judge.models()["m"]["aliases"]
    assert actions(await mlflow.plan(*wanted)) == {
        "ModelVersion/m/a": "create new",
        "RegisteredModel/m": "update drifted",
    }
    assert set(statuses(await mlflow.apply(*wanted)).values()) == {"ok"}
    assert mlflow_judge.models()["m"]["aliases"] == {"champion": "2"}
    assert await mlflow.settled(*wanted)


async def test_a_version_is_never_made_twice(mlflow: World, mlflow_judge: Judge, proxy: Proxy) -> None:
    """Not by a second run, not by a reply that was lost; another source is another version, to which name and alias go."""
    wanted = [registered("m", aliases={"champion": {"version": "a"}}), version("m/a", "s3://b/1")]
    proxy.lose(done=True, of=lambda one: one.path.endswith("model-versions/create"))
    assert set(statuses(await mlflow.apply(*wanted)).values()) == {"ok"}
    assert actions(await mlflow.plan(*wanted)) == {}
    assert list(mlflow_judge.versions("m")) == ["1"]
    wanted[1] = version("m/a", "s3://b/2")
    proxy.lose(done=True, of=lambda one: one.path.endswith("model-versions/create"))
    assert set(statuses(await mlflow.apply(*wanted)).values()) == {"ok"}
    assert actions(await mlflow.plan(*wanted)) == {}
    sources = {number: one["source"] for number, one in mlflow_judge.versions("m").items()}
    assert sources == {"1": "s3://b/1", "2": "s3://b/2"}
    assert mlflow_judge.models()["m"]["aliases"] == {"champion": "2"}


class Lagging(Proxy):
    """The list of versions shows a new one only when it is asked for the third time, as a replica of a database may."""

    before: Answer
    late: int = 0

    def remember(self, request: Passed, answer: Answer) -> None:
        if request.path.endswith("model-versions/create"):
            self.late = 2
        elif request.path.endswith("model-versions/search") and "filter" in request.query:
            self.before = answer

    def recall(self, request: Passed) -> Answer | None:
        if self.late and request.path.endswith("model-versions/search") and "filter" in request.query:
            self.late -= 1
            return self.before
        return None


async def test_an_alias_waits_for_no_list(mlflow_server: Running, mlflow_workspace: str, mlflow_judge: Judge) -> None:
    """The answer to a create tells the version's number: a list that does not show it yet keeps no alias from being set."""
    wanted = (registered("m", aliases={"champion": {"version": "a"}}), version("m/a"))
    with proxied(mlflow_server.url, Lagging) as proxy:
        async with connected(proxy.url, mlflow_workspace) as world:
            assert set(statuses(await world.apply(*wanted)).values()) == {"ok"}
            assert not proxy.late
            assert await world.settled(*wanted)
    assert mlflow_judge.models()["m"]["aliases"] == {"champion": "1"}


async def test_a_number_is_a_text(mlflow: World, mlflow_judge: Judge) -> None:
    """`1` and `"1"` are one version, and need no second write."""
    mlflow_judge.call("create_registered_model", "m")
    mlflow_judge.call("create_model_version", "m", "s3://b/1")
    for number in (1, "1"):
        wanted = registered("m", aliases={"old": number})
        await mlflow.apply(wanted)
        assert await mlflow.settled(wanted)
    assert mlflow_judge.models()["m"]["aliases"] == {"old": "1"}


async def test_an_alias_of_a_version_that_is_not_there(mlflow: World, mlflow_judge: Judge) -> None:
    """It is not set, the run says so, and the model is as it was but for that."""
    wanted = registered("m", description="d", aliases={"champion": 7})
    (outcome,) = (await mlflow.apply(wanted)).outcomes
    assert outcome.status in ("failed", "conflict", "not_stored")
    assert "7" in outcome.message
    assert not (mlflow_judge.models().get("m") or {"aliases": {}})["aliases"]


async def test_stages_are_nobodys_difference(mlflow: World, mlflow_judge: Judge) -> None:
    wanted = (registered("m"), version("m/a"))
    await mlflow.apply(*wanted)
    mlflow_judge.call("transition_model_version_stage", "m", "1", "Production")
    assert await mlflow.settled(*wanted)
    await mlflow.apply(registered("m"), version("m/a", description="new"))
    assert mlflow_judge.versions("m")["1"]["current_stage"] == "Production"


async def test_names_that_only_look_odd(mlflow: World, mlflow_judge: Judge) -> None:
    """Each is one model, with a version and an alias, found again by exactly that name."""
    wanted = [
        document
        for name in ODD
        for document in (registered(name, aliases={"x": {"version": "a"}}), version(f"{name}/a"))
    ]
    assert set(statuses(await mlflow.apply(*wanted)).values()) == {"ok"}
    assert await mlflow.settled(*wanted)
    assert set(mlflow_judge.models()) == set(ODD)
    assert all(one["aliases"] == {"x": "1"} for one in mlflow_judge.models().values())


async def test_a_model_with_versions_goes_only_on_request(mlflow: World, mlflow_judge: Judge) -> None:
    """Its versions would go with it: that needs a consent, and where an alias names one only `state: absent` does it."""
    plain, named = registered("plain"), registered("named", aliases={"champion": {"version": "a"}})
    versions = (version("plain/a"), version("named/a"))
    await mlflow.apply(plain, named, *versions)
    keeps = registered("other")
    for consents in ({"prune": True}, {"prune": True, "allow_deletes": 9}):
        await mlflow.apply(keeps, **consents)
        assert "named" in mlflow_judge.models()
    report = await mlflow.apply(keeps, *absent(plain, named, *versions), allow_deletes=9)
    assert set(statuses(report).values()) <= {"ok"}
    assert set(mlflow_judge.models()) == {"other"}


# --- the gateway --------------------------------------------------------------------------------------------------


async def test_deletes_go_from_endpoint_to_secret(mlflow: World, mlflow_judge: Judge, proxy: Proxy) -> None:
    """The server would let a secret in use go first, and break what uses it."""
    documents = served("s")
    await mlflow.apply(*documents)
    proxy.passed.clear()
    assert set(statuses(await mlflow.apply(*absent(*documents))).values()) == {"ok"}
    gone = [one.path.split("/")[-2] for one in proxy.passed if one.method == "DELETE"]
    assert gone == ["endpoints", "model-definitions", "secrets"]
    assert not any(mlflow_judge.everything().values())


async def test_a_secret_that_came_into_use_is_kept(mlflow: World, mlflow_judge: Judge) -> None:
    """Somebody's definition uses it: neither a plan nor the moment between plan and delete takes it from them."""
    secret, *_ = served("s")
    await mlflow.apply(secret)
    plan = await mlflow.plan(*absent(secret))
    number = mlflow_judge.secrets()["s"]["secret_id"]
    mlflow_judge.gateway("create_gateway_model_definition", "theirs", number, "openai", "gpt")
    with pytest.raises(RefusedError, match="ModelDefinition/theirs still refers to"):
        await mlflow.carry_out(plan)
    assert set(actions(await mlflow.plan(*absent(secret))).values()) == {"blocked referenced"}
    assert mlflow_judge.definitions()["theirs"]["secret_name"] == "s"


async def test_a_name_that_was_taken_meanwhile(mlflow: World, mlflow_judge: Judge, proxy: Proxy) -> None:
    """Duplicate names are told in three ways: each is a conflict with who came first, and theirs stays."""
    secret, definition, endpoint = served("s")
    made: dict[str, Any] = {}

    def a_secret() -> None:
        made["secret"] = mlflow_judge.gateway("create_gateway_secret", "s", {"api_key": "theirs"}, "openai")

    def an_endpoint() -> None:
        number = mlflow_judge.definitions()["s"]["model_definition_id"]
        config = {"model_configs": [{"model_definition_id": number, "linkage_type": "PRIMARY"}]}
        by_hand(mlflow_judge, "endpoints/create", name="s", **config)

    def creates(kind: str) -> Matches:
        return lambda request: request.method == "POST" and request.path.endswith(f"/{kind}/create")

    proxy.meanwhile(
        lambda: mlflow_judge.call("create_registered_model", "m", description="theirs"), of=creates("registered-models")
    )
    proxy.meanwhile(a_secret, of=creates("secrets"))
    proxy.meanwhile(an_endpoint, of=creates("endpoints"))
    told = [(await mlflow.apply(registered("m"), secret)).outcomes]
    mlflow_judge.gateway("delete_gateway_secret", made["secret"]["secret_id"])
    told.append((await mlflow.apply(secret, definition, endpoint)).outcomes)
    failed = {f"{one.address.kind}": one.reason for outcomes in told for one in outcomes if one.status == "failed"}
    assert failed == dict.fromkeys(("RegisteredModel", "Secret", "Endpoint"), "stale-object")
    assert mlflow_judge.models()["m"]["description"] == "theirs"
    assert mlflow_judge.endpoints()["s"]["tags"] == []


async def test_nobody_asked_for_an_experiment(mlflow: World, mlflow_judge: Judge) -> None:
    """Without `usage_tracking` the server would make one for each endpoint, and leave it behind."""
    await mlflow.apply(*served("s"))
    assert [one["name"] for one in mlflow_judge.call("search_experiments")] == []
    assert mlflow_judge.endpoints()["s"]["usage_tracking"] is False


async def test_what_no_update_clears(mlflow: World, mlflow_judge: Judge) -> None:
    """The plan says that the object is replaced, and why; without the consent nothing is touched."""
    secret, definition, endpoint = served("s", routing_strategy="REQUEST_BASED_TRAFFIC_SPLIT")
    await mlflow.apply(secret, definition, endpoint)
    _, _, bare = served("s")
    assert actions(await mlflow.plan(secret, definition, bare)) == {"Endpoint/s": "blocked cannot-clear"}
    assert set(statuses(await mlflow.apply(secret, definition, bare)).values()) == {"blocked"}
    assert mlflow_judge.endpoints()["s"]["routing_strategy"]
    await mlflow.apply(secret, definition, bare, allow_replaces=1)
    assert mlflow_judge.endpoints()["s"]["routing_strategy"] is None
    assert await mlflow.settled(secret, definition, bare)


async def test_a_secret_of_the_same_mask(mlflow: World, mlflow_judge: Judge) -> None:
    """The mask of a rotated key may be the same. What tells them apart is the fingerprint: not a word of a value is kept."""
    secret, *_ = served("s")
    keyed = replace(mlflow, fingerprint_key=Secret("a key of sixteen characters and more"))
    await keyed.apply(secret)
    before = mlflow_judge.secrets()["s"]
    keyed.environ["KEY"] = "s3cRET-of-another-key"
    assert actions(await keyed.plan(secret)) == {"Secret/s": "update rotate"}
    assert set(statuses(await keyed.apply(secret)).values()) == {"ok"}
    after = mlflow_judge.secrets()["s"]
    assert after["masked_values"] == before["masked_values"]
    assert after["last_updated_at"] > before["last_updated_at"]
    assert await keyed.settled(secret)


async def test_another_owners_secret_is_theirs(mlflow: World, mlflow_judge: Judge) -> None:
    """Who owns a secret or a definition stands in its creator's name: another owner's is a conflict, and stays as it is."""
    documents = served("s")
    await mlflow.as_owner("them").apply(*documents)
    before = mlflow_judge.everything()
    assert set(actions(await mlflow.plan(*documents)).values()) == {"conflict owner"}
    assert set(statuses(await mlflow.apply(*documents)).values()) == {"conflict"}
    assert mlflow_judge.everything() == before


# --- errors -------------------------------------------------------------------------------------------------------


async def test_a_database_error_shows_no_secret(mlflow: World, proxy: Proxy) -> None:
    """The server's own message holds the statement with all its parameters, our secret among them."""
    shown = f"(sqlite3.IntegrityError) [SQL: INSERT INTO secrets VALUES (?)] [parameters: ('{ENVIRON['KEY']}',)]"
    proxy.faults.append(Fault(writes, 1, 9, False, 400, {"error_code": "BAD_REQUEST", "message": shown}))
    report = await mlflow.apply(served("s")[0])
    (outcome,) = report.outcomes
    assert outcome.status == "failed"
    assert ENVIRON["KEY"] not in repr(report)


async def test_a_database_that_is_down_is_no_empty_registry(mlflow: World, proxy: Proxy) -> None:
    """503 to any of the lists: nothing is taken for deleted, and nothing is written."""
    await mlflow.apply(registered("m"), *served("s"))
    body = {"error_code": "TEMPORARILY_UNAVAILABLE", "message": "the database is down"}
    for part in ("registered-models", "model-versions", "secrets", "model-definitions", "endpoints"):
        proxy.faults[:] = [
            Fault(
                lambda one, part=part: f"/{part}/" in one.path and not writes(one),
                1,
                99,
                False,
                503,
                body,
                {"Retry-After": "0"},
            )
        ]
        with pytest.raises(RegistryError, match="mlflow"):
            await mlflow.plan(registered("m"), *served("s"), prune=True)


def by_hand(judge: Judge, path: str, **body: Any) -> Any:
    """A request to the gateway that MLflow's own client cannot make."""
    return call("POST", f"{judge.url}{GATEWAY}/{path}", json=body, headers={WORKSPACE: judge.workspace})


@given(st.floats(min_value=0, max_value=3e38))
def test_a_weight_and_what_32_bits_keep_of_it_are_one(weight: float) -> None:
    """Whichever of the two is read, and however many digits of it the server writes."""
    (kept,) = struct.unpack("<f", struct.pack("<f", weight))
    assert single_precision(weight) == single_precision(kept) == single_precision(single_precision(weight))
    assert struct.pack("<f", single_precision(weight)) == struct.pack("<f", weight)
