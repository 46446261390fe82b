"""Stored objects as `list`, `get` and `history` show them: the data of their JSON answers, and their text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from reconciler.core.resource import Address, RemoteState, Resource, Unreadable
from reconciler.core.unmanaged import shown
from reconciler.registry.capabilities import Revision
from reconciler.render.jsontext import dumps
from reconciler.render.table import cell, table
from reconciler.render.terminal import Style


def list_data(remote: RemoteState) -> dict[str, Any]:
    """The `list` answer: the stored objects, sorted by address, and the rows that could not be read."""
    return {
        "resources": [
            {
                "address": str(item.address),
                "kind": item.address.kind,
                "key": item.address.key,
                "registry": item.address.registry,
                "owner": _owner(item),
                "updated_at": item.updated_at,
            }
            for item in sorted(remote.resources(), key=lambda item: item.address)
        ],
        "unreadable": [
            {"registry": name, "kind": row.kind, "key": row.key, "message": row.message}
            for name, row in unreadable_rows(remote)
        ],
    }


def list_text(data: Mapping[str, Any], style: Style) -> str:
    """The resources of the `list` answer as a table."""
    columns = {"address": "ADDRESS", "owner": "OWNER", "updated_at": "UPDATED"}
    nothing = "Nothing is there that can be read." if data["unreadable"] else "Nothing is there."
    return table(columns, data["resources"], style) if data["resources"] else nothing


def unreadable_rows(remote: RemoteState) -> Iterator[tuple[str, Unreadable]]:
    """The rows that could not be read, each with its registry's name, in a stable order."""
    for name, listing in sorted(remote.listings.items()):
        for row in sorted(listing.unreadable, key=lambda row: (row.kind or "", row.key or "", row.message)):
            yield name, row


def get_data(resource: Resource) -> dict[str, Any]:
    """The `get` answer: one stored object, with its owner and its times, what its kind does not declare, and what its registry alone says."""
    data: dict[str, Any] = {
        "address": str(resource.address),
        "spec": resource.spec,
        "owner": _owner(resource),
        "revision": resource.revision,
        "updated_at": resource.updated_at,
    }
    if resource.unmanaged:
        data["unmanaged"] = shown(resource.unmanaged)
    if resource.server_facts:
        data["server_facts"] = resource.server_facts
    return data


def get_text(data: Mapping[str, Any], style: Style) -> str:
    """The `get` answer as text: the object's owner and times, then its spec as JSON."""
    names = {"address": "Address", "owner": "Owner", "revision": "Revision", "updated_at": "Updated"}
    facts = [(title, data.get(name)) for name, title in names.items()]
    lines = [f"{style.paint(f'{title}:'.ljust(10), 'bold')}{style.safe(cell(value))}" for title, value in facts]
    unmanaged = data.get("unmanaged")
    more = [style.paint("Unmanaged, which no kind declares:", "bold"), dumps(unmanaged)] if unmanaged else []
    facts_of_server = data.get("server_facts")
    if facts_of_server:
        more += [style.paint("Said by the registry alone:", "bold"), dumps(facts_of_server)]
    return "\n".join([*lines, dumps(data.get("spec", {})), *more])


def history_data(address: Address, revisions: Sequence[Revision]) -> dict[str, Any]:
    """The `history` answer: the revisions of one object, in the order given."""
    return {"address": str(address), "revisions": [_revision(revision) for revision in revisions]}


def _revision(revision: Revision) -> dict[str, Any]:
    return {
        "revision": revision.revision,
        "action": revision.action,
        "key": revision.key,
        "at": revision.at,
        "actor": revision.actor,
        "plan": revision.plan,
        "owner": revision.owner,
        "spec": revision.spec,
    }


def history_text(data: Mapping[str, Any], style: Style) -> str:
    """The revisions of the `history` answer as a table. A plan is named by the first 12 digits of its fingerprint."""
    columns = {"revision": "REVISION", "at": "AT", "action": "ACTION", "key": "KEY", "actor": "BY", "plan": "PLAN"}
    rows = [{**row, "plan": str(row.get("plan") or "")[:12]} for row in data["revisions"]]
    return table(columns, rows, style) if rows else "There is no history."


def _owner(resource: Resource) -> str | None:
    return resource.mark.owner if resource.mark is not None else None
