"""Replicas of the controller in virtual time: one seed is one schedule of delays, freezes, cuts, kills and newcomers."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from reconciler.controller.membership import Lease, Membership, Published

DURATION = 15.0
TIMEOUT = 3.0  # seconds after which a replica gives a request up; it may come to the server later all the same
PAUSE = 3.0  # seconds between two rounds
RETRY = 0.5


@dataclass
class Server:
    """The leases, as an API server has them: each write gives a new version, and is refused where it names an old one."""

    rows: dict[str, Lease] = field(default_factory=dict)
    version: int = 0

    def put(self, holder: str, published: Published, before: str | None) -> str | None:
        """The new version; None where there is a conflict, or nothing to write over."""
        row = self.rows.get(holder)
        if before != (None if row is None else row.version):
            return None
        self.version += 1
        self.rows[holder] = Lease(holder, str(self.version), DURATION, published)
        return str(self.version)

    def release(self, holder: str) -> None:
        self.version += 1
        self.rows[holder] = Lease(holder, str(self.version), DURATION, Published(), released=True)


@dataclass
class Replica:
    """One replica: its part of the agreement, and the keys that it has under way, each with its term and the time of its end."""

    name: str
    membership: Membership
    version: str | None = None  # of its lease, as it knows it
    request: int = 0  # the number of the last request: an answer to another one came too late
    busy: dict[str, tuple[int, float]] = field(default_factory=dict)
    frozen_until: float = 0.0
    cut_until: float = 0.0
    dead: bool = False

    def can_write(self, key: str, now: float) -> bool:
        """True where it would send a write of that key now, or as soon as it is woken."""
        if self.dead or key not in self.busy:
            return False
        term, end = self.busy[key]
        return end > now and bool(self.membership.remaining(now, term))

    def under_way(self) -> list[str]:
        """The keys that were begun in the present term."""
        return [key for key, (term, _) in self.busy.items() if term == self.membership.term]


class Schedule:
    """Runs one seed. `overlaps` are the moments at which two replicas could write to one key."""

    def __init__(self, seed: int, keys: int = 6, until: float = 230.0) -> None:
        self.random = random.Random(seed)
        self.shares = self.random.random() < 0.8
        self.schemes = ("a", "a", "a", "b") if self.random.random() < 0.2 else ("a",)
        self.keys = [f"registry-{number}" for number in range(keys)]
        self.until = until
        self.calm = until - 110  # from then on nothing happens, and messages are quick
        self.server = Server()
        self.replicas: dict[str, Replica] = {}
        self.begun: set[str] = set()
        self.overlaps: list[str] = []
        self.now = 0.0
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._names = itertools.count()

    def run(self) -> Schedule:
        for _ in range(self.random.randint(1, 3)):
            self._at(self.random.uniform(0, 3), self._join)
        for _ in range(self.random.randint(2, 10)):
            self._at(self.random.uniform(5, self.calm - 20), self._disturb)
        while self._queue and self._queue[0][0] <= self.until:
            self.now, _, step = heapq.heappop(self._queue)
            step()
        return self

    def unowned(self) -> list[str]:
        """The keys that no living replica may take up at the end, where those that live give keys in the same way."""
        alive = [one for one in self.replicas.values() if not one.dead]
        if len({one.membership.scheme for one in alive}) > 1:
            return []
        return [key for key in self.keys if alive and not any(one.membership.may_begin(key, self.now) for one in alive)]

    # -------------------------------------------------------------------------------------- time

    def _at(self, after: float, step: Callable[[], None]) -> None:
        heapq.heappush(self._queue, (self.now + after, next(self._order), step))

    def _for(self, replica: Replica, after: float, step: Callable[[], None]) -> None:
        """A step of a replica: it waits while that is frozen."""

        def when_awake() -> None:
            if replica.dead:
                return
            if replica.frozen_until > self.now:
                self._at(replica.frozen_until - self.now + self.random.uniform(0, 0.2), when_awake)
            else:
                step()

        self._at(after, when_awake)

    def _delay(self) -> float:
        """Of one message: mostly short, sometimes longer than a request is waited for, or than a lease."""
        if self.now > self.calm:
            return 0.05 * self.random.random()
        return self.random.choice((0.01, 0.05, 0.05, 0.5, 0.5, 4.0, 20.0)) * self.random.random()

    # -------------------------------------------------------------------------------------- one replica

    def _join(self) -> None:
        name = f"replica-{next(self._names)}"
        replica = Replica(name, Membership(name, DURATION, self.random.choice(self.schemes), shares=self.shares))
        self.replicas[name] = replica
        self._renew(replica)
        self._for(replica, self.random.uniform(0, 1), lambda: self._work(replica))

    def _ask(self, replica: Replica, arrive: Callable[[], Callable[[], None]], failed: Callable[[], None]) -> None:
        """A request: it comes late, or its answer is lost, or neither. `arrive` does it at the server, and gives what the answer does.

        What was sent before a cut may come after it, as TCP sends again; what is sent during one is lost.
        """
        replica.request += 1
        number = replica.request
        lost, answer_lost = replica.cut_until > self.now, self.random.random() < 0.05 and self.now < self.calm

        def at_server() -> None:
            answered = arrive()
            if not answer_lost:
                wait = max(0.0, replica.cut_until - self.now) + self._delay()
                self._for(replica, wait, lambda: answered() if replica.request == number else None)

        def too_late() -> None:
            if replica.request == number:
                replica.request += 1
                failed()

        if not lost:
            self._at(self._delay(), at_server)
        self._for(replica, TIMEOUT, too_late)

    def _renew(self, replica: Replica) -> None:
        sent, publication, before = self.now, replica.membership.publication(replica.under_way()), replica.version

        def arrive() -> Callable[[], None]:
            version = self.server.put(replica.name, publication, before)

            def answered() -> None:
                if version is None:
                    self._look(replica)
                else:
                    replica.version = version
                    replica.membership.renewed(sent, self.now)
                    self._list(replica)

            return answered

        self._ask(replica, arrive, lambda: self._again(replica, RETRY))

    def _look(self, replica: Replica) -> None:
        """After a conflict: which version our lease has, or that it is gone."""

        def arrive() -> Callable[[], None]:
            row = self.server.rows.get(replica.name)

            def answered() -> None:
                replica.version = None if row is None else row.version
                if row is None:
                    replica.membership.lost()
                self._again(replica, RETRY)

            return answered

        self._ask(replica, arrive, lambda: self._again(replica, RETRY))

    def _list(self, replica: Replica) -> None:
        sent = self.now

        def arrive() -> Callable[[], None]:
            rows = list(self.server.rows.values())

            def answered() -> None:
                replica.membership.listed(rows, sent, self.now)
                replica.membership.agree(self.now)
                self._again(replica, PAUSE)

            return answered

        self._ask(replica, arrive, lambda: self._again(replica, RETRY))

    def _again(self, replica: Replica, after: float) -> None:
        replica.request += 1
        self._for(replica, after, lambda: self._renew(replica))

    def _work(self, replica: Replica) -> None:
        replica.busy = {key: (term, end) for key, (term, end) in replica.busy.items() if end > self.now}
        key = self.random.choice(self.keys)
        if key not in replica.busy and replica.membership.may_begin(key, self.now):
            length = self.random.choice((0.2, 2.0, 20.0, 60.0)) * self.random.random()
            replica.busy[key] = (replica.membership.term, self.now + length)
            self.begun.add(key)
        self._judge()
        self._for(replica, self.random.uniform(0.1, 1.0), lambda: self._work(replica))

    def _judge(self) -> None:
        for key in self.keys:
            writers = [one.name for one in self.replicas.values() if one.can_write(key, self.now)]
            if len(writers) > 1:
                self.overlaps.append(f"{self.now:.2f}: {key} by {' and '.join(writers)}")

    # -------------------------------------------------------------------------------------- what happens

    def _disturb(self) -> None:
        alive = [one for one in self.replicas.values() if not one.dead]
        what = self.random.choice(("join", "freeze", "freeze", "cut", "cut", "kill", "delete", "end"))
        if what == "join" or not alive:
            self._join()
            return
        one = self.random.choice(alive)
        if what == "freeze":
            one.frozen_until = self.now + self.random.choice((2.0, 10.0, 16.0, 60.0))
        elif what == "cut":
            one.cut_until = self.now + self.random.choice((2.0, 10.0, 16.0, 60.0))
        elif what == "kill":
            one.dead = True
            if self.random.random() < 0.7:
                self._at(self.random.uniform(0, 20), self._join)
        elif what == "end" and one.frozen_until <= self.now >= one.cut_until:
            one.dead = True  # as SIGTERM: it ends what is under way, and says so
            self.server.release(one.name)
        else:
            self.server.rows.pop(one.name, None)
