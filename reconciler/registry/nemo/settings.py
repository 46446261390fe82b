"""What an entry in reconciler.yaml may say of NeMo Platform. One entry is one workspace."""

from __future__ import annotations

from typing import Annotated, Final

from reconciler.core.schema.fields import Field
from reconciler.core.schema.types import END
from reconciler.registry.driver import Pattern, SecretText, Url, WriteOnly
from reconciler.registry.nemo.forms import STORE_NAME
from reconciler.registry.settings import RemoteSettings

DEFAULT: Final = "default"


class Settings(RemoteSettings):
    """What an entry may say."""

    url: Url = Field(
        description="The platform's address, without `/apis`. May hold a reference.",
        examples=["https://nemo.example.com"],
    )
    token: Annotated[SecretText | None, WriteOnly()] = Field(
        None, description="The bearer token, where the platform asks for one.", examples=["${env:NEMO_TOKEN}"]
    )
    workspace: Annotated[
        str | None,
        Pattern(
            f"^{STORE_NAME}{END}",
            "bad_key",
            "must be 2 to 63 lower-case letters, digits, '-', '.', '_', '@' and '+', and begin with a letter",
        ),
    ] = Field(None, description="The workspace. `default` if absent.", examples=["team-a"])


def workspace_of(settings: Settings) -> str:
    return settings.workspace or DEFAULT
