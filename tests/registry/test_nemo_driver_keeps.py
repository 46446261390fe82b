"""What the driver `nemo` keeps though NeMo replaces whole objects, and what it exports.

| trap of the server | test |
|---|---|
| nested objects are replaced whole | test_what_is_ignored_inside_a_map_stays |
| PUT needs every field, secrets in headers too | test_a_header_with_a_secret_is_sent_again_and_never_shown |
| nothing tells a secret's value | test_a_secret_is_written_again_when_asked_for |
| times are UTC and do not say so | test_times_say_that_they_are_utc |
| everything that others made, read back | test_what_others_made_is_exported_and_adopted_without_a_change |
"""

from __future__ import annotations

import pytest
from cli.project import Project
from registry.nemo.fixtures import nemo_judge as nemo_judge
from registry.nemo.fixtures import nemo_server as nemo_server
from registry.nemo.fixtures import workspace as workspace
from registry.nemo.judge import Judge
from registry.nemo.server import create_fileset
from registry.nemo_contract import nemo as nemo
from registry.nemo_contract import proxy as proxy
from registry.nemo_proxy import Proxy
from registry.nemo_samples import CHECKPOINT, TOOL, native
from registry.server_process import Running
from world import ENVIRON, World, statuses

from reconciler.testing.stored import stored


async def test_what_is_ignored_inside_a_map_stays(nemo: World, nemo_judge: Judge, workspace: str) -> None:
    """A member of `custom_fields` that somebody else manages is sent along with ours, as it is."""
    document = native("Model", "m1", custom_fields={"ours": 1}, ignore=["/custom_fields/theirs"])
    await nemo.apply(document)
    found = nemo_judge.get("Model", workspace, "m1")
    assert found is not None
    nemo_judge.update("Model", workspace, "m1", custom_fields={**found["custom_fields"], "theirs": {"a": None}})
    assert await nemo.settled(document)
    assert statuses(await nemo.apply({**document, "custom_fields": {"ours": 2}})) == {"Model/m1": "ok"}
    found = nemo_judge.get("Model", workspace, "m1")
    assert found is not None
    assert {**found["custom_fields"], "reconciler": 0} == {"ours": 2, "theirs": {"a": None}, "reconciler": 0}


async def test_a_header_with_a_secret_is_sent_again_and_never_shown(
    nemo: World, nemo_judge: Judge, workspace: str
) -> None:
    """The server shows headers to everybody; we do not, and a change elsewhere in the provider keeps them."""
    document = native("Provider", "p1", host_url="http://x", required_extra_headers={"X-Token": "${env:TOKEN}"})
    assert statuses(await nemo.apply(document)) == {"Provider/p1": "ok"}
    assert await nemo.settled(document)
    assert ENVIRON["TOKEN"] not in repr(await stored(nemo))
    report = await nemo.apply({**document, "description": "d"})
    assert statuses(report) == {"Provider/p1": "ok"}
    assert ENVIRON["TOKEN"] not in repr(report)
    found = nemo_judge.get("Provider", workspace, "p1")
    assert found is not None
    assert found["required_extra_headers"] == {"X-Token": ENVIRON["TOKEN"]}


async def test_a_secret_is_written_again_when_asked_for(
    nemo: World, proxy: Proxy, nemo_judge: Judge, workspace: str
) -> None:
    """A new value is written with `--rotate` and not without, and a new description leaves the value alone."""
    document = native("Secret", "key", value="${env:KEY}", description="d")
    await nemo.apply(document)
    nemo.environ["KEY"] = "another-value"
    assert await nemo.settled(document)
    assert statuses(await nemo.apply({**document, "description": "e"})) == {"Secret/key": "ok"}
    assert nemo_judge.secret(workspace, "key") == ENVIRON["KEY"]
    assert proxy.written()[-1].body == {"description": "e"}
    assert statuses(await nemo.apply({**document, "description": "e"}, rotate=("key",))) == {"Secret/key": "ok"}
    assert nemo_judge.secret(workspace, "key") == "another-value"


async def test_times_say_that_they_are_utc(nemo: World) -> None:
    """The server's times have no zone: ours do."""
    await nemo.apply(native("Model", "m1"))
    assert all(str(one.updated_at).endswith("Z") for one in await stored(nemo))


CONFIG = "owner: us\nregistries:\n  nemo: {{driver: nemo, url: '{url}', workspace: {workspace}, default: true, owns: ['*']}}\n"


@pytest.fixture
def others(nemo_server: Running, nemo_judge: Judge, workspace: str) -> None:
    """Objects of every kind with every field, as other clients leave them."""
    create_fileset(nemo_server.url, workspace, "files")
    nemo_judge.create("Project", workspace, "cx", description="")
    nemo_judge.create("Secret", workspace, "key", value="hush-hush", description="d")
    nemo_judge.create(
        "Provider",
        workspace,
        "p1",
        host_url="not-a-url",
        project="cx",
        api_key_secret_name="key",
        enabled_models=[],
        default_extra_body={"a": None},
        default_extra_headers={},
    )
    nemo_judge.create(
        "Model",
        workspace,
        "m1",
        project="cx",
        description="",
        spec=CHECKPOINT | {"linear_layers": [{"name": "q", "in_features": 1, "out_features": 2}]},
        finetuning_type="lora",
        base_model=f"{workspace}/m2",
        api_endpoint={"url": "HTTP://LLM.example.com:80", "model_id": "x", "api_key": "hush-hush"},
        prompt={"system_prompt": "", "inference_params": {"temperature": 0.5, "seed": 3, "odd": None}},
        custom_fields={"": None, "a.b": 1e300, "n": 12345678901234567890, "😀": [1.5]},
        ownership={},
        model_providers=[f"{workspace}/p1", "elsewhere/p2"],
    )
    nemo_judge.create("Model", workspace, "m2", fileset="files")
    nemo_judge.create("Adapter", workspace, "a1", model="m2", fileset="files", finetuning_type="lora")
    nemo_judge.create("Prompt", workspace, "pr1", tools=[TOOL], messages=[{"role": "user", "content": ""}], tags=[])


@pytest.mark.usefixtures("others")
def test_what_others_made_is_exported_and_adopted_without_a_change(
    project: Project, proxy: Proxy, nemo_judge: Judge, workspace: str
) -> None:
    """`export` of a living workspace: valid manifests without a key in them, whose plan holds adoptions and no change of a field."""
    project.write("reconciler.yaml", CONFIG.format(url=proxy.url, workspace=workspace))
    project.ok("export", "--all", "-o", "manifests")
    text = "".join(path.read_text("utf-8") for path in project.root.glob("manifests/**/*.yaml"))
    assert "hush-hush" not in text
    project.ok("validate", "--strict") if "${env:" not in text else project.ok("validate")
    answer = project.run("plan", "--format", "json")
    changes = answer.json("plan")["changes"]
    assert {change["address"]: change["reason"] for change in changes} == {
        "nemo/Model/m1": "adopt",
        "nemo/Model/m2": "adopt",
    }
    assert [change["fields"] for change in changes] == [[], []]
    before = nemo_judge.get("Model", workspace, "m1")
    project.apply()
    after = nemo_judge.get("Model", workspace, "m1")
    assert before is not None
    assert after is not None
    mark = after["custom_fields"].pop("reconciler")
    assert mark["owner"] == "us"
    assert after == before | {"updated_at": after["updated_at"]}
