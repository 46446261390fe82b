"""Which variable of the environment may be sent to which host: `secrets.allow` in reconciler.yaml, held against an address."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from reconciler.core.late_pattern import late_pattern
from reconciler.core.url import PORTS

_NAME: Final = late_pattern(r"[a-z0-9._-]+")


class Host(NamedTuple):
    """A host as it is compared: in small letters, ASCII, without a dot at its end; an IPv6 address in its short form."""

    name: str
    port: int | None

    def __str__(self) -> str:
        name = f"[{self.name}]" if ":" in self.name else self.name
        return name if self.port is None else f"{name}:{self.port}"


def host_of(url: str) -> Host | None:
    """The host of an address; None where it has none, or one that clients do not agree upon."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme.lower())
        name = _canonical(parts.hostname or "")
    except ValueError:
        return None
    return None if name is None else Host(name, port)


def _canonical(name: str) -> str | None:
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        ascii_name = name.rstrip(".").encode("idna").decode().lower() if name else ""
    except UnicodeError:
        return None
    return ascii_name if _NAME.fullmatch(ascii_name) else None


@dataclass(frozen=True, slots=True)
class Allowed:
    """The hosts to which variables may be sent, by globs over their names.

    A variable that several globs match may go where any of them says; one that none matches may go nowhere.
    """

    hosts: Mapping[str, tuple[str, ...]]

    def hosts_for(self, variable: str) -> tuple[str, ...] | None:
        """The patterns of hosts for a variable; None where no glob matches it."""
        found = [hosts for glob, hosts in self.hosts.items() if fnmatchcase(variable, glob)]
        return tuple(dict.fromkeys(host for hosts in found for host in hosts)) if found else None

    def permits(self, variable: str, url: str) -> bool:
        """Whether a variable may be sent to an address."""
        return permits(self.hosts_for(variable) or (), url)


def permits(patterns: tuple[str, ...], url: str) -> bool:
    """Whether the host of an address is one of these: `api.example.com`, `*.example.com` (below it, not itself), `[::1]`, each with `:port` or without (any)."""
    host = host_of(url)
    return host is not None and any(_matches(pattern, host) for pattern in patterns)


def _matches(pattern: str, host: Host) -> bool:
    name, port = pattern, ""
    if pattern.count(":") == 1 or "]:" in pattern:
        name, _, port = pattern.rpartition(":")
    if port and port != str(host.port):
        return False
    if "*" not in name:
        return _canonical(name.strip("[]")) == host.name
    parts = (re.escape(part.lower()) for part in name.split("*"))
    return re.fullmatch(".*".join(parts), host.name) is not None
