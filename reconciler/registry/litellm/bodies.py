"""Bodies of writes to LiteLLM Proxy: what changed, with secrets in their places, and the mark with its notes, always whole. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from reconciler.core import pointer as pointers
from reconciler.core.pointer import MISSING
from reconciler.registry.driver import PRESENT, PermanentError, Write, is_reference, revealed, secrets_in
from reconciler.registry.litellm.info import Listed, ModelInfo
from reconciler.registry.litellm.kinds import KINDS, CredentialInfo
from reconciler.registry.litellm.masks import is_environ, masked_in, masked_values_in
from reconciler.registry.litellm.notes import PLACE, Notes, kept
from reconciler.registry.litellm.params import FLAGS, LitellmParams

_DECLARED: Final = {
    "litellm_params": frozenset(LitellmParams.model_fields),
    "model_info": frozenset(ModelInfo.model_fields),
    "credential_info": frozenset(CredentialInfo.model_fields),
}


def created_model(write: Write) -> dict[str, Any]:
    """The body of a create: the whole object, with what stood beside it where it comes in an old one's place."""
    whole = _whole(write)
    params = {name: value for name, value in whole["litellm_params"].items() if value is not None}
    info = {name: value for name, value in (whole.get("model_info") or {}).items() if value is not None}
    key = write.desired.address.key
    body = {
        "model_name": whole.get("model_name") or key,
        "litellm_params": params,
        "model_info": {**info, "id": key, **_marked(write)},
    }
    return body | ({"blocked": True} if whole.get("blocked") else {})


def patched_model(write: Write) -> dict[str, Any]:
    """The body of an update: the parts that changed. The id and the mark are always sent, since the proxy replaces nested maps whole."""
    spec, tops = _revealed(write), _changed(write)
    body: dict[str, Any] = {}
    if ("model_name",) in tops:
        body["model_name"] = spec.get("model_name") or write.desired.address.key
    if ("blocked",) in tops:
        body["blocked"] = bool(spec.get("blocked"))
    params = _parts("litellm_params", spec, write, tops)
    if params:
        flags = {name: True for name in FLAGS if spec["litellm_params"].get(name)}
        body["litellm_params"] = {**flags, **params}
    info = _parts("model_info", spec, write, tops)
    body["model_info"] = {**info, "id": write.desired.address.key, **_marked(write)}
    return body


def created_credential(write: Write) -> dict[str, Any]:
    """The body of a create."""
    whole = _whole(write)
    info = {name: value for name, value in (whole.get("credential_info") or {}).items() if value is not None}
    values = {name: value for name, value in whole["credential_values"].items() if value is not None}
    return {
        "credential_name": write.desired.address.key,
        "credential_values": values,
        "credential_info": {**info, **_marked(write)},
    }


def patched_credential(write: Write) -> dict[str, Any]:
    """The body of an update: the values that changed, and the whole of credential_info with what others have in it.

    The proxy's database takes the place of credential_info whole, though its memory, from which it answers, merges it.
    """
    spec, tops = _revealed(write), _changed(write)
    whole: Mapping[str, Any] = write.whole.get("credential_info") or {}
    there = {name: value for name, value in whole.items() if value is not None}
    info = there | _parts("credential_info", spec, write, tops)
    return {
        "credential_name": write.desired.address.key,
        "credential_values": _parts("credential_values", spec, write, tops),
        "credential_info": {**info, **_marked(write)},
    }


# --- parts -------------------------------------------------------------------------------------------------------


def _changed(write: Write) -> set[tuple[str, ...]]:
    """The first two parts of each pointer that changed: what the proxy merges, and so what is written by itself."""
    return {pointers.split(place)[:2] for place in write.changed}


def _parts(holder: str, spec: Mapping[str, Any], write: Write, tops: set[tuple[str, ...]]) -> dict[str, Any]:
    """The members of a map that changed, as they are to be; what is to go, emptied."""
    members = spec.get(holder) or {}
    sent: dict[str, Any] = {}
    for name in sorted(parts[1] for parts in tops if len(parts) == 2 and parts[0] == holder):
        value = members.get(name)
        if value is None:
            value = _emptied(
                pointers.get(write.current.spec if write.current is not None else {}, pointers.join((holder, name)))
            )
        sent[name] = value
    for where, _ in _unknown(sent):
        raise PermanentError(
            f"{write.desired.address} /{holder}{where}: it is sent with what stands beside it, and nobody here knows its value",
            hint="declare it, with a reference",
        )
    return sent


def _unknown(sent: Any, path: tuple[str, ...] = ()) -> Iterable[tuple[str, Any]]:
    """Secrets of which only their presence is known."""
    if sent == PRESENT:
        yield pointers.join(path), sent
    for name, value in sent.items() if isinstance(sent, Mapping) else ():
        yield from _unknown(value, (*path, name))


def _emptied(value: Any) -> Any:
    """The empty value of a type: the proxy takes nothing away."""
    if isinstance(value, bool):
        return False
    return [] if isinstance(value, list) else {} if isinstance(value, Mapping) else ""


def _whole(write: Write) -> dict[str, Any]:
    """All that a new object holds, with values in the place of secrets."""
    whole: Any = revealed(write.whole)
    for pointer, value in write.secrets.items():
        whole = pointers.put(whole, pointer, value)
    plain: dict[str, Any] = whole
    return plain


def _revealed(write: Write) -> dict[str, Any]:
    """The spec with values in the place of secrets, as far as they are known."""
    spec: Any = dict(write.desired.spec)
    for pointer, value in write.secrets.items():
        if pointers.get(spec, pointer) is not MISSING:
            spec = pointers.put(spec, pointer, value)
    plain: dict[str, Any] = spec
    return plain


def _marked(write: Write) -> dict[str, Any]:
    """The nested map with the mark and the notes; nothing where there is neither."""
    whole = kept(write.desired.mark, notes_of(write.desired.spec, write.desired.address.kind))
    return {PLACE: whole} if whole else {}


def notes_of(spec: Mapping[str, Any], kind: str) -> Notes:
    """What must be noted of an object that is written."""
    secrets = {pointer for pointer, value in secrets_in(spec, KINDS[kind].root)}
    own = {
        pointers.join((holder, name))
        for holder, declared in _DECLARED.items()
        for name in spec.get(holder) or {}
        if name not in declared
    }
    info = spec.get("model_info") or {}
    left = {pointers.join(("model_info", name)) for name in Listed.model_fields if info.get(name, MISSING) is None}
    return Notes(frozenset(own), frozenset(secrets), dict(_unechoed(spec, secrets)), frozenset(left))


def _unechoed(spec: Mapping[str, Any], secrets: set[str]) -> Iterable[tuple[str, Any]]:
    """`(pointer, value)` of what the proxy shows otherwise than it was written, and that is no secret."""
    params, values = spec.get("litellm_params") or {}, spec.get("credential_values") or {}
    resolved = ((pointers.join((name,)), value) for name, value in params.items() if is_environ(value))
    for where, value in (*masked_in(params), *resolved):
        if f"/litellm_params{where}" not in secrets and not is_reference(value):
            yield f"/litellm_params{where}", value
    for where, value in masked_values_in(values):
        if f"/credential_values{where}" not in secrets and not is_reference(value):
            yield f"/credential_values{where}", value
