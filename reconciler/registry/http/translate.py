"""Translation of responses, and of their absence, into values and our errors: the one place where HTTP is interpreted."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Final

import httpx2

from reconciler.core.errors import LostReplyError, PermanentError, RegistryError, TemporaryError, UnreachableError
from reconciler.core.redaction import Redactor
from reconciler.core.secret import Secret
from reconciler.core.url import places_of_url, public_url, secrets_of_url
from reconciler.registry.http.address import base_of
from reconciler.registry.http.payload import parse, secrets_in
from reconciler.registry.http.pool import NoResponse, RawResponse
from reconciler.registry.http.proxies import proxy_secrets, proxy_variable
from reconciler.registry.http.reasons import reason_of
from reconciler.registry.http.target import Call, Response, Target

THROTTLED: Final = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
MESSAGE_CHARACTERS: Final = 500
EXCERPT_CHARACTERS: Final = 80
READ_AHEAD: Final = 512 * 1024  # bytes of which an excerpt is made: more than it shows, so that no secret is cut
UNSENT_ATTEMPTS: Final = 3  # a registry that is not there is seldom there a minute later

_SECONDS: Final = re.compile(r"[0-9]+(\.[0-9]+)?")
_LOOK: Final = "it may have been done: look before you send it again"
_TRUST: Final = "name its certificate authority in `ca`; `verify: false` trusts anybody"
_PAGES: Final = ("text/html", "application/xhtml")
_PAGE: Final = "a page of a proxy or a log-in? check `url`"


@dataclass(frozen=True, slots=True)
class Failure:
    """An error not yet raised, and whether the request is sent again before.

    `attempts` is how often in all; `wait` the seconds until the next, None where the backoff says; `pause` those before it is raised.
    """

    kind: type[RegistryError]
    message: str
    hint: str | None = None
    attempts: int = 1
    wait: float | None = None
    pause: float = 0.0


class Translator:
    """Translator for one target: it knows its name, its hints, its retries and its secrets."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._secrets = [value for value in target.headers.values() if isinstance(value, Secret)]
        # of an address the whole is masked, and what in it may be a key: a part of it is part of other addresses too
        addresses = [secret.reveal() for secret in target.hidden]
        urls = [target.url, *(address for address in addresses if "://" in address)] if target.hidden else []
        self._places = [place for url in urls for place in places_of_url(url)]
        self._secrets += proxy_secrets(target.url, target.environ)
        self._secrets += [secret for secret in target.hidden if "://" not in secret.reveal()]
        self._secrets += [Secret(part) for url in urls for part in secrets_of_url(url)]

    def redactor(self, call: Call) -> Redactor:
        """Build the redactor of a request: it hides the credentials, and the secrets of the address and the body."""
        return Redactor([*self._secrets, *secrets_in(call.body)], self._places)

    def shown(self, call: Call) -> str:
        """The address of a request: as it is written in reconciler.yaml, without a query and without secrets."""
        address = public_url(str(call.url))
        if self._target.shown is not None:
            address = self._target.shown + address.removeprefix(
                public_url(str(httpx2.URL(self._target.url))).rstrip("/")
            )
        return self.redactor(call)(address)

    def parsed(self, call: Call, response: RawResponse) -> Response | Failure:
        """Parse a response with an expected status."""
        if not response.whole:
            limit = self._target.largest_body
            return self._unusable(call, response, f"with more than {limit / 2**20:.3g} MiB")
        try:
            return Response(response.status, response.headers, parse(response.body), self.redactor(call))
        except (ValueError, RecursionError):  # their text quotes the body
            kind = response.headers.get("content-type", "no content type")
            packed = response.headers.get("content-encoding")
            redactor = self.redactor(call)
            named = redactor.excerpt(f"{kind}, {packed}" if packed else kind, EXCERPT_CHARACTERS)
            start = redactor.excerpt(response.body[:READ_AHEAD].decode("utf-8", "replace"), EXCERPT_CHARACTERS)
        hint = _PAGE if kind.lower().startswith(_PAGES) or start.startswith("<") else None
        return self._unusable(call, response, f"not with JSON in UTF-8 ({named}): {start}", hint)

    def failure(self, call: Call, response: RawResponse) -> Failure:
        """Translate a response with any other status."""
        status = response.status
        redactor = self.redactor(call)
        if 300 <= status < 400:
            return self._redirect(call, response, redactor)
        detail = redactor.excerpt(reason_of(response.headers, response.body), MESSAGE_CHARACTERS)
        message = self._answered(call, status, f": {detail}" if detail else "")
        hint = self._target.hints.get(status)
        if status in THROTTLED:
            return self._throttled(call, response, message, hint)
        if status >= 500 and call.repeatable:
            return Failure(TemporaryError, message, hint, self._target.attempts)
        if status >= 500 or (status < 300 and not call.repeatable):
            return Failure(LostReplyError, message, hint or _LOOK)
        return Failure(PermanentError, message, hint)

    def no_response(self, call: Call, unanswered: NoResponse) -> Failure:
        """Translate an exchange without a response, or with half of one."""
        message = f"{self.named(call)}: {unanswered.reason}"
        if unanswered.tls:
            return Failure(PermanentError, message, self._hint_of_tls(unanswered))
        if not unanswered.sent:
            attempts = min(self._target.attempts, UNSENT_ATTEMPTS)
            return Failure(UnreachableError, message, self._hint_of_way(), attempts)
        if call.repeatable:
            hint = self._hint_of_way("`timeout` if the registry is slow")
            return Failure(TemporaryError, message, hint, self._target.attempts)
        return Failure(LostReplyError, message, _LOOK)

    def _hint_of_tls(self, unanswered: NoResponse) -> str:
        if not unanswered.trusted:
            return _TRUST
        variable = self._proxy_variable()
        proxy = f", or that of the proxy in {variable}" if variable else ""
        return f"does the address want http://{proxy}?"

    def _hint_of_way(self, *more: str) -> str:
        """Hint where nothing came back: the address, and the proxy where one is used."""
        variable = self._proxy_variable()
        *first, last = ["`url`", *([f"the proxy in {variable}"] if variable else []), *more]
        return f"check {', '.join(first)} and {last}" if first else f"check {last}"

    def _proxy_variable(self) -> str | None:
        return proxy_variable(base_of(self._target), self._target.environ)

    def named(self, call: Call) -> str:
        """Name a request in messages."""
        return f"{self._target.registry}: {call.method} {self.shown(call)}"

    def _answered(self, call: Call, status: int, rest: str) -> str:
        return f"{self.named(call)} answered {_status(status)}{rest}"

    def _unusable(self, call: Call, response: RawResponse, what: str, hint: str | None = None) -> Failure:
        message = self._answered(call, response.status, f", {what}")
        if call.repeatable:
            return Failure(PermanentError, message, hint)
        return Failure(LostReplyError, message, _LOOK if hint is None else f"{hint}; {_LOOK}")

    def _redirect(self, call: Call, response: RawResponse, redactor: Redactor) -> Failure:
        location = response.headers.get("location")
        if location is None:
            return Failure(
                PermanentError, self._answered(call, response.status, ""), self._target.hints.get(response.status)
            )
        named = redactor.excerpt(public_url(location), MESSAGE_CHARACTERS)
        return Failure(
            PermanentError,
            self._answered(call, response.status, f": it redirects to {named}"),
            self._target.hints.get(response.status, "redirects are not followed: set `url` to where the registry is"),
        )

    def _throttled(self, call: Call, response: RawResponse, message: str, hint: str | None) -> Failure:
        wait = retry_after(response.headers)
        maybe_done = response.status != HTTPStatus.TOO_MANY_REQUESTS and not call.repeatable
        if wait is not None and wait > self._target.longest_wait:
            message = (
                f"{message}, and asks to wait {wait:.0f} seconds, which is longer than {self._target.longest_wait:g}"
            )
            return Failure(LostReplyError if maybe_done else TemporaryError, message, hint)
        if maybe_done:
            return Failure(LostReplyError, message, hint or _LOOK, pause=wait or 0.0)
        return Failure(TemporaryError, message, hint, self._target.attempts, wait)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of Retry-After: 0 or more, None where it is missing or cannot be understood."""
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    moment = _moment(text)
    if moment is None:
        return None
    # by the registry's own clock where it shows it: ours may differ
    now = _moment(headers.get("date", "")) or datetime.now(UTC)
    return max(0.0, (moment - now).total_seconds())


def _moment(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _status(status: int) -> str:
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
