"""Network namespaces: one for each replica, whose wire a test may cut. Needs root, and iproute2."""

from __future__ import annotations

import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

_NETWORK: Final = "10.213"


@dataclass(frozen=True)
class Network:
    """A network namespace with one wire to this machine, which is `host` there."""

    name: str
    wire: str
    host: str
    address: str

    @property
    def prefix(self) -> tuple[str, ...]:
        """The words that run a program in it."""
        return ("ip", "netns", "exec", self.name)

    def cut(self) -> None:
        """Nothing passes any more; who sends is not told."""
        _ip("link", "set", self.wire, "down")

    def mend(self) -> None:
        """Everything passes again, also what was sent meanwhile and is sent once more."""
        _ip("link", "set", self.wire, "up")
        _ip("route", "replace", self.address, "dev", self.wire)


@contextmanager
def networks(count: int) -> Iterator[list[Network]]:
    """So many namespaces; they end with all that runs in them."""
    part = _own_part()
    host = f"{_NETWORK}.{part}.1"
    made = []
    try:
        for number in range(count):
            word = secrets.token_hex(3)
            one = Network(f"replica-{word}", f"wire-{word}", host, f"{_NETWORK}.{part}.{number + 2}")
            made.append(one)
            _connect(one)
        yield made
    finally:
        for one in made:
            subprocess.run(["ip", "netns", "delete", one.name], check=False)
        _ip("address", "delete", f"{host}/32", "dev", "lo")


def _own_part() -> int:
    """The part of the addresses that is ours: whoever adds its first one to this machine has it."""
    parts = secrets.SystemRandom().sample(range(1, 251), 20)
    for part in parts[:-1]:
        with suppress(RuntimeError):
            _ip("address", "add", f"{_NETWORK}.{part}.1/32", "dev", "lo")
            return part
    _ip("address", "add", f"{_NETWORK}.{parts[-1]}.1/32", "dev", "lo")
    return parts[-1]


def _connect(one: Network) -> None:
    _ip("netns", "add", one.name)
    _ip("link", "add", one.wire, "type", "veth", "peer", "name", "eth0", "netns", one.name)
    inside = ("-n", one.name)
    _ip(*inside, "link", "set", "lo", "up")
    _ip(*inside, "address", "add", f"{one.address}/32", "dev", "eth0")
    _ip(*inside, "link", "set", "eth0", "up")
    _ip(*inside, "route", "add", one.host, "dev", "eth0")
    one.mend()


def _ip(*words: str) -> None:
    ran = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if ran.returncode:
        raise RuntimeError(f"ip {' '.join(words)}: {ran.stderr.strip()} (this needs root, and network namespaces)")
