"""From what a manifest says of an endpoint to where requests go, with which headers and how safely."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from reconciler.core.secret import Resolver, Secret
from reconciler.core.spec import is_reference
from reconciler.endpoint.values import FailedError, Subject
from reconciler.registry.http import Redactor, Target, proxy_secrets

PATIENCE: Final = 60.0  # seconds for one answer, where the manifest has no `timeout`
LARGEST_BODY: Final = 8 * 1024 * 1024
_ANTHROPIC_VERSION: Final = "2023-06-01"
_ELSEWHERE: Final = "redirects are not followed, so that no key goes to another host: set `url` to where the model is"
_HINTS: Final = {
    401: "look at `api_key` and `headers`",
    403: "look at `api_key` and `headers`",
    404: "`url` is the base below which the format has its paths",
    **dict.fromkeys((301, 302, 303, 307, 308), _ELSEWHERE),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Address of one endpoint: the base that paths are appended to, and the query behind them. `redactor` knows the secrets that are sent there."""

    target: Target
    query: Mapping[str, str]
    redactor: Redactor


def place_of(
    subject: Subject,
    resolver: Resolver,
    *,
    bare: bool,
    name: str = "endpoint",
    hints: Mapping[int, str] = _HINTS,
    largest_body: int = LARGEST_BODY,
) -> Place:
    """Resolve a model's address, headers and secrets. `bare`: nothing is appended to the url, so it stays as it is written; `name` is for messages.

    Raises SecretError where a reference leads to no value, FailedError where the url has a query that cannot be sent.
    """
    endpoint = subject.endpoint
    parts = urlsplit(endpoint.url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    if len(dict(pairs)) < len(pairs):
        raise FailedError("the query of `url` has a name twice, which cannot be asked for here")
    base = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
    headers = _headers(subject, resolver)
    target = Target(
        registry=name,
        url=base if bare else base.rstrip("/"),
        headers=headers,
        verify=endpoint.tls is None or endpoint.tls.verify is not False,
        certificates=endpoint.tls.ca if endpoint.tls is not None else None,
        timeout=float(endpoint.timeout or PATIENCE),
        hints=hints,
        environ=resolver.environ,
        concurrency=1,
        attempts=1,
        largest_body=largest_body,
    )
    sent = [value for value in headers.values() if isinstance(value, Secret)]
    return Place(target, dict(pairs), Redactor([*sent, *proxy_secrets(base, resolver.environ)]))


def _headers(subject: Subject, resolver: Resolver) -> dict[str, str | Secret]:
    """The manifest's own headers, and beside them what the format wants: who writes a header down knows better."""
    endpoint = subject.endpoint
    given: dict[str, str | Secret] = {
        name: resolver.resolve(value) if is_reference(value) else value
        for name, value in (endpoint.headers or {}).items()
    }
    ours: dict[str, str | Secret] = {"Accept": "application/json, text/event-stream"}
    key = resolver.resolve(endpoint.api_key) if endpoint.api_key is not None else None
    if subject.format == "anthropic":
        ours["anthropic-version"] = _ANTHROPIC_VERSION
        if key is not None:
            ours["x-api-key"] = key
    elif key is not None:
        ours["Authorization"] = key.derived("Bearer {}".format)
    taken = {name.lower() for name in given}
    return {**{name: value for name, value in ours.items() if name.lower() not in taken}, **given}
