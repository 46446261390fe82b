"""The right to write: it ends with the lease, with the view, and for a process that is frozen in the middle of a write."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field

import pytest

from reconciler.controller.fence import MARGIN, KillTimer, RightToWrite
from reconciler.controller.membership import Lease, Membership, Published
from reconciler.registry import deadline
from reconciler.registry.http.pool import _socket

DURATION = 10.0
FROZEN = """
import sys, time
from reconciler.controller.fence import KillTimer
end = time.monotonic() + 1.0
timer = KillTimer(lambda: end - time.monotonic())
{before}
print("here", flush=True)
while time.monotonic() < end:
    pass
print("late", flush=True)
"""


@dataclass
class World:
    """A replica that is alone, and owns everything."""

    time: float = 0.0
    membership: Membership = field(default_factory=lambda: Membership("a", DURATION))

    def round(self, *others: Lease) -> None:
        self.membership.renewed(self.time, self.time)
        self.membership.listed(others, self.time, self.time)
        self.membership.agree(self.time)

    def settled(self) -> World:
        self.round()
        for _ in range(3):
            self.time += DURATION / 2
            self.round()
        return self

    def right(self, key: str = "team/store") -> RightToWrite:
        timer = KillTimer(lambda: self.membership.remaining(self.time))
        return RightToWrite(self.membership, key, self.membership.term, lambda: self.time, timer)


def test_a_right_ends_before_the_lease_does() -> None:
    """The rest is for what is on its way."""
    world = World().settled()
    right = world.right()
    assert right.remaining() == pytest.approx(DURATION * (1 - MARGIN))
    world.time += DURATION * (1 - MARGIN)
    assert right.remaining() == 0
    assert world.membership.remaining(world.time) > 0


def test_a_right_of_an_old_term_is_never_one_again() -> None:
    """A lease that ended and was taken up anew is another one."""
    world = World().settled()
    right = world.right()
    world.time += 2 * DURATION
    for _ in range(3):
        world.round()
        world.time += DURATION / 2
    world.round()
    assert world.right().remaining() > 0
    assert right.remaining() == 0


def test_a_right_that_went_to_another_replica_does_not_come_back() -> None:
    """A view with another member takes some registries away; those that come back later were another's meanwhile."""
    world = World().settled()
    rights = [world.right(f"team/r{number}") for number in range(20)]
    world.round(Lease("b", "1", DURATION, Published()))
    lost = [right for right in rights if not right.look()]
    assert 0 < len(lost) < len(rights)
    world.round(Lease("b", "2", DURATION, Published(), released=True))
    assert all(right.remaining() == 0 for right in lost)
    assert all(right.remaining() > 0 for right in rights if right not in lost)


def test_whether_something_is_being_sent_is_known() -> None:
    """Two writes of one registry at once, and none."""
    right = World().settled().right()
    with right.sending():
        with right.sending():
            assert right.sends
        assert right.sends
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert not right.sends
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


@pytest.mark.parametrize("sends", [True, False])
def test_a_process_that_is_frozen_while_it_sends_never_goes_on(sends: bool) -> None:
    """Woken after the end of its lease, it ends before it does anything. One that sends nothing lives on."""
    script = FROZEN.format(before="sending = timer.sending(); sending.__enter__()" if sends else "")
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == "here\n"
        process.send_signal(signal.SIGSTOP)
        subprocess.run(["sleep", "1.2"], check=True)  # as long as its lease
        process.send_signal(signal.SIGCONT)
        said = process.stdout.read()
    assert process.wait() == (-signal.SIGALRM if sends else 0)
    assert said == ("" if sends else "late\n")


def test_the_kernel_gives_up_what_is_not_acknowledged() -> None:
    """For the sockets of a reconcile, and no others."""
    address = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", ("127.0.0.1", 1))
    with deadline.unacknowledged_for(3.0), _socket(address) as bounded:
        assert bounded.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 3000
    with _socket(address) as plain:
        assert plain.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 0
