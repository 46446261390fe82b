"""The fixtures of the tests that need a real Kubernetes API server: `make test-kubernetes` builds it and runs them."""

from __future__ import annotations

import re
import secrets
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from kubernetes.api_server import ApiServer
from kubernetes.loop import Team
from lightkube.config.kubeconfig import KubeConfig

from reconciler.controller.crds import definitions
from reconciler.controller.lightkube_cluster import LightkubeCluster, open_cluster
from reconciler.registry import catalog

LONGEST = 40  # characters of a test's name in that of its namespace, which may have 63

HERE = Path(__file__).parent
HANGS = 900  # seconds for one test with its share of what is started for all: some of them restart an API server


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A longer limit of time than elsewhere, for all that has none of its own."""
    for item in items:
        if HERE in item.path.parents and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(HANGS))


@pytest.fixture(scope="session")
def bare_api_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """This worker's API server, without our definitions. A test that stops it starts it again."""
    with ApiServer.private(tmp_path_factory.mktemp("kubernetes")) as server:
        yield server


@pytest.fixture(scope="session")
def api_server(bare_api_server: ApiServer) -> ApiServer:
    """The same, with the definitions of all our kinds. A test that deletes one installs it again."""
    install_definitions(bare_api_server)
    return bare_api_server


def install_definitions(server: ApiServer) -> None:
    """Installs the definitions of all drivers that we ship."""
    drivers = [*catalog.built_in().values()]
    server.install(definition.manifest for definition in definitions(drivers))


@pytest.fixture
def namespace(bare_api_server: ApiServer, request: pytest.FixtureRequest) -> Iterator[str]:
    """A namespace of the test's own, which is deleted afterwards."""
    said = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).removeprefix("test-")[:LONGEST].strip("-")
    name = f"{said}-{secrets.token_hex(3)}"
    bare_api_server.kubectl("create", "namespace", name)
    yield name
    bare_api_server.kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")


@pytest_asyncio.fixture
async def cluster(bare_api_server: ApiServer) -> AsyncIterator[LightkubeCluster]:
    """The API server, as the controller speaks to it. With `api_server` beside it, our definitions are there."""
    async with open_cluster(KubeConfig.from_file(bare_api_server.kubeconfig)) as opened:
        yield opened


@pytest.fixture
def team(api_server: ApiServer, namespace: str, tmp_path: Path) -> Iterator[Team]:
    """A namespace with a controller, which does not run yet; it ends with the test."""
    made = Team(api_server, namespace, tmp_path)
    yield made
    made.controller.kill()
    made.release()
    sys.stdout.write(made.controller.said()[-8000:])  # pytest shows it where the test failed
