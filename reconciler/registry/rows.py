"""Rows as servers list them, read as far as they are understood: a newer server may say more, another one something else.

A driver translates a row to the members of a native kind and gives it to `read_row`, which holds it against the kind's own model. What is
wrong with it is told once: in a list the row is unreadable and the rest goes on, and asked for alone it is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from reconciler.core.errors import PermanentError
from reconciler.core.kind import Kind
from reconciler.core.resource import Address, Listing, Mark, Resource, Unreadable
from reconciler.core.shape import ANYTHING, MAPS, fits, split, wrong_type
from reconciler.core.spec import MAX_DEPTH, hide_secrets, too_deep, with_defaults, without_nulls
from reconciler.core.unmanaged import combined, hide, shown

TOO_DEEP: Final = f"it has more than {MAX_DEPTH} maps and lists inside each other"


class MisreadError(ValueError):
    """A row that is not what the server is known to answer. Its text says why, and holds nothing secret of the row."""


def read_row(
    kind: Kind,
    address: Address,
    members: Mapping[str, Any],
    *,
    beside: Mapping[str, Any] | None = None,
    mark: Mark | None = None,
    id: str | None = None,  # noqa: A002  # as `Resource` has it
    revision: str | None = None,
    updated_at: str | None = None,
    parent: Address | None = None,
    cascade_deletes: tuple[str, ...] = (),
    contents: tuple[str, ...] = (),
    uses: tuple[str, ...] = (),
    other_keys: tuple[str, ...] = (),
    server_facts: Mapping[str, Any] | None = None,
    uid: str | None = None,
) -> Resource:
    """The object of that kind whose members these are, in the kind's own terms, secrets in the clear.

    What the kind does not declare is kept as unmanaged; `beside` are further unmanaged members, and `server_facts` what the registry alone
    says, only to be shown. Raises MisreadError where a value is of a type that the kind's model does not allow.
    """
    known, others = split_row(kind, members)
    more = dict(beside) if beside else {}
    if more and _is_odd(more):
        raise MisreadError("it holds what is no value that JSON has, or too many maps and lists inside each other")
    root = kind.root
    spec = hide_secrets(with_defaults(without_nulls(known, root), root), root)
    return Resource(
        address,
        spec,
        mark,
        revision,
        id,
        parent=parent,
        updated_at=updated_at,
        cascade_deletes=cascade_deletes,
        contents=contents,
        uses=uses,
        other_keys=other_keys,
        unmanaged=hide(combined(more, others), known) if more or others else {},
        server_facts=ServerFacts(server_facts) if server_facts else {},
        uid=uid,
    )


class ServerFacts(Mapping[str, Any]):
    """What the registry alone says of an object, without what may be a secret. It is made so when somebody looks, which a plan never does."""

    __slots__ = ("_given", "_made")

    def __init__(self, given: Mapping[str, Any]) -> None:
        self._given = given
        self._made: dict[str, Any] | None = None

    def _shown(self) -> dict[str, Any]:
        if self._made is None:
            self._made = _showable(self._given)
        return self._made

    def __getitem__(self, name: str) -> Any:
        return self._shown()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._shown())

    def __len__(self) -> int:
        return len(self._shown())

    def __repr__(self) -> str:
        return repr(self._shown())


def _showable(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that say something and are plain JSON data, without what may be a secret."""
    plain = {name: value for name, value in facts.items() if value is not None and not _is_odd({"": value})}
    showable: dict[str, Any] = shown(hide(plain, {}))
    return showable


def _is_odd(members: Mapping[str, Any]) -> bool:
    """True for a map that holds what is no value that JSON has, or too many maps and lists inside each other."""
    return too_deep(members) or wrong_type(members, ANYTHING) is not None


