"""Unmanaged members of an object: those that a registry holds and no kind declares. Pure.

They are a tree beside the spec, in which a list has one item for each of the spec's. Nobody compares them. A write that replaces the object
sends them back as they were read; what may be a secret among them is `Hidden`, so that it is sent and never shown.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, NoReturn

from reconciler.core import pointer as json_pointer
from reconciler.core.late_pattern import late_pattern
from reconciler.core.pointer import MISSING
from reconciler.core.shape import ANYTHING, Shape
from reconciler.core.spec import canonical_json
from reconciler.core.telling import gives_itself_away, is_telling

REDACTED: Final = "***"
# what registries show in the place of a secret: sent back, it would be written over the secret
_MASK: Final = late_pattern(
    r"[*•●·xX]{3,}|.{0,12}(?:\*{3,}|[•●]{3,}|…|\.{3}).{0,12}|[<\[(]?(?:redacted|hidden|masked|secret|present)[>\])]?",
    re.IGNORECASE,
)
_ONLY_STARS: Final = late_pattern(r"[*•●]{3,}")
_COUNTED: Final = late_pattern(r"tokens?(?![a-z])|tokens", re.IGNORECASE)
_LONG: Final = 4  # digits of a number that is looked for in texts

Parts = tuple[str, ...]


class Hidden:
    """Plain JSON data that may be a secret, kept only to be sent back as it was. Every way of printing it gives `***`."""

    __slots__ = ("_data",)

    def __init__(self, data: Any) -> None:
        self._data = data

    def reveal(self) -> Any:
        """The data itself, for the body of a request."""
        return self._data

    def texts(self) -> Iterator[str]:
        """The texts in it, none of which may be shown."""
        return _texts(self._data)

    def __repr__(self) -> str:
        return REDACTED

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return REDACTED

    def __reduce__(self) -> NoReturn:
        raise TypeError("what may be a secret is not pickled")


class Fitted(NamedTuple):
    """Unmanaged members as they go with another spec of the same object. `lost` are the pointers of those that cannot be sent again."""

    tree: Any
    lost: tuple[str, ...] = ()


def hide(tree: Any, spec: Any, *, telling: bool = False) -> Any:
    """The members beside `spec` with all that may be a secret as `Hidden`: by its name, by that of what it is in, or by its own look."""
    if isinstance(tree, Mapping):
        return {name: _hidden(name, item, spec, telling) for name, item in tree.items()}
    if isinstance(tree, list):
        items = spec if isinstance(spec, list) else []
        return [
            hide(item, items[index] if index < len(items) else None, telling=telling) for index, item in enumerate(tree)
        ]
    return Hidden(tree) if isinstance(tree, str) and gives_itself_away(tree) else tree


def _hidden(name: str, item: Any, spec: Any, telling: bool) -> Any:
    if isinstance(spec, Mapping) and isinstance(spec.get(name), Mapping | list) and isinstance(item, Mapping | list):
        return hide(item, spec[name], telling=telling or is_telling(name))  # only on the way to what nobody declares
    if _is_secret("secret" if telling else name, item):
        return Hidden(item)
    return hide(item, None)


def _is_secret(name: str, value: Any) -> bool:
    """Whether a member may be a secret by its name. A number of tokens is none, nor is a yes or no."""
    if value in (None, "", [], {}) or isinstance(value, bool) or not is_telling(name):
        return False
    return not (isinstance(value, int | float) and _COUNTED.search(name))


def shown(tree: Any) -> Any:
    """`tree` for people: `***` in the place of whatever is hidden."""
    if isinstance(tree, Mapping):
        return {name: shown(item) for name, item in tree.items()}
    if isinstance(tree, list):
        return [shown(item) for item in tree]
    return REDACTED if isinstance(tree, Hidden) else tree


def revealed(tree: Any) -> Any:
    """`tree` with what is hidden in it, as it is sent."""
    if isinstance(tree, Mapping):
        return {name: revealed(item) for name, item in tree.items()}
    if isinstance(tree, list):
        return [revealed(item) for item in tree]
    return tree.reveal() if isinstance(tree, Hidden) else tree


def without_hidden(tree: Any) -> Any:
    """`tree` without what is hidden, as a manifest may hold it; `{}` where nothing is left."""
    if isinstance(tree, Mapping):
        kept = {name: without_hidden(item) for name, item in tree.items() if not isinstance(item, Hidden)}
        return {name: item for name, item in kept.items() if item != {} or tree[name] == {}}
    if isinstance(tree, list):
        return [{} if isinstance(item, Hidden) else without_hidden(item) for item in tree]
    return tree


def hidden_in(tree: Any, prefix: Parts = ()) -> Iterator[str]:
    """The pointers of what is hidden."""
    if isinstance(tree, Hidden):
        yield json_pointer.join(prefix)
    for name, item in _members(tree):
        yield from hidden_in(item, (*prefix, name))


def pointers_in(tree: Any, spec: Any, prefix: Parts = ()) -> Iterator[str]:
    """The pointers of the members that stand beside what `spec` holds, each as a whole."""
    if prefix and spec is MISSING:
        yield json_pointer.join(prefix)
        return
    for name, item in _members(tree):
        yield from pointers_in(item, json_pointer.get(spec, json_pointer.join((name,))), (*prefix, name))


def _members(tree: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, Mapping):
        yield from tree.items()
    elif isinstance(tree, list):
        yield from ((str(index), item) for index, item in enumerate(tree))


def combined(spec: Any, tree: Any) -> Any:
    """`spec` with the unmanaged members that go with it: the whole object as it is sent."""
    if isinstance(spec, list) and isinstance(tree, list):
        return [combined(item, below) for item, below in zip(spec, tree, strict=False)] + spec[len(tree) :]
    if not isinstance(tree, Mapping) or not isinstance(spec, Mapping):
        return spec
    added = {name: combined(spec[name], item) if spec.get(name) is not None else item for name, item in tree.items()}
    return {**spec, **added}


def fit(tree: Any, before: Any, after: Any, shape: Shape = ANYTHING) -> Fitted:
    """The unmanaged members that stood beside `before`, as they go with `after`, which takes its place; both are of that shape.

    Where a list changes, an item's go with the item that is equal but for them, or else with the one in its place. Those of an item that is
    gone go with it; where it cannot be told which item is which, they are lost. So is what stood in a map that cannot be without its own
    members and is gone, in one that takes another form of a union, and what the registry shows in the form of a mask only.
    """
    lost: list[str] = []
    fitted = _fit(tree, before, after, shape, (), lost)
    return Fitted({} if fitted is MISSING else fitted, tuple(sorted(lost)))


def _fit(tree: Any, before: Any, after: Any, shape: Shape, prefix: Parts, lost: list[str]) -> Any:
    if isinstance(tree, list) and isinstance(before, list):
        return _fit_list(tree, before, after, shape, prefix, lost) if isinstance(after, list) else MISSING
    if isinstance(tree, Mapping) and isinstance(before, Mapping):
        if not _takes(before, after, shape):
            lost.extend(pointers_in(tree, before, prefix))
            return MISSING
        return _fit_map(tree, before, after if isinstance(after, Mapping) else {}, shape, prefix, lost)
    return _without_masks(tree, prefix, lost)


def _takes(before: Mapping[str, Any], after: Any, shape: Shape) -> bool:
    """True where what stood in the map `before` can stand in `after`: a map of the same form, or none at all that may be made anew."""
    if isinstance(after, Mapping):
        return bool(shape.form(before) == shape.form(after))
    return (after is MISSING or after is None) and not shape.demands


def _fit_map(
    tree: Mapping[str, Any], before: Mapping[str, Any], after: Any, shape: Shape, prefix: Parts, lost: list[str]
) -> Any:
    kept: dict[str, Any] = {}
    for name, item in tree.items():
        now = after.get(name, MISSING)
        below = _fit(item, before.get(name, MISSING), now, shape.member(name), (*prefix, name), lost)
        if below is not MISSING:
            kept[name] = below
    return kept or MISSING


def _fit_list(
    tree: list[Any], before: list[Any], after: list[Any], shape: Shape, prefix: Parts, lost: list[str]
) -> Any:
    pairs, rest, new = _matched(before, after)
    if len(rest) == len(new):
        pairs |= dict(zip(rest, new, strict=True))
    fitted: list[Any] = [{} for _ in after]
    for index, item in enumerate(tree):
        where = (*prefix, str(index))
        if index in pairs:
            below = _fit(item, before[index], after[pairs[index]], shape.each or ANYTHING, where, lost)
            fitted[pairs[index]] = {} if below is MISSING else below
        elif new:
            lost.extend(pointers_in(item, before[index], where))
    return fitted if any(fitted) else MISSING


def _matched(before: list[Any], after: list[Any]) -> tuple[dict[int, int], list[int], list[int]]:
    """The indices of items that are the same in both lists, and those that are left over in either."""
    places: dict[str, deque[int]] = {}
    for index, item in enumerate(after):
        places.setdefault(canonical_json(item), deque()).append(index)
    pairs: dict[int, int] = {}
    for index, item in enumerate(before):
        same = places.get(canonical_json(item))
        if same:
            pairs[index] = same.popleft()
    rest = [index for index in range(len(before)) if index not in pairs]
    return pairs, rest, sorted(index for indices in places.values() for index in indices)


def _without_masks(tree: Any, prefix: Parts, lost: list[str]) -> Any:
    """An unmanaged value without what is shown as a mask only: nobody here knows what stands behind it."""
    if isinstance(tree, Hidden):
        if not _holds_mask(tree.reveal(), _MASK):
            return tree
        lost.append(json_pointer.join(prefix))
        return MISSING
    if isinstance(tree, str) and _ONLY_STARS.fullmatch(tree):
        lost.append(json_pointer.join(prefix))
        return MISSING
    if isinstance(tree, Mapping):
        kept = {name: _without_masks(item, (*prefix, name), lost) for name, item in tree.items()}
        return {name: item for name, item in kept.items() if item is not MISSING}
    if isinstance(tree, list):
        items = [_without_masks(item, (*prefix, str(index)), lost) for index, item in enumerate(tree)]
        return [item for item in items if item is not MISSING]
    return tree


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, int | float) and len(str(value)) >= _LONG:  # a short one is in many texts
        yield str(value)
    for _, item in _members(value):
        yield from _texts(item)


def _holds_mask(value: Any, mask: re.Pattern[str]) -> bool:
    if isinstance(value, str):
        return mask.fullmatch(value) is not None
    return any(_holds_mask(item, mask) for _, item in _members(value))
