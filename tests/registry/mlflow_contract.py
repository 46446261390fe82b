"""The driver contract as `mlflow` keeps it, on the real server, each test in a workspace of its own."""

from __future__ import annotations

import http.client
import json
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

import pytest
import pytest_asyncio
from registry.mlflow.server import create_workspace
from registry.nemo_proxy import WRITES, Answer, Passed, Proxy, proxied
from registry.server_process import Running
from world import World

from reconciler.core.resource import Address
from reconciler.registry.mlflow import DRIVER
from reconciler.testing.contract import DriverContract
from reconciler.testing.hostile_rows import Alter
from reconciler.testing.sample import Sample

# the members of an answer that hold rows, one or a list of them, and of which kind
ROWS: Final[Mapping[str, str]] = {
    "registered_model": "RegisteredModel",
    "registered_models": "RegisteredModel",
    "model_version": "ModelVersion",
    "model_versions": "ModelVersion",
    "secret": "Secret",
    "secrets": "Secret",
    "model_definition": "ModelDefinition",
    "model_definitions": "ModelDefinition",
    "endpoint": "Endpoint",
    "endpoints": "Endpoint",
}
KEEPS_NOTHING: Final = "the server keeps no member that it does not know"
Row = dict[str, Any]


@dataclass
class MlflowProxy(Proxy):
    """A proxy that knows where MLflow's answers hold rows: `changes` are given the kind and the row.

    It remembers each answer until the next write. Nobody else may write there.
    """

    answers: dict[str, Answer] = field(default_factory=dict)

    def recall(self, request: Passed) -> Answer | None:
        return self.answers.get(f"{request.path}?{request.query}") if request.method == "GET" else None

    def remember(self, request: Passed, answer: Answer) -> None:
        if request.method in WRITES:
            self.answers.clear()
        elif answer[0] == http.client.OK:
            self.answers[f"{request.path}?{request.query}"] = answer

    def changed(self, request: Passed, data: bytes) -> bytes:
        if not data or not self.changes:
            return data
        answer = json.loads(data)
        for name, kind in ROWS.items():
            found = answer.get(name) if isinstance(answer, dict) else None
            if isinstance(found, list):
                answer[name] = [self.change(kind, row) for row in found]
            elif isinstance(found, dict):
                answer[name] = self.change(kind, found)
        return json.dumps(answer).encode()


def key_of(kind: str, row: Row) -> str:
    """The key of a row, a version's by its name in the tags."""
    if kind == "ModelVersion":
        tags = {tag["key"]: tag["value"] for tag in row.get("tags", ())}
        return str(tags.get("reconciler.key") or f"{row['name']}/{row['version']}")
    return str(row.get("secret_name") if kind == "Secret" else row.get("name"))


def on(address: Address, change: Alter) -> Callable[[str, Row], Row]:
    """A change of the one object at an address."""
    return lambda kind, row: change(row) if (kind, key_of(kind, row)) == (address.kind, address.key) else row


class MlflowContract(DriverContract):
    """Each subclass has other samples."""

    driver = DRIVER
    cannot: ClassVar[Mapping[str, str]] = {"plant": KEEPS_NOTHING}
    kept: ClassVar[tuple[str, ...]] = (
        *("name", "version", "secret_name", "secret_id", "model_definition_id", "endpoint_id", "tags"),
        *("created_by", "last_updated_by", "model_mappings"),
    )

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        for name in {"sample", "deletable", "exact", "ambiguous"} & set(metafunc.fixturenames):
            metafunc.parametrize(name, cls.samples_that_are(name), ids=lambda one: one.key.replace("/", "-"))

    @pytest.fixture
    def proxy(self, mlflow_server: Running) -> Iterator[Proxy]:
        with proxied(mlflow_server.url, MlflowProxy) as proxy:
            self.proxy_of = proxy
            yield proxy

    @pytest_asyncio.fixture
    async def world(self, mlflow_server: Running, proxy: Proxy) -> AsyncIterator[World]:
        workspace = create_workspace(mlflow_server.url)
        async with World.of(mlflow={"driver": "mlflow", "url": proxy.url, "workspace": workspace}) as world:
            yield world

    def other_key(self, sample: Sample, name: str) -> str:
        """Versions are inside a model."""
        model, slash, _ = sample.key.rpartition("/")
        return f"{model}{slash}{name}"

    def lose_reply(self, world: World, *, done: bool) -> None:
        self.proxy_of.lose(done=done)

    def break_row(self, world: World, address: Address) -> None:
        self.proxy_of.changes.append(on(address, lambda row: row | BROKEN))

    def alter_row(self, world: World, address: Address, alter: Alter) -> None:
        self.proxy_of.changes[:] = [on(address, alter)]

    def add_unknown_field(self, world: World) -> None:
        self.proxy_of.changes.append(lambda kind, row: row | {"brand_new": {"of": "a newer server"}})


BROKEN: Final = {"last_updated_timestamp": "5", "last_updated_at": "5"}


class MlflowFields(MlflowContract):
    """The part of the contract that is about fields, for further samples of a kind that keeps all of it with one."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name in [name for name in dir(cls) if name.startswith("test_") and name not in FIELDS]:
            setattr(cls, name, None)


FIELDS: Final = (
    "test_what_was_created_needs_nothing_more",
    "test_one_object_reads_as_it_does_in_the_list",
    "test_a_second_apply_writes_nothing",
    "test_each_update_is_one_field_and_then_nothing",
    "test_each_optional_field_can_be_removed_or_says_replace",
    "test_fields_that_nobody_knows_are_tolerated",
    "test_an_update_whose_reply_was_lost_converges",
)

__all__ = ["MlflowContract", "MlflowFields"]
