"""Diff of a desired and a stored object, by the field rules of its kind. Pure.

Both sides take the form of `specs.compared` first. Secrets are never compared by value: by fingerprint where both sides
have one, else by the reference's text where the registry keeps that, else not at all.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from reconciler.core import pointer as json_pointer
from reconciler.core.kind import Kind
from reconciler.core.pointer import MISSING
from reconciler.core.resource import Desired, Resource
from reconciler.core.rules import CannotClear, Immutable, Node, WriteOnly
from reconciler.core.spec import (
    PRESENT,
    canonical_json,
    digest,
    is_reference,
    left_to_server,
    normalized,
    same_json,
    secrets_in,
    surely_same,
    without_added,
)
from reconciler.core.telling import without_credentials
from reconciler.core.unmanaged import combined


class FieldChange(NamedTuple):
    """One field that differs. An absent side is MISSING; a sensitive one shows neither side."""

    path: str
    before: Any = MISSING
    after: Any = MISSING
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """`replaces` are the fields that only a replace can change and `why` the rule's word; `rotated` the secrets whose value is new.
    `fingerprints` are secrets of which no fingerprint is kept yet, though there is a key now.

    `unverified` are secrets of which there is a fingerprint, but no value here to compare with it; `unreadable_secrets` those that the registry
    never shows, so that nobody can tell whether they are stored at all. `same` says that both specs have one canonical text.
    """

    fields: tuple[FieldChange, ...] = ()
    replaces: tuple[str, ...] = ()
    why: str = ""
    rotated: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    unverified: tuple[str, ...] = ()
    unreadable_secrets: tuple[str, ...] = ()
    same: bool = False


_SAME: Final = Difference(same=True)


def excluded(desired: Desired, kind: Kind) -> tuple[str, ...]:
    """The pointers that are not compared for this object: managed elsewhere, or defaulted by the server and not set."""
    return tuple(sorted({*desired.ignore, *left_to_server(desired.resource.spec, kind.root)}))


def applied(spec: Any, kind: Kind, without: tuple[str, ...]) -> str:
    """The hash of what was written, for the mark: 16 hex digits. Taken of the stored object it is the same, so it holds no secret."""
    return digest(normalized(spec, kind.root, (*without, *_hidden(spec, kind), *_shared(kind))))[:16]


def observed(remote: Resource, kind: Kind, without: tuple[str, ...] = ()) -> str:
    """The hash of all that a plan relies on: the compared fields, the registry's id, and the mark.

    The revision counts only where it moves with content alone: controllers and counters must not make a plan stale.
    """
    mark = remote.mark.to_json() if remote.mark else None
    revision = remote.revision if kind.revision_is_etag else None
    return digest([normalized(remote.spec, kind.root, (*without, *_shared(kind))), remote.id, mark, revision])


def drifted(remote: Resource, kind: Kind) -> bool:
    """True where somebody changed the object since it was last applied."""
    mark = remote.mark
    return mark is not None and mark.applied != "" and applied(remote.spec, kind, mark.excluded) != mark.applied


def created(desired: Desired) -> tuple[FieldChange, ...]:
    """The fields of a new object: one for each at the top."""
    return added_fields(combined(desired.resource.spec, desired.resource.unmanaged), desired.secrets)


def added_fields(spec: Mapping[str, Any], secrets: Container[str]) -> tuple[FieldChange, ...]:
    """What there is now and was not before, one field for each member at the top. `secrets` are the pointers of secrets."""
    public = without_credentials(spec)
    pointers = [(json_pointer.of((name,)), public[name]) for name in sorted(public)]
    return tuple(
        [
            FieldChange(pointer, sensitive=True) if pointer in secrets else FieldChange(pointer, MISSING, value)
            for pointer, value in pointers
        ]
    )


def difference(
    desired: Desired, remote: Resource, kind: Kind, fingerprints: Mapping[str, str], *, rotate: bool = False
) -> Difference:
    """Compare a desired with a stored object. `fingerprints` are those of the desired secrets, by pointer, as far as the values are known."""
    without = excluded(desired, kind)
    fields: list[FieldChange] = []
    same = same_json(desired.resource.spec, remote.spec)
    pointers = _secret_pointers(desired, remote, kind, without, same=same)
    if not same:
        aside = (*without, *pointers)
        stored = without_added(remote.spec, desired.resource.spec, kind.root)
        before, after = normalized(stored, kind.root, aside), normalized(desired.resource.spec, kind.root, aside)
        if not surely_same(before, after):  # as most are, but for what the server added
            fields.extend(_apart_from_hollow(field_changes(before, after, merged=kind.merge_depth), remote))
    differing: list[tuple[str, str]] = []
    for pointer in pointers:
        verdict = _secret(pointer, desired, remote, kind, fingerprints)
        if rotate and pointer in desired.secrets and verdict != "changed":
            verdict = "rotated"
        if verdict != "same":
            differing.append((pointer, verdict))
    if not fields and not differing:
        return _SAME if same else Difference()
    verdicts: dict[str, list[str]] = {name: [] for name in ("rotated", "fingerprint", "unverified", "unreadable")}
    for pointer, verdict in differing:
        written = verdict == "fingerprint" and _keeps(pointer, kind) != "reference"
        if verdict in ("changed", "rotated") or written:
            fields.append(FieldChange(pointer, sensitive=True))
        if verdict in verdicts:
            verdicts[verdict].append(pointer)
    removed = {pointer for pointer in pointers if pointer not in desired.secrets}
    replaces, why = _replaces(fields, kind.root, removed) if fields else ((), "")
    ordered = tuple(sorted(map(shown, fields), key=lambda field: field.path))
    return Difference(
        ordered,
        replaces,
        why,
        rotated=tuple(verdicts["rotated"]),
        fingerprints=tuple(verdicts["fingerprint"]),
        unverified=tuple(verdicts["unverified"]),
        unreadable_secrets=tuple(verdicts["unreadable"]),
        same=same,
    )


def shown(change: FieldChange) -> FieldChange:
    """A change as everybody may see it: without a credential that somebody wrote where none belongs.

    Where nothing else differs, it is sensitive.
    """
    if change.sensitive:
        return change
    before, after = (side if side is MISSING else without_credentials(side) for side in (change.before, change.after))
    return FieldChange(change.path, before, after, sensitive=before is not MISSING and before == after)


def _secret_pointers(
    desired: Desired, remote: Resource, kind: Kind, without: tuple[str, ...], *, same: bool
) -> tuple[str, ...]:
    """The pointers at which either side has a secret that nobody else manages. With the `same` spec both have them at the same places."""
    found = {*desired.secrets, *(remote.mark.fingerprints if remote.mark is not None else ())}
    if not same:
        found.update([pointer for pointer, _ in secrets_in(remote.spec, kind.root)])
    return tuple(sorted([pointer for pointer in found if not covered(pointer, without)] if without else found))


def covered(pointer: str, without: tuple[str, ...]) -> bool:
    """True for a pointer that leads to, or below, one of `without`."""
    return any(pointer == other or pointer.startswith(other + "/") for other in without)


def _secret(pointer: str, desired: Desired, remote: Resource, kind: Kind, fingerprints: Mapping[str, str]) -> str:
    """The verdict on one secret: `same`, `changed`, `rotated`, `fingerprint` (none is kept yet), `unverified` or `unreadable`."""
    keeps = _keeps(pointer, kind)
    before, after = json_pointer.get(remote.spec, pointer), desired.secrets.get(pointer)
    if after is None or (keeps != "nothing" and before is MISSING):
        return "changed"
    if _is_no_secret(before, keeps):
        return "changed"
    then = remote.mark.fingerprints.get(pointer) if remote.mark else None
    now = fingerprints.get(pointer)
    if then is not None:
        return rotation(then, now) if now is not None else _unknown(keeps, before, after)
    if now is not None and remote.mark is not None and not remote.mark.fingerprints:
        # the key was set after the last apply: nobody knows what is stored, so it is written once, with its fingerprint
        return "changed" if keeps == "reference" and before != after else "fingerprint"
    if keeps == "reference":
        return "changed" if before != after else "same"
    if now is not None:
        return "changed" if before is MISSING else "rotated"
    return "unreadable" if before is MISSING and not kind.markable else "same"


def _is_no_secret(found: Any, keeps: str) -> bool:
    """True where a registry shows, in the place of a secret, what is none, or not in the form of one."""
    return found is not MISSING and not is_reference(found) and (keeps == "reference" or found != PRESENT)


def _unknown(keeps: str, before: Any, after: str) -> str:
    """The verdict where there is a fingerprint, and no value here to compare with it."""
    return "changed" if keeps == "reference" and before != after else "unverified"


def rotation(then: str, now: str) -> str:
    """Compare two fingerprints. Those of different keys say nothing; one without a key id is an older version's."""
    (key_then, _, digits_then), (key_now, _, digits_now) = then.rpartition(":"), now.rpartition(":")
    if key_then not in ("", key_now):
        return "unverified"
    return "same" if digits_then == digits_now else "rotated"


