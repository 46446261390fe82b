"""What `explain` tells of one name, as values: a stable word, a kind, or a field with all that its declaration says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RuleFact:
    """One rule of a field: its name, the reason or value that the field gives, and all of it as a sentence."""

    name: str
    detail: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Holder:
    """A driver, and what its registries cannot hold of a portable field: "" where they hold it as it is.

    `partly` says that they hold some of its values.
    """

    driver: str
    lost: str = ""
    partly: bool = False


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """The facts of one field: `values` are the only ones that it takes, `known_values` some of those that it takes.

    `limits` are phrases, `default` None is none. `references` says which references it takes, `secret` when it is a
    secret; "" for none and never.
    """

    type: str
    required: bool = False
    default: Any = None
    values: tuple[Any, ...] = ()
    known_values: tuple[Any, ...] = ()
    limits: tuple[str, ...] = ()
    examples: tuple[Any, ...] = ()
    secret: str = ""
    references: str = ""
    rules: tuple[RuleFact, ...] = ()
    holders: tuple[Holder, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """A field below a kind or a field, in one line."""

    name: str
    type: str
    required: bool
    meaning: str


@dataclass(frozen=True, slots=True)
class Topic:
    """One thing that has a name. `sort` says what it is: "guard", "field"; `page` is its address in the documentation.

    `remedy` says what to do where something must be done. `example` is a manifest.
    """

    name: str
    sort: str
    meaning: str
    remedy: str = ""
    page: str = ""
    field: FieldFacts | None = None
    members: tuple[Member, ...] = ()
    notes: tuple[str, ...] = ()
    example: str = ""
