"""HTTP client of one registry: sends requests, repeats what may be repeated, returns parsed responses or raises our errors."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

from tenacity import AsyncRetrying, RetryCallState, wait_exponential, wait_random

from reconciler.core.errors import DeadlineError, LostReplyError, PermanentError, TemporaryError
from reconciler.registry import deadline
from reconciler.registry.http.address import check_destination, headers_of, url_of
from reconciler.registry.http.concurrency import ConcurrencyLimit
from reconciler.registry.http.payload import encode, secrets_in, shown
from reconciler.registry.http.pool import NoResponse, Pool, RawResponse, open_pool
from reconciler.registry.http.target import Call, Response, Target
from reconciler.registry.http.translate import THROTTLED, Failure, Translator

LOG: Final = logging.getLogger("reconciler.http")
_SAFE: Final = ("GET", "HEAD")
UNAUTHORIZED: Final = HTTPStatus.UNAUTHORIZED


class Client:
    """Requests to one registry, for one event loop. Calls may be made concurrently."""

    def __init__(self, target: Target, pool: Pool, limit: ConcurrencyLimit) -> None:
        self._target = target
        self._pool = pool
        self._limit = limit
        self._translator = Translator(target)
        self._jitter = wait_random(0, target.backoff)
        self._backoff = wait_exponential(multiplier=target.backoff, max=target.longest_wait) + self._jitter

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        expected: Collection[int] = (200,),
        repeatable: bool | None = None,
        timeout: float | None = None,  # noqa: ASYNC109  # of one attempt, not of the call
    ) -> Response:
        """Send a request, and again where that is safe.

        `path` is appended to the target's address as it is; `query` is quoted. `body` is JSON data whose leaves may be `Secret`; None
        sends none. A reply is returned if its status is among `expected`. `repeatable` says that sending it twice does what
        sending it once does; None means: only GET and HEAD. `timeout` is in seconds, for one attempt.

        Raises PermanentError where trying again will not help, TemporaryError where it may, and its subclass LostReplyError where a
        request that may not be repeated was sent and its reply lost: it may have been done.
        """
        call = Call(
            method=method,
            url=url_of(self._target, path, query),
            body=body,
            content=self._encode(body, method, path),
            expected=expected,
            repeatable=method in _SAFE if repeatable is None else repeatable,
            timeout=self._target.timeout if timeout is None else timeout,
        )
        first = await self._attempt(call)
        if isinstance(first, Response):
            return first  # before tenacity, which costs a sixth of a request
        retrying = AsyncRetrying(
            sleep=asyncio.sleep, stop=_is_last, wait=self._wait, retry=_has_failed, retry_error_callback=_give_up
        )
        outcome: Response | Failure = await retrying(self._next, call, [first])
        if isinstance(outcome, Response):
            return outcome
        await asyncio.sleep(min(outcome.pause, deadline.remaining()))
        raise outcome.kind(outcome.message, hint=outcome.hint)

    async def exchange(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        content: bytes | None = None,
        expected: Collection[int] = range(200, 300),
        repeatable: bool = False,
        timeout: float | None = None,  # noqa: ASYNC109  # as above
        sink: Callable[[bytes], bool] | None = None,
    ) -> RawResponse:
        """Send bytes as they are, once, and return the bytes that came: for what need not be JSON, or comes piece by piece.

        What is `repeatable` is sent once more where a connection of the pool turns out to be closed. `sink` is given each piece of an
        expected reply's body as it comes, and ends the reading by saying True. Raises as `call` does; LostReplyError also where a reply
        began and did not end.
        """
        call = Call(
            method=method,
            url=url_of(self._target, path, query),
            body=None,
            content=content,
            expected=expected,
            repeatable=repeatable,
            timeout=self._target.timeout if timeout is None else timeout,
            sink=sink,
            replaces_stale=repeatable,
        )
        outcome = await self._send(call)
        if isinstance(outcome, RawResponse):
            return outcome
        raise outcome.kind(outcome.message, hint=outcome.hint)

    def _encode(self, body: Any, method: str, path: str) -> bytes | None:
        check_destination(self._target, secrets_in(body))
        try:
            return None if body is None else encode(body)
        except ValueError as error:
            raise PermanentError(f"{self._target.registry}: {method} {path} cannot be sent: {error}") from error

    async def _next(self, call: Call, made: list[Failure]) -> Response | Failure:
        """Hand back the attempt that was made already, then make new ones."""
        return made.pop() if made else await self._attempt(call)

    async def _attempt(self, call: Call) -> Response | Failure:
        outcome = await self._send(call)
        return outcome if isinstance(outcome, Failure) else self._translator.parsed(call, outcome)

    async def _send(self, call: Call) -> RawResponse | Failure:
        """Send a request within the concurrency limit: a response with an expected status, whatever it holds, or the failure."""
        wave = await self._turn(call)
        if isinstance(wave, Failure):
            return wave
        try:
            translator = self._translator
            response = await self._exchange(call)
            refused = (
                isinstance(response, RawResponse)
                and response.status == UNAUTHORIZED
                and UNAUTHORIZED not in call.expected
            )
            if refused and self._renew_credentials(translator):
                translator = self._translator
                response = await self._exchange(call)  # whatever it asks for: what was refused so was not done
            return self._classify(call, response, wave, translator)
        finally:
            self._limit.release()

    async def _turn(self, call: Call) -> int | Failure:
        """The wave of a request that may be sent now. Where the registry has all others wait, it waits no longer than its deadline.

        What is sent after the deadline belongs to a change that is under way, and waits as long as for one answer.
        """
        timer = asyncio.timeout(max(deadline.remaining(), call.timeout) if deadline.current() is not None else None)
        try:
            async with timer:
                return await self._limit.acquire()
        except TimeoutError:
            if not timer.expired():
                raise
            return _over(
                Failure(TemporaryError, f"{self._translator.named(call)} was not sent: the registry has all wait")
            )

    async def _exchange(self, call: Call) -> RawResponse | NoResponse:
        check_destination(self._target, self._target.secrets())
        began = time.perf_counter()
        response = await self._pool.exchange(call)
        if isinstance(response, NoResponse) and response.stale and call.replaces_stale:
            response = await self._pool.exchange(call)  # on a new connection: the server had closed the old one
        if LOG.isEnabledFor(logging.DEBUG):
            self._log(call, response, (time.perf_counter() - began) * 1000)
        return response

    def _renew_credentials(self, used: Translator) -> bool:
        """Renew the credentials. Returns whether they are others now than when `used` was the translator."""
        if self._translator is not used:
            return True  # another request was refused first
        if self._target.renew is None:
            return False
        before = headers_of(self._target)
        target = replace(self._target, headers={**self._target.headers, **self._target.renew()})
        now = headers_of(target)
        if now == before:
            return False
        self._pool.update_headers(now)
        self._target, self._translator = target, Translator(target)
        return True

    def _classify(
        self, call: Call, response: RawResponse | NoResponse, wave: int, translator: Translator
    ) -> RawResponse | Failure:
        if isinstance(response, NoResponse):
            return translator.no_response(call, response)
        if response.status in call.expected:
            self._limit.accepted(wave)
            return response
        failure = translator.failure(call, response)
        if response.status in THROTTLED:
            # who is told to wait longer than it will does not wait at all, nor keep others waiting
            self._limit.throttled(wave, failure.wait or failure.pause)
        else:
            self._limit.accepted(wave)
        return failure

    def _wait(self, state: RetryCallState) -> float:
        failure: Failure = _outcome(state)
        if failure.wait is None:
            return self._backoff(state)
        return failure.wait + self._jitter(state)

    def _log(self, call: Call, response: RawResponse | NoResponse, milliseconds: float) -> None:
        redactor = self._translator.redactor(call)
        result = (
            response.reason if isinstance(response, NoResponse) else f"{response.status}, {len(response.body)} bytes"
        )
        sent = "" if call.body is None else f", sent {redactor(shown(call.body))}"
        LOG.debug("%s %s: %s, %.0f ms%s", call.method, self._translator.shown(call), result, milliseconds, sent)


def _outcome(state: RetryCallState) -> Any:
    return None if state.outcome is None else state.outcome.result()


def _has_failed(state: RetryCallState) -> bool:
    return state.outcome is not None and not state.outcome.failed and isinstance(state.outcome.result(), Failure)


def _is_last(state: RetryCallState) -> bool:
    failure: Failure = _outcome(state)
    return state.attempt_number >= failure.attempts or _comes_too_late(state)


def _comes_too_late(state: RetryCallState) -> bool:
    """Whether the deadline is over before the next attempt would begin."""
    return state.upcoming_sleep >= deadline.remaining()


def _give_up(state: RetryCallState) -> Failure:
    failure: Failure = _outcome(state)
    tried = state.attempt_number
    told = failure if tried == 1 else replace(failure, message=f"{failure.message} (tried {tried} times)")
    return _over(told) if tried < failure.attempts and _comes_too_late(state) else told


def _over(failure: Failure) -> Failure:
    """A failure that is not tried again because of the deadline. That a reply was lost stays what it is: it may have been done."""
    kind = failure.kind if issubclass(failure.kind, PermanentError | LostReplyError) else DeadlineError
    message = f"{failure.message}; its {deadline.current()} is over"
    return replace(failure, kind=kind, message=message, hint=failure.hint or deadline.HINT)


@asynccontextmanager
async def open_client(target: Target) -> AsyncIterator[Client]:
    """Open a client, whose connections are closed at the end. Nothing is sent by opening.

    Raises PermanentError where the address, a header, the proxy or the CA bundle cannot be used.
    """
    async with open_pool(target) as pool:
        limit = ConcurrencyLimit(target.concurrency)
        try:
            yield Client(target, pool, limit)
        finally:
            limit.close()
