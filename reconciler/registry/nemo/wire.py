"""NeMo's objects on the wire, and as our specs: rows in, bodies out.

A single answer writes null where a list leaves out, and both mean absent. Names in the registry's own workspace are written without it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from reconciler import pointer as pointers
from reconciler.errors import PermanentError
from reconciler.registry.base import Write
from reconciler.registry.nemo.forms import MARK
from reconciler.registry.nemo.kinds import KINDS
from reconciler.specs import PRESENT, hide_secrets, secrets_in, with_defaults, without_nulls
from reconciler.state import Address, Mark, Resource, Unreadable

# what clears a field: null keeps what is there, but for one
_CLEARED: Final[Mapping[str, Any]] = {
    "description": "",
    "base_model": "",
    "custom_fields": {},
    "ownership": {},
    "model_providers": [],
    "backend_format": None,
    "api_endpoint": {},
    "prompt": {},
    "trust_remote_code": False,
    "enabled": True,
}
_PROVIDERS: Final = "model_providers"


class MisreadError(ValueError):
    """A row that is not what NeMo is known to answer. Its text says why, and holds nothing of the row."""


def localised(kind: str, spec: Mapping[str, Any], workspace: str) -> dict[str, Any]:
    """`spec` with the names that lead into the registry's own workspace as plain names."""
    plain = dict(spec)
    own = f"{workspace}/"
    if kind == "Model" and isinstance(plain.get(_PROVIDERS), list):
        plain[_PROVIDERS] = [name.removeprefix(own) if isinstance(name, str) else name for name in plain[_PROVIDERS]]
    for name in {"Model": ("base_model", "project"), "Adapter": ("model",), "Provider": ("api_key_secret_name",)}.get(
        kind, ()
    ):
        if isinstance(plain.get(name), str):
            plain[name] = plain[name].removeprefix(own)
    return plain


def resource_of(kind: str, row: Mapping[str, Any], registry: str, workspace: str, parent: Address | None) -> Resource:
    """One object. Raises MisreadError."""
    name, moment = row.get("name"), row.get("updated_at")
    if not isinstance(name, str) or not name:
        raise MisreadError("it has no name")
    form = KINDS[kind]
    fields = form.model.model_fields
    spec = {field: row[field] for field in fields if row.get(field) is not None}
    mark = None
    if kind == "Model":
        spec, mark = _unmarked(spec)
        spec = _without_key(spec)
    if kind == "Secret":
        spec["value"] = PRESENT
    root = form.rules.root
    clean = with_defaults(without_nulls(localised(kind, spec, workspace), root), root)
    return Resource(
        Address(registry, kind, name),
        hide_secrets(clean, root),
        mark,
        revision=str(moment),
        id=str(row.get("id") or row.get("created_at")),
        parent=parent,
        updated_at=f"{moment}Z" if isinstance(moment, str) else None,  # the server writes UTC without saying so
        carries=tuple(_elsewhere(row.get("adapters"), workspace)),
    )


def _unmarked(spec: dict[str, Any]) -> tuple[dict[str, Any], Mark | None]:
    custom = spec.get("custom_fields")
    if not isinstance(custom, Mapping) or MARK not in custom:
        return spec, None
    kept = {name: value for name, value in custom.items() if name != MARK}
    if not isinstance(custom[MARK], Mapping):
        raise MisreadError(f"its custom_fields.{MARK} is no mark of ours")
    try:
        mark = Mark.from_json(custom[MARK])
    except ValueError as error:
        raise MisreadError(f"its custom_fields.{MARK} is no mark of ours") from error
    return {**spec, "custom_fields": kept}, mark


def _without_key(spec: dict[str, Any]) -> dict[str, Any]:
    """A key in an endpoint is stored and shown in clear: it goes no further."""
    endpoint = spec.get("api_endpoint")
    if not isinstance(endpoint, Mapping):
        return spec
    return {**spec, "api_endpoint": {name: value for name, value in endpoint.items() if name != "api_key"}}


