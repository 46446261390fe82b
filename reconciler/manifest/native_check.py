"""Check a native object against its registry's form and limits; findings lead to the manifest. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from reconciler.core import pointer as json_pointer
from reconciler.core.kind import Kind
from reconciler.core.rules import Node
from reconciler.core.schema.findings import Finding, formed, nearest
from reconciler.core.shape import Shape
from reconciler.core.spec import refusals_in, unknown_values_in
from reconciler.core.unmanaged import hidden_in, hide
from reconciler.manifest.doubts import doubts, portable_doubts, url_with_path
from reconciler.registry.entry import RegistryEntry
from reconciler.registry.protocol import Native


class Destination(NamedTuple):
    """One registry that a document is meant for, with what the document says for it alone."""

    entry: RegistryEntry
    key: str
    override: Mapping[str, Any]
    ignore: tuple[tuple[str, str], ...]  # (native pointer, where the manifest says so)


def validate_native(native: Native, kind: Kind, target: Destination) -> tuple[Mapping[str, Any], list[Finding]]:
    """The native spec, checked against the registry's own form and limits. Findings lead back to the manifest."""
    spec = native.spec
    model, errors = formed(kind.model, spec, kind.hints)
    errors.extend(limits(spec, kind.root))
    errors.extend([*portable_doubts(spec), *url_with_path(spec)] if kind.portable else doubts(spec, kind.root))
    name = target.entry.name
    located = [
        *_cleared_unknown(kind, target),
        *(
            item._replace(message=f"{name}: {item.message}", pointer=_origin(item.pointer, native, target))
            for item in errors
        ),
    ]
    if model is None or not target.override:
        return spec, located
    # the portable Model's defaults are written out, as the driver does where there is no override
    dumped: dict[str, Any] = model.model_dump(
        by_alias=True, exclude_unset=not kind.portable, exclude_none=kind.portable
    )
    return dumped, located


def _cleared_unknown(kind: Kind, target: Destination) -> Iterator[Finding]:
    """Null removes a field; one that the registry does not have is a mistake all the same."""
    known = kind.root.children
    for name, value in target.override.items():
        if value is None and name not in known:
            pointer = json_pointer.join(("registries", target.entry.name, name))
            yield Finding(
                "unknown-field", f"unknown field {name!r}", pointer, at_key=True, suggestion=nearest(name, known)
            )


def limits(spec: Mapping[str, Any], root: Node) -> Iterator[Finding]:
    """Find values beyond the registry's limits, which it would refuse or store wrongly, and warn of unknown ones."""
    for pointer, refused in refusals_in(spec, root):
        yield Finding("registry-limit", refused, pointer)
    for pointer, known in unknown_values_in(spec, root):
        values = ", ".join(known.values)
        name = json_pointer.split(pointer)[-1]
        message = f"{name!r} is none of the values that this version knows ({values}): only a newer registry takes it"
        close = nearest(str(json_pointer.get(spec, pointer)), known.values)
        yield Finding("unknown-value", message, pointer, suggestion=close, severity="warning")


def misplaced(unmanaged: Mapping[str, Any], spec: Mapping[str, Any], kind: Kind) -> Iterator[Finding]:
    """Find what must not be under `x-unmanaged`: our mark, fields that the kind declares, and likely secrets."""
    for pointer in sorted(kind.marked_at):
        if json_pointer.get(unmanaged, pointer) is not json_pointer.MISSING:
            message = "reconciler keeps there whose the object is, and no manifest may say that: leave it out"
            yield Finding("misplaced-field", message, f"/x-unmanaged{pointer}", at_key=True)
    for pointer in _declared(unmanaged, kind.shape, ()):
        message = f"the kind {kind.name} has this field: declare it beside `x-unmanaged`, and not in it"
        yield Finding("misplaced-field", message, f"/x-unmanaged{pointer}", at_key=True)
    for pointer in hidden_in(hide(unmanaged, spec)):
        message = "it may be a secret, and a secret is never written down: leave it out, and set it in the registry"
        yield Finding("literal-secret", message, f"/x-unmanaged{pointer}")


def _declared(value: Any, shape: Shape, prefix: tuple[str, ...]) -> Iterator[str]:
    """The pointers of the fields in `value` that a kind declares.

    A map or list of them may be on the way to what it does not.
    """
    if isinstance(value, dict) and (shape.members or shape.every):
        for name, item in value.items():
            below = shape.members.get(name, shape.every)
            if below is not None:
                yield from _declared(item, below, (*prefix, name))
    elif isinstance(value, list) and shape.each is not None:
        for index, item in enumerate(value):
            yield from _declared(item, shape.each, (*prefix, str(index)))
    else:
        yield json_pointer.join(prefix)


def _origin(pointer: str, native: Native, target: Destination) -> str:
    """The pointer in the manifest that a native pointer came from: the override where that set it, else the portable field."""
    parts = json_pointer.split(pointer)
    for end in range(len(parts), 0, -1):
        if json_pointer.get(target.override, json_pointer.join(parts[:end])) is not json_pointer.MISSING:
            return json_pointer.join(("registries", target.entry.name)) + pointer
        origin = native.origins.get(json_pointer.join(parts[:end]))
        if origin is not None:
            return origin + json_pointer.join(parts[end:])
    if target.entry.portable.portable:
        return pointer
    return native.origins.get("", "")


def ignored_pointers(target: Destination, kind: Kind) -> Iterator[str | Finding]:
    """The pointers under `ignore`; a finding in the place of one that is no field of the kind."""
    for pointer, origin in target.ignore:
        if kind.root.find(json_pointer.split(pointer)) is None or pointer == "/":
            message = f"{pointer!r} is no field of a {kind.name} in {target.entry.name}"
            yield Finding("unknown-ignore", message, origin, suggestion=_near_pointer(pointer, kind.root))
        else:
            yield pointer


def _near_pointer(pointer: str, root: Node) -> str | None:
    known = [json_pointer.join(parts) for parts, _ in root.walk() if parts and "*" not in parts]
    return nearest(pointer, known)
