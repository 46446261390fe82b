"""What an entry in reconciler.yaml may say of LiteLLM Proxy."""

from __future__ import annotations

from typing import Annotated

from reconciler.core.schema.fields import Field
from reconciler.registry.driver import SecretText, Url, WriteOnly
from reconciler.registry.settings import RemoteSettings


class Settings(RemoteSettings):
    """What an entry may say."""

    url: Url = Field(
        description="The proxy's address, without `/v1`. May hold a reference.",
        examples=["https://litellm.example.com"],
    )
    token: Annotated[SecretText | None, WriteOnly()] = Field(
        None, description="The master key, or the key of a proxy admin.", examples=["${env:LITELLM_MASTER_KEY}"]
    )
