"""Rows of the model registry, as they are asked for: one registered model, and the versions of one or of all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from reconciler.registry.driver import Address, PermanentError
from reconciler.registry.mlflow import wire
from reconciler.registry.mlflow.calls import Calls, rows_in
from reconciler.registry.mlflow.listing import MODELS

VERSIONS: Final = "/api/2.0/mlflow/model-versions"
MOST_VERSIONS: Final = "200000"  # of one answer, as many as the server gives

Row = Mapping[str, Any]


def split_key(address: Address) -> tuple[str, str]:
    """The model and the name of a version, by its key; of a model, its own key and ""."""
    model, _, name = address.key.partition("/")
    return model, name


async def model_row(calls: Calls, address: Address) -> Row | None:
    """One registered model, or None. Raises PermanentError where a prompt has its name."""
    answer = await calls.find(f"{MODELS}/get", {"name": address.key})
    row = answer.get("registered_model") if answer is not None else None
    if row is None:
        return None
    if not isinstance(row, Mapping):
        raise PermanentError(f"{address} cannot be read: it is no map")
    if wire.is_prompt(row):
        message = f"{address} is a prompt, and MLflow keeps prompts among its models"
        raise PermanentError(message, hint="choose another key")
    return row


async def version_rows(calls: Calls, model: str | None = None) -> list[Any]:
    """The rows of all versions, or of one model's. Raises PermanentError where there are more than one answer holds."""
    query = {"max_results": MOST_VERSIONS}
    if model is not None and not ("'" in model and '"' in model):  # else no filter can say it
        query["filter"] = f"name = {_quoted(model)}"
    answer = await calls.read(f"{VERSIONS}/search", query)
    if answer.get("next_page_token"):
        message = f"{calls.registry}: there are more than {MOST_VERSIONS} versions, which this version does not read"
        raise PermanentError(message)
    return rows_in(answer, "model_versions", calls.registry)


async def sound_versions(calls: Calls, address: Address) -> list[Row]:
    """The versions of a model, or of the model of a version, as far as they can be understood."""
    model, _ = split_key(address)
    return [row for row in await version_rows(calls, model) if wire.is_sound(row) and row["name"] == model]


def _quoted(name: str) -> str:
    """A text in a filter, which knows no escapes: in whichever quotes are not in it."""
    return f"'{name}'" if '"' in name else f'"{name}"'
