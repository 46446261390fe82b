"""What the driver `nemo` makes of errors: those of the real server, and those that a proxy makes up.

| trap of the server | test |
|---|---|
| 409 to a create that came second | test_a_create_that_came_second |
| 404 and a re-created object | test_an_update_of_what_is_gone |
| 422 has three shapes, one with places | test_a_422_is_told_at_its_place, test_a_422_without_places_is_told |
| an update that lost a race answers 500 | test_an_update_that_lost_a_race, test_an_update_that_fails_for_good, test_a_500_that_passes |
| a 4xx is no proof that nothing was written | test_a_write_is_judged_by_what_is_stored |
| a workspace with an object that cannot be decoded | test_a_poisoned_workspace_cannot_be_read |
| more than one page, that change meanwhile | test_pages_that_do_not_fit_together_are_read_again |
| 429 | test_a_refusal_for_now_is_tried_again |
| lost replies | the contract suite |
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from cli.project import Project
from registry.nemo.fixtures import nemo_judge as nemo_judge
from registry.nemo.fixtures import nemo_server as nemo_server
from registry.nemo.fixtures import workspace as workspace
from registry.nemo.judge import Judge
from registry.nemo.wire import wire
from registry.nemo_contract import nemo as nemo
from registry.nemo_contract import proxy as proxy
from registry.nemo_proxy import Passed, Proxy
from registry.nemo_samples import native
from world import World, actions, statuses

from reconciler.core.errors import RegistryError, StaleObjectError, TemporaryError
from reconciler.core.resource import Address, Resource
from reconciler.registry.protocol import Write
from reconciler.testing.stored import registry_of, stored

CONFIG = "owner: us\nregistries:\n  nemo: {{driver: nemo, url: '{url}', workspace: {workspace}, default: true, owns: ['*']}}\n"
M1 = native("Model", "m1", description="d")


async def test_a_create_that_came_second(nemo: World, nemo_judge: Judge, workspace: str) -> None:
    """409: what is there is not what was to be created, so it is left alone, and said."""
    plan = await nemo.plan(M1)
    with pytest.raises(StaleObjectError, match="exists already"):
        nemo_judge.create("Model", workspace, "m1", description="theirs")
        await registry_of(nemo).create(Write(Resource(Address("nemo", "Model", "m1"), {"description": "d"})))
    nemo_judge.delete("Model", workspace, "m1")
    assert statuses(await nemo.carry_out(plan)) == {"Model/m1": "ok"}


async def test_a_create_that_another_one_made_between_read_and_write(
    nemo: World, proxy: Proxy, nemo_judge: Judge, workspace: str
) -> None:
    """Somebody creates the very key in the moment of our create: it fails, and theirs stays."""
    proxy.meanwhile(
        lambda: nemo_judge.create("Model", workspace, "m1", description="theirs"),
        of=lambda request: request.shown == "POST models",
    )
    (outcome,) = (await nemo.apply(M1)).outcomes
    assert (outcome.status, outcome.reason) == ("failed", "stale-object")
    found = nemo_judge.get("Model", workspace, "m1")
    assert found is not None
    assert found["description"] == "theirs"


async def test_an_update_of_what_is_gone(nemo: World, nemo_judge: Judge, workspace: str) -> None:
    """404 to an update: the object went meanwhile, and is not made again; one of the same name made since is another one."""
    await nemo.apply(M1)
    (now,) = [one for one in await stored(nemo) if one.address.key == "m1"]
    nemo_judge.delete("Model", workspace, "m1")
    write = Write(Resource(now.address, {"description": "e"}), now, changed=("/description",))
    with pytest.raises(StaleObjectError, match="deleted"):
        await registry_of(nemo).update(write)
    nemo_judge.create("Model", workspace, "m1", description="d")
    (again,) = [one for one in await stored(nemo) if one.address.key == "m1"]
    assert again.id != now.id


def test_a_422_is_told_at_its_place(project: Project, proxy: Proxy, workspace: str) -> None:
    """What only the server knows to be wrong is told at file, line and column of the manifest."""
    project.write("reconciler.yaml", CONFIG.format(url=proxy.url, workspace=workspace))
    project.write("manifests/p.yaml", "kind: nemo/Provider\nkey: p1\nhost_url: http://x\n")
    proxy.answer(422, [{"type": "value_error", "loc": ["body", "host_url"], "msg": "Value error, x is not allowed"}])
    answer = project.run("apply", "--yes")
    assert answer.code == 5
    assert "x is not allowed" in answer.both
    assert "manifests/p.yaml:3:11" in answer.both


async def test_a_422_without_places_is_told(nemo: World, proxy: Proxy) -> None:
    """The server's other two shapes: a sentence, and a sentence that is the text of a list."""
    for detail in ("Project 'x' does not exist.", "[{'type': 'string_pattern_mismatch'}]"):
        proxy.answer(422, detail)
        (outcome,) = (await nemo.apply(M1)).outcomes
        assert outcome.status == "failed"
        assert detail in outcome.message


