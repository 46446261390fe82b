"""Share registries among replicas, so that no two write to one at the same time. Pure: no clock, no network.

Each replica holds a lease. Those whose leases are live are the *view*; rendezvous hashing over the view gives each
registry one owner. A view is not enough: two replicas may see different ones. So a replica that adopts a view publishes
it under a new number, and it takes over what it gains only when every other member has published the same view and
acknowledged that number. Who acknowledges has stopped, before, whatever the view takes from it. What a replica owned
under every view since the last that all had agreed on, it keeps meanwhile.

Time is measured by one's own clock alone. A lease is dead for others when a listing that was sent its whole duration after
it was last seen to change finds it unchanged; it is dead for its holder that long after it *sent* the last renewal that
succeeded, which is earlier. Whoever finds that its own lease ended has no rights until all have agreed again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

_DELETED: Final = ""  # the version of a lease that is not there any more


@dataclass(frozen=True, slots=True)
class Published:
    """What a replica's lease says: the number and the members of the view that it adopted, and the numbers of others that it acknowledges.

    `scheme` is how keys are given to members. Replicas of different schemes never agree, as in a rollout that changes it.
    One that is `settled` knows of every replica that may have rights.
    """

    number: int = 0
    members: frozenset[str] = frozenset()
    scheme: str = ""
    settled: bool = False
    acknowledged: Mapping[str, int] = field(default_factory=dict)

    def text(self) -> str:
        """As it is written into the lease."""
        return json.dumps(
            {
                "number": self.number,
                "members": sorted(self.members),
                "scheme": self.scheme,
                "settled": self.settled,
                "acknowledged": dict(sorted(self.acknowledged.items())),
            },
            separators=(",", ":"),
        )

    @classmethod
    def of(cls, text: str) -> Published:
        """Read what another replica wrote; what cannot be read agrees to nothing."""
        try:
            data = json.loads(text)
            acknowledged = {str(name): int(number) for name, number in data["acknowledged"].items()}
            members = frozenset(map(str, data["members"]))
            return cls(int(data["number"]), members, str(data["scheme"]), data["settled"] is True, acknowledged)
        except (ValueError, TypeError, KeyError, AttributeError):
            return cls()


class Lease(NamedTuple):
    """A lease as it was listed. `version` changes whenever it does; `duration` in seconds; one that was released is dead at once."""

    holder: str
    version: str
    duration: float
    published: Published
    released: bool = False


@dataclass(frozen=True, slots=True)
class _Seen:
    """Another replica's lease: `changed` is when it was last seen to change, by our clock."""

    lease: Lease
    changed: float


def owner_of(key: str, members: Iterable[str]) -> str | None:
    """The member to which rendezvous hashing gives a key: a member that comes or goes moves only its own share."""
    return max(members, key=lambda member: (_weight(key, member), member), default=None)


def _weight(key: str, member: str) -> bytes:
    return hashlib.blake2b(f"{member}\0{key}".encode(), digest_size=8).digest()


