"""What the driver `nemo` makes of objects that hang together, on the real server: references, replaces, deletes, derived names.

| trap of the server | test |
|---|---|
| `project`, an adapter's model and shape: silently ignored in PATCH | test_what_never_changes_is_replaced |
| `finetuning_type`, `spec`, `fileset`, a provider's project cannot be cleared | test_what_cannot_be_cleared_is_replaced |
| a missing workspace looks broken, or empty | test_a_missing_workspace_is_told_at_plan_time, test_a_declared_workspace_is_made_first |
| a workspace's deletion goes on for ever | test_a_workspace_is_never_deleted |
| a secret or provider in use can be deleted | test_what_is_in_use_is_not_deleted |
| a model takes its adapters along, also from elsewhere | test_a_model_goes_only_with_its_adapters, test_a_model_with_adapters_elsewhere_stays, test_an_adapter_that_came_meanwhile_keeps_its_model |
| names lead to the own workspace in two ways | test_both_ways_to_name_the_own_workspace_are_one |
| names have at most 63 characters | test_what_stands_beside_a_model_is_found_again, test_two_long_keys_have_parts_of_their_own |
"""

from __future__ import annotations

import pytest
from cli.project import Project
from registry.nemo.fixtures import nemo_judge as nemo_judge
from registry.nemo.fixtures import nemo_server as nemo_server
from registry.nemo.fixtures import workspace as workspace
from registry.nemo.judge import Judge
from registry.nemo.server import create_fileset, create_workspace
from registry.nemo_contract import connected
from registry.nemo_contract import nemo as nemo
from registry.nemo_contract import proxy as proxy
from registry.nemo_proxy import Proxy
from registry.nemo_samples import CHECKPOINT, PROJECTS, native
from registry.server_process import Running
from world import Document, World, actions, model, statuses

from reconciler.core.errors import PermanentError
from reconciler.core.resource import Address
from reconciler.registry.nemo.derived import model_of, provider_name, secret_name
from reconciler.registry.nemo.kinds import KINDS
from reconciler.registry.protocol import Removal
from reconciler.testing.stored import registry_of, stored

BASES = (native("Model", "base"), native("Model", "other-base"))


def adapter(**fields: object) -> Document:
    return native("Adapter", "a1", **{"model": "base", "fileset": "files", "finetuning_type": "lora"} | fields)


@pytest.fixture
def files(nemo_server: Running, workspace: str) -> None:
    create_fileset(nemo_server.url, workspace, "files")


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (native("Model", "x1", project="cx"), native("Model", "x1", project="dx")),
        (native("Model", "x1", project="cx"), native("Model", "x1")),
        (adapter(), adapter(model="other-base")),
        (adapter(), adapter(finetuning_type="qlora")),
        (adapter(lora_config={"rank": 8}), adapter(lora_config={"rank": 9})),
    ],
    ids=["project", "no-project", "adapter-model", "adapter-method", "adapter-shape"],
)
async def test_what_never_changes_is_replaced(nemo: World, proxy: Proxy, before: Document, after: Document) -> None:
    """The server would answer 200 and do nothing: the plan says `replace immutable`, and without consent nothing is sent."""
    await nemo.apply(*PROJECTS, *BASES, before)
    sent = len(proxy.written())
    key = f"{before['kind'].removeprefix('nemo/')}/{before['key']}"
    assert actions(await nemo.plan(*PROJECTS, *BASES, after)) == {key: "blocked immutable"}
    await nemo.apply(*PROJECTS, *BASES, after)
    assert len(proxy.written()) == sent
    assert actions(await nemo.plan(*PROJECTS, *BASES, after, allow_replaces=1)) == {key: "replace immutable"}
    assert statuses(await nemo.apply(*PROJECTS, *BASES, after, allow_replaces=1)) == {key: "ok"}
    assert await nemo.settled(*PROJECTS, *BASES, after)


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize(
    ("kind", "fixed", "field", "value"),
    [
        ("Model", {}, "finetuning_type", "lora"),
        ("Model", {}, "spec", CHECKPOINT),
        ("Model", {}, "fileset", "files"),
        ("Provider", {"host_url": "http://x"}, "project", "cx"),
        ("Prompt", {}, "project", "cx"),
    ],
)
async def test_what_cannot_be_cleared_is_replaced(
    nemo: World, kind: str, fixed: Document, field: str, value: object
) -> None:
    """The server has no empty value for it: removing it is a `replace cannot-clear`, and then it is gone."""
    await nemo.apply(*PROJECTS, native(kind, "x1", **fixed, **{field: value}))
    bare = native(kind, "x1", **fixed)
    assert actions(await nemo.plan(*PROJECTS, bare, allow_replaces=1)) == {f"{kind}/x1": "replace cannot-clear"}
    assert statuses(await nemo.apply(*PROJECTS, bare, allow_replaces=1)) == {f"{kind}/x1": "ok"}
    (resource,) = [one for one in await stored(nemo) if one.address == Address("nemo", kind, "x1")]
    assert field not in resource.spec