def field_changes(before: Any, after: Any, path: tuple[str, ...] = (), *, merged: int = 1) -> Iterator[FieldChange]:
    """The places in which two values differ, maps descended and lists whole. Both are to be in the same form.

    A map that only one side has is one place, but where an update merges its members (`merged` levels): there each is written by itself.
    """
    if 0 < len(path) < merged:
        before, after = _beside(before, after), _beside(after, before)
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            there, wanted = before.get(name, MISSING), after.get(name, MISSING)
            yield from field_changes(there, wanted, (*path, name), merged=merged)
    elif before is MISSING or after is MISSING or not _equal(before, after):
        yield FieldChange(json_pointer.join(path), before, after)


def _beside(side: Any, other: Any) -> Any:
    """One side of a comparison: an empty map where it is absent beside a map with members."""
    return {} if side is MISSING and isinstance(other, dict) and other else side


def _apart_from_hollow(fields: Iterable[FieldChange], remote: Resource) -> Iterator[FieldChange]:
    """The fields without maps that hold nothing on either side, and are there only for what no kind declares in them.

    Such members are sent back, so the registry keeps the map around them, whether a manifest declares it, empty, or not.
    """
    for change in fields:
        kept_alive = json_pointer.get(remote.unmanaged, change.path) is not MISSING
        if not (kept_alive and _is_hollow(change.before) and _is_hollow(change.after)):
            yield change


