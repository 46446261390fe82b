"""Calls MLflow's own client for others, in the server's Python: one JSON request a line, one JSON answer a line.

    {"url": …, "workspace": null, "user": ["name", "password"], "of": "client", "call": "get_registered_model", "arguments": ["m"],
     "options": {}}
    {"result": …}  or  {"error": "RESOURCE_DOES_NOT_EXIST", "message": …}  or  {"broken": "TypeError: …"}

`of` is `client`, the MlflowClient that everybody uses, or `gateway`, the client's part for the gateway's secrets, definitions and
endpoints, which has no other name than its store.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import os
import sys
from collections.abc import Callable
from typing import Any

import requests
from mlflow import MlflowClient
from mlflow.entities._mlflow_object import _MlflowObject
from mlflow.exceptions import MlflowException
from mlflow.store.tracking.rest_store import RestStore
from mlflow.utils.credentials import get_default_host_creds
from mlflow.utils.workspace_context import WorkspaceContext

# a connection that idles 5 seconds is closed by the server: perhaps under a call
requests.sessions.default_headers = lambda: requests.structures.CaseInsensitiveDict(
    requests.utils.default_headers(), Connection="close"
)

CREDENTIALS = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")


def answer(request: dict[str, Any]) -> dict[str, Any]:
    for name, value in zip(CREDENTIALS, request["user"] or ("", ""), strict=True):
        os.environ[name] = value
    try:
        with WorkspaceContext(request["workspace"]):
            client = MlflowClient(request["url"]) if request["of"] == "client" else gateway(request["url"])
            return {"result": plain(whole(getattr(client, request["call"]), request["arguments"], request["options"]))}
    except MlflowException as error:
        return {"error": error.error_code, "message": str(error)}
    except Exception as error:  # noqa: BLE001 - whoever asked has to hear of it, not the one who asks next
        return {"broken": f"{type(error).__name__}: {error}"}


def gateway(url: str) -> RestStore:
    return RestStore(functools.partial(get_default_host_creds, url))


def whole(call: Callable[..., Any], arguments: list[Any], options: dict[str, Any]) -> Any:
    """What a call gives; of a list that comes in pages, all of them."""
    found = call(*arguments, **options)
    rows = found
    while getattr(found, "token", None):
        found = call(*arguments, **options, page_token=found.token)
        rows = [*rows, *found]
    return rows


def plain(found: Any) -> Any:
    """The client's objects as JSON: a member for each of their properties."""
    if isinstance(found, list | tuple):
        return [plain(one) for one in found]
    if isinstance(found, dict):
        return {name: plain(one) for name, one in found.items()}
    if isinstance(found, enum.Enum):
        return found.value
    if dataclasses.is_dataclass(found):
        return {field.name: plain(getattr(found, field.name)) for field in dataclasses.fields(found)}
    return {name: plain(one) for name, one in found} if isinstance(found, _MlflowObject) else found


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line)), default=repr), flush=True)
