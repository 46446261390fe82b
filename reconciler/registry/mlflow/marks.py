"""Our mark on MLflow's objects: tags that begin with `reconciler.`, one for each thing to be said; on secrets and model definitions, which have
no tags, the name of who created or last changed them.

    reconciler.owner = platform-team    reconciler.key = churn    reconciler.applied = 0123456789abcdef
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from reconciler.registry.driver import Mark, MisreadError, PermanentError, mark_in

PREFIX: Final = "reconciler."
SYSTEM: Final = "mlflow."  # tags of MLflow's own clients: neither compared nor written
OWNER: Final = f"{PREFIX}owner"
KEY: Final = f"{PREFIX}key"
NAMED: Final = f"{PREFIX}aliases"  # of a registered model: the aliases that were declared by a version's name
SUPERSEDED: Final = f"{PREFIX}superseded"  # of a version: the number of the one that has its name now

SIGNATURE: Final = "reconciler:"  # what begins the name of a creator that is our mark
SIGNED: Final = ("/last_updated_by", "/created_by")  # where it is looked for, in this order
LONGEST_SIGNATURE: Final = 255
# in a signature, what stands for a key that follows from the object's own name
_SHORT: Final[Mapping[str, str]] = {"=": "", "-": "reconciler-"}

Tags = Mapping[str, str]


def tags_of(mark: Mark) -> dict[str, str]:
    """The tags that say what a mark says, in the order in which they are written: whose it is comes last, so that half a mark is none."""
    said = mark.to_json()
    last: dict[str, Any] = {name: said.pop(name) for name in ("applied", "owner") if name in said}
    return {
        f"{PREFIX}{name}": item if isinstance(item, str) else _text(item) for name, item in {**said, **last}.items()
    }


def mark_of(tags: Tags) -> Mark | None:
    """The mark in an object's tags, None where they do not say whose it is. Raises MisreadError where somebody else wrote there."""
    if OWNER not in tags:
        return None
    said: dict[str, Any] = {name: tags[tag] for tag, name in _TEXTS if tag in tags}
    said |= {name: _parsed(tags[tag]) for tag, name in _DATA if tag in tags}
    return mark_in(said, "its tags")


# the tags of a mark, each with the field that it says: as it is, and as JSON
_TEXTS: Final = tuple((f"{PREFIX}{name}", name) for name in ("owner", "key", "applied", "becomes"))
_DATA: Final = tuple((f"{PREFIX}{name}", name) for name in ("protected", "excluded", "fingerprints"))


def foreign(tags: Tags) -> dict[str, str]:
    """The tags that are the user's: neither ours nor MLflow's own."""
    return {key: value for key, value in tags.items() if not key.startswith((PREFIX, SYSTEM))}


def signature_of(mark: Mark, name: str) -> str:
    """The creator's name that says what the mark of an object called `name` says. Raises PermanentError where there is no room for it."""
    said = mark.to_json()
    said["key"] = next((sign for sign, prefix in _SHORT.items() if name == prefix + mark.key), mark.key)
    text = SIGNATURE + _text(said)
    if len(text) > LONGEST_SIGNATURE:
        message = (
            f"{name}: the server keeps {LONGEST_SIGNATURE} characters of who wrote it, and our mark has {len(text)}"
        )
        raise PermanentError(message, hint="a shorter key, a shorter owner, or fewer secrets in one object leave room")
    return text


def signed(row: Mapping[str, Any], name: str) -> Mark | None:
    """The mark in the names of who last changed and who created an object. Raises MisreadError where it is no mark of ours."""
    for field in (pointer.removeprefix("/") for pointer in SIGNED):
        text = row.get(field)
        if isinstance(text, str) and text.startswith(SIGNATURE):
            said = _parsed(text.removeprefix(SIGNATURE))
            if isinstance(said, Mapping) and said.get("key") in _SHORT:
                said = {**said, "key": name.removeprefix(_SHORT[said["key"]])}
            return mark_in(said, f"its {field}")
    return None


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MisreadError("it bears what is no mark of ours") from error


def named_in(text: str | None) -> frozenset[str]:
    """The aliases that were declared by a version's name, as the tag lists them. Raises MisreadError."""
    if not text:  # as of most models
        return frozenset()
    listed = _parsed(text)
    if not isinstance(listed, list) or not all(isinstance(name, str) for name in listed):
        raise MisreadError(f"its tag {NAMED} is no list of aliases")
    return frozenset(listed)


def listed(names: frozenset[str]) -> str:
    """The tag that lists the aliases that were declared by a version's name."""
    return _text(sorted(names))
