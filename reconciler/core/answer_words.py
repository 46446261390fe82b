"""What the words of an answer mean that are no reasons: the actions of a plan, the states of an outcome, and what is only counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Meaning(NamedTuple):
    """What a word means, and what to do where something must be done."""

    meaning: str
    remedy: str = ""


_SEE_REASON: Final = "The change's reason says which; `reconciler explain REASON` says what to do."

# in the order of core.actions.ACTIONS
ACTION_MEANINGS: Final[Mapping[str, Meaning]] = {
    "create": Meaning("The registry does not have the object: it is made from its manifest."),
    "update": Meaning(
        "The registry has the object: it is changed in place, or becomes ours.",
        "The change's reason says why, and its fields say what; `ignore` leaves a field to others.",
    ),
    "rename": Meaning("The object gets another key and stays what it is: `previous_keys` names the old one."),
    "replace": Meaning(
        "The object is deleted and created again, since it differs in what the registry never changes in place.",
        "Without `--allow-replaces N` nothing is written. To keep the object, set the field back that the reason names.",
    ),
    "delete": Meaning(
        "The object is taken out of the registry, since its manifest says `state: absent`, or none declares it and `--prune` was given.",
        "To keep it, restore its manifest. `apply` writes down first what it deletes.",
    ),
    "unchanged": Meaning("The object is what its manifest says: nothing is written."),
    "conflict": Meaning(
        "Somebody else has a say: another owner's mark is on the object, several have its key, or it cannot be read or written. "
        "It is left alone.",
        _SEE_REASON,
    ),
    "blocked": Meaning(
        "Something forbids the change, or has to be done before it: a protection, a reference, another object. It is left alone.",
        _SEE_REASON,
    ),
}

# What a plan or a drift counts beside its actions.
COUNT_MEANINGS: Final[Mapping[str, Meaning]] = {
    "orphan": Meaning(
        "An object that bears our mark and that no manifest declares. A plan lists it and leaves it alone; only `--prune` deletes it.",
        "To keep it for good, declare it: `reconciler export KEY` writes its manifest.",
    ),
    "pending": Meaning(
        "An object that is as we last wrote it and whose manifest says something else since. `drift` counts it as no drift.",
        "`apply` writes it.",
    ),
}

_SEE_OUTCOME: Final = "The outcome's reason says why; `reconciler explain REASON` says what to do."

# in the order of core.actions.STATUSES
STATUS_MEANINGS: Final[Mapping[str, Meaning]] = {
    "ok": Meaning("The change was made, and reading it back showed what was sent."),
    "failed": Meaning("The change was not made, or not known to be made.", _SEE_OUTCOME),
    "skipped": Meaning("The change was not begun.", f"{_SEE_OUTCOME} Then run again."),
    "not_stored": Meaning(
        "The registry accepted the write and did not keep all of it.", "The outcome names the fields that it dropped."
    ),
    "conflict": Meaning("The plan left the object alone, as it said.", _SEE_OUTCOME),
    "blocked": Meaning("The plan left the object alone, as it said.", _SEE_OUTCOME),
}

# What only an object's status in a cluster says: the reasons of conditions and rows that no plan and no file has.
CONDITION_MEANINGS: Final[Mapping[str, Meaning]] = {
    "in-sync": Meaning("The registry holds what the object says, as of its present generation."),
    "read": Meaning("The registry could be read."),
    "not-blocked": Meaning("Nothing about the object has to be mended before it can be written."),
    "waiting": Meaning(
        "A Registry that the object goes to has not looked at its present generation yet.",
        "Nothing has to be done about it: the controller goes on by itself.",
    ),
    "suspended": Meaning(
        "The Registry is suspended: it is neither read nor written.", "Take `spec.suspend` away, and it goes on."
    ),
    "moving": Meaning(
        "The object goes to another Registry from now on: in this one it is deleted once it is in sync in the other.",
        "Where that does not come, the row of the other Registry says why.",
    ),
    "registry-missing": Meaning(
        "There is no Registry of the name that the object gives, in its namespace. It stays where it was.",
        "Create that Registry, or correct the name.",
    ),
    "missing-reference": Meaning(
        "A Secret or ConfigMap that the object names is not there, or has no such key.",
        "Create it: the controller goes on as soon as it is there.",
    ),
    "refused-reference": Meaning(
        "The object names a variable, a file or a command of the machine that the controller runs on.",
        "Name a Secret or a ConfigMap of its own namespace: `${secret:NAME/KEY}`, `${configMap:NAME/KEY}`.",
    ),
}
