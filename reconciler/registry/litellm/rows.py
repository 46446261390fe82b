"""Rows as LiteLLM Proxy answers them, to our objects: what it masks, resolves, drops and adds is undone by our notes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from reconciler.core import pointer as pointers
from reconciler.registry.driver import PRESENT, Address, MisreadError, Resource, map_of, read_row, text_of
from reconciler.registry.litellm.derived import model_of
from reconciler.registry.litellm.forms import SERVER_OWNED, is_price
from reconciler.registry.litellm.info import PRICE_LIST, Listed, ModelInfo
from reconciler.registry.litellm.kinds import KINDS, CredentialInfo
from reconciler.registry.litellm.masks import masked_in, masked_values_in
from reconciler.registry.litellm.notes import PLACE, Notes, read_kept
from reconciler.registry.litellm.params import FLAGS, LitellmParams

PARAMS: Final = "/litellm_params"
INFO: Final = "/model_info"
VALUES: Final = "/credential_values"
CREDENTIAL_INFO: Final = "/credential_info"
CONFIG: Final = "it stands in the proxy's own config.yaml, and nobody can write it through its API"
_HEADERS: Final = ("extra_headers", "headers")  # whose members are fields of their own
_NUMBERS: Final = (
    "timeout",
    "stream_timeout",
    "max_budget",
    "rpm",
    "tpm",
    "max_retries",
)  # which the proxy also keeps as text


def id_of(row: Any) -> str | None:
    """The id of a model's row, or None where it has none."""
    info = row.get("model_info") if isinstance(row, Mapping) else None
    found = info.get("id") if isinstance(info, Mapping) else None
    return found if isinstance(found, str) and found else None


def is_stored(row: Any) -> bool:
    """Whether a row says that it comes from the proxy's database, and not from its config.yaml."""
    info = row.get("model_info") if isinstance(row, Mapping) else None
    return isinstance(info, Mapping) and info.get("db_model") is True


def model_of_row(row: Mapping[str, Any], registry: str, pending: str = "") -> Resource:
    """One model. Raises MisreadError."""
    params, info = map_of(row, "litellm_params"), map_of(row, "model_info")
    key = id_of(row)
    if key is None:
        raise MisreadError("it has no id")
    mark, notes = read_kept(info.pop(PLACE, None), f"model_info.{PLACE}")
    own_params, other_params = _params(params, notes)
    own_info, other_info = _info(info, notes)
    members: dict[str, Any] = {"model_name": text_of(row, "model_name"), "litellm_params": own_params}
    members |= {"model_info": own_info} if own_info else {}
    members |= {"blocked": True} if info.get("blocked") is True else {}
    beside = {"litellm_params": other_params, "model_info": other_info}
    stored = is_stored(row)
    found = read_row(
        KINDS["Model"],
        Address(registry, "Model", key),
        members,
        beside={name: tree for name, tree in beside.items() if tree},
        mark=mark if stored else None,
        id=key,
    )
    return replace(found, read_only="" if stored else CONFIG, pending=pending)


def credential_of_row(row: Mapping[str, Any], registry: str) -> Resource:
    """One credential. Raises MisreadError."""
    name, stored = text_of(row, "credential_name"), row.get("source") != "config"
    values, info = map_of(row, "credential_values"), map_of(row, "credential_info")
    mark, notes = read_kept(info.pop(PLACE, None), f"credential_info.{PLACE}")
    masked = dict.fromkeys(_unknown_values(values, notes), PRESENT)
    own_info, other_info = _apart(info, CREDENTIAL_INFO, CredentialInfo, notes)
    members: dict[str, Any] = {"credential_values": _restored({**values, **masked}, VALUES, notes)}
    members |= {"credential_info": own_info} if own_info else {}
    model = model_of(name) if stored else None
    found = read_row(
        KINDS["Credential"],
        Address(registry, "Credential", name),
        members,
        beside={"credential_info": other_info} if other_info else {},
        mark=mark if stored else None,
        id=name,
        parent=Address(registry, "Model", model) if model is not None else None,
    )
    return found if stored else replace(found, read_only=CONFIG)


def _unknown_values(values: Mapping[str, Any], notes: Notes) -> Iterator[str]:
    """The members of `credential_values` that hold, in themselves or below, what is shown as a mask, and what we did not note."""
    for where, _ in masked_values_in(values):
        if VALUES + where not in notes.unechoed:
            yield pointers.split(where)[0]


# --- what the proxy shows otherwise -----------------------------------------------------------------------------


def _params(params: Mapping[str, Any], notes: Notes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The parameters that are ours to compare, and the others beside them."""
    shown = {
        name: value for name, value in params.items() if value is not None and not (value is False and name in FLAGS)
    }
    shown |= {name: _number(shown[name]) for name in _NUMBERS if name in shown}
    own, others = _apart(shown, PARAMS, LitellmParams, notes)
    for where, _ in masked_in(own):
        top, *below = pointers.split(where)
        if not below or top in _HEADERS:
            own = pointers.put(own, where, PRESENT)
        elif PARAMS + where not in notes.unechoed:
            others[top] = params[top]  # nobody here knows what stands behind a mask in the midst of it
    known = {name: value for name, value in own.items() if name not in others}
    return _restored(known, PARAMS, notes), others


def _info(info: Mapping[str, Any], notes: Notes) -> tuple[dict[str, Any], dict[str, Any]]:
    """What of `model_info` is ours to compare, and what else somebody wrote there; not what the proxy adds by itself."""
    ours = {pointers.split(where)[1] for where in notes.own if where.startswith(INFO + "/")}
    added = (name for name in info if name in PRICE_LIST or is_price(name))
    # what the list fills in is never empty: an earlier version of ours wrote that, and no number or switch can be read from it
    emptied = (name for name in info if name in Listed.model_fields and info[name] == "")
    left = (name for name in Listed.model_fields if f"{INFO}/{name}" in notes.left)
    aside = {*({*SERVER_OWNED, *added} - ours), *emptied, *left}
    return _apart(
        {name: value for name, value in info.items() if value is not None and name not in aside}, INFO, ModelInfo, notes
    )


def _apart(members: Mapping[str, Any], place: str, model: Any, notes: Notes) -> tuple[dict[str, Any], dict[str, Any]]:
    """The members that are declared, or that we wrote, and the others, which are anybody's."""
    ours = {name for name in members if name in model.model_fields or f"{place}{pointers.join((name,))}" in notes.own}
    return (
        {name: value for name, value in members.items() if name in ours},
        {name: value for name, value in members.items() if name not in ours},
    )


def _restored(members: dict[str, Any], place: str, notes: Notes) -> dict[str, Any]:
    """The members with what the notes know of those that the proxy shows otherwise."""
    for where in notes.secrets:
        if where.startswith(f"{place}/") and len(pointers.split(where)) == 2:  # those below are there, as masks
            members = pointers.put(members, where.removeprefix(place), PRESENT)
    for where, value in notes.unechoed.items():
        top, *below = pointers.split(where.removeprefix(place))
        if where.startswith(f"{place}/") and not (below and members.get(top) == PRESENT):
            members = pointers.put(members, where.removeprefix(place), value)
    return members


def _number(value: Any) -> Any:
    """A number that is kept as text, as a number."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value
