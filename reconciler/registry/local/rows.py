"""Rows to values and back. A row without meaning becomes an `Unreadable`; no raw secret leaves or enters the file."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, Final, NoReturn

from reconciler.core import unmanaged
from reconciler.core.rules import OPAQUE, Node
from reconciler.core.shape import Shape, split
from reconciler.core.spec import too_deep
from reconciler.core.unmanaged import Hidden, shown
from reconciler.registry.driver import (
    Address,
    Mark,
    PermanentError,
    Resource,
    Revision,
    Unreadable,
    WriteOnly,
    combined,
    hide_secrets,
)

ObjectRow = tuple[int, bytes, bytes, int, bytes | None, bytes | None, bytes | None]
Branches = Mapping[str, Node]  # of each kind, the part of its rules that `secret_branches` leaves
RevisionRow = tuple[int, int, bytes, bytes, bytes, bytes, bytes, bytes | None, bytes | None]


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _unhidden(value: Any) -> Any:
    """What a newer version wrote, as it was read."""
    if isinstance(value, Hidden):
        return value.reveal()
    raise ValueError(f"{type(value).__name__} is not JSON")


# ASCII, so that half a surrogate pair, which UTF-8 cannot hold, survives too
_ENCODER: Final = json.JSONEncoder(ensure_ascii=True, allow_nan=False, separators=(",", ":"), default=_unhidden)
_DECODER: Final = json.JSONDecoder(parse_constant=_refuse_constant)
_TOGETHER: Final = 256  # rows that are decoded at one time


def secret_branches(node: Node) -> Node:
    """`node` without what leads to nothing that is to be hidden, so that hiding costs little for each of many rows."""
    rule = node.rule(WriteOnly)
    if rule is not None:
        # what is a secret only as a reference needs no hiding
        return OPAQUE if rule.only_references and rule.names is None else node
    children = {name: secret_branches(child) for name, child in node.children.items()}
    each = secret_branches(node.each) if node.each is not None else None
    kept = {name: child for name, child in children.items() if not child.no_rules}
    each = None if each is None or each.no_rules else each
    return replace(node, children=kept, each=each, no_rules=not kept and each is None)


def hide(spec: Mapping[str, Any], branches: Node) -> dict[str, Any]:
    """A copy of `spec` with only references in the place of secrets."""
    hidden = dict(spec)
    for name, below in branches.children.items():
        if name in hidden:
            hidden[name] = hide_secrets(hidden[name], below)
    return hidden


def encode(spec: Mapping[str, Any], address: Address, branches: Branches) -> str:
    """The JSON text to store. Raises PermanentError where JSON cannot hold `spec`, or no kind is called that."""
    known = branches.get(address.kind)
    if known is None:
        raise PermanentError(f"{address}: this registry holds no {address.kind}")
    try:
        return _ENCODER.encode(hide(spec, known))
    except (ValueError, RecursionError) as error:
        raise PermanentError(f"{address} holds a value that cannot be stored: {error}") from error


def encode_mark(mark: Mark | None) -> str | None:
    return None if mark is None else _ENCODER.encode(mark.to_json())


def resources_of(
    rows: Iterable[ObjectRow], registry: str, branches: Branches, uid: str | None = None
) -> Iterator[Resource | Unreadable]:
    """What `resource_of` makes of each row; `uid` tells their file from all others. Many are decoded at once, so that the names in them are in memory once."""
    rest = iter(rows)
    while some := list(islice(rest, _TOGETHER)):
        specs = _objects([row[4] for row in some])
        marks = _objects([row[5] for row in some if row[5] is not None])
        if specs is None or marks is None:
            yield from (resource_of(row, registry, branches, uid=uid) for row in some)
            continue
        each_mark = iter(marks)
        for row, spec in zip(some, specs, strict=True):
            mark = None if row[5] is None else next(each_mark)
            yield resource_of(row, registry, branches, spec, mark, uid)


def _objects(texts: Sequence[Any]) -> list[dict[str, Any]] | None:
    """The JSON objects that these columns hold, decoded at once; None where that cannot be, for each alone to say why.

    Between two stands a text that nobody can have foreseen: only where all of them come back at their places did each
    column hold one whole value, and not the beginning of one that another column ends.
    """
    fence = secrets.token_hex(16)
    try:
        joined = f',"{fence}",'.encode().join(texts).decode()
        found, end = _DECODER.raw_decode(f"[{joined}]")
    except (TypeError, ValueError, RecursionError):  # TypeError: a column that holds no text
        return None
    objects: list[dict[str, Any]] = found[::2]
    whole = end == len(joined) + 2 and len(objects) == len(texts) and found[1::2] == [fence] * (len(texts) - 1)
    return objects if whole and all(one.__class__ is dict for one in objects) else None


def resource_of(
    row: ObjectRow,
    registry: str,
    branches: Branches,
    known_spec: dict[str, Any] | None = None,
    known_mark: dict[str, Any] | None = None,
    uid: str | None = None,
) -> Resource | Unreadable:
    """The object of one row, whose columns `spec` and `mark` may be decoded already."""
    number, kind, key, revision, spec, mark, at = row
    try:
        address = Address(registry, _text(kind), _text(key))
    except ValueError:
        return Unreadable(f"object {number}: its kind or key is not text")
    known = branches.get(address.kind)
    if known is None:
        return Unreadable(f"object {number}: this reconciler knows no kind of that name", address.kind, address.key)
    try:
        no_rules = _object(spec) if known_spec is None else known_spec
        owner = _mark(mark) if known_mark is None else Mark.from_json(known_mark)
        moment = _text(at)
    except (ValueError, RecursionError) as error:
        return Unreadable(f"object {number}, revision {revision}: {_reason(error)}", address.kind, address.key)
    return Resource(address, hide(no_rules, known), owner, str(revision), str(number), updated_at=moment, uid=uid)


def as_read(row: tuple[int, str, str, int, str, str | None, str]) -> ObjectRow:
    """A row that was just written as SQLite would give it back: text as bytes."""
    number, kind, key, revision, spec, mark, at = row
    stored = None if mark is None else mark.encode()
    return number, kind.encode(), key.encode(), revision, spec.encode(), stored, at.encode()


def revision_of(row: RevisionRow, branches: Node, shape: Shape) -> Revision:
    """One entry of a history. What cannot be read any more is shown as empty: the rest of it still tells something."""
    number, revision, action, key, at, actor, plan, spec, mark = row
    unreadable = ""
    try:
        known, others = split(hide(_checked_depth(_object(spec)), branches), shape)
        no_rules = combined(known, shown(unmanaged.hide(others, known)))
    except (ValueError, RecursionError) as error:
        no_rules, unreadable = {}, _reason(error)
    try:
        owned = _mark(mark)
    except (ValueError, RecursionError):
        owned = None
    return Revision(
        revision=str(revision),
        action=_shown(action),
        key=_shown(key),
        at=_shown(at),
        actor=_shown(actor),
        plan=_shown(plan),
        spec=no_rules,
        mark=owned,
        id=str(number),
        unreadable=unreadable,
    )


def _checked_depth(spec: dict[str, Any]) -> dict[str, Any]:
    if too_deep(spec):
        raise ValueError("too many maps and lists inside each other")
    return spec


def _shown(value: bytes | float | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _text(value: Any) -> str:
    """Raises ValueError where a column holds anything but UTF-8 text: SQLite lets any type into any column."""
    if not isinstance(value, bytes):
        raise ValueError("not text")
    return value.decode()


def _object(value: Any) -> dict[str, Any]:
    text = _text(value).strip()
    no_rules, end = _DECODER.raw_decode(text)  # half the cost of `decode`, which looks for white space itself
    if end != len(text) or not isinstance(no_rules, dict):
        raise ValueError("not a JSON object")
    return no_rules


def _mark(value: Any) -> Mark | None:
    return None if value is None else Mark.from_json(_object(value))


def _reason(error: ValueError | RecursionError) -> str:
    """In words, and without what was found: it may be a secret."""
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8 text"
    return f"not JSON: {error.msg} at character {error.pos}" if isinstance(error, json.JSONDecodeError) else str(error)
