"""The fixtures for tests against the real MLflow server."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from registry.mlflow.judge import Judge, Process
from registry.mlflow.server import MlflowServer, create_workspace
from registry.mlflow.world import connected
from registry.nemo_proxy import Proxy, proxied
from registry.server_process import Running
from world import World


@pytest.fixture(scope="session")
def mlflow_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The server of this test run, the same for all its workers. Not to be stopped: see `MlflowServer.private`."""
    with MlflowServer.shared(of_the_run(tmp_path_factory) / "mlflow", workspaces=True) as running:
        yield running


@pytest.fixture(scope="session")
def mlflow_auth_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One that asks for user name and password, and has no workspaces: a test of it names its objects as nobody else does."""
    with MlflowServer.shared(of_the_run(tmp_path_factory) / "mlflow-auth", auth=True) as running:
        yield running


@pytest.fixture
def mlflow_workspace(mlflow_server: Running) -> str:
    """A new workspace of the shared server, which is empty."""
    return create_workspace(mlflow_server.url)


@pytest.fixture(scope="session")
def mlflow_client() -> Iterator[Process]:
    """The process that has MLflow's own client, for any server."""
    process = Process()
    try:
        yield process
    finally:
        process.end()


@pytest.fixture
def mlflow_judge(mlflow_client: Process, mlflow_server: Running, mlflow_workspace: str) -> Judge:
    """MLflow's own client, for that workspace."""
    return Judge(mlflow_client, mlflow_server.url, mlflow_workspace)


@pytest.fixture
def proxy(mlflow_server: Running) -> Iterator[Proxy]:
    """A proxy to the shared server, which writes down what goes through it, and can break it."""
    with proxied(mlflow_server.url) as proxy:
        yield proxy


@pytest_asyncio.fixture
async def mlflow(proxy: Proxy, mlflow_workspace: str) -> AsyncIterator[World]:
    """A workspace of its own, through that proxy."""
    async with connected(proxy.url, mlflow_workspace) as world:
        yield world


def of_the_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that all workers of a test run see."""
    run = tmp_path_factory.getbasetemp()
    return run.parent if "PYTEST_XDIST_WORKER" in os.environ else run
