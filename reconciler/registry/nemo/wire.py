"""NeMo's objects on the wire, and as our specs: rows in, bodies out.

A single answer writes null where a list leaves out, and both mean absent. Names in the registry's own workspace are written without it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from reconciler.core import pointer as pointers
from reconciler.core.spec import references_in
from reconciler.registry.driver import (
    PRESENT,
    Address,
    Mark,
    MisreadError,
    PermanentError,
    Resource,
    Unreadable,
    Write,
    combined,
    mark_in,
    picked,
    read_row,
    secrets_in,
    split_row,
    text_of,
    unreadable_row,
    without,
)
from reconciler.registry.nemo.forms import MARK
from reconciler.registry.nemo.kinds import KINDS

# the fields that may lead into another workspace, and so have two names for what is in this one
_NAMED: Final[Mapping[str, tuple[str, ...]]] = {
    "Model": ("base_model", "fileset", "model_providers"),
    "Adapter": ("model", "fileset"),
}
_FULL: Final = ("fileset", "model_providers")  # the server, too, knows these by their full names only
# of a row, what is said elsewhere in the object, or by the server alone
_OWN: Final = (
    "id", "name", "workspace", "created_at", "updated_at", "created_by", "updated_by", "adapters", "served_models", "status", "status_message",
    "auth_context",
)  # fmt: skip
# of these, what `get` shows
_FACTS: Final = (
    "id",
    "created_at",
    "created_by",
    "updated_by",
    "adapters",
    "served_models",
    "status",
    "status_message",
)
_COMPUTED: Final = ("minimum_gpus_all_weights", "minimum_gpus_lora")  # of a model's `spec`

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
_DISCOVERED: Final = "Auto-discovered model from provider "  # how the models controller describes what it makes


def normalize(kind: str, spec: Mapping[str, Any], workspace: str) -> dict[str, Any]:
    """`spec` with the names that lead into the registry's own workspace as plain names."""
    own = f"{workspace}/"
    plain = dict(spec)
    for field in _NAMED.get(kind, ()):
        value = plain.get(field)
        if isinstance(value, str):
            plain[field] = value.removeprefix(own)
        elif isinstance(value, list):
            plain[field] = [name.removeprefix(own) if isinstance(name, str) else name for name in value]
    return plain


def resource_of(
    kind: str,
    row: Mapping[str, Any],
    registry: str,
    workspace: str,
    parent: Address | None,
    serving: Collection[str] = (),
) -> Resource:
    """One object; `serving` are the providers that serve it, if it is a model. Raises MisreadError."""
    name, moment = text_of(row, "name"), row.get("updated_at")
    if not isinstance(moment, str):
        raise MisreadError("it does not say when it was changed")
    members, mark = {field: value for field, value in without(row, _OWN).items() if value is not None}, None
    if kind == "Model":
        members, mark = _unmarked(members)
        members = _uncomputed(members)
    if kind == "Secret":
        members["value"] = PRESENT
    spec, others = split_row(KINDS[kind], members)
    local = normalize(kind, spec, workspace)
    if kind == "Model" and serving and _unasked(mark, row):
        local[_PROVIDERS] = [name for name in local.get(_PROVIDERS) or () if name not in serving]
    return read_row(
        KINDS[kind],
        Address(registry, kind, name),
        local,
        beside=others,
        mark=mark,
        revision=moment,
        id=_identity(row),
        parent=parent,
        updated_at=f"{moment}Z",  # the server writes UTC without saying so
        cascade_deletes=tuple(_elsewhere(row.get("adapters"), workspace)),
        server_facts=picked(row, _FACTS),
    )


def _identity(row: Mapping[str, Any]) -> str:
    """The id of an object, or, of kinds that have none, when it was made."""
    found = row.get("id") or row.get("created_at")
    if not isinstance(found, str):
        raise MisreadError("it has no id")
    return found


def _uncomputed(members: dict[str, Any]) -> dict[str, Any]:
    """A model without what the server computes in its `spec`."""
    spec = members.get("spec")
    return {**members, "spec": without(spec, _COMPUTED)} if isinstance(spec, Mapping) else members


def _unasked(mark: Mark | None, row: Mapping[str, Any]) -> bool:
    """Whether no manifest says which providers serve a model. The models controller then links those that do, and the server

    takes such a link back when its provider goes: it keeps no provider in use.
    """
    if mark is not None:
        return f"/{_PROVIDERS}" in mark.excluded
    return str(row.get("description") or "").startswith(_DISCOVERED)


