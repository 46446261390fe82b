"""Models and policies on the wire, and as our specs: rows in, bodies out. What is secret in a row is dropped here."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from reconciler.core import pointer as pointers
from reconciler.core.spec import with_defaults, without_nulls
from reconciler.registry.driver import (
    PRESENT,
    Address,
    MisreadError,
    PermanentError,
    Resource,
    Secret,
    Unreadable,
    Write,
    declared,
    hide_secrets,
    secrets_in,
)
from reconciler.registry.watsonx.kinds import KINDS
from reconciler.registry.watsonx.marks import PREFIX, mark_of, served, tags_of
from reconciler.registry.watsonx.options import NO_KEY, OBJECTS, canonical

_OPTIONS: Final = "provider_config"
_CONFIG: Final = "config"
_MAPS: Final = (_OPTIONS, _CONFIG)
_SERVER_DEFAULTS: Final = tuple(
    name for name, node in KINDS["Model"].root.children[_CONFIG].children.items() if node.server_default
)

Row = Mapping[str, Any]


def model_of(row: Row, registry: str, apps: Mapping[str, str]) -> Resource:
    """A virtual model. `apps` maps the ids of connections to their `app_id`s. Raises MisreadError."""
    name, tags = _name(row), row.get("tags") or []
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise MisreadError("its tags are no list of texts")
    for part in _MAPS:
        if not isinstance(row.get(part) or {}, Mapping):
            raise MisreadError(f"its {part} is no map")
    try:
        mark = mark_of(tags)
    except ValueError as error:
        raise MisreadError(f"its tags that begin with {PREFIX!r} are no mark of ours") from error
    plain = [tag for tag in tags if not tag.startswith(PREFIX) and not served(tag)]
    spec = {**_filled(_unnamed(canonical(row))), "tags": plain or None, "app_id": _app(row, apps)}
    root = KINDS["Model"].root
    clean = hide_secrets(with_defaults(without_nulls(declared(spec, root), root), root), root)
    moment = row.get("updated_at")
    return Resource(
        Address(registry, "Model", name),
        clean,
        mark,
        revision=None if moment is None else str(moment),
        id=_id(row),
        updated_at=moment if isinstance(moment, str) else None,
    )


def policy_of(row: Row, registry: str) -> Resource:
    """A policy. Raises MisreadError."""
    name, root = _name(row), KINDS["Policy"].root
    rules = row.get("policy")
    targets = rules.get("targets") if isinstance(rules, Mapping) else None
    if not isinstance(targets, list) or not all(isinstance(target, Mapping) for target in targets):
        raise MisreadError("it has no list of targets")
    moment = row.get("updated_at")
    return Resource(
        Address(registry, "Policy", name),
        without_nulls(declared(_unnamed(row), root), root),
        revision=None if moment is None else str(moment),
        id=_id(row),
        updated_at=moment if isinstance(moment, str) else None,
    )


def served_tags(row: Row) -> tuple[str, ...]:
    """What the server says in a model's tags: it stays there."""
    tags = row.get("tags")
    return tuple(tag for tag in tags if isinstance(tag, str) and served(tag)) if isinstance(tags, list) else ()


def unreadable_of(kind: str, row: Any, registry: str, why: str, apps: Mapping[str, str]) -> Unreadable:
    """A row that could not be understood: by its name, if it has one, and with the connection that it may use."""
    name = row.get("name") if isinstance(row, Mapping) else None
    if not isinstance(name, str) or not name:
        return Unreadable(f"a {kind} of {registry}: {why}", kind)
    app = apps.get(str(row.get("connection_id")))
    used = () if app is None else (Address(registry, "Connection", app),)
    return Unreadable(f"{registry}/{kind}/{name}: {why}", kind, name, used)


def _name(row: Row) -> str:
    name = row.get("name")
    if not isinstance(name, str) or not name:
        raise MisreadError("it has no name")
    _id(row)
    return name


def _id(row: Row) -> str:
    number = row.get("id")
    if not isinstance(number, str) or not number:
        raise MisreadError("it has no id")
    return number


def _app(row: Row, apps: Mapping[str, str]) -> str | None:
    number = row.get("connection_id")
    if number is None or number == "":
        return None
    # one that is gone: shown, so that an update can name another
    return apps.get(str(number), f"(unknown connection {number})")


def _unnamed(row: Row) -> Row:
    """A row without what people see where that is the name, which is shown in the place of nothing."""
    shown = ("display_name", "description")
    return {field: value for field, value in row.items() if field not in shown or value != row["name"]}


def _filled(row: Row) -> dict[str, Any]:
    """A row without the key that the server makes up. That it derives `provider` from the name goes without saying, too: nobody declares it."""
    options = row.get(_OPTIONS)
    if not isinstance(options, Mapping) or options.get("api_key") != NO_KEY:
        return dict(row)
    return {**row, _OPTIONS: {name: value for name, value in options.items() if name != "api_key"}}


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
    return _named(write, {name: value for name, value in write.desired.spec.items() if value is not None})


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
    """The spec with values in the place of secrets. Raises PermanentError where one is not known: sending the rest might take it away."""
    spec: Any = dict(write.desired.spec)
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
    return {name: Secret(value) if isinstance(value, str) else value for name, value in found.items()}
