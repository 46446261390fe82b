"""Addresses and headers of requests, checked: the base address of a target, the paths below it, what goes with every request."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import SplitResult, quote, urlencode, urlsplit

import httpx2

from reconciler import __version__
from reconciler.core.destinations import host_of
from reconciler.core.errors import PermanentError
from reconciler.core.secret import Secret
from reconciler.registry.http.target import Target

_OURS: Final = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",  # nothing else is unpacked: gzip alone can be unpacked in bounds everywhere
    "User-Agent": f"model-reconciler/{__version__}",
}
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\x20-\x7e\t]*")
_ELSEWHERE: Final = re.compile(r"/(\.|%2e){1,2}(?=/|$)|//|/$|[?#]", re.IGNORECASE)


def base_of(target: Target) -> SplitResult:
    """Base address of a target, in parts. Raises PermanentError where requests cannot be sent below it."""
    try:
        parts = urlsplit(target.url)
        sound = parts.scheme in ("http", "https") and is_host(target.url) and parts.port != 0
    except ValueError:
        raise _unusable(target) from None  # their text quotes the address, and with it what stands before an @
    if not sound or parts.username is not None or parts.query or parts.fragment:
        raise _unusable(target)
    return parts


def is_host(url: str) -> bool:
    """Check that the host of an address can be looked up: not one with an empty label, or one of more than 63 characters."""
    try:
        host = httpx2.URL(url).raw_host.decode("ascii")
        host.encode("idna")  # as `getaddrinfo` does, long after the address was accepted
    except (UnicodeError, httpx2.InvalidURL):
        return False
    return bool(host)


def _unusable(target: Target) -> PermanentError:
    return PermanentError(
        f"{target.registry}: its url cannot be used",
        hint="write http(s)://host[:port][/path], and credentials in fields of their own",
    )


def headers_of(target: Target) -> dict[str, str]:
    """Headers for every request, secrets revealed. Raises PermanentError, which names the header and never its value."""
    headers = dict(_OURS)
    names = {name.lower(): name for name in headers}
    for name, value in target.headers.items():
        text = value.reveal() if isinstance(value, Secret) else value
        if not _NAME.fullmatch(name) or not _VALUE.fullmatch(text):
            raise PermanentError(
                f"{target.registry}: the header {name!r} cannot be sent: it holds a line break or a character that is not ASCII",
                hint="look for a line break at the end of the credential",
            )
        headers.pop(names.get(name.lower(), ""), None)
        headers[name] = text
    return headers


def check_destination(target: Target, secrets: Iterable[Secret]) -> None:
    """Raises PermanentError where a secret may not be sent to the target's host: `secrets.allow` in reconciler.yaml says where."""
    refused = sorted({variable for secret in secrets for variable in secret.refused_at(target.url)})
    if refused:
        named = ", ".join(refused)
        where = "where its url leads" if target.hidden else str(host_of(target.url))
        raise PermanentError(
            f"{target.registry}: {named} may not be sent to {where}: `secrets.allow` in reconciler.yaml does not list it",
            hint=f"nothing was sent; if {named} belongs there, list the host under `secrets.allow`",
        )


def url_of(target: Target, path: str, query: Mapping[str, str] | None) -> httpx2.URL:
    """Build the address of one request.

    Raises PermanentError for a path that would lead elsewhere: HTTP clients resolve `..` before they send, so that a key of that
    name would turn the deletion of one object into that of all. So would an empty key, which leaves a `/` at the end, or two of them.
    """
    if _ELSEWHERE.search(path):
        raise PermanentError(f"{target.registry}: {path!r} cannot be asked for: it would lead to another address")
    url = f"{target.url}{path}"
    if query:
        url = f"{url}?{urlencode(query, quote_via=quote, safe='')}"
    try:
        return httpx2.URL(url)
    except httpx2.InvalidURL as error:
        raise PermanentError(f"{target.registry}: {path!r} cannot be asked for: it is no part of an address") from error
