"""Models and policies on the wire, and as our specs: rows in, bodies out. What is secret in a row is dropped here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from reconciler.core import pointer as pointers
from reconciler.registry.driver import (
    PRESENT,
    Address,
    Mark,
    MisreadError,
    PermanentError,
    Resource,
    Secret,
    Unreadable,
    Write,
    picked,
    read_row,
    secrets_in,
    text_of,
    unreadable_row,
    without,
)
from reconciler.registry.watsonx.kinds import KINDS
from reconciler.registry.watsonx.marks import PREFIX, mark_of, served, tags_of
from reconciler.registry.watsonx.names import provider_of
from reconciler.registry.watsonx.options import NO_KEY, OBJECTS, canonical

_OPTIONS: Final = "provider_config"
_CONFIG: Final = "config"
_MAPS: Final = (_OPTIONS, _CONFIG)
# of a row, what the server says of it: never sent, and none of a manifest's business
_OWN: Final = (
    "id", "tenant_id", "tenant_name", "created_on", "created_by", "created_by_username", "updated_at", "updated_by", "provider", "model_name",
    "connection_id",
)  # fmt: skip
# of these, what `get` shows
_FACTS: Final = (
    "id", "connection_id", "tenant_id", "tenant_name", "created_on", "created_by", "created_by_username", "updated_by", "provider", "model_name",
)  # fmt: skip
_SHOWN: Final = ("display_name", "description", "title")  # what people see: the name, where nobody says
_SERVER_DEFAULTS: Final = tuple(
    name for name, node in KINDS["Model"].root.children[_CONFIG].children.items() if node.server_default
)

Row = Mapping[str, Any]


def model_of(row: Row, registry: str, apps: Mapping[str, str]) -> Resource:
    """A virtual model. `apps` maps the ids of connections to their `app_id`s. Raises MisreadError."""
    name, tags = text_of(row, "name"), row.get("tags") or []
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise MisreadError("its tags are no list of texts")
    try:
        mark = mark_of(tags)
    except ValueError as error:
        raise MisreadError(f"its tags that begin with {PREFIX!r} are no mark of ours") from error
    plain = [tag for tag in tags if not tag.startswith(PREFIX) and not served(tag)]
    members = _underived(_unnamed(canonical(without(row, _OWN))), name)
    members |= {"tags": plain or None, "app_id": _app(row, apps)}
    return _resource("Model", row, registry, members, mark)


def policy_of(row: Row, registry: str) -> Resource:
    """A policy. Raises MisreadError."""
    rules = row.get("policy")
    targets = rules.get("targets") if isinstance(rules, Mapping) else None
    if not isinstance(targets, list) or not all(isinstance(target, Mapping) for target in targets):
        raise MisreadError("it has no list of targets")
    return _resource("Policy", row, registry, without(_unnamed(row), _OWN), None)


def _resource(kind: str, row: Row, registry: str, members: Row, mark: Mark | None) -> Resource:
    moment = row.get("updated_at")
    if isinstance(moment, list | Mapping):
        raise MisreadError("it does not say when it was changed")
    return read_row(
        KINDS[kind],
        Address(registry, kind, text_of(row, "name")),
        members,
        mark=mark,
        revision=None if moment is None else str(moment),
        id=text_of(row, "id"),
        updated_at=moment if isinstance(moment, str) else None,
        server_facts=picked(row, _FACTS),
    )


def served_tags(row: Row) -> tuple[str, ...]:
    """What the server says in a model's tags: it stays there."""
    tags = row.get("tags")
    return tuple(tag for tag in tags if isinstance(tag, str) and served(tag)) if isinstance(tags, list) else ()


def unreadable_of(kind: str, row: Any, registry: str, why: str, apps: Mapping[str, str]) -> Unreadable:
    """A row that could not be understood: by its name, if it has one, and with the connection that it may use."""
    members = row if isinstance(row, Mapping) else {}
    name, app = members.get("name"), apps.get(str(members.get("connection_id")))
    used = () if app is None else (Address(registry, "Connection", app),)
    return unreadable_row(registry, kind, name, why, used)


def _app(row: Row, apps: Mapping[str, str]) -> str | None:
    number = row.get("connection_id")
    if number is None or number == "":
        return None
    if not isinstance(number, str):
        raise MisreadError("its connection_id is no text")
    # one that is gone: shown, so that an update can name another
    return apps.get(number, f"(unknown connection {number})")


