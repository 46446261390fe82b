"""What every test gets: a clean environment, no network but loopback, and the tools that tests/tools.sh installs."""

from __future__ import annotations

import ipaddress
import os
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

import pytest
import pytest_asyncio
from cli.project import project
from hypothesis import HealthCheck, settings
from registry.litellm.fixtures import _second_server, litellm, litellm_server, litellm_too, litellm_wire
from registry.mlflow.fixtures import (
    mlflow_auth_server,
    mlflow_client,
    mlflow_judge,
    mlflow_server,
    mlflow_workspace,
)
from registry.nemo.fixtures import nemo_judge, nemo_server, workspace
from world import World

__all__ = [  # fixtures for tests of every folder
    "_second_server",
    "litellm",
    "litellm_server",
    "litellm_too",
    "litellm_wire",
    "mlflow_auth_server",
    "mlflow_client",
    "mlflow_judge",
    "mlflow_server",
    "mlflow_workspace",
    "nemo_judge",
    "nemo_server",
    "project",
    "workspace",
]

ROOT: Final = Path(__file__).resolve().parents[1]

# What a developer's shell or a CI may have set, and what would change an answer. GIT_*: `git commit` sets them for its
# hooks, and a test's own repository must not be the one that is being committed to.
SCRUBBED: Final = (
    "RECONCILER_",
    "LF_",
    "NEMO_",
    "NMP_",
    "GITHUB_",
    "GITLAB_",
    "CI",
    "TF_BUILD",
    "JENKINS_URL",
    "TEAMCITY_VERSION",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "GIT_WORK_TREE",
    "NO_COLOR",
    "FORCE_COLOR",
    "CLICOLOR",
    "COLUMNS",
)

_SLOW: Final = [HealthCheck.too_slow, HealthCheck.data_too_large]  # two busy cores are slow, and that is no failure

settings.register_profile(
    "ci", derandomize=True, max_examples=200, deadline=None, print_blob=True, suppress_health_check=_SLOW
)
settings.register_profile("dev", max_examples=50, deadline=None, suppress_health_check=_SLOW)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))


@pytest.fixture(scope="session", autouse=True)
def _clean_environment() -> Iterator[None]:
    """No variable of the machine reaches a test, nor the programs that it runs."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(SCRUBBED)]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session", autouse=True)
def _only_loopback(_clean_environment: None) -> Iterator[None]:
    """A test that reaches for the network fails, and says where to. Programs that a test runs are not covered."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex", "sendto"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
        lookup = socket.getaddrinfo

        def getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
            if not _is_loopback(host):
                _refuse(host)
            return lookup(host, *args, **options)

        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield


def _guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, *args: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(args[-1][0]):
            _refuse(args[-1])
        return method(self, *args)

    return guarded


def _is_loopback(host: Any) -> bool:
    text = host.decode() if isinstance(host, bytes) else host
    if text in (None, "", "localhost"):
        return True
    try:
        return ipaddress.ip_address(text).is_loopback
    except ValueError:
        return False


def _refuse(target: Any) -> NoReturn:
    # pytest's own failure is no Exception, so that code under test which handles OSError cannot swallow it.
    pytest.fail(f"a test reached for the network: {target!r}")


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root folder."""
    return ROOT


@pytest.fixture
def patience() -> float:
    """What a limit of time is multiplied by: more than 1 where coverage traces every line."""
    return 1.0 if sys.gettrace() is None else 5.0


@pytest.fixture(scope="session")
def tools() -> Path:
    """The folder that tests/tools.sh fills. A missing tool fails the test: a skipped one would promise what nobody saw."""
    folder = ROOT / ".cache" / "tools"
    wanted = (
        "node_modules/axe-core/axe.min.js",
        "node_modules/yaml-language-server/bin/yaml-language-server",
        "node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json",
        "junit-10.xsd",
    )
    missing = [name for name in wanted if not (folder / name).is_file()]
    if missing:
        pytest.fail(f"missing in .cache/tools: {', '.join(missing)}; `make tools` installs it")
    return folder


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    """A registry in memory that cannot rename."""
    async with World.of() as world:
        yield world


@pytest_asyncio.fixture
async def exact() -> AsyncIterator[World]:
    """One that can rename and compares revisions."""
    async with World.of(one={"driver": "memory-exact"}) as world:
        yield world
