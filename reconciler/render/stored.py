"""Stored objects as `list` and `get` show them: the data of their JSON answers, and their text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from reconciler.core.errors import ReconcilerError
from reconciler.core.resource import RemoteState, Resource, Unreadable
from reconciler.core.telling import without_credentials
from reconciler.core.unmanaged import shown
from reconciler.registry.capabilities import ModelFacts
from reconciler.registry.reading import unread
from reconciler.render.error import error_data
from reconciler.render.jsontext import dumps
from reconciler.render.table import cell, table
from reconciler.render.terminal import Style


class StoredObject(NamedTuple):
    """One stored object: its facts, whether its mark or its manifest protects it, and its labels.

    `labels` are those that the registry holds or, where it has no room for any, those of the manifest.
    """

    resource: Resource
    facts: ModelFacts
    tags: tuple[str, ...]
    labels: Mapping[str, str]
    protected: bool


def list_data(
    objects: Iterable[StoredObject], remote: RemoteState, failures: Mapping[str, ReconcilerError]
) -> dict[str, Any]:
    """The `list` answer: the stored objects, the rows that could not be read, and the registries that could not.

    `error` is there only where a registry could not be read, as in any answer of a command that failed.
    """
    data: dict[str, Any] = {
        "resources": [_row(item) for item in objects],
        "unreadable": [
            {"registry": name, "kind": row.kind, "key": row.key, "message": row.message}
            for name, row in unreadable_rows(remote)
        ],
        "failed": [{"registry": name, **error_data(error)} for name, error in sorted(failures.items())],
    }
    return {**data, "error": error_data(unread(failures))} if failures else data


def _row(item: StoredObject) -> dict[str, Any]:
    resource, facts = item.resource, item.facts
    address = resource.address
    got = get_data(resource)
    told = {
        "display_name": facts.name,
        "url": facts.url,
        "provider": facts.provider,
        "model": facts.model,
        "tags": list(item.tags),
        "labels": dict(item.labels),
    }
    return {
        "address": got["address"],
        "kind": address.kind,
        "key": address.key,
        "registry": address.registry,
        **without_credentials(told),
        "protected": item.protected,
        "owner": got["owner"],
        "updated_at": got["updated_at"],
        "spec": got["spec"],
        **({"unmanaged": got["unmanaged"]} if "unmanaged" in got else {}),
    }


_COLUMNS: Final = {
    "address": "ADDRESS",
    "display_name": "NAME",
    "served": "URL OR MODEL",
    "tags": "TAGS",
    "protected": "PROTECTED",
}
_WIDE_COLUMNS: Final = {**_COLUMNS, "labels": "LABELS", "owner": "OWNER", "updated_at": "UPDATED"}


def list_text(data: Mapping[str, Any], style: Style, *, wide: bool = False) -> str:
    """The resources of the `list` answer as a table."""
    if not data["resources"]:
        return "Nothing is there that can be read." if data["unreadable"] or data["failed"] else "Nothing is there."
    return table(_WIDE_COLUMNS if wide else _COLUMNS, [_cells(row) for row in data["resources"]], style)


def _cells(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row with each value as one text. A model is served at its URL or, where it has none, by a provider."""
    return {
        **row,
        "served": row["url"] or "/".join(filter(None, (row["provider"], row["model"]))),
        "tags": ", ".join(row["tags"]),
        "protected": "yes" if row["protected"] else "",
        "labels": ", ".join(f"{name}={value}" for name, value in sorted(row["labels"].items())),
    }


def unreadable_rows(remote: RemoteState) -> Iterator[tuple[str, Unreadable]]:
    """The rows that could not be read, each with its registry's name, in a stable order."""
    for name, listing in sorted(remote.listings.items()):
        for row in sorted(listing.unreadable, key=lambda row: (row.kind or "", row.key or "", row.message)):
            yield name, row


def get_data(resource: Resource) -> dict[str, Any]:
    """The `get` answer: one stored object, with its owner and its times, what its kind does not declare, and what its registry alone says."""
    data: dict[str, Any] = {
        "address": str(resource.address),
        "spec": without_credentials(resource.spec),
        "owner": _owner(resource),
        "revision": resource.revision,
        "updated_at": resource.updated_at,
    }
    if resource.unmanaged:
        data["unmanaged"] = shown(resource.unmanaged)
    if resource.server_facts:
        data["server_facts"] = without_credentials(resource.server_facts)
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


def _owner(resource: Resource) -> str | None:
    return resource.mark.owner if resource.mark is not None else None
