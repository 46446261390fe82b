"""Release what a Registry object holds in a namespace that is about to go.

It needs no right to write to a registry, and no lease, which nobody can take up in such a namespace: nothing is deleted in any
registry, and several replicas may do it at once. So no namespace ever waits for us.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from reconciler.controller.cluster import Cluster, ClusterError
from reconciler.controller.copies import Copies, Member
from reconciler.controller.finalizers import without_ours
from reconciler.controller.writer import Writer

PAUSE: Final = 2.0  # seconds between two looks


@dataclass(frozen=True, slots=True)
class NamespaceReleaser:
    """Looks after the objects that are about to go. `told` is told the namespace and how many were released."""

    cluster: Cluster
    copies: Copies
    writer: Writer
    told: Callable[[str, int], None]

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            with suppress(ClusterError):  # the next look tries again
                await self.look()
            await asyncio.sleep(PAUSE)

    async def look(self) -> None:
        """Release all objects that are held in namespaces that are about to go. Raises ClusterError."""
        waiting: dict[str, list[Member]] = {}
        for member in self.copies.held_and_going():
            waiting.setdefault(member.item["metadata"]["namespace"], []).append(member)
        for namespace, members in waiting.items():
            if await self.cluster.terminating(namespace):
                for member in members:
                    await self.writer.finalizers(member.resource, member.item, without_ours)
                self.told(namespace, len(members))
