"""The names of what stands beside a portable Model: `reconciler-<key>`, its secret and its model definition."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from reconciler.core.spec import digest
from reconciler.registry.mlflow.forms import LONGEST_NAME

PREFIX: Final = "reconciler-"
KINDS: Final = ("Secret", "ModelDefinition")
_HASH: Final = 8  # digits of it in a shortened name


def derived_name(key: str) -> str:
    """The name of the secret and of the model definition of the model `key`. A long one is shortened, and told apart by a hash."""
    name = f"{PREFIX}{key}"
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - _HASH - 1]}-{digest(name)[:_HASH]}"


def model_of(name: str, models: Collection[str]) -> str | None:
    """The key of the model that an object of that name stands beside, or None for somebody else's."""
    if not name.startswith(PREFIX):
        return None
    key = name.removeprefix(PREFIX)
    if key in models:
        return key
    if len(name) < LONGEST_NAME:
        return key or None
    return next((one for one in models if derived_name(one) == name), None)  # shortened, where there is one
