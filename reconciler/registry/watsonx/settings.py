"""What an entry in reconciler.yaml may say of watsonx Orchestrate."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from reconciler.errors import ConfigError
from reconciler.fields import WriteOnly
from reconciler.registry.settings import RemoteSettings, canonical_url, location_of, resolved_url
from reconciler.scalars import SecretText, Url
from reconciler.secrets import Resolver


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


def location(settings: Settings, resolver: Resolver) -> str:
    """The canonical URL, as far as it can be told offline."""
    return location_of(settings.url, resolver)


def url_of(url: str, field: str, resolver: Resolver) -> str:
    """The canonical URL of a setting. Raises ConfigError, which does not repeat it, where it is none; SecretError where a reference has no value."""
    found = resolved_url(url, resolver)
    try:
        canonical = canonical_url(found)
        plain = canonical.startswith(("http://", "https://")) and "@" not in found.split("/", 3)[2]
    except (ValueError, IndexError):
        plain = False
    if not plain:
        raise ConfigError(f"watsonx: its {field} must be http:// or https://, without user name or password")
    return canonical
