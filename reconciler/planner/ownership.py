"""Ownership of a stored object: ours, unmarked or foreign. A small truth table, pure.

======================  ==========================  ======================  =====================
what the object bears   our mark                    no mark                 another owner's mark
======================  ==========================  ======================  =====================
we have an owner        OURS                        UNMARKED: adopt         FOREIGN: conflict
we have no owner        FOREIGN                     UNMARKED: write, never  FOREIGN
                                                    mark
kind without a mark     (cannot happen)             OURS where `owns`       (cannot happen)
                                                    matches and it does not
                                                    come with the platform,
                                                    else UNMARKED
======================  ==========================  ======================  =====================

Only what is OURS is ever pruned. `--take-ownership OWNER` turns that one owner's FOREIGN into UNMARKED.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from fnmatch import fnmatchcase
from typing import Final, Protocol

from reconciler.core.kind import Kind
from reconciler.core.resource import Address, RegistryFacts, Resource

_WILDCARD: Final = re.compile(r"[*?\[\]]")


class Uses(Protocol):
    """The part of an index that ownership needs: objects by address, and who refers to them."""

    @property
    def referrers(self) -> Mapping[Address, tuple[Address, ...]]: ...

    def find(self, address: Address) -> tuple[Resource, ...]: ...


class Ownership(Enum):
    OURS = "ours"
    UNMARKED = "unmarked"
    FOREIGN = "foreign"


def ownership_of(resource: Resource, facts: RegistryFacts, takes: tuple[str, ...] = ()) -> Ownership:
    """The ownership of `resource`, as seen by the owner of `facts`. `takes` are the owners whose objects the user agreed to take over."""
    mark = resource.mark
    if mark is not None:
        if facts.owner is not None and mark.owner == facts.owner:
            return Ownership.OURS
        return Ownership.UNMARKED if mark.owner in takes and facts.owner is not None else Ownership.FOREIGN
    return Ownership.OURS if _owned(resource, facts) else Ownership.UNMARKED


def prunable(resource: Resource, facts: RegistryFacts) -> bool:
    """True for what prune may ever delete: it bears our mark, or it has no room for one and matches `owns`."""
    return ownership_of(resource, facts) is Ownership.OURS


def foreign_user(resource: Resource, index: Uses, facts: RegistryFacts, takes: tuple[str, ...] = ()) -> Resource | None:
    """Another owner's object that `resource`, which has no room for a mark, is used by or stands beside; None where there is none.

    Looked for through whatever else has no room for a mark: a model uses a provider, and that a secret.
    """
    waiting, seen = [resource], {resource.address}
    while waiting:
        one = waiting.pop()
        for address in (*index.referrers.get(one.address, ()), *((one.parent,) if one.parent is not None else ())):
            for user in index.find(address) if address not in seen else ():
                if ownership_of(user, facts, takes) is Ownership.FOREIGN:
                    return user
                if not _marked(user, facts):
                    waiting.append(user)
            seen.add(address)
    return None


def owns_overlap(first: Iterable[str], second: Iterable[str]) -> bool:
    """False where it is plain that no key matches a glob of both."""
    return any(_globs_overlap(one, other) for one in first for other in second)


def _globs_overlap(one: str, other: str) -> bool:
    plain = [glob for glob in (one, other) if not _WILDCARD.search(glob)]
    if plain:
        return fnmatchcase(plain[0], other if plain[0] == one else one)
    begins = sorted((_WILDCARD.split(glob)[0] for glob in (one, other)), key=len)
    ends = sorted((_WILDCARD.split(glob)[-1] for glob in (one, other)), key=len)
    return begins[1].startswith(begins[0]) and ends[1].endswith(ends[0])


def _marked(resource: Resource, facts: RegistryFacts) -> bool:
    kind: Kind | None = facts.kinds.get(resource.address.kind)
    return kind is not None and kind.markable


def _owned(resource: Resource, facts: RegistryFacts) -> bool:
    """True where `owns` makes an object ours that has no room for a mark. A derived resource goes by its model's key."""
    kind: Kind | None = facts.kinds.get(resource.address.kind)
    if _marked(resource, facts) or (kind is not None and kind.is_builtin(resource.address.key)):
        return False
    key = resource.address.key if resource.parent is None else resource.parent.key
    return any(fnmatchcase(key, glob) for glob in facts.owns)
