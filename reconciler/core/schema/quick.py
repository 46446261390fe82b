"""The quick check: a field's annotation as a plain function, which needs no pydantic.

It only ever accepts: what it does not take, or cannot judge, is for pydantic to judge (`Unjudged`), which says every
mistake, or that there is none. So a form that is not known here costs time and never a wrong answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from types import NoneType, UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

from reconciler.core.rules import RULES

Check = Callable[[Any], Any]  # the value as it is kept, in its own containers; raises Unjudged


class Unjudged(Exception):  # noqa: N818  # no error: somebody else judges
    """Raised for a value that the quick check does not accept."""


def check_of(annotation: Any) -> Check:
    """The quick check of a field; one that accepts nothing where the annotation has a form that is not known here."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _annotated(annotation.__origin__, annotation.__metadata__)
    if origin in (Union, UnionType):
        return _union([option for option in get_args(annotation) if option is not NoneType], annotation)
    if origin is Literal:
        return _one_of(get_args(annotation))
    if origin is list:
        return _items(check_of(get_args(annotation)[0]))
    if origin is dict:
        return _members(*map(check_of, get_args(annotation)))
    own: Check | None = getattr(annotation, "quick", None)
    return own or _PLAIN.get(annotation, refuse)


def takes_every_text(annotation: Any) -> bool:
    """Whether a field is one of plain text, with null or without, that nothing but rules stands beside."""
    if get_origin(annotation) is Annotated:
        said = annotation.__metadata__
        return all(isinstance(one, RULES) and not hasattr(one, "quick") for one in said) and takes_every_text(
            annotation.__origin__
        )
    if get_origin(annotation) is UnionType:
        return all(option in (str, NoneType) for option in get_args(annotation))
    return annotation is str


def nullable(check: Check) -> Check:
    """A check that also takes null."""
    return lambda value: None if value is None else check(value)


def refuse(value: Any) -> Any:  # noqa: ARG001  # as every check
    """Accepts nothing."""
    raise Unjudged


def anything(value: Any) -> Any:
    """Accepts every value as it is."""
    return value


def text(value: Any) -> str:
    """Accepts a string, of which a subclass's is made plain."""
    if value.__class__ is str:
        return value
    if isinstance(value, str):
        return plain_text(value)
    raise Unjudged


def plain_text(value: str) -> str:
    """The string, where each of its characters has an encoding: pydantic does not take half of a surrogate pair everywhere."""
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Unjudged from None
    return str(value)


def members_of_text(value: Any) -> dict[str, str]:
    """Accepts a map of strings to strings."""
    if value.__class__ is not dict:
        raise Unjudged
    return {text(name): text(item) for name, item in value.items()}


def _annotated(source: Any, metadata: Iterable[Any]) -> Check:
    """The check of an annotation with what is said beside it: rules check nothing, and all else says how (`quick`)."""
    inner = partial(check_of, source)
    for said in metadata:
        own = getattr(said, "quick", None)
        if own is not None:
            inner = partial(own, source, inner)
        elif not isinstance(said, RULES):
            return refuse
    return inner()


def _union(options: list[Any], annotation: Any) -> Check:
    """The check of a type or null, or of a record or something that is no map."""
    maps = [option for option in options if _may_be_map(option)]
    others = [option for option in options if option not in maps]
    if len(options) == 1:
        check = check_of(options[0])
    elif len(maps) == len(others) == 1 and hasattr(maps[0], "quick"):
        record, other = check_of(maps[0]), check_of(others[0])

        def check(value: Any) -> Any:
            return record(value) if value.__class__ is dict else other(value)
    else:
        return refuse
    return nullable(check) if NoneType in get_args(annotation) else check


def _may_be_map(annotation: Any) -> bool:
    """Whether a map may be a value of a type."""
    if get_origin(annotation) is Annotated:
        return _may_be_map(annotation.__origin__)
    if get_origin(annotation) in (Union, UnionType):
        return any(map(_may_be_map, get_args(annotation)))
    return annotation not in (str, bool, int, float, NoneType)


def _exactly(kind: type) -> Check:
    def check(value: Any) -> Any:
        if value.__class__ is kind:
            return value
        raise Unjudged

    return check


def _one_of(words: tuple[Any, ...]) -> Check:
    if not all(word.__class__ is str for word in words):
        return refuse

    def check(value: Any) -> Any:
        if value.__class__ is str and value in words:
            return value
        raise Unjudged

    return check


def _items(item: Check) -> Check:
    def check(value: Any) -> Any:
        if value.__class__ is not list:
            raise Unjudged
        return [item(one) for one in value]

    return check


def _members(key: Check, item: Check) -> Check:
    def check(value: Any) -> Any:
        if value.__class__ is not dict:
            raise Unjudged
        return {key(name): item(one) for name, one in value.items()}

    return check


_PLAIN: Final[dict[Any, Check]] = {
    Any: anything,
    str: text,
    **{kind: _exactly(kind) for kind in (bool, int, float, NoneType)},
}
