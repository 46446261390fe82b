"""An API server that answers and tells late, and replicas that come and go: no status stays that is not so any more."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from campaign.virtual_time import VirtualLoop
from controller.loop import NAMESPACE, a_registry, an_object, key, read_local
from controller.slow_cluster import Replicas, threads_counted
from controller.test_references import a_secret
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from kubernetes.judge import Judge
from kubernetes.memory_cluster import MemoryCluster

from reconciler.controller.cluster import SECRETS
from reconciler.controller.crds import MODEL, REGISTRY

MODELS = ("a", "b", "c")
REGISTRIES = ("first", "second")
MOST = 3  # replicas
TAKEN_UP = 40.0  # seconds until the first replica has its lease and all is reconciled
REST = 120.0  # seconds in which nobody does anything: longer than what delays add up to, shorter than any interval
IN_SYNC = ("unchanged", None)
PUT = ("model", "a", "one", (), False)
PLACES = st.sampled_from([(), ("first",), ("second",), REGISTRIES])
STEP = st.one_of(
    st.tuples(st.just("model"), st.sampled_from(MODELS), st.sampled_from(["one", "two"]), PLACES, st.booleans()),
    st.tuples(st.just("delete"), st.just(MODEL), st.sampled_from(MODELS)),
    st.tuples(st.just("registry"), st.sampled_from(REGISTRIES), st.booleans(), st.booleans()),
    st.tuples(st.just("delete"), st.just(REGISTRY), st.sampled_from(REGISTRIES)),
    st.tuples(st.just("secret"), st.sampled_from([None, "hunter2-hunter2-1", "hunter2-hunter2-2"])),
    st.tuples(st.just("replica"), st.sampled_from(["start", "end", "kill", "cut"])),
    st.tuples(st.just("compact")),
    st.tuples(st.just("wait"), st.sampled_from([0.1, 0.5, 2.0, 5.0, 20.0])),
)


@pytest.fixture(scope="module", autouse=True)
def _threads() -> Iterator[None]:
    with threads_counted():
        yield


@dataclass
class World:
    """A cluster, its replicas and their registries.

    `held` is what each registry was to hold, as pairs of its name and a Model's, `left` what was not to be there any more while
    it was not pruned, `may_go` how often each was to go.
    """

    cluster: MemoryCluster
    folder: Path
    replicas: Replicas
    held: set[tuple[str, str]] = field(default_factory=set)
    left: set[tuple[str, str]] = field(default_factory=set)
    may_go: Counter[tuple[str, str]] = field(default_factory=Counter)

    async def do(self, step: tuple[Any, ...]) -> None:
        """One thing that somebody does, or that happens."""
        verb, *rest = step
        if verb == "model":
            self.cluster.put(MODEL, _model(*rest))
        elif verb == "registry":
            name, default, prune = rest
            allowed = {"max_delete_percent": 100}  # what guards hold up is another test's
            self.cluster.put(REGISTRY, a_registry(name, default=default, prune=prune, guards=allowed))
        elif verb == "delete" and self.cluster.find(rest[0], key(rest[1])) is not None:
            await self.cluster.delete(rest[0], key(rest[1]))
        elif verb == "secret":
            self._secret(rest[0])
        elif verb == "replica":
            self._replica(rest[0])
        elif verb == "compact":
            self.cluster.compact()
        elif verb == "wait":
            await asyncio.sleep(rest[0])
        self._note()

    def _note(self) -> None:
        registries = self.registries()
        wanted = {(name, model) for name in registries for model in self.wanted(name)}
        astray = {(name, item["metadata"]["name"]) for name in registries for item in self.astray()}
        lost = {pair for pair in self.held if pair[0] in registries} - wanted - astray
        self.held = (self.held - lost) | wanted
        self.left = (self.left | lost) - wanted
        going = {pair for pair in self.left if registries.get(pair[0], {}).get("prune")}
        self.left -= going
        self.may_go.update(going)

    def _secret(self, value: str | None) -> None:
        if value is not None:
            self.cluster.put(SECRETS, a_secret("token", key=value))
        elif self.cluster.find(SECRETS, key("token")) is not None:
            self.cluster.drop(SECRETS, key("token"))

    def _replica(self, what: str) -> None:
        if what == "cut":
            self.replicas.cut(20.0)
        elif what != "start":
            self.replicas.end(kill=what == "kill")
        elif len(self.replicas) < MOST:
            self.replicas.start()

    # --- what is so -----------------------------------------------------------------------------------------

    def registries(self) -> dict[str, dict[str, Any]]:
        """The specs of the Registry objects, by name."""
        return {item["metadata"]["name"]: item["spec"] for item in self.cluster.all(REGISTRY)}

    def models(self) -> list[dict[str, Any]]:
        """The Models that are not about to go."""
        return [item for item in self.cluster.all(MODEL) if "deletionTimestamp" not in item["metadata"]]

    def goes_to(self, model: dict[str, Any]) -> set[str]:
        """The names of the Registry objects that a Model goes to; "" where it goes to none."""
        defaults = {name for name, spec in self.registries().items() if spec["default"]}
        return set(model["spec"].get("registries") or defaults or {""})

    def wanted(self, registry: str) -> set[str]:
        """The Models that go to a registry."""
        return {item["metadata"]["name"] for item in self.models() if registry in self.goes_to(item)}

    def astray(self) -> list[dict[str, Any]]:
        """The Models that go to what is not there: they are deleted nowhere."""
        return [item for item in self.models() if self.goes_to(item) - self.registries().keys()]

    def stuck(self) -> list[dict[str, Any]]:
        """The Models that cannot be everywhere where they go: they are deleted nowhere else before they are."""
        return [item for item in self.models() if any(self.row(item, name) != IN_SYNC for name in self.goes_to(item))]

    def row(self, model: dict[str, Any], registry: str) -> tuple[str, str | None]:
        """What the row of a Model should say: the action and the reason."""
        if registry not in self.registries():
            return "blocked", "registry-missing" if registry else "no-registry"
        if "endpoint" in model["spec"] and self.cluster.find(SECRETS, key("token")) is None:
            return "blocked", "missing-reference"
        return IN_SYNC

    def stored(self, registry: str) -> dict[str, dict[str, Any]]:
        """What a registry holds."""
        return read_local(self.folder / NAMESPACE / f"{registry}.db")


def _model(name: str, text: str, registries: tuple[str, ...], with_secret: bool) -> dict[str, Any]:
    reference = {"url": "https://llm.example.com/v1", "model": "m", "api_key": "${secret:token/key}"}
    goes = {"endpoint": reference} if with_secret else {"provider": {"name": "openai", "model": "gpt-5"}}
    named = {"registries": {one: {} for one in registries}} if registries else {}
    return an_object(name, {**goes, **named, "display_name": text})


def judge_statuses(world: World) -> None:
    """Every object says of the present generation what is so, of each place that it goes to and of no other."""
    for item in world.cluster.all(MODEL):
        assert "deletionTimestamp" not in item["metadata"], "it waits for ever"
        rows = {row["name"]: (row["action"], row.get("reason")) for row in item["status"]["registries"]}
        told = {name: world.row(item, name) for name in world.goes_to(item)}
        left = {name: said for name, said in rows.items() if name not in told}
        assert rows == told | left
        assert left.keys() <= world.registries().keys()
        assert {action for action, _ in left.values()} <= ({"blocked", "delete"} if item in world.stuck() else set())
        assert {row["generation"] for row in item["status"]["registries"]} == {item["metadata"]["generation"]}
    for item in world.cluster.all(REGISTRY):
        synced = next(one for one in item["status"]["conditions"] if one["type"] == "Synced")
        assert synced["observedGeneration"] == item["metadata"]["generation"]


def judge_registries(world: World) -> None:
    """Each holds what goes there, where it is pruned nothing else, and nothing was deleted that was to be there."""
    models = {item["metadata"]["name"]: item for item in world.cluster.all(MODEL)}
    for name, spec in world.registries().items():
        good = {model for model in world.wanted(name) if world.row(models[model], name) == IN_SYNC}
        stored = world.stored(name)
        assert {model: stored[model]["display_name"] for model in good} == {
            model: models[model]["spec"]["display_name"] for model in good
        }
        guards = (world.cluster.find(REGISTRY, key(name)) or {})["status"].get("guards")
        if spec["prune"] and not guards and not world.stuck():
            assert stored.keys() == good
    for name in REGISTRIES:
        written = Judge(world.folder / NAMESPACE / f"{name}.db").history()
        deleted = Counter((name, one.key) for one in written if one.action == "delete")
        assert deleted <= world.may_go


CREATED = (PUT, ("wait", 20.0))


@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(STEP, max_size=14), seed=st.integers(0, 1000), longest=st.sampled_from([0.0, 0.3, 2.0, 6.0]))
@example(
    steps=[PUT, ("delete", REGISTRY, "first"), ("wait", 0.5), ("registry", "first", True, True)], seed=3, longest=0.3
)
@example(
    steps=[PUT, ("delete", REGISTRY, "first"), ("wait", 0.5), ("registry", "first", True, True)], seed=0, longest=6.0
)
@example(
    steps=[("model", "b", "two", ("second",), False), ("model", "b", "one", ("first",), False)], seed=8, longest=6.0
)
@example(
    steps=[
        ("registry", "second", True, False),
        *CREATED,
        ("model", "a", "one", ("second",), False),
        ("registry", "second", False, True),
    ],
    seed=5,
    longest=0.3,
)
@example(
    steps=[("registry", "first", True, True), *CREATED, ("registry", "first", True, False), ("delete", MODEL, "a")],
    seed=0,
    longest=6.0,
)
def test_what_is_told_late_is_told_in_the_end(steps: list[tuple[Any, ...]], seed: int, longest: float) -> None:
    """No mark is lost that comes while work is under way, and nothing is taken for written that an old copy shows.

    Nor is anything deleted because one type's copies are ahead of another's, or for a name with a typo.
    """
    folder = Path(tempfile.mkdtemp())

    async def run() -> None:
        cluster = MemoryCluster()
        world = World(cluster, folder, Replicas(cluster, folder, random.Random(seed), longest))
        await world.do(("registry", "first", True, False))
        world.replicas.start()
        await asyncio.sleep(TAKEN_UP)
        for step in steps:
            await world.do(step)
        await asyncio.sleep(REST + 20 * longest)
        await world.replicas.all_end()
        judge_statuses(world)
        judge_registries(world)

    try:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(run())
    finally:
        shutil.rmtree(folder)