CONFIG = "owner: us\nregistries:\n  nemo: {{driver: nemo, url: '{url}', workspace: {workspace}, default: true, owns: ['*']}}\n"


def test_a_missing_workspace_is_told_at_plan_time(project: Project, proxy: Proxy) -> None:
    """Its lists answer 500 or nothing; what is meant for it is told where it stands, and nothing is written."""
    project.write("reconciler.yaml", CONFIG.format(url=proxy.url, workspace="nobodys-place"))
    project.write("manifests/m.yaml", "kind: nemo/Model\nkey: m1\n")
    answer = project.run("apply", "--yes")
    assert answer.code == 1
    assert "is in nemo/Workspace/nobodys-place" in answer.both
    assert "manifests/m.yaml:1" in answer.both
    assert proxy.written() == []


async def test_a_declared_workspace_is_made_first(proxy: Proxy, nemo_judge: Judge, workspace: str) -> None:
    """A workspace and all that is in it, in one run, in that order; and then nothing more."""
    place = f"{workspace}-new"
    documents = [native("Workspace", place), native("Project", "cx"), native("Model", "m1", project="cx"), model("m2")]
    async with connected(proxy.url, place) as world:
        report = await world.apply(*documents)
        assert set(statuses(report).values()) == {"ok"}, report.outcomes
        assert proxy.written()[0].shown == "POST workspaces"
        assert await world.settled(*documents)
    assert set(nemo_judge.list("Model", place)) == {"m1", "m2"}


async def test_a_workspace_is_never_deleted(nemo: World, proxy: Proxy, workspace: str) -> None:
    """Neither by `state: absent` nor by prune, nor by the driver itself."""
    absent = {"kind": "nemo/Workspace", "key": workspace, "state": "absent"}
    assert actions(await nemo.plan(absent)) == {f"Workspace/{workspace}": "blocked not-deletable"}
    assert await nemo.settled(native("Model", "m1", state="absent"), prune=True)
    (own,) = await stored(nemo)
    with pytest.raises(PermanentError, match="never deleted"):
        await registry_of(nemo).delete(Removal(own))
    assert proxy.written() == []


async def test_what_is_in_use_is_not_deleted(nemo: World, proxy: Proxy) -> None:
    """The server would delete a secret that a provider names, and a provider that a model names: we do not."""
    secret, provider = native("Secret", "key", value="${env:KEY}"), native("Provider", "p1", host_url="http://x")
    using = native("Model", "m1", model_providers=["p1"])
    await nemo.apply(secret, {**provider, "api_key_secret_name": "key"}, using)
    sent = len(proxy.written())
    gone = [{"kind": one["kind"], "key": one["key"], "state": "absent"} for one in (secret, provider)]
    blocked = {"Provider/p1": "blocked referenced", "Secret/key": "blocked referenced"}
    assert actions(await nemo.plan(*gone, using, complete=False)) == blocked
    await nemo.apply(*gone, complete=False)
    assert len(proxy.written()) == sent
    report = await nemo.apply(*gone, {"kind": "nemo/Model", "key": "m1", "state": "absent"})
    assert set(statuses(report).values()) == {"ok"}
    assert [one.shown for one in proxy.written()[sent:]] == [
        "DELETE models/m1",
        "DELETE providers/p1",
        "DELETE secrets/key",
    ]


@pytest.mark.usefixtures("files")
async def test_a_model_goes_only_with_its_adapters(nemo: World, nemo_judge: Judge, workspace: str) -> None:
    """Deleting or replacing a model that has an adapter waits until the adapter is in the plan, too."""
    await nemo.apply(*PROJECTS, *BASES, adapter())
    gone = {"kind": "nemo/Model", "key": "base", "state": "absent"}
    assert actions(await nemo.plan(gone)) == {"Model/base": "blocked referenced"}
    moved = native("Model", "base", project="cx")
    plan = await nemo.plan(*PROJECTS, moved, BASES[1], adapter(), allow_replaces=2)
    assert actions(plan) == {"Model/base": "blocked referenced"}
    report = await nemo.apply(gone, {"kind": "nemo/Adapter", "key": "a1", "state": "absent"})
    assert statuses(report) == {"Model/base": "ok", "Adapter/a1": "ok"}
    assert nemo_judge.list("Adapter", workspace) == {}


@pytest.mark.usefixtures("files")
async def test_a_model_with_adapters_elsewhere_stays(
    nemo: World, proxy: Proxy, nemo_server: Running, nemo_judge: Judge, workspace: str
) -> None:
    """An adapter in another workspace would be deleted too, and no plan of ours can see it: the model stays."""
    other = create_workspace(nemo_server.url)
    create_fileset(nemo_server.url, other, "files")
    await nemo.apply(*PROJECTS, BASES[0])
    nemo_judge.create("Adapter", other, "a1", model=f"{workspace}/base", fileset="files", finetuning_type="lora")
    sent = len(proxy.written())
    plan = await nemo.plan({"kind": "nemo/Model", "key": "base", "state": "absent"})
    assert actions(plan) == {"Model/base": "blocked referenced"}
    assert f"{other}/a1" in plan.changes[0].message
    moved = await nemo.plan(*PROJECTS, native("Model", "base", project="cx"), allow_replaces=1)
    assert actions(moved) == {"Model/base": "blocked referenced"}
    assert len(proxy.written()) == sent


