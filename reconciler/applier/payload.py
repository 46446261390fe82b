"""What is sent for one object: what a manifest says, and what it leaves to others as it is. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.core import pointer as pointers
from reconciler.core.kind import Kind
from reconciler.core.resource import Desired, Resource
from reconciler.core.secret import Secret
from reconciler.core.spec import PRESENT, secrets_in


def as_it_is(
    spec: Mapping[str, object], current: Resource, places: tuple[str, ...], kind: Kind
) -> Mapping[str, object]:
    """`spec` with the remote's current values at pointers that are managed elsewhere. A secret that is never read back may be there."""
    values = {place: pointers.get(current.spec, place) for place in places}
    values |= {hidden: PRESENT for place in places for hidden in _unseen(place, current, kind)}
    for place, value in values.items():
        if value is not pointers.MISSING:
            spec = pointers.put(spec, place, value)
    # last, and all at once: what goes from a list moves what comes after it
    changed: Mapping[str, object] = pointers.remove_all(
        spec, [place for place, value in values.items() if value is pointers.MISSING]
    )
    return changed


def _unseen(place: str, current: Resource, kind: Kind) -> Iterator[str]:
    """The secrets at or below a pointer of which nobody can tell whether they are stored: the registry shows none of them."""
    node = kind.root.find(pointers.split(place))
    for path, below in node.walk(pointers.split(place)) if node is not None else ():
        rule, inner = below.secret, pointers.join(path)
        if rule is None or rule.keeps != "nothing" or rule.only_references or "*" in path:
            continue
        holder = pointers.get(current.spec, pointers.join(path[:-1]))
        if isinstance(holder, Mapping) and pointers.get(current.spec, inner) is pointers.MISSING:
            yield inner


def with_references(spec: Mapping[str, object], item: Desired, kind: Kind) -> Mapping[str, object]:
    """`spec` for a new object: a secret that was taken over from an old one is known by its reference only."""
    taken = [place for place, value in secrets_in(spec, kind.root) if value == PRESENT]
    for place in taken:
        if place in item.secrets:
            spec = pointers.put(spec, place, item.secrets[place])
    known: Mapping[str, object] = pointers.remove_all(spec, [place for place in taken if place not in item.secrets])
    return known


def without_lost(
    spec: Mapping[str, object], kind: Kind, secrets: Mapping[str, Secret]
) -> tuple[Mapping[str, object], list[str]]:
    """`spec` without the secrets that no value is known for, and where they were."""
    lost = [place for place, value in secrets_in(spec, kind.root) if value == PRESENT and place not in secrets]
    return pointers.remove_all(spec, lost), lost
