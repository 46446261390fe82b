"""The process of `reconciler controller run`: from settings to a running replica, and its end by a signal."""

from __future__ import annotations

import asyncio
import secrets
import signal
import socket
from typing import Final

from reconciler.controller.leases import LeaseKeeper
from reconciler.controller.lightkube_cluster import open_cluster
from reconciler.controller.membership import Membership
from reconciler.controller.settings import Log, Settings

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


async def run(settings: Settings, log: Log) -> None:
    """Run a replica until a signal ends it. Raises UsageError where there is no cluster to speak to."""
    stopped = asyncio.Event()
    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    async with open_cluster() as cluster:
        me = _name()
        namespace = settings.namespace or cluster.namespace
        membership = Membership(me, settings.lease_duration)
        keeper = LeaseKeeper(cluster, namespace, membership, busy=tuple, changed=lambda: None)
        log(f"started as {me} in namespace {namespace}", replica=me, namespace=namespace)
        running = asyncio.create_task(keeper.run())
        await stopped.wait()
        running.cancel()
        await asyncio.wait({running})
        log("stopped")


def _name() -> str:
    """A name that no other process has, nor this pod's last one: a lease is never taken up by who did not hold it."""
    return f"{socket.gethostname().lower()[:40]}-{secrets.token_hex(3)}"