def _unnamed(row: Row) -> Row:
    """A row without what people see where that is the name, which is shown in the place of nothing."""
    return {field: value for field, value in row.items() if field not in _SHOWN or value != row.get("name")}


def _underived(row: Row, name: str) -> dict[str, Any]:
    """A row without what the server makes up: the name, the key that stands for none, and the provider of the name."""
    members = without(row, ("name",))
    options = row.get(_OPTIONS)
    if isinstance(options, Mapping):
        derived = {"api_key": NO_KEY, "provider": provider_of(name)}
        members[_OPTIONS] = {
            option: value for option, value in options.items() if option not in derived or value != derived[option]
        }
    return members


# --- bodies ------------------------------------------------------------------------------------------------------


def model_body(write: Write, kept: Iterable[str], connection: str | None) -> dict[str, Any]:
    """The whole model as it is sent. `kept` are the tags that the server set; `connection` is the id of its connection.

    Nobody knows whether a PUT replaces or merges, so what is to go is sent as null. Raises PermanentError where a secret's value is not known.
    """
    spec, mark = write.desired.spec, write.desired.mark
    current = write.current.spec if write.current is not None else None
    body = {name: value for name, value in _revealed(write).items() if name != "app_id" and value is not None}
    for part in _MAPS:
        members = _whole(part, spec.get(part), current, write.changed)
        if members:
            body[part] = {**members, **(body.get(part) or {})}
    body["tags"] = [*(spec.get("tags") or ()), *kept, *(tags_of(mark) if mark is not None else ())]
    if connection is not None or (current is not None and "app_id" in current):
        body["connection_id"] = connection
    return _named(write, body)


def policy_body(write: Write) -> dict[str, Any]:
    """The whole policy as it is sent."""
    return _named(write, {name: value for name, value in write.whole.items() if value is not None})


def _named(write: Write, body: dict[str, Any]) -> dict[str, Any]:
    """With the name, also as what people see: so IBM's own client does it, and a policy has to have both."""
    name = write.desired.address.key
    return body | {"name": name, **{field: body.get(field) or name for field in ("display_name", "description")}}


def _whole(part: str, wanted: Any, current: Mapping[str, Any] | None, changed: tuple[str, ...]) -> dict[str, Any]:
    """What is sent beside the wanted members: null for what is to go, and what is there where a manifest leaves it to others."""
    if current is None:
        return {}
    there = current.get(part) or {}
    gone = {pointers.split(place)[1] for place in changed if place.startswith(f"/{part}/")}
    missing = sorted({*there, *gone} - {*(wanted or {})})
    return {name: there[name] if part == _CONFIG and name in _SERVER_DEFAULTS else None for name in missing}


def _revealed(write: Write) -> dict[str, Any]:
    """The whole object with values in the place of secrets. Raises PermanentError where one is not known: sending the rest might take it away."""
    spec: Any = write.whole
    address = write.desired.address
    for place, value in secrets_in(spec, KINDS[address.kind].root):
        if place not in write.secrets:
            message = f"{address} {place}: the whole object is sent, and nobody here knows this secret's value"
            hint = "declare it, with a reference, and do not `ignore` it" if value == PRESENT else "declare it"
            raise PermanentError(message, hint=hint)
        secret = write.secrets[place]
        spec = pointers.put(spec, place, _object(address, place, secret) if _is_object(place) else secret)
    plain: dict[str, Any] = spec
    return plain


def _is_object(place: str) -> bool:
    return pointers.split(place)[-1] in OBJECTS


def _object(address: Address, place: str, secret: Secret) -> dict[str, Any]:
    """The object that a secret's text is the JSON of, each of its texts a secret."""
    try:
        found = json.loads(secret.reveal())
    except (ValueError, RecursionError):
        found = None  # the text of the error would hold the secret
    if not isinstance(found, dict):
        raise PermanentError(f"{address} {place}: its value must be the JSON of an object, as the provider gives it")
    return {
        name: secret.derived(lambda _, value=value: value) if isinstance(value, str) else value  # type: ignore[misc]  # bound now
        for name, value in found.items()
    }
