"""What to send for tags: one request for each that differs, those of our mark last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from reconciler.registry.driver import Resource
from reconciler.registry.mlflow.marks import KEY, tags_of


class TagChange(NamedTuple):
    """One request: its method, the last part of its path, and its body but for the object that the tag is on."""

    method: str
    verb: str
    body: Mapping[str, Any]


def own_tags(resource: Resource) -> dict[str, str]:
    """The tags that reconciler keeps on an object: the mark, and of a version at least its name."""
    if resource.mark is not None:
        return tags_of(resource.mark)
    return {KEY: resource.address.key} if resource.address.kind == "ModelVersion" else {}


def tag_changes(before: Resource | None, after: Resource) -> Iterator[TagChange]:
    """The requests that make the tags of an object those of another; of a mark whose it is comes last, so that half a mark is none."""
    there = dict(before.spec.get("tags") or {}) if before is not None else {}
    ours = tags_of(before.mark) if before is not None and before.mark is not None else {}
    wanted, own = after.spec.get("tags") or {}, own_tags(after)
    gone = [
        *sorted(there.keys() - wanted.keys()),
        *(sorted(ours.keys() - own.keys()) if after.mark is not None else ()),
    ]
    for key in gone:
        yield TagChange("DELETE", "delete-tag", {"key": key})
    for key, value in (*wanted.items(), *own.items()):
        if {**there, **ours}.get(key) != value:
            yield TagChange("POST", "set-tag", {"key": key, "value": value})
