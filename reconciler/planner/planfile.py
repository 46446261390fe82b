"""Write a saved plan: what was reviewed is what is applied.

The file is the JSON of `plan` and, beside it, all that apply needs: what to write, the consents, the environment and the places of
the registries, and when it was saved. A digest over the whole finds a file that was edited or cut by accident; a seal, made
with the project's `fingerprint_key`, one that was edited on purpose. No secret is in it: only references are.
Reading it is apart (`planfile_reader`), since it needs jsonschema.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

from reconciler.core.spec import canonical_json, digest
from reconciler.planner.plan import Change, Plan
from reconciler.planner.plan_json import plan_to_json

_SURROGATES: Final = re.compile("[\ud800-\udfff]")
MAX_BYTES: Final = 1024 * 1024 * 1024  # of a plan file
SAVED: Final = "saved"  # the key of what only apply reads


@dataclass(frozen=True, slots=True)
class SavedPlan:
    """A plan as a file holds it. `seal` is what the file states, or None; `content` the text that it must be the seal of."""

    plan: Plan
    seal: str | None
    content: str


def dump(plan: Plan, seal: Callable[[str], str] | None = None) -> str:
    """Write a plan as the text of a plan file. `seal` makes the seal of a text, where the project has a key for it."""
    data = plan_to_json(plan)
    consents = plan.consents
    data[SAVED] = {
        "consents": {
            "prune": consents.prune,
            "allow_deletes": consents.allow_deletes,
            "allow_replaces": consents.allow_replaces,
            "take_ownership": list(consents.take_ownership),
            "rotate": list(consents.rotate),
        },
        "environment": plan.environment,
        "registries": {name: dict(identity) for name, identity in plan.registries.items()},
        "unchanged": plan.unchanged,
        "issued": None if plan.issued is None else plan.issued._asdict(),
        "origin": asdict(plan.origin),
        "writes": {str(change.address): _write(change) for change in plan.changes},
    }
    data["digest"] = digest(data)
    if seal is not None:
        data["seal"] = seal(canonical_json(data))
    text = json.dumps(data, ensure_ascii=False, indent=2)
    if _SURROGATES.search(text):  # in a file's name that is no UTF-8: no file can hold them as they are
        text = json.dumps(data, indent=2)
    return text + "\n"


def _write(change: Change) -> dict[str, Any]:
    item = change.desired
    data: dict[str, Any] = {"replaces": list(change.replaces), "drift": change.drift}
    if item is not None:
        data["desired"] = {
            "spec": item.resource.spec,
            "key": item.key,
            "protected": item.protected,
            "previous": [str(address) for address in item.previous],
            "matched": [str(address) for address in item.matched],
            "ignore": list(item.ignore),
            "secrets": dict(item.secrets),
            "references": {place: str(address) for place, address in item.references.items()},
            "labels": dict(item.labels),
            "needs": [str(address) for address in item.prerequisites],
            "origins": dict(item.origins),
        }
        if item.resource.unmanaged:
            data["desired"]["unmanaged"] = item.resource.unmanaged
    return data
