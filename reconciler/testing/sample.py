"""Samples: the objects that the contract suite writes, and what of them it changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.core import pointer as pointers
from reconciler.testing.world import Document


@dataclass(frozen=True)
class Sample:
    """One kind of object as the suite exercises it.

    `document` has every field set. `updates` maps the pointer of a field to other values for it; all of them can be removed but the
    `required` ones. `beside` are documents of objects that it refers to. `native` is False where the document is a Model that becomes objects with other fields.
    """

    document: Document
    updates: Mapping[str, tuple[Any, ...]]
    required: tuple[str, ...] = ()
    beside: tuple[Document, ...] = ()
    native: bool = True

    def __str__(self) -> str:
        return str(self.document["kind"])

    @property
    def key(self) -> str:
        return str(self.document["key"])

    @property
    def whole(self) -> tuple[Document, ...]:
        return (*self.beside, self.document)

    def having(self, place: str, value: Any) -> tuple[Document, ...]:
        return (*self.beside, pointers.put(self.document, place, value))

    def lacking(self, place: str) -> tuple[Document, ...]:
        return (*self.beside, pointers.remove(self.document, place))

    @property
    def maps(self) -> Mapping[str, tuple[Mapping[str, Any], ...]]:
        """By the pointer of each map at the top of the document, smaller ones: empty, and with one of its members each."""
        found = {name: value for name, value in self.document.items() if isinstance(value, Mapping) and value}
        return {
            pointers.join((name,)): ({}, *({one: item} for one, item in value.items())) for name, value in found.items()
        }

    def gone(self) -> tuple[Document, ...]:
        return (*self.beside, {"kind": self.document["kind"], "key": self.key, "state": "absent"})

    def renamed(self, key: str) -> tuple[Document, ...]:
        return (*self.beside, self.document | {"key": key, "previous_keys": [self.key]})


@dataclass
class Leaks:
    """Texts in which a secret was looked for."""

    texts: list[str] = field(default_factory=list)

    def look(self, value: object) -> None:
        self.texts.append(repr(value))

    def holding(self, secrets: Mapping[str, str]) -> list[str]:
        return [name for name, value in secrets.items() if any(value in text for text in self.texts)]


def document_kind(sample: Sample) -> str:
    return str(sample.document["kind"])
