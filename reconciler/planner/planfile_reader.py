"""Read a saved plan: its form, its digest, its seal and its age are judged before anything else is believed."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import jsonschema

from reconciler.core.actions import WRITES
from reconciler.core.errors import PlanFileError, Problem
from reconciler.core.pointer import MISSING
from reconciler.core.resource import Address, Desired, RegistryFacts, Resource, Source
from reconciler.core.schema.answers import OUTPUTS
from reconciler.core.spec import MAX_DEPTH, canonical_json, digest, too_deep
from reconciler.planner.plan import Change, Consents, FieldChange, Guard, Issue, Origin, Plan
from reconciler.planner.planfile import SAVED, SavedPlan

_AROUND: Final = 8  # levels of the file around what one object holds
_NONCE: Final = re.compile(r"[0-9a-f]{32}")
_AGAIN: Final = "make it again with `reconciler plan --save`"


def parse(text: str, shown: str) -> SavedPlan:
    """Read the text of a plan file. Raises PlanFileError where it is damaged, edited, or of another version.

    The digest finds an accident, not an attacker: who trusts the file checks its seal and has apply judge each object again.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"{shown}:{error.lineno}:{error.colno}"
        message = f"{where}: {shown} is not a whole plan file: it ends, or is no JSON, here"
        raise PlanFileError(message, hint=_AGAIN) from error
    except (ValueError, RecursionError) as error:  # a number, or a nesting, that Python refuses
        message = f"{shown} is no plan file: it holds a number or a nesting that no plan has"
        raise PlanFileError(message, hint=_AGAIN) from error
    if not isinstance(data, dict) or "format_version" not in data:
        raise PlanFileError(f"{shown} is not a plan file", hint="`reconciler plan --save FILE` writes one")
    version = data["format_version"]
    if not isinstance(version, str) or version.partition(".")[0] != "1":
        message = f"{shown} has format version {version!r}, and this reconciler reads 1.x"
        raise PlanFileError(message, hint="make it again with this reconciler")
    if too_deep(data, MAX_DEPTH + _AROUND):
        raise PlanFileError(f"{shown} is not a plan file: it holds too many maps and lists inside each other")
    if "digest" not in data:
        message = f"{shown} is not a saved plan: it has no digest, as the JSON of `plan --format json` has none"
        raise PlanFileError(message, hint="`reconciler plan --save FILE` writes a plan that can be shown and applied")
    seal = data.pop("seal", None)
    content = canonical_json(data)
    if data.pop("digest", None) != digest(data):
        raise PlanFileError(
            f"{shown} was edited or cut after it was saved, so it is not what was reviewed", hint=_AGAIN
        )
    try:
        jsonschema.Draft202012Validator(OUTPUTS["plan"]).validate(data)
        return SavedPlan(_plan(data), None if seal is None else _text(seal), content)
    except (jsonschema.ValidationError, KeyError, TypeError, ValueError) as error:
        detail = error.message if isinstance(error, jsonschema.ValidationError) else repr(error)
        raise PlanFileError(f"{shown} is not a plan file that apply can use: {detail}", hint=_AGAIN) from error


def check_kinds(plan: Plan, registries: Mapping[str, RegistryFacts], shown: str) -> None:
    """Raises PlanFileError where the plan names a kind that its registry does not have."""
    for change in plan.changes:
        facts = registries.get(change.address.registry)
        if facts is not None and change.address.kind not in facts.kinds:
            message = f"{shown} is not a plan file that apply can use: {facts.name} has no kind {change.address.kind!r}"
            raise PlanFileError(message, hint=_AGAIN)


def _plan(data: Mapping[str, Any]) -> Plan:
    saved = _map(data[SAVED])
    consents = saved["consents"]
    registries = {
        name: {fact: _text(value) for fact, value in _map(identity).items()}
        for name, identity in _map(saved["registries"]).items()
    }
    changes = tuple(_change(entry, _map(saved["writes"][entry["address"]])) for entry in data["changes"])
    if strangers := {change.address.registry for change in changes} - set(registries):
        raise ValueError(f"no place is given for {', '.join(sorted(strangers))}")
    _check_each_once(changes)
    return Plan(
        changes=changes,
        unchanged=_count(saved["unchanged"]) or 0,
        orphans=tuple(Address.parse(text) for text in data["orphans"]),
        guards=tuple(Guard(entry["name"], entry["message"], entry["override"]) for entry in data["guards"]),
        problems=tuple(_problem(entry) for entry in data["problems"]),
        consents=Consents(
            consents["prune"] is True,
            _count(consents["allow_deletes"]),
            _count(consents["allow_replaces"]),
            _texts(consents["take_ownership"]),
            _texts(consents["rotate"]),
        ),
        environment=None if saved["environment"] is None else _text(saved["environment"]),
        registries=registries,
        fingerprint=data["fingerprint"],
        issued=_issue(saved.get("issued")),
        origin=_origin(_map(saved.get("origin", {}))),
    )


