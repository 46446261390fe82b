"""MLflow's rows, and the objects that they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from reconciler.registry.driver import (
    PRESENT,
    Address,
    Mark,
    MisreadError,
    Resource,
    map_of,
    read_row,
    text_of,
    without,
)
from reconciler.registry.mlflow.forms import is_number
from reconciler.registry.mlflow.kinds import KINDS
from reconciler.registry.mlflow.marks import KEY, NAMED, SUPERSEDED, foreign, mark_of, named_in, signed

PROMPT: Final = "mlflow.prompt.is_prompt"  # the tag that makes a registered model a prompt

Row = Mapping[str, Any]

# of a row, what is said elsewhere in the object, or by the server alone
_OWN: Final[Mapping[str, tuple[str, ...]]] = {
    "RegisteredModel": ("name", "creation_timestamp", "last_updated_timestamp", "latest_versions", "user_id"),
    "ModelVersion": (
        *("name", "version", "creation_timestamp", "last_updated_timestamp", "user_id", "current_stage", "status"),
        *("status_message", "aliases"),
    ),
    "Secret": ("secret_id", "secret_name", "created_at", "last_updated_at", "created_by", "last_updated_by"),
    "ModelDefinition": (
        *("model_definition_id", "name", "secret_id", "secret_name", "created_at", "last_updated_at"),
        *("created_by", "last_updated_by"),
    ),
    "Endpoint": (
        *("endpoint_id", "name", "created_at", "last_updated_at", "created_by", "last_updated_by", "experiment_id"),
        "model_mappings",
    ),
}
_MAPPING_OWN: Final = (
    *("mapping_id", "endpoint_id", "model_definition_id", "model_definition", "created_at", "created_by"),
    "linkage_type",
)


def tags_of_row(row: Row) -> dict[str, str]:
    """The tags of a row, which the server writes as a list of pairs. Raises MisreadError."""
    rows = row.get("tags")
    if rows is None:
        return {}
    tags: dict[str, str] = {}
    for one in rows if isinstance(rows, list) else (None,):  # a plain loop: it looks at all tags of all models
        if not isinstance(one, dict):
            raise MisreadError("its tags are no list of pairs")
        key, value = one.get("key"), one.get("value") or ""
        if not isinstance(key, str) or not key:
            raise MisreadError("it has no key")
        if not isinstance(value, str):
            raise MisreadError("a tag of it is no text")
        tags[key] = value
    return tags


def is_prompt(row: Row) -> bool:
    """True for a prompt, which is kept among the registered models and is none."""
    rows = row.get("tags")
    tags = [one for one in rows if isinstance(one, Mapping)] if isinstance(rows, list) else []
    return any(one.get("key") == PROMPT and str(one.get("value")).lower() == "true" for one in tags)


# --- the model registry -------------------------------------------------------------------------------------------


def content_of(source: Row) -> tuple[str, str, str]:
    """What tells one version's content from another's, of a row or of a spec: where it comes from."""
    return tuple(str(source.get(name) or "") for name in ("source", "run_id", "run_link"))  # type: ignore[return-value]


def number_of(row: Row) -> int:
    """The number of a version. Raises MisreadError."""
    text = row.get("version")
    if not isinstance(text, str) or not is_number(text):
        raise MisreadError("it has no version number")
    return int(text)


def name_of_version(row: Row) -> str | None:
    """The name that a manifest gave a version, or None where none did, or another version has it now. Raises MisreadError."""
    tags = tags_of_row(row)
    name = tags.get(KEY, "").partition("/")[2]
    return name if name and "/" not in name and not is_number(name) and SUPERSEDED not in tags else None


def key_of_version(row: Row, names: Mapping[str, str]) -> str | None:
    """The key of a row that cannot be understood, or None where it may be any: what its tags say may be its name."""
    model, number = row.get("name"), row.get("version")
    try:
        tags_of_row(row)
    except MisreadError:
        return None
    return f"{model}/{names.get(number, number)}" if isinstance(model, str) and isinstance(number, str) else None


def is_sound(row: Any) -> bool:
    """True for the row of a version of which name, number and tags can be told."""
    try:
        return (
            isinstance(row, Mapping)
            and bool(text_of(row, "name"))
            and number_of(row) > 0
            and tags_of_row(row) is not None
        )
    except MisreadError:
        return False


def current(rows: Iterable[Row]) -> Row | None:
    """Of the versions that bear one name, the one that has it: of the newest content the first.

    There are several only where a run was cut short, or two created the same at once.
    """
    known = sorted(rows, key=number_of)
    return next((row for row in known if content_of(row) == content_of(known[-1])), None) if known else None


def names_of(rows: Iterable[Row]) -> dict[str, dict[str, str]]:
    """By model and number, the names that its versions have. Rows that cannot be understood have none."""
    grouped: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        try:
            model, name = text_of(row, "name"), name_of_version(row)
            number_of(row)
        except MisreadError:
            continue
        if name is not None:
            grouped.setdefault((model, name), []).append(row)
    found: dict[str, dict[str, str]] = {}
    for (model, name), same in grouped.items():
        has = current(same)
        if has is not None:
            found.setdefault(model, {})[str(has["version"])] = name
    return found


def model_of_row(row: Row, registry: str, names: Mapping[str, str], versions: int = 0) -> Resource:
    """A registered model. `names` are those of its versions by number, of which there are `versions`. Raises MisreadError."""
    name, tags = text_of(row, "name"), tags_of_row(row)
    by_name = named_in(tags.get(NAMED))
    aliases: dict[str, Any] = {}
    uses = []
    for alias, number in aliases_of(row).items():
        aliases[alias] = {"version": names[number]} if alias in by_name and number in names else number
        uses.append(f"its alias {alias} names version {number}")
    members = {**without(row, _OWN["RegisteredModel"]), "tags": foreign(tags) or None, "aliases": aliases or None}
    return read_row(
        KINDS["RegisteredModel"],
        Address(registry, "RegisteredModel", name),
        members,
        mark=mark_of(tags),
        id=_moment_text(row, "creation_timestamp"),
        revision=_moment_text(row, "last_updated_timestamp"),
        updated_at=_moment(row, "last_updated_timestamp"),
        contents=(f"{versions} version{'' if versions == 1 else 's'}",) if versions else (),
        uses=tuple(uses),
    )


def aliases_of(row: Row) -> dict[str, str]:
    """The aliases of a registered model with the number of the version that each names. Raises MisreadError."""
    rows = row.get("aliases")
    if rows is None:
        return {}
    if not isinstance(rows, list) or not all(isinstance(one, Mapping) for one in rows):
        raise MisreadError("its aliases are no list of pairs")
    return {text_of(one, "alias"): text_of(one, "version") for one in rows}


def version_of_row(row: Row, registry: str, names: Mapping[str, str]) -> Resource:
    """A version of a registered model. `names` are those of the model's versions by number. Raises MisreadError."""
    model, tags, number = text_of(row, "name"), tags_of_row(row), str(number_of(row))
    name = names.get(number)
    members = {**without(row, _OWN["ModelVersion"]), "tags": foreign(tags) or None}
    return read_row(
        KINDS["ModelVersion"],
        Address(registry, "ModelVersion", f"{model}/{name or number}"),
        members,
        mark=None if SUPERSEDED in tags else _mark_of_version(tags, model, name, number),
        id=number,
        revision=_moment_text(row, "last_updated_timestamp"),
        updated_at=_moment(row, "last_updated_timestamp"),
        other_keys=(f"{model}/{number}",) if name is not None else (),
    )


