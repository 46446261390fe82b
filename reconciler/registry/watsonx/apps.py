"""Connections on the wire, and as our specs: one row for each environment in, bodies out. Their credentials never come back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from reconciler.core import pointer as pointers
from reconciler.registry.driver import (
    PRESENT,
    Address,
    MisreadError,
    PermanentError,
    Resource,
    Write,
    picked,
    read_row,
    without,
)
from reconciler.registry.watsonx.kinds import ENVIRONMENTS, KEY_VALUE, KINDS
from reconciler.registry.watsonx.names import PREFIX

_CONFIGURED: Final = ("security_scheme", "auth_type", "preference")
_OAUTH: Final = "oauth2"
ENTERED: Final = "credentials_entered"
# of a row, what is said elsewhere in the object, and what the server says of it
_OWN: Final = (
    *_CONFIGURED, ENTERED, "environment", "app_id", "connection_id", "name", "tenant_id", "tenant_name", "resource", "created_on",
    "created_by", "updated_at", "updated_by",
)  # fmt: skip

_FACTS: Final = ("tenant_id", "tenant_name", "created_on", "created_by", "updated_by")  # of these, what `get` shows

Row = Mapping[str, Any]


class Step(NamedTuple):
    """One request of a write: `path` is below the application's own."""

    method: str
    path: str
    body: dict[str, Any]


def app_id(row: Any) -> str | None:
    """The `app_id` of a row, if it has one."""
    found = row.get("app_id") if isinstance(row, Mapping) else None
    return found if isinstance(found, str) and found else None


def ids_of(rows: Iterable[Any]) -> dict[str, str]:
    """The ids of connections, each with its `app_id`."""
    known = [row for row in rows if app_id(row) is not None]
    return {row["connection_id"]: row["app_id"] for row in known if isinstance(row.get("connection_id"), str)}


def connection_of(name: str, rows: list[Row], registry: str, parent: Address | None) -> Resource:
    """A connection, of which `rows` are what the server says of each environment. Raises MisreadError."""
    environments: dict[str, Any] = {}
    beside: dict[str, Any] = {}
    for row in rows:
        environment = row.get("environment")
        if environment is None:
            continue  # one that nobody configured yet
        # compared one by one: a server may answer what cannot be a key of a map
        if environment not in ENVIRONMENTS or environment in environments:
            raise MisreadError("it has an environment that is unknown, or there twice")
        environments[environment] = _environment(name, row)
        others = {field: value for field, value in without(row, _OWN).items() if value is not None}
        if others:
            beside[environment] = others
    number = next((row["connection_id"] for row in rows if isinstance(row.get("connection_id"), str)), None)
    if number is None:
        raise MisreadError("it has no connection_id")
    return read_row(
        KINDS["Connection"],
        Address(registry, "Connection", name),
        {"environments": environments},
        beside={"environments": beside} if beside else {},
        id=number,
        parent=parent,
        server_facts={"connection_id": number, **picked(rows[0], _FACTS)},
    )


def _environment(name: str, row: Row) -> dict[str, Any]:
    found: dict[str, Any] = {field: row[field] for field in _CONFIGURED if row.get(field) is not None}
    found[ENTERED] = row.get(ENTERED) is True
    # of our own we know which there are, of the others only that there are some
    if found[ENTERED] and name.startswith(PREFIX) and row.get("security_scheme") == KEY_VALUE:
        found["credentials"] = {"api_key": PRESENT}
    return found


# --- writing -----------------------------------------------------------------------------------------------------


def completed(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """A connection in which each environment with credentials says that there are some: all that can be compared of them."""
    environments = spec.get("environments")
    if not isinstance(environments, Mapping):
        return spec
    return {**spec, "environments": {name: _completed(one) for name, one in environments.items()}}


def _completed(environment: Any) -> Any:
    declared = isinstance(environment, Mapping) and environment.get("credentials")
    return {**environment, ENTERED: True} if declared else environment


def steps_of(write: Write) -> Iterator[Step]:
    """What is to be sent after the application is there, in order. Raises PermanentError where a secret's value is not known."""
    name = write.desired.address.key
    wanted = write.desired.spec["environments"]
    there: Mapping[str, Any] = (write.current.spec.get("environments") or {}) if write.current is not None else {}
    for environment in ENVIRONMENTS:
        desired, current = wanted.get(environment), there.get(environment)
        if desired is None:
            continue
        config = {field: desired[field] for field in _CONFIGURED if desired.get(field) is not None}
        others = pointers.get(write.desired.unmanaged, f"/environments/{environment}") or {}
        known = {field: (current or {}).get(field) for field in _CONFIGURED}
        body = {**others, "app_id": name, "environment": environment, **config}
        if current is None:
            yield Step("POST", "/configurations", body)
        elif any(config.get(field) != value for field, value in known.items()):
            gone = {field: None for field, value in known.items() if value is not None and field not in config}
            yield Step("PATCH", f"/configurations/{environment}", body | gone)
        yield from _credentials(write, environment, desired, current)


def _credentials(write: Write, environment: str, desired: Row, current: Row | None) -> Iterator[Step]:
    here = f"/environments/{environment}"
    asked = (f"{here}/{ENTERED}", f"{here}/credentials")
    due = current is None or any(
        changed == place or changed.startswith(f"{place}/") for changed in write.changed for place in asked
    )
    changed_scheme = current is not None and current.get("security_scheme") != desired.get("security_scheme")
    if desired.get("credentials") is None or not (due or changed_scheme):
        return
    values = {}
    for name in desired["credentials"]:
        where = pointers.join((*pointers.split(asked[1]), name))
        if where not in write.secrets:
            message = f"{write.desired.address} {where}: nobody here knows this secret's value"
            raise PermanentError(message, hint="declare it, with a reference, and do not `ignore` it")
        values[name] = write.secrets[where]
    oauth = desired.get("security_scheme") == _OAUTH
    yield Step(
        "PATCH" if current is not None and current.get(ENTERED) else "POST",
        f"/configs/{environment}/{'credentials' if oauth else 'runtime_credentials'}",
        {"app_credentials" if oauth else "runtime_credentials": values},
    )
