"""Values of the HTTP client: the target of requests, one call, and its parsed response."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx2

from reconciler.core.redaction import Redactor
from reconciler.core.secret import Secret
from reconciler.registry.settings import CONCURRENCY, TIMEOUT

MEBIBYTE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Address of one registry, and the settings of the connection to it.

    `registry` is its name, for messages. `url` is the base without a trailing slash; paths are appended to it as they are.
    `headers` go with every request, credentials among them as `Secret`. `ca` is a PEM bundle to trust instead of the system's, and
    `certificates` the text of one.
    `timeout` is in seconds, for one attempt, from connecting to the last byte. `concurrency` bounds requests and connections at one
    time. `hints` say by status what to do next. `environ` is asked for HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, in either
    case. `attempts` is how often in all something is sent that may be repeated; `backoff` the seconds before the first repetition, doubled
    for each further one; `longest_wait` the seconds beyond which a Retry-After is an error. `largest_body` is in bytes, unpacked.
    `shown` is the address as messages name it, where it was written with references; `hidden` are the secrets in it.
    `renew` gives headers anew, asked after a 401: where they are others than before, what was refused is sent once more with them. It raises
    no error but RegistryError.
    """

    registry: str
    url: str = field(repr=False)
    headers: Mapping[str, str | Secret]
    verify: bool = True
    ca: Path | None = None
    certificates: str | None = None
    timeout: float = TIMEOUT
    concurrency: int = CONCURRENCY
    hints: Mapping[int, str] = field(default_factory=dict)
    environ: Mapping[str, str] = field(
        default_factory=lambda: os.environ, repr=False
    )  # a proxy's password may be there
    attempts: int = 5
    backoff: float = 0.5
    longest_wait: float = 60.0
    largest_body: int = 64 * MEBIBYTE
    shown: str | None = None
    hidden: tuple[Secret, ...] = ()
    renew: Callable[[], Mapping[str, str | Secret]] | None = field(default=None, repr=False)

    def secrets(self) -> Iterator[Secret]:
        """The secrets that go with every request: in its address and its headers."""
        yield from self.hidden
        yield from (value for value in self.headers.values() if isinstance(value, Secret))


@dataclass(frozen=True, slots=True)
class Response:
    """Parsed response of a registry. Names of `headers` are in lower case; `data` is the parsed JSON, None where the body is empty.

    `redact` takes the secrets that were sent out of what is shown of it.
    """

    status: int
    headers: Mapping[str, str]
    data: Any
    redact: Redactor = field(default_factory=lambda: Redactor(()), repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Call:
    """One request, however often it is sent. `content` holds what `body` says, its secrets revealed: neither is ever printed.

    `sink` is given each piece of an expected reply's body as it comes, and ends the reading by saying True. With `replaces_stale` the
    request is sent once more where a connection of the pool turns out to be closed.
    """

    method: str
    url: httpx2.URL
    body: Any = field(repr=False)
    content: bytes | None = field(repr=False)
    expected: Collection[int]
    repeatable: bool
    timeout: float
    sink: Callable[[bytes], bool] | None = field(default=None, repr=False)
    replaces_stale: bool = False
