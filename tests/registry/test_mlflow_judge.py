"""What MLflow's own client sees of what we declared: every kind, the fields of each, and a version promoted by its alias."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio
from registry.mlflow.judge import Judge
from registry.mlflow.world import SOURCE, connected, registered, served, version
from world import World, actions, model, paths, statuses


@pytest_asyncio.fixture
async def mlflow(mlflow_judge: Judge) -> AsyncIterator[World]:
    """The judge's workspace."""
    async with connected(mlflow_judge.url, mlflow_judge.workspace) as world:
        yield world


def theirs(tags: dict[str, str]) -> dict[str, str]:
    """Tags without our own."""
    return {name: value for name, value in tags.items() if not name.startswith("reconciler.")}


async def test_a_registered_model_is_what_was_declared(mlflow: World, mlflow_judge: Judge) -> None:
    fields = {"description": "Who leaves.\n", "tags": {"team": "cx", "é b": ""}}
    wanted = (
        registered("churn", aliases={"champion": {"version": "a"}}, **fields),
        version("churn/a", description="first", tags={"accuracy": "0.93"}, run_link="https://ci.example.com/1"),
    )
    await mlflow.apply(*wanted)
    found = mlflow_judge.models()["churn"]
    assert (found["description"], theirs(found["tags"])) == (fields["description"], fields["tags"])
    assert found["aliases"] == {"champion": "1"}
    stored = mlflow_judge.versions("churn")["1"]
    assert (stored["source"], stored["description"], stored["run_link"]) == (
        SOURCE,
        "first",
        "https://ci.example.com/1",
    )
    assert (theirs(stored["tags"]), stored["status"]) == ({"accuracy": "0.93"}, "READY")


async def test_a_version_is_promoted_by_its_alias(mlflow: World, mlflow_judge: Judge) -> None:
    """One line in a pull request is one field in the plan, and whoever loads `churn@champion` gets the other version."""
    versions = (version("churn/summer", "s3://b/summer"), version("churn/autumn", "s3://b/autumn"))
    before, after = (registered("churn", aliases={"champion": {"version": name}}) for name in ("summer", "autumn"))
    await mlflow.apply(before, *versions)
    assert mlflow_judge.call("get_model_version_by_alias", "churn", "champion")["source"] == "s3://b/summer"
    plan = await mlflow.plan(after, *versions)
    assert (actions(plan), paths(plan, "churn")) == (
        {"RegisteredModel/churn": "update changed"},
        ["/aliases/champion/version"],
    )
    assert statuses(await mlflow.carry_out(plan)) == {"RegisteredModel/churn": "ok"}
    assert mlflow_judge.call("get_model_version_by_alias", "churn", "champion")["source"] == "s3://b/autumn"
    assert await mlflow.settled(after, *versions)


async def test_a_renamed_model_keeps_its_history(mlflow: World, mlflow_judge: Judge) -> None:
    await mlflow.apply(registered("old", aliases={"champion": {"version": "a"}}), version("old/a"))
    stored = mlflow_judge.models()["old"]
    new = (registered("new", aliases={"champion": {"version": "a"}}, previous_keys=["old"]), version("new/a"))
    assert set(statuses(await mlflow.apply(*new)).values()) == {"ok"}
    assert await mlflow.settled(*new)
    found = mlflow_judge.models()
    assert list(found) == ["new"]
    assert found["new"]["creation_timestamp"] == stored["creation_timestamp"]
    assert list(mlflow_judge.versions("new")) == ["1"]


async def test_an_endpoint_is_what_was_declared(mlflow: World, mlflow_judge: Judge) -> None:
    """Weights (which the server rounds to 32 bits), fallbacks and tags; definitions and secrets by what they are to each other."""
    one, two = served("one"), served("two")
    wanted = (
        *one[:2],
        *two[:2],
        {
            "kind": "mlflow/Endpoint",
            "key": "both",
            "models": [
                {"definition": "one", "weight": 0.9},
                {"definition": "two", "linkage": "FALLBACK", "fallback_order": 1},
            ],
            "fallback_config": {"strategy": "SEQUENTIAL", "max_attempts": 2},
            "tags": {"team": "cx"},
        },
    )
    await mlflow.apply(*wanted)
    assert await mlflow.settled(*wanted)
    found = mlflow_judge.endpoints()["both"]
    linked = {
        one["model_definition"]["name"]: (one["linkage_type"], round(one["weight"], 6), one["fallback_order"])
        for one in found["model_mappings"]
    }
    assert linked == {"one": ("PRIMARY", 0.9, None), "two": ("FALLBACK", 1.0, 1)}
    assert found["fallback_config"] == {"strategy": "SEQUENTIAL", "max_attempts": 2}
    assert theirs({tag["key"]: tag["value"] for tag in found["tags"]}) == {"team": "cx"}
    assert mlflow_judge.definitions()["one"]["secret_name"] == "one"
    assert mlflow_judge.secrets()["one"]["masked_values"] == {"api_key": "s3c...-key"}


async def test_a_portable_model_is_three_objects(mlflow: World, mlflow_judge: Judge) -> None:
    """Endpoint by its key, definition and secret beside it; with the model they go again."""
    endpoint = {"url": "https://llm.example.com/v1", "model": "gpt-oss", "api_key": "${env:KEY}"}
    chat = model("chat", endpoint=endpoint, labels={"team": "cx"})
    await mlflow.apply(chat)
    assert await mlflow.settled(chat)
    found = mlflow_judge.definitions()["reconciler-chat"]
    assert (found["provider"], found["model_name"], found["secret_name"]) == ("openai", "gpt-oss", "reconciler-chat")
    assert mlflow_judge.secrets()["reconciler-chat"]["auth_config"] == {"api_base": "https://llm.example.com/v1"}
    assert [one["model_definition"]["name"] for one in mlflow_judge.endpoints()["chat"]["model_mappings"]] == [
        "reconciler-chat"
    ]
    gone = {"kind": "Model", "key": "chat", "state": "absent"}
    assert set(statuses(await mlflow.apply(gone)).values()) == {"ok"}
    assert not any(mlflow_judge.everything().values())
