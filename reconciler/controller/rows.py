"""Make the row of each object from a plan and what was done of it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping

from reconciler.applier.report import Report
from reconciler.controller.desired import Declared, Trouble
from reconciler.controller.documents import ClusterDocument
from reconciler.controller.planned import NOT_IN_FORCE, Planned
from reconciler.controller.status import HELD, UNCHANGED, UNKNOWN, Row
from reconciler.core.resource import Address
from reconciler.manifest.kubernetes_references import SECRET
from reconciler.planner.plan import Change


def digest(versions: Mapping[str, str | None]) -> str:
    """The versions of Secrets as one short text, "" of none."""
    if not versions:
        return ""
    text = "\n".join(f"{name}={versions[name]}" for name in sorted(versions))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def secrets_named(one: ClusterDocument) -> frozenset[str]:
    """The names of the Secrets that an object names."""
    return frozenset(named.name for named in one.named if named.kind == SECRET)


def row_of_trouble(registry: str, generation: int, trouble: Trouble) -> Row:
    """The row of an object that is left alone."""
    return Row(registry, trouble.action, trouble.reason, trouble.message, generation=generation)


def unknown_row(registry: str, generation: int, reason: str, message: str) -> Row:
    """The row of an object of a registry that could not be read."""
    return Row(registry, UNKNOWN, reason, message, generation=generation)


def left_of(planned: Planned, report: Report | None) -> dict[str, list[Change]]:
    """The changes that are still to be made, those that failed among them, by the name of their manifest; "" where none declares them."""
    done = {one.address for one in report.outcomes if one.status == "ok"} if report is not None else set()
    overtaken = _overtaken(planned, report)
    found: dict[str, list[Change]] = {}
    for change in planned.plan.changes:
        if change.address not in done and change.address not in overtaken:
            found.setdefault(change.source.file if change.source is not None else "", []).append(change)
    return found


def _overtaken(planned: Planned, report: Report | None) -> set[Address]:
    """What another run had done already: a report counts it and does not list it."""
    if report is None:
        return set()
    told = {one.address for one in report.outcomes}
    return {change.address for change in planned.plan.writes} - told


def rows(
    registry: str, declared: Declared, planned: Planned, report: Report | None, secrets: Mapping[str, str]
) -> Iterator[tuple[str, Row]]:
    """The row of each object by the name of its manifest; what is going and has nothing left to do has none.

    `secrets` are the digests to note.
    """
    left, idle = left_of(planned, report), planned.not_in_force
    for file, one in declared.documents.items():
        if file in planned.troubles:
            yield file, row_of_trouble(registry, one.generation, planned.troubles[file])
        elif file in left:
            yield file, _row_left(registry, one, left[file], planned, report)._replace(secrets=secrets.get(file, ""))
        elif file in idle:
            yield file, Row(registry, "blocked", NOT_IN_FORCE, idle[file], generation=one.generation)
        else:
            yield file, Row(registry, UNCHANGED, generation=one.generation, secrets=secrets.get(file, ""))
    for file, one in declared.going.items():
        if file in left:
            yield file, _row_left(registry, one, left[file], planned, report)


def _row_left(
    registry: str, one: ClusterDocument, changes: list[Change], planned: Planned, report: Report | None
) -> Row:
    """The row of an object that something is left to do with: why it was not done, or what is to be done."""
    change = _most_telling(changes)
    outcomes = report.outcomes if report is not None else ()
    failure = next((found for found in outcomes if found.address == change.address), None)
    reason = failure.reason if failure is not None else change.reason
    message = (failure.message if failure is not None else "") or change.message
    if not message and planned.plan.guards:
        message = f"held: {planned.plan.guards[0].message}"
    fields = tuple(sorted({found.path for found in change.fields}))
    return Row(registry, change.action, reason, message, fields, one.generation)


def _most_telling(changes: Iterable[Change]) -> Change:
    """What holds an object up comes first, then the object itself before what stands beside it."""
    return min(changes, key=lambda one: (one.action not in HELD, one.parent is not None, one.address))
