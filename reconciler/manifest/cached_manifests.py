"""Manifests that an earlier command read: what they compile to is known, their values are read again when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from reconciler.core.model import Model, Waiver
from reconciler.core.resource import Source
from reconciler.manifest.cache import CachedDocument
from reconciler.manifest.cached_items import Items
from reconciler.manifest.manifests import Manifest
from reconciler.manifest.native import NativeDocument


@dataclass(frozen=True)
class Again:
    """Reads the manifests of a file again, at most once, whichever of them asks. One for all files of a load."""

    read: Callable[[str], Iterable[Manifest]]
    _known: dict[str, dict[int, Manifest]] = field(default_factory=dict, init=False, repr=False)

    def manifest(self, file: str, index: int) -> Manifest:
        """The manifest in that document of a file, with its values."""
        if file not in self._known:
            self._known[file] = {one.index: one for one in self.read(file)}
        return self._known[file][index]


class CachedManifest(Manifest):
    """A manifest as an earlier command found it, in a text that has not changed since."""

    __slots__ = ("_again", "items")

    items: Items
    _again: Again

    def __init__(self, known: CachedDocument, file: str, again: Again) -> None:
        put = object.__setattr__
        put(self, "source", Source(file, known.line))
        put(self, "index", known.number)
        put(self, "kind", known.kind)
        put(self, "key", known.key)
        put(self, "parts", ())
        put(self, "items", known.items)
        put(self, "_again", again)

    @property
    def model(self) -> Model | None:
        return self._again.manifest(self.source.file, self.index).model

    @property
    def native(self) -> NativeDocument | None:
        return self._again.manifest(self.source.file, self.index).native

    @property
    def waivers(self) -> tuple[Waiver, ...]:
        """None: a manifest that has some is not kept, since they end on a day."""
        return ()
