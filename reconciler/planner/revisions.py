"""Fields that each revision of an object changed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.core import pointer as json_pointer
from reconciler.core.kind import Kind
from reconciler.core.resource import Mark
from reconciler.core.spec import normalized, secrets_in
from reconciler.planner.diff import FieldChange, added_fields, field_changes, rotation, shown


def first_fields(spec: Mapping[str, Any], kind: Kind) -> tuple[FieldChange, ...]:
    """The fields of an object's first revision, as in the plan of a create."""
    return added_fields(spec, {pointer for pointer, _ in secrets_in(spec, kind.root)})


def changed_fields(
    before: Mapping[str, Any], after: Mapping[str, Any], marks: tuple[Mark | None, Mark | None], kind: Kind
) -> tuple[FieldChange, ...]:
    """The fields in which two revisions of an object differ. `marks` are theirs: a secret may be new under the same reference.

    A field in which both hold the same but for a credential in an address is sensitive.
    """
    secrets = {pointer for spec in (before, after) for pointer, _ in secrets_in(spec, kind.root)}
    sides = (normalized(side, kind.root, tuple(secrets)) for side in (before, after))
    found = [shown(change) for change in field_changes(*sides)]
    found.extend(
        FieldChange(pointer, sensitive=True)
        for pointer in secrets
        if json_pointer.get(before, pointer) != json_pointer.get(after, pointer) or _rotated(pointer, marks)
    )
    return tuple(sorted(found, key=lambda change: change.path))


def mark_changes(before: Mark | None, after: Mark | None) -> Iterator[tuple[str, Any, Any]]:
    """What two revisions say differently of the object's owner and protection: its name, and both values."""
    owners = tuple(mark.owner if mark is not None else None for mark in (before, after))
    protections = tuple(mark is not None and mark.protected for mark in (before, after))
    for name, (old, new) in (("owner", owners), ("protected", protections)):
        if old != new:
            yield name, old, new


def _rotated(pointer: str, marks: tuple[Mark | None, Mark | None]) -> bool:
    then, now = (mark.fingerprints.get(pointer) if mark is not None else None for mark in marks)
    return then is not None and now is not None and rotation(then, now) == "rotated"