def _issue(data: Any) -> Issue | None:
    if data is None:
        return None
    given = _map(data)
    nonce = _text(given["nonce"])
    if not _NONCE.fullmatch(nonce):  # it becomes the name of a file
        raise ValueError("the nonce is not 32 hex digits")
    return Issue(nonce, _text(given["at"]), _text(given["expires"]))


def _origin(data: Mapping[str, Any]) -> Origin:
    """From the facts that are known here: an earlier 1.x wrote none, and a later one may write more."""
    return Origin(*(_text(data.get(name, "")) for name in ("commit", "version", "project")))


def _check_each_once(changes: tuple[Change, ...]) -> None:
    """Raises ValueError where two changes are about one object: apply keeps what it knows by address."""
    places = [change.address for change in changes]
    places += [change.previous for change in changes if change.action == "rename" and change.previous is not None]
    if twice := [address for address, count in Counter(places).items() if count > 1]:
        raise ValueError(f"there are two changes of {', '.join(map(str, sorted(twice)))}")


def _problem(entry: Mapping[str, Any]) -> Problem:
    """From the keys that are known here: a later 1.x may hold more."""
    return Problem(**{name: entry[name] for name in Problem._fields})


def _change(entry: Mapping[str, Any], write: Mapping[str, Any]) -> Change:
    address = Address.parse(entry["address"])
    source = Source(entry["source"]["file"], entry["source"]["line"]) if entry.get("source") else None
    parent = Address.parse(entry["parent"]) if entry.get("parent") else None
    previous = entry.get("previous_address")
    if entry["action"] in WRITES and (entry["action"] == "delete") == ("desired" in write):
        raise ValueError(f"what a {entry['action']} of {address} writes does not fit it")
    old = Address.parse(previous) if previous else None
    if entry["action"] == "rename" and (old is None or old[:2] != address[:2]):
        raise ValueError(f"{address} cannot have been {old}")
    return Change(
        address=address,
        action=entry["action"],
        reason=entry["reason"],
        fields=tuple(_field(item) for item in entry["fields"]),
        observed=entry["observed"],
        depends_on=tuple(Address.parse(text) for text in entry["depends_on"]),
        parent=parent,
        previous=old,
        source=source,
        desired=_desired(address, write["desired"], source, parent) if "desired" in write else None,
        message=_text(entry.get("message", "")),
        replaces=_pointers(write["replaces"]),
        unmanaged=_pointers(entry.get("unmanaged", [])),
        drift=_text(write.get("drift", "")),
    )


def _field(entry: Mapping[str, Any]) -> FieldChange:
    return FieldChange(
        _pointer(entry["path"]), entry.get("before", MISSING), entry.get("after", MISSING), entry["sensitive"]
    )


def _desired(address: Address, data: Mapping[str, Any], source: Source | None, parent: Address | None) -> Desired:
    return Desired(
        resource=Resource(
            address, _map(data["spec"]), source=source, parent=parent, unmanaged=_map(data.get("unmanaged", {}))
        ),
        key=_text(data["key"]),
        protected=None if data["protected"] is None else data["protected"] is True,
        previous=tuple(map(Address.parse, _texts(data["previous"]))),
        matched=tuple(map(Address.parse, _texts(data.get("matched", [])))),
        ignore=_pointers(data["ignore"]),
        secrets={_pointer(place): _text(reference) for place, reference in _map(data["secrets"]).items()},
        references={_pointer(place): Address.parse(_text(text)) for place, text in _map(data["references"]).items()},
        labels={name: _text(label) for name, label in _map(data["labels"]).items()},
        prerequisites=tuple(map(Address.parse, _texts(data.get("needs", [])))),
        origins={_text(place): _text(origin) for place, origin in _map(data.get("origins", {})).items()},
    )


# --- what only apply reads is of no published schema, so its types are checked here ------------------------------------


def _text(value: Any) -> str:
    """Raises TypeError where it is none, as the others do."""
    if not isinstance(value, str):
        raise TypeError(f"text is expected, not {type(value).__name__}")
    return value


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise TypeError(f"a list is expected, not {type(value).__name__}")
    return tuple(map(_text, value))


def _pointer(value: Any) -> str:
    """Raises ValueError where it leads to no field."""
    if not _text(value).startswith("/"):
        raise ValueError(f"{value!r} is not a JSON pointer to a field")
    return str(value)


def _pointers(value: Any) -> tuple[str, ...]:
    return tuple(map(_pointer, _texts(value)))


def _map(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"a map is expected, not {type(value).__name__}")
    return value


def _count(value: Any) -> int | None:
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise TypeError(f"a number is expected, not {type(value).__name__}")
    return value
