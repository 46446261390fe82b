"""Which registries can hold a portable field: asked of the drivers themselves, with a Model that has the field."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from reconciler.core.model import Model
from reconciler.core.schema.record import attempt
from reconciler.core.topic import Holder
from reconciler.project.explain.fields import Place, allowed
from reconciler.registry.protocol import Driver
from reconciler.render.jsontext import inline

# where a model is: a driver that holds the field with one of them holds it
_BASES: Final[Sequence[Mapping[str, Any]]] = (
    {"endpoint": {"url": "https://llm.example.com/v1", "model": "m", "api_key": "${env:KEY}"}},
    {"endpoint": {"url": "https://llm.example.com/v1", "model": "m", "format": "anthropic"}},
    {"provider": {"name": "openai", "model": "gpt-5-nano"}},
)


def holders(place: Place, drivers: Mapping[str, Driver]) -> tuple[Holder, ...]:
    """Every driver, with what it cannot hold of a field of the portable Model."""
    values = _values(place)
    return tuple(_holder(name, driver, place.path, values) for name, driver in drivers.items()) if values else ()


def _values(place: Place) -> tuple[Any, ...]:
    """Values that the field may have; none where nothing tells."""
    if place.path[-1] == "verify":
        return (False,)  # true is what every registry does anyway
    return allowed(place.form) or tuple(place.form.get("examples") or ())[:1]


def _holder(name: str, driver: Driver, path: Sequence[str], values: Sequence[Any]) -> Holder:
    """The driver, with why it cannot hold the field, or some of its values."""
    refusals = {inline(value): _refusal(driver, path, value) for value in values}
    refused = {value: why for value, why in refusals.items() if why is not None}
    if not refused:
        return Holder(name)
    why = next(iter(refused.values()))
    partly = len(refused) < len(refusals)
    return Holder(name, f"not {', '.join(refused)}: {why}" if partly else why, partly)


def _refusal(driver: Driver, path: Sequence[str], value: Any) -> str | None:
    """Why no Model with this value can be held whole; None where one can."""
    refusals = list(_refusals(driver, path, value))
    return None if None in refusals or not refusals else refusals[0]


def _refusals(driver: Driver, path: Sequence[str], value: Any) -> Iterator[str | None]:
    for base in _BASES:
        if path[0] in ("endpoint", "provider") and path[0] not in base:
            continue
        model, error = attempt(Model, _with({"kind": "Model", "key": "sample", **base}, path, value))
        if error is not None:  # an example that needs another field beside it
            continue
        pointer = "/" + "/".join(path)
        lost = driver.compile(model, "sample").inexpressible
        yield next((one.message for one in lost if f"{pointer}/".startswith(f"{one.pointer}/")), None)


def _with(document: Mapping[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    """The document with a value at a path."""
    first, *rest = path
    held = document.get(first)
    return {**document, first: _with(held if isinstance(held, Mapping) else {}, rest, value) if rest else value}
