"""Changes that several kinds have in common: the requests that send a description and tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.registry.driver import Resource, Write
from reconciler.registry.mlflow.calls import Calls
from reconciler.registry.mlflow.tags import tag_changes

Place = Mapping[str, str]  # the members of a body that say which object is meant


async def send_description(calls: Calls, path: str, place: Place, before: Mapping[str, Any], write: Write) -> None:
    """Sends a description that differs. An empty one is sent, too: left out, it would be erased by the next request that does without."""
    after = write.desired.spec
    if (before.get("description") or "") != (after.get("description") or ""):
        body = {**place, "description": after.get("description") or ""}
        await calls.change("PATCH", f"{path}/update", body, write.desired.address)


async def send_tags(calls: Calls, path: str, place: Place, before: Resource | None, write: Write) -> None:
    """Sends the tags that differ, the mark last."""
    for tag in tag_changes(before, write.desired):
        await calls.change(tag.method, f"{path}/{tag.verb}", {**place, **tag.body}, write.desired.address)


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as a create takes them."""
    return [{"key": key, "value": value} for key, value in tags.items()]


def current_of(write: Write) -> Resource:
    """The object as it was read, which an update must have."""
    if write.current is None:
        raise ValueError(f"an update of {write.desired.address} without the object as it was read")
    return write.current
