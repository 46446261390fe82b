"""Proxies from the environment: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, in either case. With a transport of our own, httpx2 does not look there."""

from __future__ import annotations

import base64
import ipaddress
from collections.abc import Mapping
from typing import Final, NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit

from reconciler.core.errors import PermanentError
from reconciler.core.secret import Secret
from reconciler.registry.http.address import is_host

_PORTS: Final = {"http": 80, "https": 443}


class Proxy(NamedTuple):
    """Address of a proxy without its credentials, and the value of Proxy-Authorization."""

    url: str
    authorization: Secret | None


def proxy_for(url: SplitResult, environ: Mapping[str, str]) -> Proxy | None:
    """Find the proxy to `url`; None where the environment names none or NO_PROXY exempts the host.

    Raises PermanentError, which names the variable and never its value.
    """
    variable = proxy_variable(url, environ)
    return None if variable is None else _parse(variable, environ[variable].strip())


def proxy_secrets(url: str, environ: Mapping[str, str]) -> tuple[Secret, ...]:
    """The credential of the proxy to `url`, for a redactor: a proxy may repeat it. None where nothing can be sent."""
    try:
        parts = urlsplit(url)
        proxy = proxy_for(parts, environ) if parts.scheme in _PORTS else None
    except (PermanentError, ValueError):
        return ()
    return () if proxy is None or proxy.authorization is None else (proxy.authorization,)


def proxy_variable(url: SplitResult, environ: Mapping[str, str]) -> str | None:
    """Name of the variable that holds the proxy to `url`; None where none does or NO_PROXY exempts the host."""
    for name in (f"{url.scheme}_proxy", "all_proxy"):
        for variable in (name, name.upper()):
            if environ.get(variable, "").strip():
                return None if _is_exempt(url, environ) else variable
    return None


def _parse(variable: str, value: str) -> Proxy:
    try:
        parts = urlsplit(value if "://" in value else f"http://{value}")
        usual = _PORTS[parts.scheme]
        port = parts.port or usual
    except (ValueError, KeyError):
        raise _unusable(variable) from None  # their text may quote a password
    name = parts.hostname or ""
    url = f"{parts.scheme}://{f'[{name}]' if ':' in name else name}:{port}"
    if not is_host(url):
        raise _unusable(variable)
    if parts.username is None:
        return Proxy(url, None)
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return Proxy(url, Secret("Basic " + base64.b64encode(pair.encode()).decode()))


def _unusable(variable: str) -> PermanentError:
    return PermanentError(f"{variable} is not the address of a proxy", hint="write http://host:port")


def _is_exempt(url: SplitResult, environ: Mapping[str, str]) -> bool:
    listed = environ.get("no_proxy") or environ.get("NO_PROXY") or ""
    host, port = url.hostname or "", url.port or _PORTS[url.scheme]
    return any(_names(entry, host, port) for entry in listed.lower().replace(",", " ").split())


def _names(entry: str, host: str, port: int) -> bool:
    """Match one entry of NO_PROXY against a host: `*`, a host and those below it, an address or a network, each with or without a port."""
    if entry == "*":
        return True
    if entry.count(":") == 1 or entry.startswith("["):
        entry, _, wanted = entry.rpartition(":") if not entry.endswith("]") else (entry, "", "")
        if wanted and wanted != str(port):
            return False
    entry = entry.strip("[]").removeprefix("*").removeprefix(".")
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry, strict=False)
    except ValueError:  # one of them is a name
        return bool(entry) and (host == entry or host.endswith(f".{entry}"))
