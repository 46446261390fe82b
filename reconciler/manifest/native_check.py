"""One object in a registry's own terms, checked against the registry's form and limits. What is wrong is told at its place in the manifest. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from reconciler.core import pointer as pointers
from reconciler.core.rules import Node
from reconciler.core.schema.findings import Finding, findings, hinted, nearest
from reconciler.core.spec import limits_in, unknown_values_in
from reconciler.registry.base import Kind, Native
from reconciler.registry.entry import Configured


class Target(NamedTuple):
    """One registry that a document is meant for, with what the document says for it alone."""

    entry: Configured
    key: str
    override: Mapping[str, Any]
    ignore: tuple[tuple[str, str], ...]  # (native pointer, where the manifest says so)


def refused_key(kind: Kind, key: str) -> str | None:
    """Why a registry would refuse a key; a reference in one is a mistake anywhere, since identity is written down."""
    return "a key holds no reference" if "${" in key else kind.check_key(key)


def checked(native: Native, kind: Kind, target: Target, wrong: list[Finding]) -> Mapping[str, Any]:
    """The native spec, checked against the registry's own form and limits. Findings lead back to the manifest."""
    spec = native.spec
    found: list[Finding] = []
    model: BaseModel | None = None
    try:
        model = kind.model.model_validate(spec)
    except ValidationError as error:
        found = hinted(findings(error, spec, kind.model), kind.hints)
    found.extend(limits(spec, kind.rules.root))
    wrong.extend(_cleared_unknown(kind, target))
    for item in found:
        place = _origin(item.pointer, native, target)
        wrong.append(item._replace(message=f"{target.entry.name}: {item.message}", pointer=place))
    if model is None or not target.override:
        return spec
    # the portable Model's defaults are written out, as the driver does where there is no override
    dumped: dict[str, Any] = model.model_dump(
        by_alias=True, exclude_unset=not kind.portable, exclude_none=kind.portable
    )
    return dumped


def _cleared_unknown(kind: Kind, target: Target) -> Iterator[Finding]:
    """Null removes a field; one that the registry does not have is a mistake all the same."""
    known = kind.rules.root.children
    for name, value in target.override.items():
        if value is None and name not in known:
            place = pointers.join(("registries", target.entry.name, name))
            yield Finding(
                "unknown-field", f"unknown field {name!r}", place, at_key=True, suggestion=nearest(name, known)
            )


def limits(spec: Mapping[str, Any], root: Node) -> Iterator[Finding]:
    """What the registry would refuse late, or store wrongly; and warnings of values that only a newer registry can know."""
    for place, value, rule in limits_in(spec, root):
        refused = rule.fn(value)
        if refused is not None:
            yield Finding("registry-limit", f"{pointers.split(place)[-1]!r} {refused}", place)
    for place, known in unknown_values_in(spec, root):
        values = ", ".join(known.values)
        name = pointers.split(place)[-1]
        message = f"{name!r} is none of the values that this version knows ({values}): only a newer registry takes it"
        close = nearest(str(pointers.get(spec, place)), known.values)
        yield Finding("unknown-value", message, place, suggestion=close, severity="warning")


def _origin(place: str, native: Native, target: Target) -> str:
    """The pointer in the manifest that a native pointer came from: the override where that set it, else the portable field."""
    parts = pointers.split(place)
    for end in range(len(parts), 0, -1):
        if pointers.get(target.override, pointers.join(parts[:end])) is not pointers.MISSING:
            return pointers.join(("registries", target.entry.name)) + place
        origin = native.origins.get(pointers.join(parts[:end]))
        if origin is not None:
            return origin + pointers.join(parts[end:])
    if target.entry.portable.portable:
        return place
    return native.origins.get("", "")


def ignored(target: Target, kind: Kind, wrong: list[Finding]) -> Iterator[str]:
    for place, said in target.ignore:
        if kind.rules.root.find(pointers.split(place)) is None or place == "/":
            message = f"{place!r} is no field of a {kind.name} in {target.entry.name}"
            wrong.append(Finding("unknown-ignore", message, said, suggestion=_near_pointer(place, kind.rules.root)))
        else:
            yield place


def _near_pointer(place: str, root: Node) -> str | None:
    known = [pointers.join(parts) for parts, _ in root.walk() if parts and "*" not in parts]
    return nearest(place, known)
