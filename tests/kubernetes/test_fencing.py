"""A replica that is killed, frozen or cut off writes nothing after its lease ended, and no two write to one registry.

The replicas are processes as users start them, each in a network namespace of its own; the registry and the API server are
reached through recorders, which see every write and every renewal of a lease with its time and its sender.
"""

from __future__ import annotations

import http.client
import json
import random
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import pytest
from kept import passed
from kubernetes.api_server import ApiServer, secret, wait_until
from kubernetes.loop import VERSION
from kubernetes.networks import Network, networks
from kubernetes.recorder import Passed, Recorder, recorded, recorded_api
from programs import BIN
from registry.aigo.server import KEY, aigo

from reconciler.controller.membership import Published, owner_of

LEASE: Final = 10.0  # seconds: a busy machine must be able to renew it
REGISTRIES: Final = 4
_LEASE_NAME: Final = "model-reconciler-"


class Renewal(NamedTuple):
    """A renewal of a lease that the API server took: whose, when it was made by the replica's clock, and what it published."""

    name: str
    made: float
    came: float
    published: Published
    released: bool


Held = Mapping[str, Mapping[str, list[Renewal]]]


@dataclass
class Replica:
    """One process of the controller in its network namespace."""

    network: Network
    kubeconfig: Path
    log: Path
    namespace: str
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ("--namespace", self.namespace, "--shards", "--lease-duration", str(LEASE), "--listen", ":8080")
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *self.network.prefix,
                    "setpriv",
                    "--pdeathsig",
                    "KILL",
                    BIN / "reconciler",
                    "controller",
                    "run",
                    *options,
                ],
                cwd=self.log.parent,
                env=passed() | {"KUBECONFIG": str(self.kubeconfig), "HOME": str(self.log.parent)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def signal(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)

    def restart_if_ended(self) -> None:
        """As a kubelet would."""
        if self.process is not None and self.process.poll() is not None:
            self.start()

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        if self.process is not None:
            self.process.wait()


@dataclass
class World:
    """Some recorded registries, replicas that share them, and changes that never end."""

    server: ApiServer
    namespace: str
    api: Recorder
    registries: list[Recorder]
    replicas: list[Replica]
    made: int = 0
    random: random.Random = field(default_factory=lambda: random.Random(14))

    def change(self) -> None:
        """Change one model of each registry, and look after the processes."""
        self.made += 1
        models = [
            _object(
                "Model", f"m{number}", self.namespace, key=f"m{number}", display_name=f"change {self.made}", **_MODEL
            )
            | {}
            for number in range(REGISTRIES)
        ]
        for number, one in enumerate(models):
            one["spec"]["registries"] = {f"r{number}": {}}
        self.server.apply(*models)
        for replica in self.replicas:
            replica.restart_if_ended()

    def keep_changing(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.change()

    def until(self, holds: Callable[[], bool], what: str) -> None:
        def step() -> bool:
            self.change()
            return holds()

        wait_until(step, what)

    def writes(self) -> list[tuple[Passed, int]]:
        """The writes that came to the registries, each with the number of its Registry object."""
        found = [(one, number) for number, each in enumerate(self.registries) for one in [*each.passed] if one.writes]
        return sorted(found, key=lambda pair: pair[0].time)

    def until_each_is_written(self, without: Replica | None = None) -> None:
        """Until each registry was written to from now on, not by that replica."""
        since = time.time()

        def each_is() -> bool:
            told = [(write.sender, number) for write, number in self.writes() if write.time > since]
            sender = None if without is None else without.network.address
            return {number for by, number in told if by != sender} == {*range(REGISTRIES)}

        self.until(each_is, "each registry is written to")

    def until_shared(self) -> None:
        """Until all replicas agree with each other, and each registry was written to from now on by the one that it is given to.

        By chance, that may be the same one for each registry: names are hashed, and those of replicas are random.
        """
        since = time.time()

        def each_is() -> bool:
            owners = self._owners()
            written = {(write.sender, number) for write, number in self.writes() if write.time > since}
            return bool(owners) and all((sender, number) in written for number, sender in owners.items())

        self.until(each_is, "the replicas share the registries, and each registry is written to")

    def _owners(self) -> dict[int, str]:
        """The address of the replica to which each registry is given; none where the replicas do not agree about who they are."""
        held, now = renewals(self.api), time.time()
        names = {replica_at(held, one.network.address, now): one.network.address for one in self.replicas}
        views = {held[sender][name][-1].published.members for name, sender in names.items() if name is not None}
        if len(names) < len(self.replicas) or views != {frozenset(names)}:
            return {}
        members = {name for name in names if name is not None}
        keys = {number: f"{self.namespace}/r{number}" for number in range(REGISTRIES)}
        return {number: names[owner_of(key, members)] for number, key in keys.items()}


_MODEL: Final[Mapping[str, Any]] = {"endpoint": {"url": "https://llm.example.com/v1", "model": "m"}}


def _object(kind: str, name: str, namespace: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": VERSION,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec,
    }


@contextmanager
def _registry(host: str) -> Iterator[Recorder]:
    """A registry of its own, which is recorded."""
    with aigo() as emulator:
        port = urlsplit(emulator.url).port
        with recorded(host, lambda: http.client.HTTPConnection("127.0.0.1", port, timeout=60)) as recorder:
            yield recorder


@contextmanager
def world(server: ApiServer, namespace: str, folder: Path, count: int) -> Iterator[World]:
    """Replicas that run, and have written to every registry."""
    with ExitStack() as stack:
        wires = stack.enter_context(networks(count))
        host = wires[0].host
        registries = [stack.enter_context(_registry(host)) for _ in range(REGISTRIES)]
        api, kubeconfig = stack.enter_context(recorded_api(server, host))
        server.apply(secret(namespace, "aigo", key=KEY))
        server.apply(
            *(
                _object(
                    "Registry",
                    f"r{number}",
                    namespace,
                    driver="latticeflow",
                    url=f"http://{host}:{registries[number].port}",
                    api_key={"secretKeyRef": {"name": "aigo", "key": "key"}},
                    interval="1h",
                )
                for number in range(REGISTRIES)
            )
        )
        replicas = [Replica(wire, kubeconfig, folder / f"{wire.name}.log", namespace) for wire in wires]
        made = World(server, namespace, api, registries, replicas)
        try:
            for one in replicas:
                one.start()
            made.until_each_is_written()
            yield made
        finally:
            for one in replicas:
                one.kill()
                print(one.log.read_text("utf-8", "replace")[-4000:])


def renewals(recorder: Recorder) -> dict[str, dict[str, list[Renewal]]]:
    """The renewals that were taken, by the address of the sender and the name of the replica."""
    found: dict[str, dict[str, list[Renewal]]] = {}
    for one in [*recorder.passed]:
        if not one.writes or "/leases" not in one.path or one.status not in (200, 201) or not one.content:
            continue
        data = json.loads(one.content)
        name = data["metadata"]["name"].removeprefix(_LEASE_NAME)
        made = datetime.fromisoformat(data["spec"]["renewTime"]).timestamp()
        told = Published.of(data["metadata"]["annotations"]["models.reconciler.dev/view"])
        renewal = Renewal(name, made, one.time, told, not data["spec"]["holderIdentity"])
        found.setdefault(one.sender, {}).setdefault(name, []).append(renewal)
    return found


def replica_at(held: Held, sender: str, moment: float) -> str | None:
    """The name of the replica that ran at an address then: each that is started there has a new one, and ended its predecessor."""
    begun = {name: renewed[0].made for name, renewed in held.get(sender, {}).items() if renewed[0].made <= moment}
    return max(begun, key=begun.__getitem__, default=None)


def judge(one: World) -> int:
    """Fails for a write after the end of its writer's lease, and for one to a registry that was another's. Gives how many were judged."""
    held = renewals(one.api)
    last: dict[int, list[Renewal]] = {}
    writes = one.writes()
    for write, number in writes:
        name = replica_at(held, write.sender, write.time)
        assert name is not None, f"{write} came before its sender had a lease"
        renewed = held[write.sender][name]
        assert valid(renewed, write.time), f"{write} came after the end of its sender's lease"
        before = last.get(number, renewed)
        key = f"{one.namespace}/r{number}"
        assert before is renewed or gave_up(before, write.time, key), f"{write} came while r{number} was another's"
        last[number] = renewed
    return len(writes)


def valid(renewed: list[Renewal], moment: float) -> bool:
    """The lease of one replica was valid at a moment: by its own clock, which is this machine's."""
    return any(each.made <= moment <= each.made + LEASE and not each.released for each in renewed)


def gave_up(renewed: list[Renewal], moment: float, key: str) -> bool:
    """One replica, which wrote to a registry, had lost its lease until then, or ended, or published that the registry is another's.

    What it published first, before it had any rights, is no matter: only replicas that wrote are asked.
    """
    latest = [each for each in renewed if each.came <= moment][-1]
    if latest.released or latest.made + LEASE < moment:
        return True
    members, name = latest.published.members, latest.name
    return bool(members) and owner_of(key, members) != name


def test_a_frozen_replica_wakes_without_rights(api_server: ApiServer, namespace: str, tmp_path: Path) -> None:
    """SIGSTOP for longer than a lease, again and again, at any moment of its work: the others take over, and it writes nothing stale."""
    with world(api_server, namespace, tmp_path, 2) as one:
        for replica in one.replicas:
            one.keep_changing(one.random.uniform(0.5, 2.0))
            replica.signal(signal.SIGSTOP)
            one.until_each_is_written(without=replica)
            replica.signal(signal.SIGCONT)
        one.until_shared()
        assert judge(one) > REGISTRIES * 2


def test_a_replica_that_is_cut_off_delivers_nothing_late(api_server: ApiServer, namespace: str, tmp_path: Path) -> None:
    """Its wire is cut for longer than a lease: what it had sent does not come when the wire is mended."""
    with world(api_server, namespace, tmp_path, 2) as one:
        for replica in one.replicas:
            one.keep_changing(one.random.uniform(0.5, 2.0))
            replica.network.cut()
            one.until_each_is_written(without=replica)
            replica.network.mend()
        one.until_shared()
        assert judge(one) > REGISTRIES * 2


def test_a_killed_replica_is_replaced(api_server: ApiServer, namespace: str, tmp_path: Path) -> None:
    """SIGKILL at random moments; a kubelet starts it again under another name."""
    with world(api_server, namespace, tmp_path, 2) as one:
        for _ in range(2):
            one.keep_changing(one.random.uniform(0.2, 2.0))
            replica = one.random.choice(one.replicas)
            replica.kill()
            one.until_each_is_written()
        assert judge(one) > REGISTRIES * 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_replica_that_ends_gives_its_lease_back(
    api_server: ApiServer, namespace: str, tmp_path: Path, number: signal.Signals
) -> None:
    """It stops what is under way, says that its lease is over, and ends with 0."""
    with world(api_server, namespace, tmp_path, 1) as one:
        process = one.replicas[0].process
        assert process is not None
        process.send_signal(number)
        assert process.wait(60) == 0
        leases = [
            each["spec"].get("holderIdentity") for each in api_server.get("leases", "--namespace", namespace)["items"]
        ]
        assert leases
        assert not any(leases)
        judge(one)
