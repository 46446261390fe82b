"""The server of `server.py`, started once for a file of tests, and models that are behind it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from endpoint.server import KEY
from programs import HANGS

from reconciler.core.model import Endpoint
from reconciler.core.resource import Address
from reconciler.core.secret import Resolver
from reconciler.endpoint.subjects import AdapterCatalogue
from reconciler.endpoint.test_run import run_test
from reconciler.endpoint.values import Adapter, Subject
from reconciler.registry.capabilities import Check, TestResult
from reconciler.registry.latticeflow import DRIVER

PROGRAM: Final = Path(__file__).with_name("server.py")
ENVIRON: Final = {"LLM_KEY": KEY}
ADAPTERS: Final = AdapterCatalogue((), [DRIVER])


@dataclass(frozen=True)
class Place:
    """A running server."""

    port: int

    @property
    def host(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.host}/v1"

    def told(self) -> dict[str, Any]:
        """What arrived since the start, and how many requests were worked on at one time."""
        with urllib.request.urlopen(f"{self.host}/seen", timeout=HANGS) as reply:
            data: dict[str, Any] = json.load(reply)
        return data

    def seen(self, model: str) -> list[dict[str, Any]]:
        """The questions to one model."""
        return [
            one for one in self.told()["seen"] if isinstance(one["body"], dict) and one["body"].get("model") == model
        ]


@contextmanager
def serving() -> Iterator[Place]:
    process = subprocess.Popen([sys.executable, str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Place(int(process.stdout.readline()))
    finally:
        process.stdin.close()
        process.wait(timeout=HANGS)
        process.stdout.close()


@pytest.fixture(scope="module")
def place() -> Iterator[Place]:
    with serving() as running:
        yield running


def subject(
    url: str, model: str | None = "m", *, task: str = "chat_completion", adapter: Adapter | None = None, **how: Any
) -> Subject:
    """A model behind an endpoint; `parameters` beside what an endpoint may say."""
    parameters = how.pop("parameters", {})
    named = how.pop("endpoint_adapter", adapter.key if adapter is not None else None)
    fields = {"api_key": "${env:LLM_KEY}", "timeout": 20, "adapter": named, **how}
    endpoint = Endpoint(url=url, model=model, **fields)
    missing = "" if adapter is not None else ADAPTERS.find(named)[1]
    addresses = (Address("local", "Model", "chat"),)
    return Subject("chat", addresses, endpoint, task, parameters, {}, adapter, missing, how_located)


def how_located(pointer: str) -> str:
    return f"manifests/chat.yaml:{pointer}"


async def run(one: Subject, given: Any = None, *, probe: bool = True, **environ: str) -> TestResult:
    return await run_test(one, Resolver(Path.cwd(), {**ENVIRON, **environ}), given=given, probe=probe)


def failed(one: TestResult, name: str) -> str:
    """The message of this check, which must be the only one that failed. Nothing comes after it but what does not depend on it."""
    assert [check.name for check in one.checks if not check.ok] == [name], one.checks
    assert KEY not in repr(one)
    return check_of(one, name).message


def check_of(one: TestResult, name: str) -> Check:
    return next(check for check in one.checks if check.name == name)


def states(one: TestResult) -> dict[str, str]:
    return {check.name: check.state for check in one.checks}


def names(one: TestResult) -> list[str]:
    return [check.name for check in one.checks]
