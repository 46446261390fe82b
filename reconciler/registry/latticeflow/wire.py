"""AI GO!'s objects on the wire, and as our specs: rows in, bodies out. What is secret in a row is dropped here.

A spec names an adapter by key, the wire by id. The wire names kept secrets as a spec does: `{"name": ...}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from reconciler.core import pointer as pointers
from reconciler.registry.driver import (
    PRESENT,
    Address,
    Kind,
    MisreadError,
    PermanentError,
    Resource,
    Unreadable,
    Write,
    WriteOnly,
    combined,
    picked,
    read_row,
    secrets_in,
    text_of,
    unreadable_row,
    without,
)
from reconciler.registry.latticeflow.connections import BY_TYPE, CONNECTIONS
from reconciler.registry.latticeflow.kinds import KINDS

_OWN: Final = (
    "id",
    "key",
    "created_at",
    "updated_at",
)  # of a row, what is said elsewhere in the object or by the server alone
_FACTS: Final = ("id", "usage", "model_ids")  # what `get` shows beside the time of creation
_TRANSFORMATIONS: Final = ("process_input", "process_output")
_SECRETS: Final = {
    kind: tuple(
        name
        for name, field in model.model_fields.items()
        if field.is_required() and any(isinstance(rule, WriteOnly) for rule in field.metadata)
    )
    for kind, model in CONNECTIONS.items()
}
_ADAPTED: Final = {name for name, model in CONNECTIONS.items() if "adapter" in model.model_fields}


Row = Mapping[str, Any]


def model_of(row: Row, registry: str, adapters: Mapping[str, str]) -> Resource:
    """A model. `adapters` maps ids to keys. Raises MisreadError."""
    config = row.get("config")
    if not isinstance(config, Mapping):
        raise MisreadError("its config is no map")
    kind = config.get("connection_type")
    if not isinstance(kind, str) or kind not in CONNECTIONS:
        shown = repr(kind)[:60] if kind is None or isinstance(kind, str) else "(no text)"
        raise MisreadError(f"its connection_type {shown} is not known to this version")
    known, others = _config(config, kind, adapters)
    members = {**without(row, (*_OWN, "adapter_id", "usage")), "config": known}
    return _resource(
        row, Address(registry, "Model", text_of(row, "key")), members, {"config": others} if others else {}
    )


def _config(config: Row, kind: str, adapters: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What its connection type knows of a config, and the rest: what is another type's is as strange to it as what is nobody's."""
    fields = CONNECTIONS[kind].model_fields.keys() - {"adapter"}
    known = {name: value for name, value in config.items() if name in fields and value is not None}
    others = {name: value for name, value in config.items() if name not in fields and value is not None}
    for name in _SECRETS[kind]:
        known.setdefault(name, PRESENT)  # a server may leave raw keys out; one that the type needs is there
    number = others.pop("adapter_id", None) if kind in _ADAPTED else None
    if number is not None:
        if not isinstance(number, str):
            raise MisreadError("its adapter_id is no text")
        # an adapter that is gone: shown, so that an update can name another
        known["adapter"] = {"key": adapters.get(number, f"(unknown adapter {number})")}
    return known, others


def adapter_of(row: Row, registry: str) -> Resource:
    """An adapter. Raises MisreadError."""
    for name in _TRANSFORMATIONS:
        transformation = row.get(name)
        if not isinstance(transformation, Mapping) or not isinstance(transformation.get("source_code"), str):
            raise MisreadError(f"its {name} is no template")
        if transformation.get("language") != "jinja":
            raise MisreadError(f"its {name} is in a language that is not known to this version")
    return _resource(row, Address(registry, "Adapter", text_of(row, "key")), without(row, (*_OWN, "model_ids")), {})


def secret_of(row: Row, registry: str, parent: Address | None) -> Resource:
    """A secret, of which AI GO! tells the name only. Raises MisreadError."""
    name, moment = text_of(row, "name"), row.get("updated_at")
    return read_row(
        KINDS["Secret"],
        Address(registry, "Secret", name),
        {"value": PRESENT},
        beside=without(row, ("name", *_OWN)),
        id=name,
        revision=str(moment),
        parent=parent,
        updated_at=_moment(moment),
        server_facts=_facts(row),
    )


