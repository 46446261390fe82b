"""The portable Model against what a registry holds: nothing that a manifest says may get lost without a word."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final

from reconciler.core.model import Model, ModelSpec
from reconciler.registry.protocol import Inexpressible

# what a model does is the same without these
_DESCRIPTIVE: Final = frozenset({"/display_name", "/description", "/tags", "/labels", "/metadata", "/limits"})


def inexpressible(model: Model, held: Collection[str], registry: str) -> tuple[Inexpressible, ...]:
    """The fields of a Model that are set and not among `held`, for a registry whose name messages bear.

    `held` are pointers, each with all that is below it. What only describes a model is a warning; all else is an error: left out, it would be another model.
    """
    return tuple(
        Inexpressible(pointer, f"{registry} has no {pointer[1:].replace('/', '.')}", fatal=pointer not in _DESCRIPTIVE)
        for pointer in _set_beyond(model, ModelSpec, held, "")
    )


def _set_beyond(value: Any, form: Any, held: Collection[str], prefix: str) -> Iterator[str]:
    for name, field in form.model_fields.items():
        pointer, member = f"{prefix}/{name}", getattr(value, name)
        if member is None or member == field.default or pointer in held:
            continue
        if hasattr(type(member), "model_fields") and any(one.startswith(f"{pointer}/") for one in held):
            yield from _set_beyond(member, type(member), held, pointer)
        else:
            yield pointer
