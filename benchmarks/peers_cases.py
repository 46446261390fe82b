"""The twelve cases of the peers' benchmark. Each gives what a reader of the table wants to know, as one line."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from peers_cluster import Cluster, Data, conditions, said, until
from peers_sides import CREDENTIAL, Running, Side, Wanted, secret
from registry.litellm.server import LiteLLMServer
from registry.litellm.wire import Wire
from registry.nemo_proxy import Passed, Proxy, writes

SOON: Final = 120.0  # seconds that an effect is waited for
NEVER: Final = 15.0  # seconds after which nothing more is expected of an event
PATIENT: Final = 400.0
MANY: Final = 100


@dataclass
class Bench:
    """One side before one proxy. `recorder` is what the side takes for the proxy; `judge` asks the proxy itself."""

    cluster: Cluster
    side: Side
    proxy: LiteLLMServer
    judge: Wire
    recorder: Proxy
    log: Path
    running: Running | None = None
    _spaces: int = 0
    _open: list[Data] = field(default_factory=list)

    def start(self) -> None:
        self.running = Running(self.side, self.log)

    def stop(self) -> None:
        if self.running is not None:
            self.running.stop()
            self.running = None

    def space(self, url: str = "") -> Space:
        """A new namespace with a registry object for the proxy."""
        self._spaces += 1
        name = f"{self.side.name}-{self._spaces}-{int(time.time()) % 100_000}"
        item = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
        self.cluster.apply(item)
        self._open.append(item)
        self.cluster.apply(secret(name, CREDENTIAL, key=self.proxy.token))
        registry = self.side.registry(name, url or self.recorder.url)
        self.cluster.apply(registry)
        return Space(self, name, registry)

    def leave(self) -> None:
        """Take away all namespaces, and what is left at the proxy."""
        for item in self._open:
            self.cluster.delete(item)
        for item in self._open:
            if until(lambda item=item: self.cluster.get(item) is None, 60) is None:
                raise SystemExit(f"namespace {item['metadata']['name']} does not go")
        self._open.clear()
        self.judge.empty()

    def written(self) -> list[Passed]:
        """The writes that reached the recorder since it was last cleared."""
        return [one for one in self.recorder.passed if writes(one)]

    def rows(self, *names: str) -> list[Mapping[str, Any]]:
        """The rows of these model names at the proxy; all rows without names."""
        return [row for row in self.judge.models().values() if not names or row["model_name"] in names]


@dataclass(frozen=True)
class Space:
    """One namespace."""

    bench: Bench
    name: str
    registry: Data

    def put(self, wanted: Wanted) -> Data:
        """Declare a model."""
        return self.bench.cluster.apply(self.bench.side.model(self.name, wanted))

    def settled(self, wanted: Wanted) -> bool:
        """True where the side says that this model is done."""
        cluster, model = self.bench.cluster, self.bench.side.model(self.name, wanted)
        return self.bench.side.settled(cluster.get(model), cluster.get(self.registry))

    def made(self, wanted: Wanted) -> Data:
        """Declare a model, and wait until it is there and said to be."""
        item = self.put(wanted)
        name = wanted.model_name or wanted.name
        if until(lambda: self.bench.rows(name) and self.settled(wanted), SOON) is None:
            raise SystemExit(f"{self.bench.side.name}: {name} was not made: {self.told(item)}")
        return item

    def told(self, item: Data) -> str:
        """What the object's own status says, and the registry object's."""
        cluster = self.bench.cluster
        return f"own: {conditions(cluster.get(item))}; registry: {conditions(cluster.get(self.registry))}"


def value(row: Mapping[str, Any], group: str, name: str) -> Any:
    return (row.get(group) or {}).get(name)


def created(bench: Bench) -> str:
    space, wanted = bench.space(), Wanted("chat", params={"rpm": 10})
    space.made(Wanted("first"))
    item = space.put(wanted)
    row = until(lambda: bench.rows("chat"), SOON)
    more = until(lambda: space.settled(wanted), SOON)
    return f"row after {said(row, SOON)}, told {said(more, SOON)} later; {space.told(item)}"


def edited(bench: Bench) -> str:
    space = bench.space()
    space.made(Wanted("chat", params={"rpm": 10}, info={"description": "one"}))
    space.put(Wanted("chat", params={"rpm": 11}, info={"description": "one"}))
    first = until(lambda: value(bench.rows("chat")[0], "litellm_params", "rpm") == 11, SOON)
    item = space.put(Wanted("chat", params={"rpm": 11}, info={"description": "two"}))
    second = until(lambda: value(bench.rows("chat")[0], "model_info", "description") == "two", NEVER)
    return f"a parameter {said(first, SOON)}, model_info {said(second, NEVER)}; {space.told(item)}"


def removed(bench: Bench) -> str:
    space = bench.space()
    space.made(Wanted("chat", params={"rpm": 10, "tpm": 5}))
    item = space.put(Wanted("chat", params={"tpm": 5}))
    gone = until(lambda: value(bench.rows("chat")[0], "litellm_params", "rpm") is None, NEVER)
    return f"removed {said(gone, NEVER)}; {space.told(item)}"


def drifted(bench: Bench) -> str:
    space, wanted = bench.space(), Wanted("chat", params={"rpm": 10, "tpm": 5})
    item = space.made(wanted)
    identity = value(bench.rows("chat")[0], "model_info", "id")
    bench.judge.patch(identity, litellm_params={"rpm": 99}, model_info={"id": identity}).raise_for_status()

    def healed() -> bool:
        return value(bench.rows("chat")[0], "litellm_params", "rpm") == 10

    seconds = until(healed, 120)
    if seconds is None:
        bench.cluster.touch(item, 1)
        return f"unseen for 120 s; after any event {said(until(healed, SOON), SOON)}"
    time.sleep(2)
    events = [event for event in bench.cluster.events(space.name) if "rpm" in event]
    return f"healed after {said(seconds, 120)}; events: {events}"


def deleted(bench: Bench) -> str:
    space = bench.space()
    item = space.made(Wanted("chat"))
    space.made(Wanted("stays"))
    bench.recorder.answer(500, times=2, of=lambda one: one.path == "/model/delete")
    bench.cluster.delete(item)
    held = until(lambda: bench.cluster.get(item) is None, 3)
    held_text = "the object waits" if held is None else f"the object goes at once, rows left: {len(bench.rows('chat'))}"
    gone = until(lambda: not bench.rows("chat"), 60)
    bench.recorder.faults.clear()
    other = space.made(Wanted("quick"))
    bench.cluster.delete(other)
    quick = until(lambda: not bench.rows("quick"), SOON)
    bench.cluster.delete(space.registry)
    until(lambda: bench.cluster.get(space.registry) is None, SOON)
    time.sleep(3)
    left = len(bench.rows("stays"))
    events = [event for event in bench.cluster.events(space.name) if event.startswith("proxy:")][-2:]
    return (
        f"row gone after {said(quick, SOON)}; while the proxy refuses twice: {held_text}, row gone after {said(gone, 60)}; "
        f"registry object deleted: {left} row left; events: {events}"
    )


def unknown_provider(bench: Bench) -> str:
    space = bench.space()
    space.made(Wanted("m-other"))
    bench.recorder.passed.clear()
    bad, good = Wanted("a-bad", model="no-such-provider/model"), Wanted("z-good")
    item = space.put(bad)
    space.put(good)
    served = until(lambda: bench.rows("z-good"), 60)
    time.sleep(max(0.0, 60 - (served or 60)))
    rows, count, told = len(bench.rows("a-bad")), len(bench.written()), space.told(item)
    bench.cluster.delete(item)
    gone = until(lambda: not bench.rows("a-bad"), NEVER)
    left = len(bench.rows("a-bad"))
    return (
        f"{rows} rows and {count} writes in 60 s; the one sorted after it {said(served, 60)}; "
        f"deleted: gone {said(gone, NEVER)}, {left} rows left; {told}"
    )


def rotated(bench: Bench) -> str:
    space = bench.space()
    bench.cluster.apply(secret(space.name, "provider", key="sk-before-1234567890"))
    wanted = Wanted("chat", secret=("provider", "key"))
    space.made(wanted)
    bench.recorder.passed.clear()
    bench.cluster.apply(secret(space.name, "provider", key="sk-after-0987654321"))
    seconds = until(lambda: any("sk-after" in str(one.body) for one in bench.written()), NEVER)
    time.sleep(10)
    count = len(bench.written())
    missing = Wanted("lost", secret=("absent", "key"))
    item = space.put(missing)
    time.sleep(8)
    return (
        f"written {said(seconds, NEVER)}, {count} writes; missing: {len(bench.rows('lost'))} row, "
        f"settled={space.settled(missing)}; {space.told(item)}"
    )


def proxy_down(bench: Bench) -> str:
    space, wanted = bench.space(bench.proxy.url), Wanted("chat", params={"rpm": 10})
    space.made(wanted)
    bench.proxy.kill()
    item = space.put(Wanted("chat", params={"rpm": 20}))
    time.sleep(60)
    told = space.told(item)
    bench.proxy.start()
    seconds = until(lambda: value(bench.rows("chat")[0], "litellm_params", "rpm") == 20, 360)
    return f"healed {said(seconds, 360)} after its return; while down: {told}"


def one_name(bench: Bench) -> str:
    space = bench.space()
    first, second = (
        Wanted("pool-a", model_name="pool", params={"rpm": 1}),
        Wanted("pool-b", model_name="pool", params={"rpm": 2}),
    )
    item = space.put(first)
    space.put(second)
    until(lambda: len(bench.rows("pool")) == 2, NEVER * 4)
    bench.recorder.passed.clear()
    for number in range(5):
        bench.cluster.touch(item, number)
        time.sleep(2)
    rpms = sorted(value(row, "litellm_params", "rpm") for row in bench.rows("pool"))
    return f"rows with rpm {rpms}; 5 events led to {len(bench.written())} writes"


def many(bench: Bench) -> tuple[str, str]:
    """A hundred objects at once; then a restart with two more."""
    space = bench.space()
    space.made(Wanted("first"))
    assert bench.running is not None
    cpu, names = bench.running.cpu, [f"m-{number:03}" for number in range(MANY)]
    started = time.perf_counter()
    for name in names:
        space.put(Wanted(name))
    put = time.perf_counter() - started
    last = Wanted(names[-1])
    first_told = until(lambda: space.settled(Wanted(names[0])), PATIENT)
    told_rows = len(bench.rows()) - 1
    until(lambda: len(bench.rows(*names)) == MANY, PATIENT)
    all_rows = time.perf_counter() - started
    until(lambda: space.settled(last), PATIENT)
    at_once = (
        f"all rows {all_rows:.1f} s after the first object (the objects took {put:.1f} s), first told {said(first_told, PATIENT)} after "
        f"the last object with {told_rows} rows there; {bench.running.cpu - cpu:.2f} s CPU, {bench.running.memory:.0f} MB"
    )
    space.made(Wanted("z-last"))
    time.sleep(3)
    bench.stop()
    bench.recorder.passed.clear()
    began = time.perf_counter()
    bench.start()
    until(lambda: bench.recorder.passed, 60)
    first = time.perf_counter() - began
    time.sleep(10)
    reads = [f"{one.method} {one.path}" for one in bench.recorder.passed if not writes(one)]
    restart = f"first read after {first:.2f} s; in 10 s {len(bench.written())} writes; reads: {reads}"
    return at_once, restart


def two_owners(bench: Bench) -> str:
    one, two = bench.space(), bench.space()
    one.made(Wanted("shared", params={"rpm": 1}))
    second, own = Wanted("shared", params={"rpm": 2}), Wanted("own")
    item = two.put(second)
    two.put(own)
    until(lambda: bench.rows("own"), NEVER * 4)
    bench.recorder.passed.clear()
    for number in range(3):
        bench.cluster.touch(one.registry, number)
        time.sleep(2)
        bench.cluster.touch(two.registry, number)
        time.sleep(2)
    rpms = [value(row, "litellm_params", "rpm") for row in bench.rows("shared")]
    return (
        f"shared: rpm {rpms}; own: {len(bench.rows('own'))} row; 6 events led to {len(bench.written())} writes; "
        f"the first's: {one.told(one.bench.side.model(one.name, Wanted('shared')))}; the second's: {two.told(item)}"
    )


CASES: Final[Mapping[str, Callable[[Bench], str | tuple[str, str]]]] = {
    "create": created,
    "edit": edited,
    "a field removed": removed,
    "drift": drifted,
    "delete": deleted,
    "unknown provider": unknown_provider,
    "secret rotated": rotated,
    "proxy down 60 s": proxy_down,
    "two objects with one model name": one_name,
    "100 objects at once": many,
    "two owners on one proxy": two_owners,
}


@contextmanager
def cleaned(bench: Bench) -> Iterator[None]:
    """Run one case, and leave nothing of it. A killed proxy is started again first."""
    try:
        yield
    finally:
        bench.recorder.faults.clear()
        bench.proxy.start()
        if bench.running is None:
            bench.start()
        bench.leave()
