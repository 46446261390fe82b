"""The log line of each reconcile that wrote something or failed; a quiet one has none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from reconciler.controller.cluster import ObjectKey
from reconciler.controller.ports import Observer
from reconciler.controller.settings import Log
from reconciler.core.actions import DONE, SUMMARY

ALWAYS: Final = ("created", "updated", "deleted")  # for machines they are there where nothing was, too


@dataclass
class ReconcileLog:
    """An `Observer` that tells what was measured to another one, and sums it up in a line of the log."""

    observer: Observer
    log: Log
    _counts: dict[ObjectKey, Counter[str]] = field(default_factory=dict)

    def reconciled(self, key: ObjectKey, seconds: float, result: str, *, failed: bool) -> None:
        self.observer.reconciled(key, seconds, result, failed=failed)
        counts = self._counts.pop(key, Counter())
        if not counts and not failed:
            return
        words = [f"{counts[what]:,} {what.replace('_', ' ')}" for what in _in_order(counts)]
        self.log(
            f"{key}: {result}: {', '.join(words) or 'nothing written'} in {seconds:.1f} s",
            "warning" if failed else "info",
            registry=str(key),
            result=result,
            seconds=round(seconds, 3),
            **{what: counts[what] for what in dict.fromkeys((*ALWAYS, *_in_order(counts)))},
        )

    def wrote(self, key: ObjectKey, action: str, status: str) -> None:
        self.observer.wrote(key, action, status)
        self._counts.setdefault(key, Counter())[DONE[action] if status == "ok" else status] += 1


def _in_order(counts: Counter[str]) -> Iterator[str]:
    """The words of what was done, in the order of a report."""
    return (what for what in SUMMARY if counts[what])
