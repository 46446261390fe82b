"""Retry-After is honoured, the bound shrinks and grows back, and connections are few and used again: counted at the server."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from registry.loopback import Seen, always, connected, in_turn, reply

from reconciler.core.errors import LostReplyError, TemporaryError
from reconciler.registry.http.concurrency import ConcurrencyLimit
from reconciler.registry.http.translate import retry_after


def limited(seconds: str, status: int = 429) -> bytes:
    return reply(status, {"message": "slow down"}, {"Retry-After": seconds})


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE"])
async def test_429_is_repeated_for_every_method(method: str) -> None:
    """Nothing was done, so a create may be sent again too; not before the registry said."""
    async with connected(in_turn(limited("1"), reply(200, {"id": 1}))) as (client, server):
        began = time.monotonic()
        assert (await client.call(method, "/models")).data == {"id": 1}
        assert time.monotonic() - began >= 1
        assert server.count(method) == 2


async def test_429_without_a_time_is_repeated_with_backoff() -> None:
    """After the attempts it is a temporary error that says how often."""
    async with connected(always(reply(429, {"message": "slow down"})), backoff=0.1) as (client, server):
        began = time.monotonic()
        with pytest.raises(
            TemporaryError, match=r"answered 429 Too Many Requests: slow down \(tried 3 times\)"
        ) as caught:
            await client.call("POST", "/models")
        assert time.monotonic() - began >= 0.1 + 0.2
        assert type(caught.value) is TemporaryError
        assert server.count("POST") == 3


async def test_a_date_is_understood_by_the_registrys_own_clock() -> None:
    """One second after its `Date`, although both lie years ago."""
    then = datetime(2020, 1, 1, tzinfo=UTC)
    dates = {
        "Date": format_datetime(then, usegmt=True),
        "Retry-After": format_datetime(then + timedelta(seconds=1), usegmt=True),
    }
    async with connected(in_turn(reply(429, {}, dates), reply(200))) as (client, server):
        began = time.monotonic()
        await client.call("POST", "/models")
        assert time.monotonic() - began >= 1
        assert server.count("POST") == 2


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("7", 7),
        ("1.5", 1.5),
        ("-1", None),
        ("soon", None),
        ("", None),
        ("1e5", None),
        ("Wed, 01 Jan 2020 00:00:00 GMT", 0),
    ],
)
def test_retry_after_in_all_forms(text: str, seconds: float | None) -> None:
    """Seconds or a date; what nobody understands is as if it were not there."""
    assert retry_after({"retry-after": text}) == seconds


def test_a_date_without_the_registrys_clock_is_read_by_ours() -> None:
    """An hour from now is about an hour, also where the zone is not written or is another one."""
    moment = datetime.now(UTC) + timedelta(hours=1)
    elsewhere = moment.astimezone(tz=datetime.strptime("+0500", "%z").tzinfo)
    for text in (
        format_datetime(moment, usegmt=True),
        format_datetime(elsewhere),
        format_datetime(moment.replace(tzinfo=None)),
    ):
        found = retry_after({"retry-after": text})
        assert found is not None
        assert 3000 < found <= 3600


@pytest.mark.parametrize("wait", ["3600", "9" * 400, "Wed, 01 Jan 2200 00:00:00 GMT"])
@pytest.mark.parametrize("status", [429, 503])
async def test_a_wait_that_is_too_long_is_an_error_that_says_so(wait: str, status: int) -> None:
    """Nobody waits an hour; the error comes at once, and nobody else is kept waiting."""
    async with connected(in_turn(limited(wait, status), reply(200))) as (client, server):
        with pytest.raises(TemporaryError, match=r"asks to wait \w+ seconds, which is longer than 60"):
            await client.call("GET", "/models")
        await client.call("GET", "/models")
        assert len(server.seen) == 2


async def test_503_is_repeated_for_what_may_be_repeated() -> None:
    """Like 429."""
    async with connected(in_turn(limited("1", 503), reply(200))) as (client, server):
        began = time.monotonic()
        await client.call("GET", "/models")
        assert time.monotonic() - began >= 1
        assert server.count("GET") == 2


async def test_503_to_a_create_waits_and_is_then_a_lost_reply() -> None:
    """It may have been done: the caller looks before it sends again, and not before the registry can answer."""
    async with connected(always(limited("1", 503))) as (client, server):
        began = time.monotonic()
        with pytest.raises(LostReplyError, match="answered 503 Service Unavailable: slow down"):
            await client.call("POST", "/models")
        assert time.monotonic() - began >= 1
        assert server.count("POST") == 1
    async with connected(always(limited("3600", 503))) as (client, server):
        with pytest.raises(LostReplyError, match="asks to wait 3600 seconds"):
            await client.call("POST", "/models")
        assert server.count("POST") == 1


async def test_everybody_holds_back_until_the_registry_said() -> None:
    """One request is told to wait: others that come meanwhile are not sent either."""
    arrived: list[float] = []

    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        arrived.append(time.monotonic())
        writer.write(limited("1") if len(arrived) == 1 else reply(200))

    async with connected(behave) as (client, server):
        most = client._limit.current
        first = asyncio.create_task(client.call("GET", "/first"))
        await server.until(lambda: client._limit.current < most)  # it was told
        await asyncio.gather(first, *(client.call("GET", f"/{number}") for number in range(5)))
    assert len(arrived) == 7
    assert min(arrived[1:]) - arrived[0] >= 1


async def test_no_more_requests_than_allowed_and_their_connections_are_used_again() -> None:
    """Forty requests, four at a time, over at most four connections."""

    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        await server.until(lambda: server.most == 4)
        writer.write(reply(200))

    async with connected(behave, concurrency=4) as (client, server):
        await asyncio.gather(*(client.call("PUT", f"/models/{number}", body={}) for number in range(40)))
        assert server.most == 4
        assert server.connections == 4
        assert len(server.seen) == 40


async def test_the_bound_shrinks_and_grows_back() -> None:
    """Eight at a time; after one refused wave four; after enough answers eight again."""
    refuse, width, answering = True, 8, asyncio.Event()

    async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
        if len(server.seen) == 1:  # nobody is answered before all are here that may be
            await server.until(lambda: len(server.seen) >= width)
            await asyncio.sleep(0.05)  # in which one too many would come
            before_an_answer.append(len(server.seen))
            answering.set()
        await answering.wait()
        writer.write(reply(429, {}) if refuse else reply(200))

    before_an_answer: list[int] = []
    async with connected(behave, concurrency=8, attempts=1) as (client, server):
        refused = await asyncio.gather(*(client.call("GET", "/a") for _ in range(8)), return_exceptions=True)
        assert all(isinstance(error, TemporaryError) for error in refused)
        refuse, width = False, 4
        server.seen.clear()
        answering.clear()
        await asyncio.gather(*(client.call("GET", "/a") for _ in range(60)))
        width = 8
        server.seen.clear()
        answering.clear()
        await asyncio.gather(*(client.call("GET", "/a") for _ in range(60)))
    assert before_an_answer == [8, 4, 8]


async def test_every_wave_that_is_refused_halves_the_bound_down_to_one() -> None:
    """A registry that refuses again and again is asked by one request at a time."""
    at_once: list[int] = []

    async with connected(always(b""), concurrency=8, attempts=6, backoff=0.02) as (client, server):

        async def behave(seen: Seen, writer: asyncio.StreamWriter) -> None:
            at_once.append(server.working)
            if len(at_once) <= 8:
                await server.until(lambda: len(at_once) >= 8)
            writer.write(reply(429, {}))

        server.behave = behave
        await asyncio.gather(*(client.call("GET", "/a") for _ in range(8)), return_exceptions=True)
    assert max(at_once) == 8
    assert max(at_once[-8:]) == 1
    assert len(at_once) == 48


async def test_widths_step_by_step() -> None:
    """Halved once for each wave, wider by one after as many answers in a row as it is wide."""
    limit = ConcurrencyLimit(8)
    wave = await limit.acquire()
    late = await limit.acquire()
    limit.throttled(wave, 0)
    limit.throttled(late, 0)  # of the same wave: for the same reason
    assert limit.current == 4
    limit.accepted(late)  # it was sent before, and says nothing about now
    await asyncio.sleep(0)
    wave = await limit.acquire()
    for _ in range(3):
        limit.accepted(wave)
    assert limit.current == 4
    limit.accepted(wave)
    assert limit.current == 5
    limit.throttled(wave, 0)
    assert limit.current == 2
    limit.close()


async def test_the_bound_never_loses_a_slot() -> None:
    """Waiters cancelled at every moment: before their turn, in the very moment of it, and while everybody holds back."""
    limit = ConcurrencyLimit(2)
    for _ in range(2):
        await limit.acquire()
    waiting = [asyncio.create_task(limit.acquire()) for _ in range(4)]
    await asyncio.sleep(0)
    limit.release()  # the first one's turn ...
    waiting[0].cancel()  # ... which it does not live to see
    waiting[2].cancel()
    await asyncio.gather(*waiting[:1], waiting[2], return_exceptions=True)
    await waiting[1]
    assert not waiting[3].done()
    limit.release()
    await waiting[3]
    limit.release()
    limit.release()
    limit.throttled(await limit.acquire(), 0.05)
    limit.release()
    held = [asyncio.create_task(limit.acquire()) for _ in range(3)]
    await asyncio.sleep(0)
    held[0].cancel()
    await asyncio.gather(held[0], return_exceptions=True)
    for task in held[1:]:
        await task
        limit.release()
    await limit.acquire()
    limit.close()
