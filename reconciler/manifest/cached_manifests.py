"""Manifests that an earlier command read: what they compile to is known, their values are read again when asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from reconciler.core.model import Model, Waiver
from reconciler.core.resource import Source
from reconciler.manifest.cache import CachedDocument
from reconciler.manifest.cached_items import Items
from reconciler.manifest.manifests import Manifest
from reconciler.manifest.native import NativeDocument


@dataclass(frozen=True)
class Again:
    """The manifests of one file, read again at most once, whichever of them asks."""

    read: Callable[[], Sequence[Manifest]]

    @cached_property
    def manifests(self) -> dict[int, Manifest]:
        """By the index of the document."""
        return {one.index: one for one in self.read()}


class CachedManifest(Manifest):
    """A manifest as an earlier command found it, in a text that has not changed since."""

    __slots__ = ("_again", "items")

    items: Items
    _again: Again

    def __init__(self, known: CachedDocument, file: str, again: Again) -> None:
        values = {
            "source": Source(file, known.line),
            "index": known.number,
            "kind": known.kind,
            "key": known.key,
            "parts": (),
            "items": known.items,
            "_again": again,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def model(self) -> Model | None:
        return self._again.manifests[self.index].model

    @property
    def native(self) -> NativeDocument | None:
        return self._again.manifests[self.index].native

    @property
    def waivers(self) -> tuple[Waiver, ...]:
        """None: a manifest that has some is not kept, since they end on a day."""
        return ()
