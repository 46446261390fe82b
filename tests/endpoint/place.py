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
from reconciler.endpoint.tester import tried
from reconciler.endpoint.values import Adapter, Subject, Tried

PROGRAM: Final = Path(__file__).with_name("server.py")
ENVIRON: Final = {"LLM_KEY": KEY}


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
    return Subject("chat", (Address("local", "Model", "chat"),), endpoint, task, parameters, {}, adapter)


async def trial(one: Subject, given: Any = None, *, probe: bool = True, **environ: str) -> Tried:
    return await tried(one, Resolver(Path.cwd(), {**ENVIRON, **environ}), given=given, probe=probe)


def failed(one: Tried, name: str) -> str:
    """The message of the last check, which must be this one, and the only one that failed."""
    assert [check.name for check in one.checks if not check.ok] == [name], one.checks
    assert one.checks[-1].name == name
    assert KEY not in repr(one)
    return one.checks[-1].message


def names(one: Tried) -> list[str]:
    return [check.name for check in one.checks]
