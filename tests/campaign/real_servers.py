"""The real servers of a campaign, on loopback: NeMo Platform, LiteLLM Proxy and MLflow, each with its own client as the judge.

One server serves all schedules: each has a workspace of its own there, or, where there are none, the server emptied.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any, Final

from campaign.ground import Ground, Place, Rows
from registry import mlflow_samples, nemo_contract, nemo_samples
from registry.litellm import samples as litellm_samples
from registry.litellm.server import LiteLLMServer
from registry.litellm.wire import Wire, wire
from registry.mlflow import judge as mlflow_judge
from registry.mlflow import server as mlflow_server
from registry.mlflow import world as mlflow_world
from registry.nemo import judge as nemo_judge
from registry.nemo import server as nemo_server
from world import World

from reconciler.registry.http.target import Call
from reconciler.testing.sample import Sample

NEMO: Final = (nemo_samples.PORTABLE, nemo_samples.PROMPT, nemo_samples.SECRET, nemo_samples.PROJECT)
LITELLM: Final = (litellm_samples.MODEL, litellm_samples.CREDENTIAL, litellm_samples.PORTABLE)
MLFLOW: Final = (
    mlflow_samples.REGISTERED,
    mlflow_samples.VERSION,
    mlflow_samples.SECRET,
    mlflow_samples.PORTABLE,
)
ONE_AT_A_TIME: Final[dict[str, Any]] = {"concurrency": 1}  # so that a schedule strikes the same exchange each time


# --- NeMo Platform ------------------------------------------------------------------------------------------------


def nemo(judge: nemo_judge.Judge) -> Place:
    """Workspaces of a NeMo Platform server, with NVIDIA's client for it."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Ground]:
        workspace = nemo_server.create_workspace(judge.url)
        async with nemo_contract.connected(judge.url, workspace, **ONE_AT_A_TIME) as world:
            yield Ground(world, lambda: {kind: judge.list(kind, workspace) for kind in nemo_judge.KINDS})

    return Place("nemo", opened, NEMO, by_exchange=True)


@contextmanager
def a_nemo() -> Iterator[Place]:
    with (
        tempfile.TemporaryDirectory() as folder,
        nemo_server.NemoServer.private(Path(folder)) as server,
        nemo_judge.judging(server.url) as judge,
    ):
        yield nemo(judge)


# --- LiteLLM Proxy ------------------------------------------------------------------------------------------------


def litellm(server: LiteLLMServer) -> Place:
    """A LiteLLM Proxy, emptied for each schedule."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Ground]:
        with wire(server.url, server.token) as asked, tempfile.TemporaryDirectory() as folder:
            _empty(asked)
            (Path(folder) / "token").write_text(server.token, "utf-8")
            entry = {"driver": "litellm", "url": server.url, "token": "${file:token}"} | ONE_AT_A_TIME

            def rows() -> Rows:
                stored = {name: row for name, row in asked.credentials().items() if row.get("source") != "config"}
                return {"Model": asked.models(), "Credential": stored}

            async with World.of(root=Path(folder), litellm=entry) as world:
                yield Ground(world, rows)

    return Place("litellm", opened, LITELLM, by_exchange=True)


def _empty(asked: Wire) -> None:
    """As far as the proxy lets: a credential that it reads from its database while that is deleted stays in its memory.

    No schedule has the keys of another, so what stays is something strange there, which is not touched.
    """
    for identity in asked.models():
        asked.delete(identity)
    for name in asked.credentials():
        asked.delete_credential(name)


@contextmanager
def a_litellm() -> Iterator[Place]:
    with tempfile.TemporaryDirectory() as folder, LiteLLMServer.private(Path(folder), reload=30) as server:
        yield litellm(server)


# --- MLflow -------------------------------------------------------------------------------------------------------


def mlflow(process: mlflow_judge.Process, url: str) -> Place:
    """Workspaces of an MLflow server, with MLflow's own client for it."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Ground]:
        workspace = mlflow_server.create_workspace(url)
        judge = mlflow_judge.Judge(process, url, workspace)
        async with mlflow_world.connected(url, workspace, **ONE_AT_A_TIME) as world:
            yield Ground(world, lambda: _mlflow_rows(judge), _makes_a_version)

    return Place("mlflow", opened, MLFLOW, _mlflow_named, by_exchange=True)


def _mlflow_rows(judge: mlflow_judge.Judge) -> Rows:
    found = judge.everything()
    versions = [row for rows in found["versions"].values() for row in rows.values()]
    return {
        "RegisteredModel": found["models"],
        "ModelVersion": {_version_key(row): row for row in versions},
        "Secret": found["secrets"],
        "ModelDefinition": found["definitions"],
        "Endpoint": found["endpoints"],
    }


def _version_key(row: Mapping[str, Any]) -> str:
    """By its name in our tags, by its number where it has none, or where another one came in its place."""
    tags = row["tags"]
    named = None if "reconciler.superseded" in tags else tags.get("reconciler.key")
    return named or f"{row['name']}/{row['version']}"


def _makes_a_version(call: Call) -> bool:
    """The server numbers versions: each request for one makes another."""
    return call.url.path.endswith("model-versions/create")


def _mlflow_named(sample: Sample, name: str) -> str:
    model, slash, _ = sample.key.rpartition("/")
    return f"{model}{slash}{name}"


@contextmanager
def a_mlflow() -> Iterator[Place]:
    with (
        tempfile.TemporaryDirectory() as folder,
        mlflow_server.MlflowServer.private(Path(folder), workspaces=True) as server,
        closing(_Ending()) as client,
    ):
        yield mlflow(client.process, server.url)


class _Ending:
    """The process of MLflow's client, which ends when it is closed."""

    def __init__(self) -> None:
        self.process = mlflow_judge.Process()

    def close(self) -> None:
        self.process.end()


SERVERS: Final[Mapping[str, Callable[[], AbstractContextManager[Place]]]] = {
    "nemo": a_nemo,
    "litellm": a_litellm,
    "mlflow": a_mlflow,
}
