"""JSON pointers (RFC 6901) over plain data.

A pointer is the text `/endpoint/headers/X-Token`. Lists are addressed by index. Every function leaves its
argument as it was: what changes is returned, sharing what did not change.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


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
        if isinstance(value, Mapping):
            if part not in value:
                return MISSING
            value = value[part]
        elif isinstance(value, list) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            return MISSING
    return value


def put(value: Any, pointer: str, new: Any) -> Any:
    """`value` with `new` at `pointer`; maps on the way are made where they are missing."""
    parts = split(pointer)
    if not parts:
        return new
    head, rest = parts[0], join(parts[1:])
    if isinstance(value, list):
        index = int(head)
        return [put(item, rest, new) if place == index else item for place, item in enumerate(value)]
    known = dict(value) if isinstance(value, Mapping) else {}
    known[head] = put(known.get(head), rest, new)
    return known


def remove(value: Any, pointer: str) -> Any:
    """`value` without what stands at `pointer`; unchanged where nothing stands there."""
    parts = split(pointer)
    if not parts or get(value, pointer) is MISSING:
        return value
    head, rest = parts[0], join(parts[1:])
    if isinstance(value, list):
        index = int(head)
        if not rest:
            return [item for place, item in enumerate(value) if place != index]
        return [remove(item, rest) if place == index else item for place, item in enumerate(value)]
    known = dict(value)
    if rest:
        known[head] = remove(known[head], rest)
    else:
        del known[head]
    return known
