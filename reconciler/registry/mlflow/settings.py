"""What an entry in reconciler.yaml may say of MLflow. One entry is one workspace."""

from __future__ import annotations

from typing import Annotated

from reconciler.core.schema.fields import Field
from reconciler.registry.driver import SecretText, Url, WriteOnly
from reconciler.registry.settings import RemoteSettings


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
