"""The name of what stands beside a portable Model on a proxy: `reconciler-<key>`, the credential with its endpoint's key."""

from __future__ import annotations

from typing import Final

PREFIX: Final = "reconciler-"


def credential_name(key: str) -> str:
    """The name of the credential of the model `key`."""
    return f"{PREFIX}{key}"


def model_of(name: str) -> str | None:
    """The key of the model that a credential of that name stands beside, or None for somebody else's."""
    return name.removeprefix(PREFIX) or None if name.startswith(PREFIX) else None