async def test_an_update_that_lost_a_race(nemo: World, proxy: Proxy, nemo_judge: Judge, workspace: str) -> None:
    """The 500 of a lost race: we look, see that somebody else wrote, and leave that as it is."""
    await nemo.apply(M1)

    def ours(request: Passed) -> bool:
        return request.shown == "PATCH models/m1"

    proxy.meanwhile(lambda: nemo_judge.update("Model", workspace, "m1", description="theirs"), of=ours)
    proxy.answer(500, "Failed to update model entity", of=ours)
    (outcome,) = (await nemo.apply({**M1, "description": "ours"})).outcomes
    assert (outcome.status, outcome.reason) == ("failed", "stale-object")
    found = nemo_judge.get("Model", workspace, "m1")
    assert found is not None
    assert found["description"] == "theirs"


async def test_an_update_that_fails_for_good(nemo: World, proxy: Proxy) -> None:
    """A 500 while nothing moved is tried a few times, each after a look, and then told in the server's words."""
    await nemo.apply(M1)
    proxy.passed.clear()
    proxy.answer(500, "Failed to update model entity", times=99, of=lambda one: one.method == "PATCH")
    (outcome,) = (await nemo.apply({**M1, "description": "ours"})).outcomes
    assert (outcome.status, outcome.reason) == ("failed", "registry-lost-reply")
    assert "500 Internal Server Error: Failed to update model entity" in outcome.message
    shown = [one.method for one in proxy.passed if one.name == "m1"]
    assert "PATCH PATCH" not in " ".join(shown)
    assert shown.count("PATCH") == 4


async def test_a_500_that_passes(nemo: World, proxy: Proxy) -> None:
    """One 500 and nothing moved: sent again after a look, and all is well."""
    await nemo.apply(M1)
    proxy.answer(500, "Failed to update model entity")
    assert statuses(await nemo.apply({**M1, "description": "ours"})) == {"Model/m1": "ok"}


async def test_a_write_is_judged_by_what_is_stored(nemo: World, proxy: Proxy) -> None:
    """An answer that says 500 though it was done counts as done; one that says 200 and stored something else does not."""
    proxy.answer(500, "whatever", done=True)
    assert statuses(await nemo.apply(M1)) == {"Model/m1": "ok"}

    def loses(kind: str, row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "description": "d"} if kind == "models" else row

    proxy.changes.append(loses)
    (outcome,) = (await nemo.apply({**M1, "description": "ours"})).outcomes
    assert (outcome.status, outcome.message) == ("not_stored", "the registry did not keep /description")


async def test_a_poisoned_workspace_cannot_be_read(nemo: World, nemo_judge: Judge, workspace: str) -> None:
    """One model that the server cannot decode makes its list a 500: nothing is taken for deleted, nothing is written."""
    await nemo.apply(M1)
    with wire(nemo_judge.url, workspace) as other:
        other.raw("POST", "model", json={"name": "bad", "data": {"spec": "no"}}).raise_for_status()
        before = nemo_judge.written(workspace, "Provider", "Secret")
        with pytest.raises(RegistryError, match="nemo could not be read") as caught:
            await nemo.apply(native("Model", "m2"), prune=True, allow_deletes=9)
        assert "one Model that the server itself cannot read" in (caught.value.hint or "")
        assert other.get("models", "m1").status_code == 200
        assert other.get("models", "m2").status_code == 404
        assert nemo_judge.written(workspace, "Provider", "Secret") == before


async def test_pages_that_do_not_fit_together_are_read_again(nemo: World, proxy: Proxy) -> None:
    """A list that says to hold more than it shows is read again, and is an error if it stays so: half of it is no listing."""
    await nemo.apply(M1)
    proxy.passed.clear()
    hidden = 1

    def thinned(request: Passed, data: bytes) -> bytes:
        nonlocal hidden
        if request.kind != "models" or hidden == 0:
            return data
        hidden -= 1
        return json.dumps({**json.loads(data), "data": []}).encode()

    proxy.changed = thinned  # type: ignore[method-assign]
    assert actions(await nemo.plan(M1)) == {}
    assert [one.kind for one in proxy.passed].count("models") == 2
    hidden = 99
    with pytest.raises(RegistryError, match="changed each time"):
        await nemo.plan(M1)
    with pytest.raises(TemporaryError):
        await registry_of(nemo).read()


async def test_a_refusal_for_now_is_tried_again(nemo: World, proxy: Proxy) -> None:
    """429 to a write: it was not done, so it is sent again after the time that the server asks for."""
    proxy.answer(429, "slow down", headers={"Retry-After": "0"})
    assert statuses(await nemo.apply(M1)) == {"Model/m1": "ok"}
    assert [one.shown for one in proxy.written()] == ["POST models", "POST models"]


async def test_an_address_that_is_not_nemos(nemo: World, proxy: Proxy) -> None:
    """A list without pages is another API's: an error that says what `url` should be, and no empty workspace."""
    proxy.answer(200, [], times=99, of=lambda one: one.kind == "workspaces")
    with pytest.raises(RegistryError) as caught:
        await nemo.plan(M1, prune=True)
    assert "without /apis" in (caught.value.hint or "")