def _elsewhere(adapters: Any, workspace: str) -> Iterable[str]:
    """The adapters of a model in other workspaces: deleting the model would delete them too."""
    for adapter in adapters if isinstance(adapters, list) else ():
        if isinstance(adapter, Mapping) and adapter.get("workspace") != workspace:
            yield f"adapter {adapter.get('workspace')}/{adapter.get('name')}"


def unreadable_of(kind: str, row: Any, registry: str, why: str) -> Unreadable:
    """A row that could not be understood: by its name, if it has one."""
    name = row.get("name") if isinstance(row, Mapping) else None
    if not isinstance(name, str) or not name:
        return Unreadable(f"a {kind} of {registry}: {why}", kind)
    return Unreadable(f"{registry}/{kind}/{name}: {why}", kind, name)


# --- bodies ------------------------------------------------------------------------------------------------------


def created(write: Write, workspace: str) -> dict[str, Any]:
    """The body of a create: the whole object."""
    kind = write.desired.address.kind
    whole = {"name": write.desired.address.key, **_revealed(write)}
    return _sent(kind, whole, write.desired.mark, workspace)


def replaced(write: Write, workspace: str) -> dict[str, Any]:
    """The body of an update that replaces the whole object; what a manifest leaves to the server stays as it is."""
    kind = write.desired.address.kind
    current = write.current.spec if write.current is not None else {}
    kept = {
        name: current[name]
        for name, node in KINDS[kind].rules.root.children.items()
        if node.server_default and name in current and name not in write.desired.spec
    }
    return _sent(kind, {**kept, **_revealed(write)}, None, workspace)


def patched(write: Write, workspace: str) -> dict[str, Any]:
    """The body of an update that merges: what changed, and nothing else. Empty where nothing is to be sent."""
    kind, mark = write.desired.address.kind, write.desired.mark
    spec = dict(write.desired.spec)
    tops = {pointers.split(place)[0] for place in write.changed if place}
    current = write.current
    if (
        kind == "Model"
        and mark is not None
        and (current is None or current.mark is None or current.mark.to_json() != mark.to_json())
    ):
        tops.add("custom_fields")
    body = {name: spec[name] if spec.get(name) is not None else _CLEARED.get(name) for name in sorted(tops)}
    if "value" in body:
        body["value"] = write.secrets.get("/value")
    asked = body.get(_PROVIDERS)
    if isinstance(asked, list) and asked and current is not None:
        # what the models controller added stays
        body[_PROVIDERS] = [*asked, *(name for name in current.spec.get(_PROVIDERS) or () if name not in asked)]
    return _sent(kind, body, mark, workspace)


def _revealed(write: Write) -> dict[str, Any]:
    """The spec with values in the place of secrets. Raises PermanentError where one is not known."""
    spec: Any = dict(write.desired.spec)
    address = write.desired.address
    for place, _ in secrets_in(spec, KINDS[address.kind].rules.root):
        if place not in write.secrets:
            message = f"{address} {place}: the whole object is replaced, and nobody here knows this secret's value"
            raise PermanentError(message, hint="declare it, with a reference")
        spec = pointers.put(spec, place, write.secrets[place])
    plain: dict[str, Any] = spec
    return plain


def _sent(kind: str, body: Mapping[str, Any], mark: Mark | None, workspace: str) -> dict[str, Any]:
    """The body as the server takes it: full names of providers, and the mark."""
    sent = dict(body)
    if isinstance(sent.get(_PROVIDERS), list):
        sent[_PROVIDERS] = [name if "/" in name else f"{workspace}/{name}" for name in sent[_PROVIDERS]]
    if kind == "Model" and mark is not None and ("custom_fields" in sent or "name" in sent):
        sent["custom_fields"] = {**(sent.get("custom_fields") or {}), MARK: mark.to_json()}
    return sent
