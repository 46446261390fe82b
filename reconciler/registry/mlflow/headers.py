"""The headers of every request to MLflow: who asks, and of which workspace."""

from __future__ import annotations

import base64
from typing import Final

from reconciler.registry.driver import ConfigError, Resolver, Secret, bearer
from reconciler.registry.mlflow.settings import Settings

WORKSPACE: Final = "X-MLFLOW-WORKSPACE"


def headers_of(settings: Settings, resolver: Resolver, registry: str) -> dict[str, str | Secret]:
    """Build the headers of every request: who asks, and of which workspace. Raises as `credential` does."""
    place: dict[str, str | Secret] = {} if settings.workspace is None else {WORKSPACE: settings.workspace}
    return {**credential(settings, resolver, registry), **place}


def credential(settings: Settings, resolver: Resolver, registry: str) -> dict[str, str | Secret]:
    """Build the Authorization header. Raises ConfigError where the settings name half a credential or two, SecretError where one has no value."""
    user, password = settings.username, settings.password
    if (user is None) != (password is None):
        missing = "password" if password is None else "username"
        raise ConfigError(
            f"{registry}: `{missing}` is missing",
            hint="`username` and `password` go together",
            setting=f"/{'username' if missing == 'password' else 'password'}",
        )
    if user is None or password is None:
        return bearer(settings.token, resolver)
    if settings.token is not None:
        raise ConfigError(
            f"{registry}: it has both a `token` and a `username`", hint="keep one of them", setting="/token"
        )
    return {"Authorization": resolver.resolve(password).derived(lambda word: f"Basic {_encoded(user, word)}")}


def _encoded(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
