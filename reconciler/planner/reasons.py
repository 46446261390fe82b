"""Every reason that a change of a plan may have: the stable word, how a plan says it, what it means and what to do. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Reason(NamedTuple):
    """`shown` is what a plan prints for the word. `meaning` is one sentence, `remedy` what to do where something must be done."""

    shown: str
    meaning: str
    remedy: str = ""


# Stable words, which grow in number and never change their meaning.
REASONS: Final[Mapping[str, Reason]] = {
    "new": Reason("new", "A manifest declares the object and the registry does not have it."),
    "missing": Reason(
        "declared, but not in the registry",
        "`drift` calls a declared object so that the registry does not have.",
        "`apply` creates it; if it is to stay away, remove its manifest.",
    ),
    "adopt": Reason(
        "adopt: it exists and becomes ours",
        "The registry has an object of this key that bears no mark, or that of an owner named by `--take-ownership`.",
        "Look at the fields that the plan changes before you apply.",
    ),
    "changed": Reason(
        "changed in the manifest", "The object is as it was last applied, and the manifest says something else now."
    ),
    "drifted": Reason(
        "drifted: changed in the registry",
        "Somebody changed the object in the registry since it was last applied.",
        "`apply` sets it back; to keep the change, write it into the manifest; to leave a field to others, `ignore` it.",
    ),
    "differs": Reason(
        "differs: nothing tells which side changed",
        "Object and manifest differ, and without a mark nothing tells which of them changed.",
        "`apply` makes the object what the manifest says.",
    ),
    "rotate": Reason(
        "rotate: a secret's value is written again",
        "A secret's value is new, or `--rotate KEY` asked to write it again.",
    ),
    "fingerprint": Reason(
        "fingerprint: the fingerprint of a secret is recorded",
        "The object has no fingerprint of its secrets, as where `fingerprint_key` was set after it was last applied.",
    ),
    "mark": Reason("only our mark changes", "Only the ownership mark changes: its protection or its key."),
    "immutable": Reason(
        "immutable: cannot change in place",
        "A field differs that the registry never changes in place, so the object must be deleted and created again.",
        "`--allow-replaces N` allows it; or set the field back.",
    ),
    "cannot-clear": Reason(
        "cannot-clear: a value cannot be taken away in place",
        "A field was removed that the registry cannot clear in place, so the object must be deleted and created again.",
        "`--allow-replaces N` allows it; or set the field back.",
    ),
    "unmanaged": Reason(
        "unmanaged: it would lose what no manifest declares",
        "The registry holds members of the object that no manifest declares and that cannot be sent back as they are.",
        "Change the object by hand, or note them down: `--allow-replaces N` lets them go.",
    ),
    "renamed": Reason(
        "renamed in the manifest",
        "`previous_keys` names the object's old key, or a name that follows from other fields changed with them.",
    ),
    "renamed-twice": Reason(
        "renamed twice: several manifests name the same old key",
        "Several manifests name the same object in `previous_keys`, and it can become only one of them.",
        "Keep the old key in one manifest.",
    ),
    "removed": Reason(
        "removed: no manifest declares it any more",
        "The object is ours, no manifest declares it any more, and `--prune` was given.",
        "To keep it, restore its manifest.",
    ),
    "absent": Reason(
        "absent: asked for by its manifest, or by name",
        "A manifest says `state: absent`, or `reconciler delete KEY` names the object.",
    ),
    "owner": Reason(
        "owned by somebody else",
        "The object, or one that uses it, bears another owner's mark.",
        "Ask that owner. In a manifest choose another key, or where they agree, apply with `--take-ownership OWNER`.",
    ),
    "duplicate": Reason(
        "duplicate: the registry holds several of this key",
        "The registry holds several objects of this key, and nothing tells which one is meant.",
        "Delete all but one by hand.",
    ),
    "read-only": Reason(
        "cannot be written through the registry",
        "The registry shows an object of this key and lets nobody change or delete it, as one from a file of the server's.",
        "Choose another key, or take the object out of where it comes from.",
    ),
    "unreadable": Reason(
        "unreadable: the registry holds what cannot be understood",
        "The registry holds a row that cannot be read and that is, or may be, this object.",
        "Repair that row in the registry.",
    ),
    "not-deletable": Reason("cannot be deleted", "The registry cannot delete objects of this kind, or never should."),
    "protected": Reason(
        "protected",
        "`protected: true` forbids to delete or replace the object, also when its manifest is gone.",
        "Declare it with `protected: false` and apply once.",
    ),
    "referenced": Reason(
        "still referred to",
        "Something that stays refers to the object, or would be deleted with it.",
        "Change or remove what refers to it first.",
    ),
    "contents": Reason(
        "it holds other objects, which would be deleted with it",
        "The registry deletes with the object whatever is in it, as the versions of a registered model.",
        "`--allow-deletes N` allows it.",
    ),
    "dangling": Reason(
        "it names what is not there",
        "The object names another by a key that neither the manifests nor the registry have.",
        "Correct the name, or declare what it names.",
    ),
    "dependency": Reason(
        "waits for another object",
        "It needs an object that is blocked or in conflict, belongs to one that is, or moves to one.",
        "Solve that one first.",
    ),
    "test-failed": Reason(
        "test-failed: its endpoint failed the test",
        "`apply --test` left the model out, since its endpoint failed the test.",
        "`reconciler test KEY` shows what failed.",
    ),
}
