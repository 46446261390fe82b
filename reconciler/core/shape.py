"""The shape of a kind's objects: which JSON types its model allows where, and which members it declares.

A row that a registry answers is held against the shape before any rule looks at it: a wrong type makes the row unreadable. What only the
model's stricter constraints refuse (a word that is not on a closed list, a longer name) has the right shape: it is shown and compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin

from reconciler.core import pointer as json_pointer
from reconciler.core.rules import WriteOnly

# for `isinstance`: a dict, as nearly all are, is told at once, while asking the abstract class takes ten times as long
MAPS: Final = (dict, Mapping)
_TYPES: Final[Mapping[Any, str]] = {str: "text", int: "a number", float: "a number", bool: "a boolean"}
_MAP: Final = "a map"
_LIST: Final = "a list"
_SECRET: Final = frozenset({"text", "a number", "a boolean", "null"})  # whatever it is, it is hidden


class WrongType(NamedTuple):
    """A value of a type that is not allowed where it stands. Says what was found by its type alone."""

    pointer: str
    message: str

    def __str__(self) -> str:
        return f"{self.pointer or 'it'} {self.message}"


@dataclass(frozen=True)
class Shape:
    """What a value may be. `types` are the JSON types in words; none of them means any.

    `members` are those that a map declares; where it is `closed`, others are nobody's that we know of, and
    with `demands` some of them must be there. `each` is the shape of the items
    of a list, `every` that of the members of a map of one type. A `secret` is hidden whatever it is. `tag` is the member that
    tells the forms of a union of maps apart, and `untagged` the form of a map without it.
    """

    types: frozenset[str] = frozenset()
    members: Mapping[str, Shape] = field(default_factory=dict)
    closed: bool = False
    demands: bool = False
    each: Shape | None = None
    every: Shape | None = None
    secret: bool = False
    tag: str = ""
    untagged: str = ""

    def form(self, value: Mapping[str, Any]) -> Any:
        """The form that a map has in a union of maps; None where the shape is no such union."""
        return (value.get(self.tag) or self.untagged) if self.tag else None

    def member(self, name: str) -> Shape:
        """The shape of a member of a map."""
        return self.members.get(name) or self.every or ANYTHING

    @cached_property
    def plain(self) -> frozenset[type]:
        """Of text, booleans and whole numbers the types that are allowed, whatever the value."""
        if self.secret:
            return frozenset({str})
        return frozenset(kind for kind in (str, bool, int) if not self.types or _EXACT[kind] in self.types)

    @cached_property
    def may_be_map(self) -> bool:
        return not self.secret and (not self.types or _MAP in self.types)

    @cached_property
    def may_be_number(self) -> bool:
        return not self.secret and (not self.types or _EXACT[float] in self.types)


ANYTHING: Final = Shape()
_EXACT: Final = {str: "text", bool: "a boolean", int: "a number", float: "a number", dict: _MAP, list: _LIST}


def shape_of(model: Any) -> Shape:
    """The shape that a record or a pydantic model class declares."""
    members = {info.alias or name: _shape(info.annotation, info.metadata) for name, info in model.model_fields.items()}
    demands = any(info.is_required() for info in model.model_fields.values())
    return Shape(frozenset({_MAP}), members, model.model_config.get("extra") != "allow", demands)


def _shape(annotation: Any, rules: Any = ()) -> Shape:
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return _shape(inner, (*rules, *more))
    found = _plain(annotation)
    if any(isinstance(rule, WriteOnly) and not rule.only_references for rule in rules):
        return replace(found, types=found.types | _SECRET, secret=True)
    return found


def _plain(annotation: Any) -> Shape:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        first, *others = (_shape(option) for option in inner if not _is_null(option))
        for other in others:
            first = _either(first, other)
        tag, untagged = _tag([option for option in map(_bare, inner) if hasattr(option, "model_fields")])
        return replace(first, tag=tag, untagged=untagged) if tag else first
    if hasattr(annotation, "model_fields"):
        return shape_of(annotation)
    if origin is list:
        return Shape(frozenset({_LIST}), each=_shape(inner[0]))
    if origin is dict:
        return Shape(frozenset({_MAP}), every=_shape(inner[1]))
    if origin is Literal:
        return Shape(frozenset(_TYPES[type(word)] for word in inner if word is not None))
    return Shape(frozenset({_TYPES[annotation]})) if annotation in _TYPES else ANYTHING


def _tag(models: list[Any]) -> tuple[str, str]:
    """The member whose words tell the models of a union apart, and the word of the one that may be without it; "" where there is none."""
    for name in models[0].model_fields if len(models) > 1 else ():
        words = [_words(model.model_fields[name].annotation) if name in model.model_fields else () for model in models]
        if all(words) and len(set().union(*words)) == sum(map(len, words)):
            optional = [
                w[0] for model, w in zip(models, words, strict=True) if not model.model_fields[name].is_required()
            ]
            return name, optional[0] if len(optional) == 1 else ""
    return "", ""


def _words(annotation: Any) -> tuple[str, ...]:
    """The words of a closed list; none where the annotation is something else."""
    options = [_bare(option) for option in get_args(annotation)] if get_origin(annotation) in (Union, UnionType) else []
    found = [_bare(option) for option in options or [annotation] if not _is_null(option)]
    return get_args(found[0]) if len(found) == 1 and get_origin(found[0]) is Literal else ()


def _bare(annotation: Any) -> Any:
    """A type without its rules."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _is_null(annotation: Any) -> bool:
    return _bare(annotation) in (type(None), None)


