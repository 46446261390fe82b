"""What the driver `mlflow` promises of models, versions and aliases, on the real server, judged by MLflow's own client."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from registry.mlflow.judge import Judge
from registry.mlflow_samples import native
from registry.nemo_proxy import proxied
from registry.server_process import Running
from world import Document, World, actions, paths, statuses

pytestmark = pytest.mark.asyncio

SUMMER = native("ModelVersion", "churn/summer", source="s3://models/churn/summer")
AUTUMN = native("ModelVersion", "churn/autumn", source="s3://models/churn/autumn")


def churn(**fields: object) -> Document:
    return native("RegisteredModel", "churn", **fields)


def champion(name: object) -> Document:
    return churn(aliases={"champion": name})


@pytest_asyncio.fixture
async def mlflow(mlflow_server: Running, mlflow_workspace: str) -> AsyncIterator[World]:
    """A new workspace."""
    entry = {"driver": "mlflow", "url": mlflow_server.url, "workspace": mlflow_workspace}
    async with World.of(mlflow=entry) as world:
        yield world


async def test_another_source_is_a_new_version_and_never_a_second_one_of_the_same(
    mlflow: World, mlflow_judge: Judge
) -> None:
    """Name and aliases go to the new version; set back, they go to the old one again, which was never lost."""
    model, changed = champion({"version": "summer"}), SUMMER | {"source": "s3://models/churn/other"}
    for documents, number, count in (((model, SUMMER), "1", 1), ((model, changed), "2", 2), ((model, SUMMER), "1", 2)):
        report = await mlflow.apply(*documents)
        assert set(statuses(report).values()) == {"ok"}, report.outcomes
        assert await mlflow.settled(*documents)
        assert len(mlflow_judge.versions("churn")) == count
        assert (mlflow_judge.model("churn") or {})["aliases"] == {"champion": number}


async def test_an_alias_moved_is_one_field(mlflow: World, mlflow_judge: Judge) -> None:
    """By name to a version that the same run creates, or by number to one that is there."""
    await mlflow.apply(champion({"version": "summer"}), SUMMER)
    plan = await mlflow.plan(champion({"version": "autumn"}), SUMMER, AUTUMN)
    assert paths(plan, "churn") == ["/aliases/champion/version"]
    await mlflow.carry_out(plan)
    assert (mlflow_judge.model("churn") or {})["aliases"] == {"champion": "2"}
    await mlflow.apply(champion(1), SUMMER, AUTUMN)
    assert (mlflow_judge.model("churn") or {})["aliases"] == {"champion": "1"}
    assert await mlflow.settled(champion("1"), SUMMER, AUTUMN)


@pytest.mark.parametrize("target", [7, "7", {"version": "winter"}], ids=["number", "text", "name"])
async def test_an_alias_of_a_version_that_is_not_there_is_a_conflict(mlflow: World, target: object) -> None:
    """Nothing is written of that model, and everything else goes on."""
    await mlflow.apply(churn(), SUMMER)
    plan = await mlflow.plan(champion(target), SUMMER, AUTUMN)
    assert actions(plan) == {"RegisteredModel/churn": "conflict dangling", "ModelVersion/churn/autumn": "create new"}


async def test_a_model_with_versions_goes_only_with_consent(mlflow: World, mlflow_judge: Judge) -> None:
    """Its versions would go with it: `--prune` alone leaves it, and so does `state: absent`."""
    await mlflow.apply(churn(), SUMMER)
    other, gone = (
        native("RegisteredModel", "other"),
        {"kind": "mlflow/RegisteredModel", "key": "churn", "state": "absent"},
    )
    for documents, how in (((other,), {"prune": True}), ((other, gone), {})):
        assert actions(await mlflow.plan(*documents, **how))["RegisteredModel/churn"] == "blocked contents"
    mlflow_judge.call("create_model_version", "churn", "s3://models/churn/by-hand")
    agreed = await mlflow.plan(other, prune=True, allow_deletes=2)
    (message,) = (change.message for change in agreed.changes if change.address.key == "churn")
    assert message.startswith("deleted with it: ")  # whoever agrees sees to what
    report = await mlflow.apply(other, prune=True, allow_deletes=2)
    assert set(statuses(report).values()) == {"ok"}, report.outcomes
    assert set(mlflow_judge.models()) == {"other"}


async def test_a_model_whose_alias_names_a_version_is_never_pruned(mlflow: World, mlflow_judge: Judge) -> None:
    """Somebody serves it: only its own `state: absent` deletes it, and its versions stay with it."""
    await mlflow.apply(champion({"version": "summer"}), SUMMER)
    other, gone = (
        native("RegisteredModel", "other"),
        {"kind": "mlflow/RegisteredModel", "key": "churn", "state": "absent"},
    )
    plan = await mlflow.plan(other, prune=True, allow_deletes=9)
    assert set(actions(plan).values()) == {"create new", "blocked referenced"}
    report = await mlflow.apply(other, gone, allow_deletes=1)
    assert set(statuses(report).values()) == {"ok"}, report.outcomes
    assert set(mlflow_judge.models()) == {"other"}


async def test_a_declared_version_keeps_its_model(mlflow: World) -> None:
    """A manifest of the model was lost, and the server would delete the version with it."""
    await mlflow.apply(churn(), SUMMER)
    plan = await mlflow.plan(SUMMER, prune=True, allow_deletes=9)
    assert actions(plan) == {"RegisteredModel/churn": "blocked referenced"}


async def test_a_renamed_model_takes_its_versions_along(mlflow: World, mlflow_judge: Judge) -> None:
    """They are the same versions under the new name, and none is created a second time."""
    await mlflow.apply(champion({"version": "summer"}), SUMMER)
    renamed = champion({"version": "summer"}) | {"key": "leavers", "previous_keys": ["churn"]}
    documents = (renamed, SUMMER | {"key": "leavers/summer"})
    report = await mlflow.apply(*documents)
    assert set(statuses(report).values()) == {"ok"}, report.outcomes
    assert await mlflow.settled(*documents)
    assert set(mlflow_judge.models()) == {"leavers"}
    assert set(mlflow_judge.versions("leavers")) == {"1"}


async def test_a_plan_without_changes_asks_for_each_list_once(mlflow_server: Running, mlflow_workspace: str) -> None:
    """Five lists, whatever is in them."""
    with proxied(mlflow_server.url) as proxy:
        entry = {"driver": "mlflow", "url": proxy.url, "workspace": mlflow_workspace}
        async with World.of(mlflow=entry) as world:
            await world.apply(champion({"version": "summer"}), SUMMER)
            proxy.passed.clear()
            assert await world.settled(champion({"version": "summer"}), SUMMER)
    asked = sorted(one.path.rpartition("mlflow/")[2] for one in proxy.passed)
    assert asked == [
        "gateway/endpoints/list",
        "gateway/model-definitions/list",
        "gateway/secrets/list",
        "model-versions/search",
        "registered-models/search",
    ]
