"""The fixtures for tests against the real NeMo server."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from registry.nemo.judge import Judge, judging
from registry.nemo.server import NemoServer, create_workspace
from registry.server_process import Running


@pytest.fixture(scope="session")
def nemo_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The server of this test run, the same for all its workers. Not to be stopped: see `NemoServer.private`."""
    run = tmp_path_factory.getbasetemp()
    with NemoServer.shared((run.parent if "PYTEST_XDIST_WORKER" in os.environ else run) / "nemo") as running:
        yield running


@pytest.fixture
def workspace(nemo_server: Running) -> str:
    """A new workspace there."""
    return create_workspace(nemo_server.url)


@pytest.fixture(scope="session")
def nemo_judge(nemo_server: Running) -> Iterator[Judge]:
    """NVIDIA's own client, for that server."""
    with judging(nemo_server.url) as judge:
        yield judge