def _unmarked(spec: dict[str, Any]) -> tuple[dict[str, Any], Mark | None]:
    custom = spec.get("custom_fields")
    if not isinstance(custom, Mapping) or MARK not in custom:
        return spec, None
    kept = {name: value for name, value in custom.items() if name != MARK}
    mark = mark_in(custom[MARK], f"its custom_fields.{MARK}")
    return {**spec, "custom_fields": kept}, mark


def _elsewhere(adapters: Any, workspace: str) -> Iterable[str]:
    """The adapters of a model in other workspaces: deleting the model would delete them too."""
    for adapter in adapters if isinstance(adapters, list) else ():
        if isinstance(adapter, Mapping) and adapter.get("workspace") != workspace:
            yield f"adapter {str(adapter.get('workspace'))[:64]}/{str(adapter.get('name'))[:64]}"


def unreadable_of(kind: str, row: Any, registry: str, workspace: str, why: str) -> Unreadable:
    """A row that could not be understood: by its name, if it has one, and with what it refers to, as far as that can be told."""
    name = row.get("name") if isinstance(row, Mapping) else None
    named: tuple[Address, ...] = ()
    if isinstance(row, Mapping):
        found = references_in(normalize(kind, row, workspace), KINDS[kind].root)
        named = tuple(Address(registry, target, key) for _, target, key in found)
    return unreadable_row(registry, kind, name, why, named)


def served(provider: Any, workspace: str) -> Iterator[str]:
    """The models of the workspace that a provider serves, as the models controller found them: it keeps their links to it."""
    models = provider.get("served_models") if isinstance(provider, Mapping) else None
    for one in models if isinstance(models, list) else ():
        entity = one.get("model_entity_id") if isinstance(one, Mapping) else None
        if isinstance(entity, str) and entity.startswith(f"{workspace}/"):
            yield entity.removeprefix(f"{workspace}/")


# --- bodies ------------------------------------------------------------------------------------------------------


def created(write: Write, workspace: str) -> dict[str, Any]:
    """The body of a create: the whole object."""
    kind = write.desired.address.kind
    whole = {**combined(_revealed(write), write.desired.unmanaged), "name": write.desired.address.key}
    return _sent(kind, whole, write.desired.mark, workspace)


def replaced(write: Write, workspace: str) -> dict[str, Any]:
    """The body of an update that replaces the whole object; what a manifest leaves to the server stays as it is."""
    kind = write.desired.address.kind
    current = write.current.spec if write.current is not None else {}
    kept = {
        name: current[name]
        for name, node in KINDS[kind].root.children.items()
        if node.server_default and name in current and name not in write.desired.spec
    }
    body = _sent(kind, combined({**kept, **_revealed(write)}, write.desired.unmanaged), None, workspace)
    return {"description": "", **body} if kind == "Workspace" else body  # which alone keeps one that is left out


def patched(write: Write, workspace: str, serving: Collection[str]) -> dict[str, Any]:
    """The body of an update that merges: what changed, and nothing else. Empty where nothing is to be sent.

    `serving` are the providers that serve the model: the controller would link them again at once, so these links stay.
    """
    kind, mark = write.desired.address.kind, write.desired.mark
    spec = write.whole  # nested maps are replaced whole; what nobody declares at the top is not touched
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
        linked = current.spec.get(_PROVIDERS) or ()
        body[_PROVIDERS] = [*asked, *(name for name in linked if name in serving and name not in asked)]
    return _sent(kind, body, mark, workspace)


def _revealed(write: Write) -> dict[str, Any]:
    """The spec with values in the place of secrets. Raises PermanentError where one is not known."""
    spec: Any = dict(write.desired.spec)
    address = write.desired.address
    for place, _ in secrets_in(spec, KINDS[address.kind].root):
        if place not in write.secrets:
            message = f"{address} {place}: the whole object is replaced, and nobody here knows this secret's value"
            raise PermanentError(message, hint="declare it, with a reference")
        spec = pointers.put(spec, place, write.secrets[place])
    plain: dict[str, Any] = spec
    return plain


def _sent(kind: str, body: Mapping[str, Any], mark: Mark | None, workspace: str) -> dict[str, Any]:
    """The body as the server takes it: full names where it wants them, and the mark."""
    sent = dict(body)
    for field in _FULL:
        value = sent.get(field)
        if isinstance(value, str):
            sent[field] = _full(value, workspace)
        elif isinstance(value, list):
            sent[field] = [_full(name, workspace) for name in value]
    if kind == "Model" and mark is not None and ("custom_fields" in sent or "name" in sent):
        sent["custom_fields"] = {**(sent.get("custom_fields") or {}), MARK: mark.to_json()}
    return sent


def _full(name: str, workspace: str) -> str:
    return name if "/" in name else f"{workspace}/{name}"
