"""The fixtures for tests against the real LiteLLM Proxy."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from registry.litellm.server import LiteLLMServer
from registry.litellm.wire import Wire, wire


@pytest.fixture(scope="session")
def litellm_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiteLLMServer]:
    """This worker's proxy, started. A test that stops or kills it starts it again."""
    with LiteLLMServer.private(tmp_path_factory.mktemp("litellm")) as server:
        yield server


@pytest.fixture
def litellm(litellm_server: LiteLLMServer) -> LiteLLMServer:
    """The same, with nothing in it but what its config.yaml declares."""
    return _emptied(litellm_server)


@pytest.fixture
def litellm_wire(litellm: LiteLLMServer) -> Iterator[Wire]:
    """The judge, for that one."""
    with wire(litellm.url, litellm.token) as asking:
        yield asking


@pytest.fixture(scope="session")
def _second_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiteLLMServer]:
    with LiteLLMServer.private(tmp_path_factory.mktemp("litellm-too")) as server:
        yield server


@pytest.fixture
def litellm_too(_second_server: LiteLLMServer) -> LiteLLMServer:
    """A second proxy that knows nothing of the first, with nothing in it. Seldom needed, and it costs a start."""
    return _emptied(_second_server)


def _emptied(server: LiteLLMServer) -> LiteLLMServer:
    with wire(server.url, server.token) as asking:
        asking.empty()
    return server