@pytest.mark.usefixtures("files")
async def test_an_adapter_that_came_meanwhile_keeps_its_model(nemo: World, nemo_judge: Judge, workspace: str) -> None:
    """Between the last read and the delete somebody made an adapter: the driver looks once more, and refuses."""
    await nemo.apply(BASES[0])
    base = next(one for one in await stored(nemo) if one.address.key == "base")
    nemo_judge.create("Adapter", workspace, "a1", model="base", fileset="files", finetuning_type="lora")
    with pytest.raises(PermanentError, match=f"{workspace}/a1"):
        await registry_of(nemo).delete(Removal(base))
    assert set(nemo_judge.list("Model", workspace)) == {"base"}


@pytest.mark.usefixtures("files")
async def test_both_ways_to_name_the_own_workspace_are_one(nemo: World, nemo_judge: Judge, workspace: str) -> None:
    """`name` and `workspace/name` lead to the same object: no change, and the reference counts; elsewhere is left alone."""
    short = [
        native("Provider", "p1", host_url="http://x"),
        BASES[0],
        native("Model", "m1", base_model="base", model_providers=["p1"], fileset="files"),
        adapter(),
    ]
    full = [
        *short[:2],
        native(
            "Model",
            "m1",
            base_model=f"{workspace}/base",
            model_providers=[f"{workspace}/p1"],
            fileset=f"{workspace}/files",
        ),
        adapter(model=f"{workspace}/base", fileset=f"{workspace}/files"),
    ]
    for first, second in ((short, full), (full, short)):
        await nemo.apply(*first)
        assert await nemo.settled(*second)
    found = nemo_judge.get("Model", workspace, "m1")
    assert found is not None
    assert (found["model_providers"], found["fileset"]) == ([f"{workspace}/p1"], f"{workspace}/files")
    gone = {"kind": "nemo/Provider", "key": "p1", "state": "absent"}
    assert actions(await nemo.plan(gone, *full[1:], complete=False)) == {"Provider/p1": "blocked referenced"}
    beyond = native("Model", "m2", base_model="elsewhere/base", model_providers=["elsewhere/p1"])
    assert statuses(await nemo.apply(beyond, complete=False)) == {"Model/m2": "ok"}


# --- derived names ------------------------------------------------------------------------------------------------

LONG = "a" * 63
KEYS = (
    "ab",
    "a.b",
    "with.dots-and_more",
    "x" * 44,
    "x" * 52,
    "x" * 53,
    LONG,
    "a" * 62 + "b",
    "m" * 42 + "-" + "m" * 20,
)


@pytest.mark.parametrize("key", KEYS)
def test_names_of_parts_are_legal_and_lead_back(key: str) -> None:
    """What stands beside a model has a name that the server takes, and that says whose it is as long as the model is there."""
    for kind, name in (("Provider", provider_name(key)), ("Secret", secret_name(key))):
        assert KINDS["Model"].check_key(name) is None
        assert model_of(kind, name, [*KEYS]) == key


def test_two_long_keys_have_parts_of_their_own() -> None:
    """Keys that differ in their last character only, and a key that looks like another one's secret."""
    names = [name(key) for key in KEYS for name in (provider_name, secret_name)]
    assert len(set(names)) == len(names)
    assert model_of("Provider", provider_name("ab-api-key"), ["ab", "ab-api-key"]) == "ab-api-key"
    assert model_of("Provider", "somebody-elses", ["ab"]) is None


@pytest.mark.parametrize("key", ["with.dots", LONG])
async def test_what_stands_beside_a_model_is_found_again(
    proxy: Proxy, nemo_judge: Judge, workspace: str, key: str
) -> None:
    """The provider and the secret of a model are told to be its own, follow its rename, and go with it, without `owns` too."""
    endpoint = {"url": "https://llm.example.com/v1", "model": "m", "api_key": "${env:KEY}"}
    async with connected(proxy.url, workspace, owns=[]) as world:
        await world.apply(model(key, endpoint=endpoint))
        parents = {one.address.kind: one.parent for one in await stored(world) if one.address.kind != "Workspace"}
        address = Address("nemo", "Model", key)
        assert parents == {"Model": None, "Provider": address, "Secret": address}
        await world.apply(model("renamed", endpoint=endpoint, previous_keys=[key]))
        assert set(nemo_judge.list("Provider", workspace)) == {"reconciler-renamed"}
        assert set(nemo_judge.list("Secret", workspace)) == {"reconciler-renamed-api-key"}
        await world.apply(model("other"), prune=True, allow_deletes=1)
        assert set(nemo_judge.list("Model", workspace)) == {"other"}
        assert set(nemo_judge.list("Secret", workspace)) == set()
        await world.apply({"kind": "Model", "key": "other", "state": "absent"})
        assert nemo_judge.written(workspace) == {}