def integration_of(row: Row, registry: str) -> Resource | None:
    """The credentials of a provider, or None where there are none. Raises MisreadError."""
    name = text_of(row, "id")
    if row.get("config") is None:
        return None
    others = without(row, ("config", *_OWN))
    return read_row(
        KINDS["Integration"], Address(registry, "Integration", name), {"api_key": PRESENT}, beside=others, id=name
    )


def unreadable_of(row: Any, kind: str, registry: str, why: str, adapters: Mapping[str, str]) -> Unreadable:
    """A row that could not be understood: by its key, if it has one, and with the secrets and the adapter that it may name."""
    key = row.get("key", row.get("name", row.get("id"))) if isinstance(row, Mapping) else None
    names = tuple(sorted(set(_named(row, registry, adapters))))
    return unreadable_row(registry, kind, key, why, names)


def _named(value: Any, registry: str, adapters: Mapping[str, str]) -> Iterator[Address]:
    """What any part of a row may name; one name too many only keeps what might have been deleted."""
    if isinstance(value, Mapping):
        secret, number = value.get("name"), value.get("adapter_id")
        if isinstance(secret, str):
            yield Address(registry, "Secret", secret)
        if isinstance(number, str) and number in adapters:
            yield Address(registry, "Adapter", adapters[number])
        for member in value.values():
            yield from _named(member, registry, adapters)
    elif isinstance(value, list):
        for member in value:
            yield from _named(member, registry, adapters)


def _resource(row: Row, address: Address, members: Row, beside: Row) -> Resource:
    moment = row.get("updated_at")
    return read_row(
        KINDS[address.kind],
        address,
        members,
        beside=beside,
        id=text_of(row, "id"),
        revision=str(moment),
        updated_at=_moment(moment),
        server_facts=_facts(row),
    )


def _facts(row: Row) -> dict[str, Any]:
    """What the server alone says of an object."""
    return {**picked(row, _FACTS), "created_at": _moment(row.get("created_at"))}


def _moment(seconds: Any) -> str | None:
    """ISO 8601 in UTC, of Unix seconds."""
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
    except (OverflowError, OSError, ValueError):
        return None


# --- bodies ------------------------------------------------------------------------------------------------------


def body_of(write: Write) -> dict[str, Any]:
    """The whole object as it is sent: AI GO! replaces what it has. Secrets are `Secret`s in it; an adapter stands by its key.

    Raises PermanentError where a secret's value is not known: sending the rest would take it away.
    """
    address = write.desired.address
    kind: Kind = KINDS[address.kind]
    body: Any = _of_its_type(write.desired.spec) if address.kind == "Model" else dict(write.desired.spec)
    for place, _ in secrets_in(body, kind.root):
        if place not in write.secrets:
            message = f"{address} {place}: AI GO! replaces the whole object, and nobody here knows this secret's value"
            hint = "declare it, with a reference, or name a secret that AI GO! keeps; `ignore` must not cover it"
            raise PermanentError(message, hint=hint)
        body = pointers.put(body, place, write.secrets[place])
    if kind.takes_unmanaged:  # last: what is strange to its connection type may bear the name of another type's secret
        body = combined(body, write.desired.unmanaged)
    return {**body, "key": address.key}


def _of_its_type(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A model without what its connection type does not have."""
    config = spec["config"]
    known = CONNECTIONS[BY_TYPE.name_of(config)].model_fields
    return {**spec, "config": {name: value for name, value in config.items() if name in known}}


def with_adapter_id(body: Mapping[str, Any], number: str | None) -> dict[str, Any]:
    """A model's body with its adapter's id in the place of the key."""
    config = {name: value for name, value in body["config"].items() if name != "adapter"}
    if number is not None:
        config["adapter_id"] = number
    return {**body, "config": config}


def adapter_key(spec: Mapping[str, Any]) -> str | None:
    """The key of the adapter that a model names, if its connection takes one."""
    config = spec["config"]
    if BY_TYPE.name_of(config) not in _ADAPTED:
        return None
    adapter = config.get("adapter")
    return adapter["key"] if isinstance(adapter, Mapping) else None
