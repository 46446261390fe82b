"""Addresses: the one form in which two are compared, and the one in which they are shown.

An address may hold secrets: a user's name and password, a key in its query, and, where it was written with `${env:NAME}`, anything.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit, urlunsplit

PORTS: Final = {"http": 80, "https": 443}
_HASHED: Final = re.compile(r".* \(sha256:([0-9a-f]{32})\)", re.DOTALL)


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


def _digest(canonical: str) -> str:
    return hashlib.sha256(f"reconciler location\0{canonical}".encode(errors="surrogatepass")).hexdigest()[:32]
