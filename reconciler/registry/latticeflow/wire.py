"""AI GO!'s objects on the wire, and as our specs: rows in, bodies out. What is secret in a row is dropped here.

A spec names an adapter by key, the wire by id. The wire names kept secrets as a spec does: `{"name": ...}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from reconciler.core import pointer as pointers
from reconciler.core.spec import with_defaults, without_nulls
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
    declared,
    hide_secrets,
    secrets_in,
)
from reconciler.registry.latticeflow.connections import BY_TYPE, CONNECTIONS
from reconciler.registry.latticeflow.kinds import KINDS

_MODEL: Final = tuple(name for name in KINDS["Model"].model.model_fields if name != "config")
_ADAPTER: Final = tuple(KINDS["Adapter"].model.model_fields)
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


def model_of(row: Mapping[str, Any], registry: str, adapters: Mapping[str, str]) -> Resource:
    """A model. `adapters` maps ids to keys. Raises MisreadError."""
    config = row.get("config")
    if not isinstance(config, Mapping):
        raise MisreadError("its config is no map")
    kind = config.get("connection_type")
    if not isinstance(kind, str) or kind not in CONNECTIONS:
        raise MisreadError(f"its connection_type {kind!r} is not known to this version")
    spec = _known(row, _MODEL) | {"config": _config(config, kind, adapters)}
    return _resource(row, Address(registry, "Model", _key(row)), spec)


def _config(config: Mapping[str, Any], kind: str, adapters: Mapping[str, str]) -> dict[str, Any]:
    known = _known(config, tuple(name for name in CONNECTIONS[kind].model_fields if name != "adapter"))
    for name in _SECRETS[kind]:
        known.setdefault(name, PRESENT)  # a server may leave raw keys out; one that the type needs is there
    number = config.get("adapter_id")
    if kind in _ADAPTED and isinstance(number, str):
        # an adapter that is gone: shown, so that an update can name another
        known["adapter"] = {"key": adapters.get(number, f"(unknown adapter {number})")}
    return known


def adapter_of(row: Mapping[str, Any], registry: str) -> Resource:
    """An adapter. Raises MisreadError."""
    for name in _TRANSFORMATIONS:
        transformation = row.get(name)
        if not isinstance(transformation, Mapping) or not isinstance(transformation.get("source_code"), str):
            raise MisreadError(f"its {name} is no template")
        if transformation.get("language") != "jinja":
            raise MisreadError(f"its {name} is in a language that is not known to this version")
    return _resource(row, Address(registry, "Adapter", _key(row)), _known(row, _ADAPTER))


def secret_of(row: Mapping[str, Any], registry: str, parent: Address | None) -> Resource:
    """A secret, of which AI GO! tells the name only. Raises MisreadError."""
    name = row.get("name")
    if not isinstance(name, str) or not name:
        raise MisreadError("it has no name")
    moment = _moment(row.get("updated_at"))
    return Resource(
        Address(registry, "Secret", name),
        {"value": PRESENT},
        id=name,
        revision=str(row.get("updated_at")),
        parent=parent,
        updated_at=moment,
    )


def integration_of(row: Mapping[str, Any], registry: str) -> Resource | None:
    """The credentials of a provider, or None where there are none. Raises MisreadError."""
    name, config = row.get("id"), row.get("config")
    if not isinstance(name, str) or not name:
        raise MisreadError("it has no id")
    if config is None:
        return None
    return Resource(Address(registry, "Integration", name), {"api_key": PRESENT}, id=name)


def unreadable_of(row: Any, kind: str, registry: str, why: str, adapters: Mapping[str, str]) -> Unreadable:
    """A row that could not be understood: by its key, if it has one, and with the secrets and the adapter that it may name."""
    key = row.get("key", row.get("name", row.get("id"))) if isinstance(row, Mapping) else None
    if not isinstance(key, str) or not key:
        return Unreadable(f"a {kind} of {registry}: {why}", kind)
    names = tuple(sorted(set(_named(row, registry, adapters))))
    return Unreadable(f"{registry}/{kind}/{key}: {why}", kind, key, names)


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


def _key(row: Mapping[str, Any]) -> str:
    key = row.get("key")
    if not isinstance(key, str) or not key:
        raise MisreadError("it has no key")
    if not isinstance(row.get("id"), str) or not row["id"]:
        raise MisreadError("it has no id")
    return key


def _known(row: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    """What we know of a row. A newer server may say more, and may write null where nothing is set."""
    return {name: row[name] for name in names if row.get(name) is not None}


def _resource(row: Mapping[str, Any], address: Address, spec: dict[str, Any]) -> Resource:
    root = KINDS[address.kind].root
    clean = hide_secrets(with_defaults(without_nulls(declared(spec, root), root), root), root)
    moment = row.get("updated_at")
    return Resource(address, clean, revision=str(moment), id=str(row["id"]), updated_at=_moment(moment))


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
    rules: Kind = KINDS[address.kind]
    body: Any = _of_its_type(write.desired.spec) if address.kind == "Model" else dict(write.desired.spec)
    for place, _ in secrets_in(body, rules.root):
        if place not in write.secrets:
            message = f"{address} {place}: AI GO! replaces the whole object, and nobody here knows this secret's value"
            hint = "declare it, with a reference, or name a secret that AI GO! keeps; `ignore` must not cover it"
            raise PermanentError(message, hint=hint)
        body = pointers.put(body, place, write.secrets[place])
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
