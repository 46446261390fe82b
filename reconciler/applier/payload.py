"""What is sent for one object: what a manifest says, and what it leaves to others as it is. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reconciler.core import pointer as json_pointer
from reconciler.core.errors import PermanentError
from reconciler.core.kind import Kind
from reconciler.core.resource import Desired, RegistryFacts, Resource
from reconciler.core.secret import Secret
from reconciler.core.spec import PRESENT, refusals_in, secrets_in
from reconciler.registry.protocol import Write


def keep_unmanaged(
    spec: Mapping[str, object], current: Resource, pointers: tuple[str, ...], kind: Kind
) -> Mapping[str, object]:
    """`spec` with the remote's current values at pointers that are managed elsewhere. A secret that is never read back may be there."""
    values = {pointer: json_pointer.get(current.spec, pointer) for pointer in pointers}
    values |= {hidden: PRESENT for pointer in pointers for hidden in _unseen(pointer, current, kind)}
    for pointer, value in values.items():
        if value is not json_pointer.MISSING:
            spec = json_pointer.put(spec, pointer, value)
    # last, and all at once: what goes from a list moves what comes after it
    changed: Mapping[str, object] = json_pointer.remove_all(
        spec, [pointer for pointer, value in values.items() if value is json_pointer.MISSING]
    )
    return changed


def _unseen(pointer: str, current: Resource, kind: Kind) -> Iterator[str]:
    """The secrets at or below a pointer of which nobody can tell whether they are stored: the registry shows none of them."""
    node = kind.root.find(json_pointer.split(pointer))
    for path, below in node.walk(json_pointer.split(pointer)) if node is not None else ():
        rule, inner = below.secret, json_pointer.join(path)
        if rule is None or rule.keeps != "nothing" or rule.only_references or "*" in path:
            continue
        holder = json_pointer.get(current.spec, json_pointer.join(path[:-1]))
        if isinstance(holder, Mapping) and json_pointer.get(current.spec, inner) is json_pointer.MISSING:
            yield inner


def with_references(spec: Mapping[str, object], item: Desired, kind: Kind) -> Mapping[str, object]:
    """`spec` for a new object: a secret that was taken over from an old one is known by its reference only."""
    taken = [pointer for pointer, value in secrets_in(spec, kind.root) if value == PRESENT]
    for pointer in taken:
        if pointer in item.secrets:
            spec = json_pointer.put(spec, pointer, item.secrets[pointer])
    known: Mapping[str, object] = json_pointer.remove_all(
        spec, [pointer for pointer in taken if pointer not in item.secrets]
    )
    return known


def check_creatable(write: Write, facts: RegistryFacts) -> None:
    """Raises PermanentError where the registry's own limits refuse a new object, before the old one is deleted for it."""
    address = write.desired.address
    for _, refused in refusals_in(write.desired.spec, facts.kinds[address.kind].root):
        raise PermanentError(
            f"{address} was not replaced, since the new object would be refused: {refused}",
            hint="nothing was deleted: change its manifest, or what it ignores, and plan again",
        )


def without_lost(
    spec: Mapping[str, object], kind: Kind, secrets: Mapping[str, Secret]
) -> tuple[Mapping[str, object], list[str]]:
    """`spec` without the secrets that no value is known for, and where they were."""
    lost = [pointer for pointer, value in secrets_in(spec, kind.root) if value == PRESENT and pointer not in secrets]
    return json_pointer.remove_all(spec, lost), lost
