"""JSON pointers (RFC 6901) over plain data.

A pointer is the text `/endpoint/headers/X-Token`. Lists are addressed by index. Every function leaves its
argument as it was: what changes is returned, sharing what did not change.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final


class Missing:
    """What `get` returns where there is nothing: absent is not null."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing()


def join(parts: Iterable[str | int]) -> str:
    """Parts to a pointer: `("a/b", 0)` is `/a~1b/0`."""
    return "".join(["/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts])


@lru_cache(maxsize=4096)  # the same fields are asked for in every object
def of(parts: tuple[str, ...]) -> str:
    """The pointer of a field that is asked for again and again: the same as `join`."""
    return join(parts)


@lru_cache(maxsize=4096)  # the same fields are asked for in every object
def split(pointer: str) -> tuple[str, ...]:
    """A pointer to its parts. Raises ValueError where it is not one."""
    if not pointer:
        return ()
    if not pointer.startswith("/"):
        raise ValueError(f"{pointer!r} is not a JSON pointer: it does not begin with '/'")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer[1:].split("/"))


def get(value: Any, pointer: str) -> Any:
    """What stands at `pointer`, or MISSING."""
    for part in split(pointer):
        if value.__class__ is dict:  # as nearly all are
            value = value.get(part, MISSING)
            continue
        if not isinstance(value, Mapping | list):  # so is MISSING, where a map had nothing
            return MISSING
        at = _member(value, part)
        if at is MISSING:
            return MISSING
        value = value[at]
    return value


def texts_in(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Each text in data, with its pointer. Names of members are none."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from texts_in(item, (*path, str(name)))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from texts_in(item, (*path, str(index)))
    elif isinstance(value, str):
        yield join(path), value


def put(value: Any, pointer: str, new: Any) -> Any:
    """`value` with `new` at `pointer`; maps on the way are made where they are missing. A list keeps its length: what it has no place for is not put."""
    parts = split(pointer)
    if not parts:
        return new
    head, rest = parts[0], join(parts[1:])
    if isinstance(value, list):
        index = int(head) if head.isdecimal() else len(value)
        return [put(item, rest, new) if place == index else item for place, item in enumerate(value)]
    known = dict(value) if isinstance(value, Mapping) else {}
    known[head] = put(known.get(head), rest, new)
    return known


def remove(value: Any, pointer: str) -> Any:
    """`value` without what stands at `pointer`; unchanged where nothing stands there."""
    return remove_all(value, (pointer,))


def remove_all(value: Any, pointers: Iterable[str]) -> Any:
    """`value` without what stands at any of `pointers`. All of them mean `value` as it was: one item of a list that goes moves no other."""
    return _without(value, [parts for pointer in pointers if (parts := split(pointer))])


def _without(value: Any, places: Sequence[tuple[str, ...]]) -> Any:
    """`places` are not empty, and lead from `value` to what goes."""
    if value.__class__ is dict:  # as nearly all are, and mostly without what is to go
        places = [place for place in places if place[0] in value]
    if not places or not isinstance(value, (dict, list, Mapping)):
        return value
    below: dict[Any, list[tuple[str, ...]]] = {}
    for head, *rest in places:
        at = _member(value, head)
        if at is not MISSING:
            below.setdefault(at, []).append(tuple(rest))
    gone = {at for at, rests in below.items() if () in rests}
    changed = {at: _without(value[at], rests) for at, rests in below.items() if at not in gone}
    if not gone and all(new is value[at] for at, new in changed.items()):
        return value
    if isinstance(value, list):
        return [changed.get(at, item) for at, item in enumerate(value) if at not in gone]
    return {at: changed.get(at, item) for at, item in value.items() if at not in gone}


def _member(value: Mapping[str, Any] | list[Any], part: str) -> Any:
    """The key or the index that a part means in a map or a list, or MISSING where it has none of that."""
    if isinstance(value, Mapping):
        return part if part in value else MISSING
    return int(part) if part.isdecimal() and int(part) < len(value) else MISSING
