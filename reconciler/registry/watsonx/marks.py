"""Our mark in a model's tags, the only place with room for it: short tags that begin with `reconciler:`, one for each thing to be said.

reconciler:owner=platform-team  reconciler:key=support-chat  reconciler:applied=0123456789abcdef
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from reconciler.registry.driver import Mark

PREFIX: Final = "reconciler:"
# tags that the server sets: what a model is, and what the tenant's administrator said of it
_SERVED: Final = ("third party", "recommended")
_SERVED_PREFIX: Final = "wxo-reserved-tag-"


def served(tag: str) -> bool:
    """Whether the server sets that tag. It is kept as it is, and no manifest may set it."""
    return tag in _SERVED or tag.startswith(_SERVED_PREFIX)


def refuses_tags(tags: Any) -> str | None:
    """Why a manifest may not set these tags, or None."""
    for tag in tags if isinstance(tags, list) else ():
        if isinstance(tag, str) and tag.startswith(PREFIX):
            return f"holds a tag that begins with {PREFIX!r}, in which reconciler keeps whose the model is: call it something else"
        if isinstance(tag, str) and served(tag):
            return f"holds {tag!r}, which the server sets: leave it out"
    return None


def tags_of(mark: Mark) -> list[str]:
    """The tags that say what a mark says."""
    return [f"{PREFIX}{text}" for text in _said(mark)]


def _said(mark: Mark) -> Iterator[str]:
    yield f"owner={mark.owner}"
    yield f"key={mark.key}"
    if mark.protected:
        yield "protected"
    if mark.applied:
        yield f"applied={mark.applied}"
    if mark.becomes:
        yield f"becomes={mark.becomes}"
    yield from (f"excluded={place}" for place in mark.excluded)
    yield from (f"secret={place}={digits}" for place, digits in sorted(mark.fingerprints.items()))


def mark_of(tags: Iterable[str]) -> Mark | None:
    """The mark in an object's tags, or None where there is none. Raises ValueError where somebody else wrote there."""
    said = [tag.removeprefix(PREFIX) for tag in tags if tag.startswith(PREFIX)]
    if not said:
        return None
    data: dict[str, Any] = {"excluded": [], "fingerprints": {}}
    for text in said:
        name, _, value = text.partition("=")
        if name == "excluded":
            data["excluded"].append(value)
        elif name == "secret":
            place, _, digits = value.rpartition("=")
            data["fingerprints"][place] = digits
        elif name == "protected" and not value:
            data["protected"] = True
        elif name in ("owner", "key", "applied", "becomes") and name not in data:
            data[name] = value
        else:
            raise ValueError(f"{text!r} is no part of a mark")
    return Mark.from_json(data)
