"""What a NeMo server shows, and no manifest may manage: the key in a model's endpoint. Every write keeps it, and nobody sees it."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from registry.nemo.wire import Wire
from registry.nemo_contract import nemo, proxy
from registry.server_process import Running
from world import World, native, statuses

from reconciler.core.resource import Address
from reconciler.testing.unmanaged import SECRET, is_shown_nowhere, stored_at

__all__ = ["nemo", "proxy"]

ENDPOINT = {"url": "https://llm.example.com/", "model_id": "m", "format": "openai"}


def model(**fields: Any) -> dict[str, Any]:
    return native("nemo/Model", "with-key", **fields)


@pytest.mark.parametrize(
    "after",
    [
        {"api_endpoint": {**ENDPOINT, "model_id": "other"}},
        {"api_endpoint": ENDPOINT, "description": "New."},
        {"api_endpoint": ENDPOINT, "protected": True},
        {"api_endpoint": {"url": "https://other.example.com/"}},
        {},
    ],
    ids=["one-field", "beside", "mark", "others-removed", "undeclared"],
)
async def test_a_key_that_somebody_set_outlives_every_update(
    nemo: World, nemo_server: Running, workspace: str, after: dict[str, Any]
) -> None:
    """PATCH replaces `api_endpoint` whole, so the key is sent back; the plan shows what the manifest changes and no more."""
    with httpx2.Client(base_url=nemo_server.url) as http:
        wire = Wire(http, workspace)
        wire.post("models", "with-key", api_endpoint={**ENDPOINT, "api_key": SECRET}).raise_for_status()
        await every_write_keeps_it(nemo, wire, after)


async def every_write_keeps_it(nemo: World, wire: Wire, after: dict[str, Any]) -> None:
    await nemo.apply(model(api_endpoint=ENDPOINT))
    await is_shown_nowhere(nemo, await stored_at(nemo, Address("nemo", "Model", "with-key")))
    plan = await nemo.plan(model(**after))
    report = await nemo.carry_out(plan)
    assert set(statuses(report).values()) <= {"ok"}, report.outcomes
    assert SECRET not in repr(plan) + repr(report)
    assert wire.stored("models", "with-key")["api_endpoint"]["api_key"] == SECRET
    assert not (await nemo.plan(model(**after))).changes
