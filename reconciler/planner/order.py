"""The order of a plan: dependencies first, deletes last and the other way round. Pure."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator

from reconciler.core.resource import Address
from reconciler.planner.plan import Change


def in_order(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Changes so that each comes after what it depends on, deletes after everything else, by address where nothing else decides.

    A circle of dependencies is broken at its first address: what refers to each other in a circle can be written in no right order.
    """
    ranked = sorted(changes, key=lambda change: change.address)
    return (
        *_by_need([change for change in ranked if change.action != "delete"]),
        *_by_need([change for change in ranked if change.action == "delete"]),
    )


def _by_need(ranked: list[Change]) -> Iterator[Change]:
    if not any(change.depends_on for change in ranked):
        yield from ranked
        return
    position = {change.address: rank for rank, change in enumerate(ranked)}
    yield from (ranked[rank] for rank in _sorted(ranked, position))


def _sorted(ranked: list[Change], position: dict[Address, int]) -> list[int]:
    waiting: dict[int, set[int]] = {}
    followers: dict[int, list[int]] = defaultdict(list)
    for rank, change in enumerate(ranked):
        prerequisites = {
            position[address] for address in change.depends_on if address in position and position[address] != rank
        }
        waiting[rank] = prerequisites
        for need in prerequisites:
            followers[need].append(rank)
    ready = [rank for rank, prerequisites in waiting.items() if not prerequisites]
    heapq.heapify(ready)
    done: list[int] = []
    seen: set[int] = set()
    while len(done) < len(ranked):
        rank = heapq.heappop(ready) if ready else min(waiting.keys() - seen)
        seen.add(rank)
        done.append(rank)
        for follower in followers[rank]:
            waiting[follower].discard(rank)
            if not waiting[follower] and follower not in seen:
                heapq.heappush(ready, follower)
    return done
