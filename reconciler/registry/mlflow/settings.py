"""What an entry in reconciler.yaml may say of MLflow, and the header that its credential makes."""

from __future__ import annotations

import base64
from typing import Annotated, Final

from pydantic import Field

from reconciler.registry.driver import (
    ConfigError,
    RemoteSettings,
    Resolver,
    Secret,
    SecretText,
    Url,
    WriteOnly,
    bearer,
)

WORKSPACE: Final = "X-MLFLOW-WORKSPACE"


class Settings(RemoteSettings):
    """What an entry may say."""

    url: Url = Field(
        description="The tracking server's address. May hold a reference.", examples=["https://mlflow.example.com"]
    )
    token: Annotated[SecretText | None, WriteOnly()] = Field(
        None,
        description="A bearer token, for a server behind a proxy that asks for one.",
        examples=["${env:MLFLOW_TOKEN}"],
    )
    workspace: Annotated[str, Field(min_length=1, pattern=r"^[\x21-\x7E]+$")] | None = Field(
        None,
        description="The workspace, where the server keeps several (`--enable-workspaces`). The server's default if absent.",
        examples=["team-a"],
    )
    username: Annotated[str, Field(min_length=1, pattern=r"^[^:]+$")] | None = Field(
        None, description="The user, where the server runs with basic-auth. Together with `password`.", examples=["ci"]
    )
    password: Annotated[SecretText | None, WriteOnly()] = Field(
        None, description="The user's password.", examples=["${env:MLFLOW_PASSWORD}"]
    )


def headers_of(settings: Settings, resolver: Resolver, registry: str) -> dict[str, str | Secret]:
    """Build the headers of every request: who asks, and of which workspace. Raises as `credential` does."""
    place: dict[str, str | Secret] = {} if settings.workspace is None else {WORKSPACE: settings.workspace}
    return {**credential(settings, resolver, registry), **place}


def credential(settings: Settings, resolver: Resolver, registry: str) -> dict[str, str | Secret]:
    """Build the Authorization header. Raises ConfigError where the settings name half a credential or two, SecretError where one has no value."""
    user, password = settings.username, settings.password
    if (user is None) != (password is None):
        missing = "password" if password is None else "username"
        raise ConfigError(f"{registry}: `{missing}` is missing", hint="`username` and `password` go together")
    if user is None or password is None:
        return bearer(settings.token, resolver)
    if settings.token is not None:
        raise ConfigError(f"{registry}: it has both a `token` and a `username`", hint="keep one of them")
    return {"Authorization": resolver.resolve(password).derived(lambda word: f"Basic {_encoded(user, word)}")}


def _encoded(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
