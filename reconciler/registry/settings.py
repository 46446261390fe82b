"""What an entry in reconciler.yaml may say of any registry that is reached over HTTP. Offline: nothing here speaks to one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, NamedTuple

from reconciler.core.errors import ConfigError, SecretError
from reconciler.core.late_pattern import late_pattern
from reconciler.core.rule_tree import rules_of
from reconciler.core.rules import WriteOnly
from reconciler.core.schema.fields import Field
from reconciler.core.schema.record import Record
from reconciler.core.schema.types import Boolean, HeaderMap, Number, Url, sensitive_header
from reconciler.core.secret import Resolver, Secret
from reconciler.core.url import canonical_url, location

CONCURRENCY: Final = 16  # requests at one time, where nobody says
TIMEOUT: Final = 30.0  # seconds
DEADLINE: Final = 900.0  # seconds
_REFERENCE: Final = late_pattern(r"\$\{(?:env|file):[^{}]+\}")  # no command: where a registry is must be known offline


class RemoteSettings(Record, frozen=True):
    """The settings that all remote registries share; a driver adds its credential."""

    url: Url | None = Field(
        None, description="Where the registry is. May hold a reference.", examples=["https://registry.example.com"]
    )
    concurrency: Annotated[int | None, Number(minimum=1, maximum=200, integer=True, reference=False)] = Field(
        None, description="The most requests, and connections, at one time. 16 if absent.", examples=[16]
    )
    timeout: Annotated[float | None, Number(above=0, reference=False)] = Field(
        None, description="Seconds until one request is given up. 30 if absent.", examples=[30]
    )
    deadline: Annotated[float | None, Number(above=0, reference=False)] = Field(
        None,
        description="Seconds for reading all of it, and for all writes of one run. Then nothing new is begun. 900 if absent.",
        examples=[900],
    )
    verify: Annotated[bool | None, Boolean(reference=False)] = Field(
        None, description="Whether the server's certificate is checked. Checked unless this is false.", examples=[True]
    )
    ca: Annotated[str, Field(min_length=1)] | None = Field(
        None,
        description="A PEM file of the authorities to trust instead of the system's, relative to reconciler.yaml.",
        examples=["certificates/ca.pem"],
    )
    headers: (
        Annotated[
            dict[
                str,
                Annotated[
                    str, WriteOnly("a secret where it is a reference", only_references=True, names=sensitive_header)
                ],
            ],
            HeaderMap(),
        ]
        | None
    ) = Field(
        None,
        description="Headers sent with every request, to a gateway for example. Values that hold a reference are secrets.",
        examples=[{"X-Gateway-Token": "${env:GATEWAY_TOKEN}"}],
    )


def resolved_url(url: str, resolver: Resolver) -> str:
    """`url` with its references resolved, for requests and never for messages. Raises SecretError where one has no value."""
    return _REFERENCE.sub(lambda match: resolver.resolve(match[0]).reveal(), url)


def checked_url(url: str, what: str, hint: str | None = None, *, setting: str = "/url") -> str:
    """`url` in its canonical form. Raises ConfigError, which does not repeat it, where it is no address that a credential may go to.

    `what` says in the message whose address it is, `setting` where it is in the entry.
    """
    try:
        canonical = canonical_url(url)
        host = url.split("/", 3)[2]
        plain = canonical.startswith(("http://", "https://")) and host != "" and "@" not in host
    except (ValueError, IndexError):
        plain = False
    if not plain:
        raise ConfigError(
            f"{what} must be http:// or https://, without user name or password", hint=hint, setting=setting
        )
    return canonical


def location_of(url: str, resolver: Resolver, *, below: str = "", ending: str = "") -> str:
    """Where an entry leads, offline: the canonical address where it is written down. Of one with references, the references and a hash.

    `below` is a part of the place that is no part of the address (a workspace); `ending` what means the same where it ends the address.
    """
    try:
        canonical = canonical_url(resolved_url(url, resolver)).removesuffix(ending)
    except (SecretError, ValueError):
        return url + below
    return location(url + below, canonical + below)


class ResolvedAddress(NamedTuple):
    """An address in the settings that was written with references."""

    written: str
    url: str
    secrets: tuple[Secret, ...]


def resolved_addresses(settings: Any, resolver: Resolver) -> Iterator[ResolvedAddress]:
    """The settings that hold references though they are no secrets themselves. Raises SecretError where one has no value."""
    for name, node in rules_of(type(settings)).children.items():
        value = getattr(settings, name, None)
        if isinstance(value, str) and node.secret is None and _REFERENCE.search(value):
            secrets = tuple(resolver.resolve(match[0]) for match in _REFERENCE.finditer(value))
            yield ResolvedAddress(value, resolved_url(value, resolver), secrets)
