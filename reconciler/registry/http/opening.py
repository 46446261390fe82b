"""Targets from settings: what reconciler.yaml says of a registry becomes the `Target` that a client is opened for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from reconciler.core import presence
from reconciler.core.errors import ConfigError
from reconciler.core.pointer import join
from reconciler.core.secret import Resolver, Secret
from reconciler.core.spec import is_reference
from reconciler.core.url import canonical_url
from reconciler.registry.http.target import Target
from reconciler.registry.protocol import Opening
from reconciler.registry.settings import (
    CONCURRENCY,
    TIMEOUT,
    RemoteSettings,
    ResolvedAddress,
    checked_url,
    resolved_addresses,
    resolved_url,
)


def target_of(
    settings: RemoteSettings,
    opening: Opening,
    *,
    url: str | None = None,
    headers: Mapping[str, str | Secret] = MappingProxyType({}),
    hints: Mapping[int, str] = MappingProxyType({}),
    verify: bool | None = None,
    timeout: float | None = None,
    addresses: Iterable[ResolvedAddress] = (),
) -> Target:
    """Build the target of a registry's settings. `headers` are the driver's own, its credential among them; those of the settings stand beside them.

    `url` (normalized), `verify` and `timeout` (seconds) are those of the settings where they are not given; `addresses` are those with references that the
    settings do not hold themselves. `hints` say by status what to do next.
    Raises SecretError where a reference has no value, ConfigError where no credential may go to the URL, the CA file is not there or a header clashes.
    """
    resolver = opening.resolver
    if url is None:
        url = checked_url(resolved_url(settings.url or "", resolver), f"{opening.name}: its url")
    own = {name.lower() for name in headers}
    extra: dict[str, str | Secret] = {}
    for name, value in (settings.headers or {}).items():
        if name.lower() in own:
            raise ConfigError(
                f"{opening.name}: the header {name} is set by the driver",
                hint="take it out of `headers`",
                setting=join(("headers", name)),
            )
        extra[name] = resolver.resolve(value) if is_reference(value) else value
    hidden = (*resolved_addresses(settings, resolver), *addresses)
    return Target(
        registry=opening.name,
        url=url,
        shown=_shown(url, hidden),
        hidden=tuple(secret for address in hidden for secret in address.secrets),
        headers={**extra, **headers},
        verify=(settings.verify if verify is None else verify) is not False,
        ca=_ca(settings, opening),
        timeout=timeout or settings.timeout or TIMEOUT,
        concurrency=opening.concurrency or settings.concurrency or CONCURRENCY,
        hints=hints,
        environ=resolver.environ,
    )


def _shown(url: str, addresses: Iterable[ResolvedAddress]) -> str | None:
    """The address as it is written, and what a driver put behind it; None where it is written down."""
    for address in addresses:
        base = canonical_url(address.url)
        if url.startswith(base):
            return address.written.rstrip("/") + url[len(base) :]
    return None


def bearer(token: str | None, resolver: Resolver) -> dict[str, str | Secret]:
    """Build the Authorization header from the reference `token`; no header without one. Raises SecretError where it has no value."""
    return {} if token is None else {"Authorization": resolver.resolve(token).derived("Bearer {}".format)}


def _ca(settings: RemoteSettings, opening: Opening) -> Path | None:
    if settings.ca is None:
        return None
    path = opening.resolver.root / settings.ca
    if not presence.is_file(path):
        raise ConfigError(
            f"{opening.name}: ca: there is no file {settings.ca}",
            hint="it is relative to reconciler.yaml",
            setting="/ca",
        )
    return path
