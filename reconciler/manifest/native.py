"""Native documents: the common fields of every manifest, and a registry's own fields next to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, Literal

from reconciler.core.kind import KeyRule, Kind
from reconciler.core.model import NativeCommon
from reconciler.core.schema.fields import Field, FieldForm
from reconciler.core.schema.findings import Finding, formed
from reconciler.core.schema.record import derived
from reconciler.core.schema.types import Resolved
from reconciler.manifest.keys import key_refusal, near_key
from reconciler.manifest.model_check import absent_protected

COMMON_FIELDS: Final = tuple(info.alias or name for name, info in NativeCommon.model_fields.items())


@dataclass(frozen=True, slots=True)
class NativeKind:
    """A kind that manifests may name: `driver/Kind`, the model of the registry's own fields, and a title for people.

    Raises ValueError where the model declares a field that every document has already.
    """

    name: str
    model: Any  # a record class, or the pydantic model of another package
    title: str = ""
    hints: Mapping[str, str] = field(default_factory=dict, compare=False)  # see core.kind.Kind
    key_rules: tuple[KeyRule, ...] = ()
    check_key: Callable[[str], str | None] = field(default=lambda key: None, compare=False)

    @classmethod
    def of(cls, driver: str, kind: Kind) -> NativeKind:
        """A driver's kind, as manifests name it."""
        return cls(f"{driver}/{kind.name}", kind.model, kind.title, kind.hints, kind.key_rules, kind.check_key)

    def __post_init__(self) -> None:
        own = {info.alias or name for name, info in self.model.model_fields.items()}
        taken = sorted(own.intersection(COMMON_FIELDS))
        if taken:
            raise ValueError(f"{self.name} declares fields that every document has: {', '.join(taken)}")


@dataclass(frozen=True, slots=True)
class NativeDocument:
    """One native document that was found right. `spec` holds the registry's own fields, as given."""

    common: NativeCommon
    spec: Mapping[str, Any]


@cache
def document_model(kind: NativeKind, *, absent: bool = False) -> Any:
    """The common fields and the kind's own as one model; with `absent`, none of the kind's own is required.

    What the kind's model says of unknown fields holds for the document.
    """
    fields: dict[str, Any] = {
        "kind": (Literal[kind.name], Field(description=kind.title or "The native kind.", examples=[kind.name])),
    }
    if absent:
        required = {name: info for name, info in kind.model.model_fields.items() if info.is_required()}
        fields |= {name: (info.annotation, _optional(info)) for name, info in required.items()}
    return derived(kind.model.__name__, (NativeCommon, kind.model), fields, doc=kind.model.__doc__)


def _optional(info: Any) -> Any:
    """Make a field optional. Null stays as forbidden as before."""
    if isinstance(info, FieldForm):
        return info.optional()
    optional = copy(info)
    optional.default = None
    return optional


def check_native(kind: NativeKind, data: Any) -> tuple[NativeDocument | None, list[Finding]]:
    """The document, and everything wrong with `data`, plain data of one document of that kind.

    A key that is refused does not hide what else may be found. With `state: absent` no native field need be there; those that are, are checked all the same. The document is None
    where there is any other finding.
    """
    model = document_model(kind, absent=isinstance(data, Mapping) and data.get("state") == "absent")
    checked, found = formed(model, data, kind.hints)
    if isinstance(data, Mapping):
        found += absent_protected(data)
    known = {item.pointer for item in found}
    keys = [item for item in _refused_keys(kind, data) if item.pointer not in known]
    if found:
        return None, found + keys
    common = NativeCommon.model_validate({name: data[name] for name in data if name in COMMON_FIELDS})
    spec = {name: item for name, item in _converted(data, checked).items() if name not in COMMON_FIELDS}
    return NativeDocument(common, spec), keys  # the rest is checked further: a key says nothing of it


def _refused_keys(kind: NativeKind, data: Any) -> Iterator[Finding]:
    """Find the keys, old ones too, that the registry would refuse."""
    if not isinstance(data, Mapping):
        return
    previous = data.get("previous_keys")
    old_keys = enumerate(previous if isinstance(previous, list) else ())
    for pointer, key in (("/key", data.get("key")), *((f"/previous_keys/{index}", old) for index, old in old_keys)):
        refused = key_refusal(kind.check_key, key) if isinstance(key, str) else None
        if refused is not None:
            message = f"a {kind.name} cannot have the key {key!r}: {refused}"
            yield Finding("bad-key", message, pointer, suggestion=near_key(kind.check_key, key))


def _converted(given: Any, checked: Any) -> Any:
    """`given` with the numbers and booleans that references led to, and 3.0 as 3 where an integer is meant."""
    if isinstance(given, dict):
        return {name: _converted(item, _member(checked, name)) for name, item in given.items()}
    if isinstance(given, list) and isinstance(checked, list):
        return [_converted(item, found) for item, found in zip(given, checked, strict=True)]
    if type(given) is Resolved:
        return checked if isinstance(checked, int | float) else str(checked if isinstance(checked, str) else given)
    whole = isinstance(given, float) and isinstance(checked, int)
    return checked if whole else given


def _member(checked: Any, name: str) -> Any:
    """The member of that name in what the check made of a map: a record, a pydantic model or a map."""
    fields = getattr(type(checked), "model_fields", None)
    if fields is not None:
        found = name if name in fields else next((key for key, info in fields.items() if info.alias == name), name)
        return getattr(checked, found, None)
    return checked.get(name) if isinstance(checked, Mapping) else None