def _either(one: Shape, other: Shape) -> Shape:
    """The shape of what may be either."""
    if not one.types or not other.types:
        return ANYTHING
    members = dict(one.members)
    for name, shape in other.members.items():
        members[name] = _either(members[name], shape) if name in members else shape
    each = _either(one.each, other.each) if one.each and other.each else one.each or other.each
    every = _either(one.every, other.every) if one.every and other.every else one.every or other.every
    open_map = any(_MAP in shape.types and not shape.closed for shape in (one, other))
    demands, secret = one.demands or other.demands, one.secret or other.secret
    return Shape(one.types | other.types, members, not open_map, demands, each, every, secret)


def fits(value: Any, shape: Shape, levels: int) -> bool:
    """True for a value that `wrong_type` finds nothing in and `split` takes nothing from: nearly all are such.

    False may be either, and is for those two to tell; it may also have more than so many levels of maps and lists.
    """
    kind = value.__class__
    if shape.secret:
        return kind is str
    word = _EXACT.get(kind)
    if word is None or (shape.types and word not in shape.types) or (kind is float and not math.isfinite(value)):
        return False
    if kind is dict:
        return levels > 0 and _members_fit(value, shape, levels - 1)
    if kind is list:
        return levels > 0 and _items_fit(value, shape.each or ANYTHING, levels - 1)
    return True


def _items_fit(value: list[Any], each: Shape, levels: int) -> bool:
    plain = each.plain
    for item in value:  # noqa: SIM110  # `all` of a generator takes twice as long, and of every object it is asked
        if not (item.__class__ in plain or fits(item, each, levels)):
            return False
    return True


def _members_fit(value: dict[Any, Any], shape: Shape, levels: int) -> bool:
    members, others = shape.members, shape.every or ANYTHING
    only_declared = shape.closed and _MAP in shape.types
    for name, item in value.items():
        below = members.get(name)
        if below is None:
            if only_declared or name.__class__ is not str:
                return False
            below = others
        kind = item.__class__
        if kind in below.plain:  # most are, and need no call of their own
            continue
        if kind is dict and below.may_be_map:
            if levels <= 0 or not _members_fit(item, below, levels - 1):
                return False
        elif kind is float and below.may_be_number:
            if not math.isfinite(item):
                return False
        elif item is None:
            if not members:
                return False
        elif not fits(item, below, levels):
            return False
    return True


def wrong_type(value: Any, shape: Shape) -> WrongType | None:
    """The first value in `value` whose type is not allowed, or that JSON cannot hold; None where there is none.

    `value` must not be too deep. A member that is null is as good as absent.
    """
    return next(_wrong(value, shape, ()), None)


def _wrong(value: Any, shape: Shape, prefix: tuple[str, ...]) -> Iterator[WrongType]:
    if shape.secret and not (isinstance(value, Mapping) and shape.members):
        return
    found = _type_of(value)
    if found is None:
        yield WrongType(json_pointer.join(prefix), "is no value that JSON has")
    elif shape.types and found not in shape.types:
        yield WrongType(json_pointer.join(prefix), f"is {found}, and must be {' or '.join(sorted(shape.types))}")
    elif isinstance(value, Mapping):
        for name, item in value.items():
            if type(name) is not str:
                yield WrongType(json_pointer.join(prefix), "has a member whose name is no text")
            elif item is not None or not shape.members:
                yield from _wrong(item, shape.member(name), (*prefix, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _wrong(item, shape.each or ANYTHING, (*prefix, str(index)))


def _type_of(value: Any) -> str | None:
    """The JSON type of a value in words, or None where it is no JSON."""
    if value is None:
        return "null"
    if isinstance(value, float):
        return "a number" if math.isfinite(value) else None
    for kind, word in ((bool, "a boolean"), (str, "text"), (int, "a number"), (Mapping, _MAP), (list, _LIST)):
        if isinstance(value, kind):
            return word
    return None


def split(value: Any, shape: Shape) -> tuple[Any, Any]:
    """`value` without the members that nobody declares, and those as a tree of their own: `{}` where there are none.

    In the tree a list has one item for each of `value`'s, so that it can be told whose is whose.
    """
    if isinstance(value, Mapping):
        return _split_map(value, shape)
    if isinstance(value, list) and shape.each is not None:
        pairs = [split(item, shape.each) for item in value]
        others = [other for _, other in pairs]
        return [kept for kept, _ in pairs], others if any(others) else {}
    return value, {}


def _split_map(value: Mapping[str, Any], shape: Shape) -> tuple[Any, Any]:
    kept: dict[str, Any] = {}
    others: dict[str, Any] = {}
    for name, item in value.items():
        if shape.closed and _MAP in shape.types and name not in shape.members:
            if item is not None:
                others[name] = item
            continue
        inside, below = split(item, shape.member(name))
        if below:
            others[name] = below
        if below and not inside and isinstance(item, Mapping):
            continue  # a map that holds nothing of what is declared: for whoever compares, it is not there
        kept[name] = inside
    return kept, others
