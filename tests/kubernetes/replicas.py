"""Replicas of the controller in virtual time: one seed is one schedule of delays, freezes, cuts, kills and newcomers."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from reconciler.controller.membership import Lease, Membership, Published

DURATION = 15.0
ROUND = 4.0


@dataclass
class Server:
    """The leases, as an API server has them: each write gives a new version."""

    rows: dict[str, Lease] = field(default_factory=dict)
    version: int = 0

    def put(self, holder: str, published: Published, *, released: bool = False) -> None:
        self.version += 1
        self.rows[holder] = Lease(holder, str(self.version), DURATION, published, released)


@dataclass
class Replica:
    """One replica: its part of the agreement, and the keys that it has under way, each with its term and the time of its end."""

    name: str
    membership: Membership
    busy: dict[str, tuple[int, float]] = field(default_factory=dict)
    frozen_until: float = 0.0
    cut_until: float = 0.0
    dead: bool = False

    def can_write(self, key: str, now: float) -> bool:
        """True where it would send a write of that key now, or as soon as it is woken."""
        return not self.dead and key in self.busy and bool(self.membership.remaining(now, self.busy[key][0]))

    def under_way(self) -> list[str]:
        """The keys that were begun in the present term."""
        return [key for key, (term, _) in self.busy.items() if term == self.membership.term]


class Schedule:
    """Runs one seed. `overlaps` are the moments at which two replicas could write to one key."""

    def __init__(self, seed: int, keys: int = 12, until: float = 400.0) -> None:
        self.random = random.Random(seed)
        self.keys = [f"registry-{number}" for number in range(keys)]
        self.until = until
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
            self._at(self.random.uniform(5, self.until - 120), self._disturb)
        while self._queue and self._queue[0][0] <= self.until:
            self.now, _, step = heapq.heappop(self._queue)
            step()
        return self

    def unowned(self) -> list[str]:
        """The keys that no living replica may take up at the end."""
        alive = [
            one for one in self.replicas.values() if not one.dead and one.frozen_until <= self.now >= one.cut_until
        ]
        return [key for key in self.keys if alive and not any(one.membership.may_begin(key, self.now) for one in alive)]

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
        return self.random.choice((0.01, 0.05, 0.5, 3.0)) * self.random.random()

    # -------------------------------------------------------------------------------------- one replica

    def _join(self) -> None:
        name = f"replica-{next(self._names)}"
        replica = Replica(name, Membership(name, DURATION))
        self.replicas[name] = replica
        self._renew(replica)
        self._for(replica, self.random.uniform(0, 1), lambda: self._work(replica))

    def _renew(self, replica: Replica) -> None:
        sent, publication = self.now, replica.membership.publication(replica.under_way())
        cut = replica.cut_until > self.now

        def arrive() -> None:
            if not cut and not replica.dead:
                self.server.put(replica.name, publication)
                self._for(replica, self._delay(), answered)

        def answered() -> None:
            replica.membership.renewed(sent)

        self._at(self._delay(), arrive)
        self._for(replica, ROUND / 2 + self.random.uniform(0, 1), lambda: self._list(replica))

    def _list(self, replica: Replica) -> None:
        sent = self.now

        def arrive() -> None:
            if replica.cut_until <= self.now:
                rows = list(self.server.rows.values())
                self._for(replica, self._delay(), lambda: answered(rows))

        def answered(rows: list[Lease]) -> None:
            replica.membership.listed(rows, sent, self.now)
            replica.membership.agree(self.now)

        self._at(self._delay(), arrive)
        self._for(replica, ROUND / 2 + self.random.uniform(0, 1), lambda: self._renew(replica))

    def _work(self, replica: Replica) -> None:
        replica.busy = {key: (term, end) for key, (term, end) in replica.busy.items() if end > self.now}
        key = self.random.choice(self.keys)
        if key not in replica.busy and replica.membership.may_begin(key, self.now):
            length = self.random.choice((0.2, 2.0, 20.0, 60.0)) * self.random.random()
            replica.busy[key] = (replica.membership.term, self.now + length)
            self.begun.add(key)
        self._judge()
        self._for(replica, self.random.uniform(0.05, 0.6), lambda: self._work(replica))

    def _judge(self) -> None:
        for key in self.keys:
            writers = [one.name for one in self.replicas.values() if one.can_write(key, self.now)]
            if len(writers) > 1:
                self.overlaps.append(f"{self.now:.2f}: {key} by {' and '.join(writers)}")

    # -------------------------------------------------------------------------------------- what happens

    def _disturb(self) -> None:
        alive = [one for one in self.replicas.values() if not one.dead]
        what = self.random.choice(("join", "freeze", "freeze", "cut", "kill", "delete"))
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
        else:
            self.server.rows.pop(one.name, None)
