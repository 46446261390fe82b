"""Notes beside the mark: what was written and cannot be read back, kept in the one nested map that holds the mark.

The proxy masks, resolves or drops some of what it is told, and adds what it knows of a model by itself. The notes say which members were
written, so that nothing else is taken for ours, and what stands behind those that it shows otherwise. They hold no secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final

from reconciler.registry.driver import Mark, MisreadError, mark_in

PLACE: Final = "reconciler"  # the member of model_info, or of credential_info, in which the mark and the notes are
_NOTES: Final = ("own", "secrets", "unechoed", "left")


@dataclass(frozen=True, slots=True)
class Notes:
    """Pointers are those of the native object. `own` are members that no kind declares and that we wrote, `secrets` the secrets that we

    wrote, and `unechoed` the values, none of them secret, that the proxy shows otherwise. `left` are members of which a manifest says that
    they have no value, so that whatever the proxy shows there comes from its price list.
    """

    own: frozenset[str] = frozenset()
    secrets: frozenset[str] = frozenset()
    unechoed: Mapping[str, Any] = field(default_factory=dict)
    left: frozenset[str] = frozenset()

    def to_json(self) -> dict[str, Any]:
        """Plain data; what is empty is left out."""
        notes = {
            "own": sorted(self.own),
            "secrets": sorted(self.secrets),
            "unechoed": dict(self.unechoed),
            "left": sorted(self.left),
        }
        return {name: value for name, value in notes.items() if value}


def kept(mark: Mark | None, notes: Notes) -> dict[str, Any]:
    """The nested map as it is written: always whole, since an update replaces it whole."""
    return {**(mark.to_json() if mark is not None else {}), **notes.to_json()}


def read_kept(data: Any, place: str) -> tuple[Mark | None, Notes]:
    """The mark and the notes in the nested map at `place`. Raises MisreadError where somebody else wrote there."""
    if data is None:
        return None, Notes()
    if not isinstance(data, Mapping):
        raise MisreadError(f"its {place} is no mark of ours")
    bare = {name: value for name, value in data.items() if name not in _NOTES}
    return mark_in(bare or None, f"its {place}"), _notes(data, place)


def _notes(data: Mapping[str, Any], place: str) -> Notes:
    lists, unechoed = [data.get(name, []) for name in ("own", "secrets", "left")], data.get("unechoed", {})
    well_formed = all(isinstance(one, list) for one in lists) and isinstance(unechoed, Mapping)
    if not well_formed or not all(_is_pointer(one) for one in chain(*lists, unechoed)):
        raise MisreadError(f"its {place} is no mark of ours")
    own, secrets, left = map(frozenset, lists)
    return Notes(own, secrets, dict(unechoed), left)


def _is_pointer(value: Any) -> bool:
    return isinstance(value, str) and value.startswith("/")