def split_row(kind: Kind, members: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the kind declares of these members, all of it of the right type, and the rest as a tree beside it. Raises MisreadError."""
    if fits(members, kind.shape, MAX_DEPTH):
        return dict(members), {}
    if too_deep(members):
        raise MisreadError(TOO_DEEP)
    wrong = wrong_type(members, kind.shape)
    if wrong is not None:
        raise MisreadError(f"{wrong.pointer or 'it'} {wrong.message}")
    known, others = split(members, kind.shape)
    return known, others


def read_or_unreadable(
    row: Any, read: Callable[[Mapping[str, Any]], Resource | None], unreadable: Callable[[str], Unreadable]
) -> Resource | Unreadable | None:
    """One row of a list: what `read` makes of it, or what `unreadable` says where that raises MisreadError, with the reason."""
    if not isinstance(row, MAPS):
        return unreadable("it is no map")
    try:
        return read(row)
    except MisreadError as error:
        return unreadable(str(error))


def listing(
    rows: Any, read: Callable[[Mapping[str, Any]], Resource | None], *, registry: str, kind: str, key: str = "name"
) -> Listing:
    """The listing of one kind's rows, of which `key` is the member that names one. Raises PermanentError where they are no list."""
    if not isinstance(rows, list):
        raise PermanentError(f"{registry}: the list of {kind}s is no list", hint="check the address in reconciler.yaml")

    def unreadable(row: Any) -> Callable[[str], Unreadable]:
        name = row.get(key) if isinstance(row, Mapping) else None
        return lambda why: unreadable_row(registry, kind, name, why)

    return Listing.of(read_or_unreadable(row, read, unreadable(row)) for row in rows)


def unreadable_row(registry: str, kind: str, key: Any, why: str, names: tuple[Address, ...] = ()) -> Unreadable:
    """A row that could not be understood: by its key, if it has one. `names` are the objects that it refers to, as far as that can be told."""
    if not isinstance(key, str) or not key:
        return Unreadable(f"a {kind} of {registry}: {why}", kind, names=names)
    return Unreadable(f"{registry}/{kind}/{key}: {why}", kind, key, names)


def understood(address: Address, read: Callable[[], Resource | None]) -> Resource | None:
    """What `read` makes of the row at `address`. Raises PermanentError where that raises MisreadError."""
    try:
        return read()
    except MisreadError as error:
        raise PermanentError(f"{address} cannot be read: {error}") from error


def only(
    address: Address, rows: Sequence[Mapping[str, Any]], read: Callable[[Mapping[str, Any]], Resource | None]
) -> Resource | None:
    """The one object among the rows that bear its key, or None. Raises PermanentError where there are several, or it is misread."""
    if len(rows) > 1:
        message = f"{address}: there are {len(rows)} objects of this key"
        raise PermanentError(message, hint="delete all but one by hand")
    return understood(address, lambda: read(rows[0]) if rows else None)


def mark_in(data: Any, place: str = "its mark") -> Mark | None:
    """The mark in the place that a registry has for it, None where nothing is there. Raises MisreadError where somebody else wrote there."""
    if data is None:
        return None
    try:
        if isinstance(data, MAPS):
            return Mark.from_json(data)
    except ValueError as error:
        raise MisreadError(f"{place} is no mark of ours") from error
    raise MisreadError(f"{place} is no mark of ours")


def text_of(row: Mapping[str, Any], name: str) -> str:
    """A member that must be text, and not empty. Raises MisreadError."""
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise MisreadError(f"it has no {name}")
    return value


def map_of(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A copy of a member that must be a map; empty where it is absent or null. Raises MisreadError."""
    value = row.get(name)
    if value is not None and not isinstance(value, Mapping):
        raise MisreadError(f"its {name} is no map")
    return dict(value or {})


def picked(row: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """The members of these names that a row has, in this order."""
    return {name: row[name] for name in names if name in row}


def without(row: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """A row without the members that are the server's own."""
    own = frozenset(names)
    return {name: value for name, value in row.items() if name not in own}
