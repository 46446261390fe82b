"""What MLflow's search leaves out is there all the same: a name that is taken is a conflict, and not new."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace

import pytest
from registry.mlflow.judge import Judge, Process
from registry.mlflow.server import REGISTRY, WORKSPACE, call, create_user, permit
from registry.mlflow_samples import native
from registry.server_process import Running
from world import ENVIRON, World, actions

pytestmark = pytest.mark.asyncio


async def test_a_model_that_may_not_be_read_is_a_conflict(
    mlflow_auth_server: Running, mlflow_client: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not in the search, and a plan that called it new would be refused when it is applied. It is not absent either."""
    url, name = mlflow_auth_server.url, f"m{secrets.token_hex(4)}"
    owner, outsider = (create_user(url, f"u{secrets.token_hex(4)}") for _ in range(2))
    await asyncio.to_thread(replace(Judge(mlflow_client, url), user=owner).call, "create_registered_model", name)
    permit(url, outsider[0], name, "DENY")
    monkeypatch.setitem(ENVIRON, "PASSWORD", outsider[1])
    entry = {"driver": "mlflow", "url": url, "username": outsider[0], "password": "${env:PASSWORD}"}
    async with World.of(mlflow=entry) as world:
        for state in ("present", "absent"):
            plan = await world.plan({"kind": "mlflow/RegisteredModel", "key": name, "state": state})
            assert actions(plan) == {f"RegisteredModel/{name}": "conflict unreadable"}
            assert "may not read it" in plan.changes[0].message
        free = native("RegisteredModel", f"{name}-free")
        assert actions(await world.plan(free)) == {f"RegisteredModel/{name}-free": "create new"}


async def test_a_prompt_of_the_name_is_a_conflict(mlflow_server: Running, mlflow_workspace: str) -> None:
    """MLflow keeps prompts among its models: the plan says so before anything is written."""
    body = {"name": "greeting", "tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}]}
    path = f"{mlflow_server.url}{REGISTRY}/registered-models/create"
    await asyncio.to_thread(call, "POST", path, headers={WORKSPACE: mlflow_workspace}, json=body)
    entry = {"driver": "mlflow", "url": mlflow_server.url, "workspace": mlflow_workspace}
    async with World.of(mlflow=entry) as world:
        plan = await world.plan(native("RegisteredModel", "greeting"))
        assert actions(plan) == {"RegisteredModel/greeting": "conflict unreadable"}
        assert "a prompt has this name" in plan.changes[0].message