def _is_hollow(value: Any) -> bool:
    return value is MISSING or (isinstance(value, dict) and all(map(_is_hollow, value.values())))


def _equal(before: Any, after: Any) -> bool:
    """True for two values that are the same JSON: 1 is not true."""
    if type(before) is str and type(after) is str:
        return before == after
    return same_json(before, after)


def _replaces(fields: list[FieldChange], root: Node, removed: set[str]) -> tuple[tuple[str, ...], str]:
    """The changed fields that force a replace, and the word for the first rule that says so. `removed` are secrets that go."""
    found: dict[str, str] = {}
    for change in fields:
        parts = json_pointer.split(change.path)
        chain = [node for end in range(len(parts)) if (node := root.find(parts[:end])) is not None]
        differing = list(_differing(change, root.find(parts)))
        below = [node for _, node in differing]
        gone = [node for inner, node in differing if json_pointer.get(change.after, inner) is MISSING]
        clears = change.path in removed if change.sensitive else True
        if any(node.rule(Immutable) for node in (*chain, *below)):
            found[change.path] = "immutable"
        elif clears and any(node.rule(CannotClear) for node in gone):
            found[change.path] = "cannot-clear"
    return tuple(sorted(found)), next((found[path] for path in sorted(found)), "")


def _differing(change: FieldChange, node: Node | None) -> Iterator[tuple[str, Node]]:
    """The pointer (inside the field) and the node of the field and of everything declared below it that differs."""
    for parts, inner in node.walk() if node is not None else ():
        known = parts[: parts.index("*")] if "*" in parts else parts
        pointer = json_pointer.join(known)
        before, after = json_pointer.get(change.before, pointer), json_pointer.get(change.after, pointer)
        if known is not parts:
            before, after = (_undeclared(side, known, node) for side in (before, after))
        one_sided = (before is MISSING) != (after is MISSING)
        both = before is not MISSING and after is not MISSING
        if change.sensitive or one_sided or (both and canonical_json(before) != canonical_json(after)):
            yield pointer, inner


def _undeclared(value: Any, path: tuple[str, ...], node: Node | None) -> Any:
    """The members of a map beside those that its node declares, MISSING where there are none; any other value as it is."""
    holder = node.find(path) if node is not None else None
    if holder is None or not holder.children or not isinstance(value, dict):
        return value
    return {name: item for name, item in value.items() if name not in holder.children} or MISSING


def not_stored(
    sent: Any, stored: Resource, kind: Kind, without: tuple[str, ...], changed: tuple[str, ...] = ()
) -> tuple[str, ...]:
    """The pointers of what was sent and is not what is stored. What was not sent counts only where it was to be removed (`changed`)."""
    if same_json(sent, stored.spec):
        return ()
    before, after = dict(secrets_in(stored.spec, kind.root)), dict(secrets_in(sent, kind.root))
    hidden = [pointer for pointer in (*before, *after) if _keeps(pointer, kind) != "reference"]
    aside = (*without, *hidden)
    there = without_added(stored.spec, sent, kind.root)
    before_form, after_form = normalized(there, kind.root, aside), normalized(sent, kind.root, aside)
    differing = field_changes(before_form, after_form, merged=kind.merge_depth)
    found = _apart_from_hollow(differing, stored)
    wrong = [change.path for change in found if change.after is not MISSING or change.path in changed]
    judged = [pointer for pointer in hidden if not covered(pointer, without)]
    kept = [pointer for pointer in judged if pointer in before and pointer in changed and pointer not in after]
    lost = [pointer for pointer in judged if pointer in after and _is_lost(pointer, stored.spec, _keeps(pointer, kind))]
    return tuple(sorted({*wrong, *kept, *lost}))


def _is_lost(pointer: str, stored: Any, keeps: str) -> bool:
    """True where what is stored shows that a secret that was sent is not there."""
    found = json_pointer.get(stored, pointer)
    return keeps == "presence" if found is MISSING else _is_no_secret(found, keeps)


def _shared(kind: Kind) -> tuple[str, ...]:
    """The lists to which a server adds whenever it likes."""
    return tuple(map(json_pointer.join, kind.root.shared_lists))


def _hidden(spec: Any, kind: Kind) -> list[str]:
    """The pointers of secrets in `spec` that the two sides show in different forms."""
    return [pointer for pointer, _ in secrets_in(spec, kind.root) if _keeps(pointer, kind) != "reference"]


def _keeps(pointer: str, kind: Kind) -> str:
    """`WriteOnly.keeps` of a secret: what the registry gives back of it."""
    node = kind.root.find(json_pointer.split(pointer))
    rule = node.rule(WriteOnly) if node is not None else None
    return rule.keeps if rule is not None else "nothing"