@dataclass
class Membership:
    """One replica's part of the agreement.

    A round is: renew our lease with what `publication` gives (`renewed`), list all leases (`listed`). Between rounds
    `may_begin` says which keys may be taken up, and `remaining` for how long anything may be written. With `shares`, each
    key has an owner of its own; without, one member owns all.
    """

    me: str
    duration: float
    scheme: str = ""
    shares: bool = True
    _seen: dict[str, _Seen] = field(default_factory=dict)
    _number: int = 0
    _members: frozenset[str] = frozenset()
    _chain: tuple[frozenset[str], ...] = ()  # the views since the last agreement, that one included; none: no rights
    _term: int = 0
    _valid_until: float = float("-inf")
    _known_since: float | None = None  # when the first listing was sent since our lease was last taken up
    _settled: bool = False

    @property
    def members(self) -> frozenset[str]:
        """The view adopted last."""
        return self._members

    @property
    def rights(self) -> tuple[frozenset[str], ...]:
        """The views under all of which a key must be ours; none: no rights."""
        return self._chain

    @property
    def term(self) -> int:
        """The number of times that our lease was taken up anew: what was begun in another term may write no more."""
        return self._term

    def remaining(self, now: float, term: int | None = None) -> float:
        """Seconds for which what was begun in a term (the present one, unless given) may write; 0 where the lease ended."""
        ended = term is not None and term != self._term
        return 0.0 if ended else max(0.0, self._valid_until - now)

    def may_begin(self, key: str, now: float) -> bool:
        """True where the key is ours under every view since the last agreement, and our lease is valid."""
        return bool(self.remaining(now) and self._chain and all(self._is_ours(key, view) for view in self._chain))

    def _is_ours(self, key: str, view: frozenset[str]) -> bool:
        return owner_of(key if self.shares else "", view) == self.me

    def leftovers(self, now: float, age: float) -> tuple[str, ...]:
        """The replicas whose leases were released, or have not changed for so many seconds: nobody needs these any more."""
        return tuple(
            name
            for name, seen in self._seen.items()
            if seen.lease.released or now > seen.changed + max(age, seen.lease.duration)
        )

    def renewed(self, sent: float, received: float) -> None:
        """A renewal of our lease succeeded: when it was sent, and when its answer came.

        One that was sent in time and answered late may have come late, too, when others took us for dead already.
        """
        if received >= self._valid_until:  # it had ended: others may have shared out what was ours
            self._chain = ()
            self._number += 1
            self._term += 1
            self._known_since = None
            self._settled = False
        self._valid_until = max(self._valid_until, sent + self.duration)

    def lost(self) -> None:
        """Our lease is gone: somebody deleted it."""
        self._valid_until = float("-inf")

    def listed(self, leases: Iterable[Lease], sent: float, received: float) -> None:
        """Adopt the view of a complete listing.

        A live one that is not there any more was deleted by somebody. Its holder may have renewed it just before, and does
        not know yet: so this counts as a change.
        """
        found = {lease.holder: lease for lease in leases if lease.holder != self.me}
        for name in self._members - found.keys() - {self.me}:
            found[name] = self._seen[name].lease._replace(version=_DELETED)
        for name, lease in found.items():
            before = self._seen.get(name)
            if before is None or before.lease.version != lease.version:
                self._seen[name] = _Seen(lease, received)
        live = {
            name
            for name, seen in self._seen.items()
            if not seen.lease.released and sent < seen.changed + seen.lease.duration
        }
        # a dead one that is still listed is remembered, or else it would look new; one that is gone can not come to life again
        self._seen = {name: seen for name, seen in self._seen.items() if name in live or name in found}
        if self._known_since is None and self.remaining(sent):
            self._known_since = sent
        view = frozenset({self.me, *live})
        if view != self._members:
            self._members = view
            self._number += 1
            self._chain = (*self._chain, view) if self._chain else ()

    def publication(self, busy: Iterable[str]) -> Published:
        """What our lease is to say next. `busy` are the keys under way here that were begun in this term.

        A view is published only once nothing is under way that it takes from us: until then nobody can agree with it.
        """
        if not all(self._is_ours(key, self._members) for key in busy):
            return Published(self._number, scheme=self.scheme)
        acknowledged = {
            name: seen.lease.published.number
            for name, seen in self._seen.items()
            if name in self._members and self._agrees(seen.lease.published)
        }
        return Published(self._number, self._members, self.scheme, self._settled, acknowledged)

    def agree(self, now: float) -> None:
        """Take up what the view gives us, where every member agrees with it, and one is settled.

        A lease that somebody deleted just before our first listing may be believed in by its holder for its whole duration.
        So we are settled only after so long, or when one that is settled agrees with us.
        """
        if self._known_since is None or not self.remaining(now):
            return
        others = [self._seen[name].lease.published for name in self._members if name != self.me]
        if all(self._agrees(other) and other.acknowledged.get(self.me) == self._number for other in others):
            waited = now >= self._known_since + self.duration
            self._settled = self._settled or waited or any(other.settled for other in others)
            if self._settled:
                self._chain = (self._members,)

    def _agrees(self, other: Published) -> bool:
        return other.members == self._members and other.scheme == self.scheme
