"""What an entry in reconciler.yaml may say of watsonx Orchestrate."""

from __future__ import annotations

from typing import Annotated

from reconciler.core.schema.fields import Field
from reconciler.registry.driver import SecretText, Url, WriteOnly
from reconciler.registry.settings import RemoteSettings


class Settings(RemoteSettings):
    """What an entry may say."""

    url: Url = Field(
        description="The address with its prefix: `<host>/api/v1`, or `<instance>/v1/orchestrate`. May hold a reference.",
        examples=["https://host.example.com/instances/abc/v1/orchestrate"],
    )
    token: Annotated[SecretText | None, WriteOnly()] = Field(
        None,
        description="The bearer token. Tokens live for about an hour, so a `${file:...}` is read again once the server refuses it.",
        examples=["${env:WATSONX_TOKEN}"],
    )
    connections_url: Url | None = Field(
        None,
        description="Where connections are, with the prefix, if not below `url`. May hold a reference.",
        examples=["http://localhost:3001/api/v1/orchestrate"],
    )
