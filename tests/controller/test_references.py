"""References to Secrets and ConfigMaps: what is missing is named, what comes heals, what changes is written once."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest
from controller.loop import a_model, an_object, key, the_loop

from reconciler.controller.cluster import CONFIG_MAPS, EVENTS, SECRETS
from reconciler.controller.crds import MODEL, REGISTRY

VALUE = "hunter2-hunter2-hunter2"


def a_secret(name: str, **values: str) -> dict[str, Any]:
    data = {one: base64.b64encode(text.encode()).decode() for one, text in values.items()}
    return {"metadata": {"namespace": "team", "name": name}, "data": data}


def with_key(name: str, reference: str, **spec: Any) -> dict[str, Any]:
    endpoint = {"url": "https://llm.example.com/v1", "model": "m", "api_key": reference}
    return an_object(name, {"endpoint": endpoint, **spec})


def test_a_secret_that_is_not_there_is_named_and_blocks_its_object_alone(tmp_path: Path) -> None:
    async def run() -> None:
        async with the_loop(tmp_path, with_key("a", "${secret:token/key}"), a_model("b")) as loop:
            assert set(loop.stored()) == {"b"}
            assert loop.condition("a") == ("False", "missing-reference")
            assert "there is no Secret token" in json.dumps(loop.item(MODEL, "a")["status"])
            assert loop.condition("b") == ("True", "in-sync")
            assert loop.registry_condition() == ("False", "missing-reference")

            loop.cluster.put(SECRETS, a_secret("token", other="x"))
            await loop.until_quiet()
            assert "the Secret token has no key key" in json.dumps(loop.item(MODEL, "a")["status"])

            loop.cluster.put(SECRETS, a_secret("token", key=VALUE))
            await loop.until_quiet()
            assert set(loop.stored()) == {"a", "b"}
            assert loop.condition("a") == ("True", "in-sync")

    asyncio.run(run())


@pytest.mark.parametrize("value", ["", "\n"])
def test_an_empty_value_blocks_its_object_alone(tmp_path: Path, value: str) -> None:
    async def run() -> None:
        models = with_key("a", "${secret:token/key}"), with_key("b", "${secret:good/key}")
        async with the_loop(tmp_path, *models) as loop:
            loop.cluster.put(SECRETS, a_secret("token", key=value))
            loop.cluster.put(SECRETS, a_secret("good", key=VALUE))
            await loop.until_quiet()
            assert set(loop.stored()) == {"b"}
            assert loop.condition("a") == ("False", "missing-reference")

    asyncio.run(run())


def test_a_rotation_is_one_write_and_nothing_else_is(tmp_path: Path) -> None:
    async def run() -> None:
        async with the_loop(tmp_path, with_key("a", "${secret:token/key}"), a_model("b")) as loop:
            loop.cluster.put(SECRETS, a_secret("token", key=VALUE))
            await loop.until_quiet()
            loop.told.writes.clear()
            await loop.reconcile()
            assert loop.told.writes == []
            loop.cluster.put(SECRETS, a_secret("token", key=VALUE + "3"))
            await loop.until_quiet()
            await loop.reconcile()
            assert loop.told.writes == [("update", "ok")]
            assert loop.condition("a") == ("True", "in-sync")
            loop.cluster.put(SECRETS, a_secret("strange", key=VALUE))
            await loop.until_quiet()
            assert loop.told.writes == [("update", "ok")]

    asyncio.run(run())


def test_a_rotation_that_could_not_be_written_is_not_forgotten(tmp_path: Path) -> None:
    async def run() -> None:
        async with the_loop(tmp_path, with_key("a", "${secret:token/key}")) as loop:
            loop.cluster.put(SECRETS, a_secret("token", key=VALUE))
            await loop.until_quiet()
            loop.told.writes.clear()
            loop.fence.seconds = 0
            loop.cluster.put(SECRETS, a_secret("token", key=VALUE + "3"))
            await loop.until_quiet()
            assert loop.told.writes == [("update", "failed")]
            assert loop.condition("a")[0] == "False"
            loop.fence.seconds = 1000
            await loop.reconcile()
            assert loop.told.writes == [("update", "failed"), ("update", "ok")]

    asyncio.run(run())


def test_a_config_map_gives_a_text_and_its_change_is_a_change(tmp_path: Path) -> None:
    async def run() -> None:
        async with the_loop(tmp_path, a_model("a", display_name="${configMap:texts/name}")) as loop:
            assert loop.condition("a") == ("False", "missing-reference")
            for text in ("one", "two"):
                loop.cluster.put(CONFIG_MAPS, {**an_object("texts"), "data": {"name": text}})
                await loop.until_quiet()
                assert loop.stored()["a"]["display_name"] == text
                assert loop.condition("a") == ("True", "in-sync")

    asyncio.run(run())


@pytest.mark.parametrize(
    "reference", ["${env:HOME}", "${file:/etc/passwd}", "${cmd:secret/token/key}", "${secret:../x/y}"]
)
def test_what_leads_to_the_controller_itself_is_refused(tmp_path: Path, reference: str) -> None:
    async def run() -> None:
        async with the_loop(tmp_path, with_key("a", reference), a_model("b")) as loop:
            assert set(loop.stored()) == {"b"}
            assert loop.condition("a") == ("False", "refused-reference")
            assert loop.condition("a", "Blocked") == ("True", "refused-reference")

    asyncio.run(run())


@pytest.mark.parametrize(
    "spec",
    [{"path": "${env:HOME}"}, {"path": "/etc/x.db"}, {"path": "../other/first.db"}, {"path": "${cmd:secret/a/b}"}],
)
def test_a_registry_never_leads_out_of_its_folder(tmp_path: Path, spec: dict[str, str]) -> None:
    async def run() -> None:
        async with the_loop(tmp_path, a_model("a"), **spec) as loop:
            assert loop.registry_condition(kind="Ready") == ("False", "config")
            assert loop.condition("a", "Ready") == ("False", "config")
            assert [*tmp_path.rglob("*.db")] == []

    asyncio.run(run())


def test_no_value_of_a_secret_is_anywhere_but_in_its_secret(tmp_path: Path) -> None:
    async def run() -> None:
        async with the_loop(tmp_path, with_key("a", "${secret:token/key}"), prune=True) as loop:
            loop.cluster.put(SECRETS, a_secret("token", key=VALUE))
            await loop.until_quiet()
            loop.cluster.put(MODEL, with_key("a", "${secret:token/key}", display_name="A"))
            await loop.until_quiet()
            await loop.cluster.delete(MODEL, key("a"))
            await loop.until_quiet()
            said = [
                json.dumps(item) for kind in (MODEL, REGISTRY, CONFIG_MAPS, EVENTS) for item in loop.cluster.all(kind)
            ]
            for text in (*said, str(loop.told.events), str(loop.copies._secrets.get(key("token")))):
                assert VALUE not in text
                assert base64.b64encode(VALUE.encode()).decode() not in text

    asyncio.run(run())
