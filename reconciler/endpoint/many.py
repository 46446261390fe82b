"""Several models tested, within bounds: on one host one after the other, since servers with one model at a time interrupt what they are doing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from reconciler.core.secret import Resolver
from reconciler.endpoint.test_run import run_test
from reconciler.endpoint.values import Subject
from reconciler.registry.capabilities import TestResult

HOSTS_AT_ONCE: Final = 4
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1", "0.0.0.0")  # noqa: S104  # names of this machine: nothing is bound to them
_PORTS: Final = {"http": 80, "https": 443}


async def run_tests(
    subjects: Sequence[Subject], resolver: Resolver, *, given: Any = None, probe: bool = True
) -> tuple[TestResult, ...]:
    """Test each model; results in the order given. At most HOSTS_AT_ONCE are under way at one time."""
    slots = asyncio.Semaphore(HOSTS_AT_ONCE)
    hosts: dict[str, list[int]] = {}
    for index, subject in enumerate(subjects):
        hosts.setdefault(host_of(subject.endpoint.url), []).append(index)
    results: dict[int, TestResult] = {}

    async def on_one_host(indexes: Sequence[int]) -> None:
        for index in indexes:
            async with slots:
                results[index] = await run_test(subjects[index], resolver, given=given, probe=probe)

    await asyncio.gather(*map(on_one_host, hosts.values()))
    return tuple(results[index] for index in range(len(subjects)))


def host_of(url: str) -> str:
    """The host and port that a URL leads to, whatever way they are spelt."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return url
    return f"{'localhost' if host in _LOOPBACK else host}:{port}"
