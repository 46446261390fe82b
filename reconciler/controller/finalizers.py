"""Finalizers: an object that a Registry object with `prune` holds is kept until what it declared there is gone.

Each Registry object has one of its own, so that several never wait for each other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, Final

PREFIX: Final = "registry.models.reconciler.dev/"
_LONGEST: Final = 63  # letters of what stands behind the slash


def finalizer_of(registry: str) -> str:
    """The finalizer by which a Registry object of this name holds an object."""
    if len(registry) <= _LONGEST:
        return f"{PREFIX}{registry}"
    digest = hashlib.blake2b(registry.encode(), digest_size=8).hexdigest()
    return f"{PREFIX}{registry[: _LONGEST - len(digest) - 1]}-{digest}"


def held_by(item: Mapping[str, Any], registry: str) -> bool:
    """True where a Registry object holds an object."""
    return finalizer_of(registry) in (item["metadata"].get("finalizers") or ())


def is_held(item: Mapping[str, Any]) -> bool:
    """True where any Registry object holds an object."""
    return without_ours(item) is not None


def without_ours(item: Mapping[str, Any]) -> list[str] | None:
    """The finalizers of an object without those of all Registry objects, None where it has none of them."""
    there: list[str] = list(item["metadata"].get("finalizers") or ())
    others = [one for one in there if not one.startswith(PREFIX)]
    return others if len(others) < len(there) else None


def with_finalizer(item: Mapping[str, Any], registry: str, *, held: bool) -> list[str] | None:
    """The finalizers that an object is to have, None where it has them."""
    there: Iterable[str] = item["metadata"].get("finalizers") or ()
    ours = finalizer_of(registry)
    if held == (ours in there):
        return None
    return [*there, ours] if held else [one for one in there if one != ours]
