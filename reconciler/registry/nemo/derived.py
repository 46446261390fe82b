"""The names of what stands beside a portable Model in a workspace: `reconciler-<key>` its provider, `reconciler-<key>-api-key` its secret."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from reconciler.core.spec import digest
from reconciler.registry.nemo.forms import LONGEST_NAME

PREFIX: Final = "reconciler-"
API_KEY: Final = "-api-key"
_HASH: Final = 8  # digits of it in a shortened name


def provider_name(key: str) -> str:
    """The name of the provider that serves the model `key`."""
    return _fitting(f"{PREFIX}{key}")


def secret_name(key: str) -> str:
    """The name of the secret that holds its endpoint's key."""
    return _fitting(f"{PREFIX}{key}{API_KEY}")


def _fitting(name: str) -> str:
    """A long name is shortened, and told apart by a hash."""
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[: LONGEST_NAME - _HASH - 1].rstrip('-')}-{digest(name)[:_HASH]}"


def model_of(kind: str, name: str, models: Collection[str]) -> str | None:
    """The key of the model that an object of that kind and name stands beside, or None for somebody else's."""
    if not name.startswith(PREFIX):
        return None
    named = provider_name if kind == "Provider" else secret_name
    for key in models:
        if named(key) == name:
            return key
    if len(name) >= LONGEST_NAME - 1:
        return None  # shortened: it cannot be told whose it was
    key = name.removeprefix(PREFIX)
    if kind == "Secret":
        key = key.removesuffix(API_KEY) if key.endswith(API_KEY) else ""
    return key or None