def _mark_of_version(tags: Mapping[str, str], model: str, name: str | None, number: str) -> Mark | None:
    """The mark of a version, None where its name is another version's by now: then the mark is that one's, too."""
    mark = mark_of(tags)
    named = name is not None or tags.get(KEY) == f"{model}/{number}"
    return mark if named else None


# --- the gateway --------------------------------------------------------------------------------------------------


def secret_of_row(row: Row, registry: str, parent: Address | None) -> Resource:
    """A secret, of which the server shows a mask of each member. Raises MisreadError."""
    name = text_of(row, "secret_name")
    masks = map_of(row, "masked_values")
    members = without(row, (*_OWN["Secret"], "masked_values"))
    members["secret_value"] = dict.fromkeys(masks, PRESENT) or None
    return _gateway_row(
        "Secret", registry, name, row, members, row_id="secret_id", mark=signed(row, name), parent=parent
    )


def definition_of_row(row: Row, registry: str, parent: Address | None) -> Resource:
    """A model definition. Raises MisreadError."""
    name = text_of(row, "name")
    members = {**without(row, _OWN["ModelDefinition"]), "secret": row.get("secret_name")}
    mark = signed(row, name)
    return _gateway_row(
        "ModelDefinition", registry, name, row, members, row_id="model_definition_id", mark=mark, parent=parent
    )


def endpoint_of_row(row: Row, registry: str) -> Resource:
    """An endpoint. Raises MisreadError."""
    mappings = row.get("model_mappings") or []
    if not isinstance(mappings, list):
        raise MisreadError("its model_mappings are no list")
    tags = tags_of_row(row)
    members = {
        **without(row, _OWN["Endpoint"]),
        "models": [_mapping(one) for one in mappings],
        "tags": foreign(tags) or None,
    }
    return _gateway_row(
        "Endpoint", registry, text_of(row, "name"), row, members, row_id="endpoint_id", mark=mark_of(tags), parent=None
    )


def _mapping(row: Any) -> dict[str, Any]:
    if not isinstance(row, Mapping):
        raise MisreadError("one of its model_mappings is no map")
    definition = text_of(map_of(row, "model_definition"), "name")
    return {**without(row, _MAPPING_OWN), "definition": definition, "linkage": row.get("linkage_type")}


def _gateway_row(
    kind: str,
    registry: str,
    name: str,
    row: Row,
    members: Mapping[str, Any],
    *,
    row_id: str,
    mark: Mark | None,
    parent: Address | None,
) -> Resource:
    return read_row(
        KINDS[kind],
        Address(registry, kind, name),
        members,
        mark=mark,
        id=text_of(row, row_id),
        revision=_moment_text(row, "last_updated_at"),
        updated_at=_moment(row, "last_updated_at"),
        parent=parent,
    )


# --- moments ------------------------------------------------------------------------------------------------------


def _moment_text(row: Row, name: str) -> str | None:
    value = row.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise MisreadError(f"its {name} is no number")
    return str(value)


def _moment(row: Row, name: str) -> str | None:
    """A moment in milliseconds as ISO 8601, None where there is none that a calendar has."""
    if _moment_text(row, name) is None:
        return None
    try:
        return datetime.fromtimestamp(row[name] / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return None
