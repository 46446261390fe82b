"""Addresses: the one form in which two are compared, and the one in which they are shown.

An address may hold secrets: a user's name and password, a key in its query, and, where it was written with `${env:NAME}`, anything.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

from reconciler.core.late_pattern import late_pattern

PORTS: Final = {"http": 80, "https": 443}
# escapes of what a path may hold as it is
_UNRESERVED: Final = late_pattern(r"%(2[dDeE]|3[0-9]|4[1-9a-fA-F]|5[0-9aAfF]|6[1-9a-fA-F]|7[0-9aAeE])")
_HASHED: Final = late_pattern(r".* \(sha256:([0-9a-f]{32})\)", re.DOTALL)


def canonical_url(url: str) -> str:
    """One text for one place: scheme and host in lower case, no default port, no user-info, query or fragment, no slash at the end.

    Raises ValueError where it is no URL.
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    port = parts.port
    place = host if port is None or port == PORTS.get(parts.scheme.lower()) else f"{host}:{port}"
    return urlunsplit((parts.scheme.lower(), place, parts.path.rstrip("/"), "", ""))


def public_url(url: str) -> str:
    """An address as it may be shown: without user, password, query and fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "an address that cannot be read"
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()


def secrets_of_url(url: str) -> Iterator[str]:
    """What may be a secret in an address, beside the whole: user and password, long parts of its path, and what its query says."""
    try:
        parts = urlsplit(url)
        pairs = parse_qsl(parts.query)
    except ValueError:
        return
    yield from (unquote(part) for part in (parts.username, parts.password) if part)
    yield from (unquote(part) for part in parts.path.split("/") if len(part) >= 8)  # `v1`, `api`, `models` are none
    yield from (value for _, value in pairs)


def places_of_url(url: str) -> Iterator[str]:
    """How messages name an address: all of it, its host with the port, and its host."""
    try:
        parts = urlsplit(url)
        yield from {url, public_url(url), canonical_url(url)}
        if parts.hostname:
            yield from {parts.netloc.rpartition("@")[2], parts.hostname}
    except ValueError:
        yield url


def location(written: str, canonical: str) -> str:
    """Where an entry leads, for plans and messages: the address, or, where it was written with references, these and a hash of the address.

    The hash tells whether two lead to one place, and whether one still leads where it did; it is of no use to find a key in another text.
    """
    if written == canonical or "${" not in written:
        return canonical
    return f"{written} (sha256:{_digest(canonical)})"


def place_of(location: str) -> str:
    """What two locations have in common that lead to one place, however they were written."""
    hashed = _HASHED.fullmatch(location)
    return hashed[1] if hashed else _digest(location)


def is_known_place(location: str) -> bool:
    """False for a location that is written with references to what is not there."""
    return "${" not in location or _HASHED.fullmatch(location) is not None


def comparable_url(url: str) -> str:
    """One text for all spellings of an address that lead to one place, for comparing alone: requests go where they were told.

    The names and addresses of this machine are one host, a dot at the end of a name means nothing, an IP address has one
    form, a name outside ASCII is its punycode, and what a path needs not escape is not escaped. Text that is no
    http(s) address stays.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return url
    if parts.scheme.lower() not in PORTS:
        return url
    host = _comparable_host(parts.hostname or "")
    place = host if port is None or port == PORTS[parts.scheme.lower()] else f"{host}:{port}"
    path = re.sub(r"/{2,}", "/", _UNRESERVED.sub(lambda match: chr(int(match[1], 16)), parts.path)).rstrip("/")
    return urlunsplit((parts.scheme.lower(), place, path, parts.query, parts.fragment))


def _comparable_host(host: str) -> str:
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return "localhost"
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        try:
            return name.encode("idna").decode()
        except UnicodeError:
            return name
    mapped = getattr(address, "ipv4_mapped", None) or address
    return "localhost" if mapped.is_loopback or mapped.is_unspecified else str(mapped)


def _digest(canonical: str) -> str:
    canonical = comparable_url(canonical)
    return hashlib.sha256(f"reconciler location\0{canonical}".encode(errors="surrogatepass")).hexdigest()[:32]
