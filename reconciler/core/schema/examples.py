"""An example of a field that is a map or a list, in YAML on one line, made of what the declarations of its form say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Annotated, Any, Final, NamedTuple, Union, get_args, get_origin

from reconciler.core.document.scalar_text import key_text, text_scalar

_SHOWN: Final = 2  # members of a map of which none is required


class _Field(NamedTuple):
    """A field: what its type allows, none of which is None, and the examples that its declaration gives."""

    types: tuple[Any, ...]
    examples: Sequence[Any] = ()
    declared: bool = False  # a record has it under its name; another's name is the user's, and may be anything


def example_at(model: Any, parts: Sequence[str | int]) -> str | None:
    """`provider: {name: openai, model: gpt-5-nano}` for the field at these parts of a path, or None where nothing says one."""
    field = _Field((model,))
    for part in parts:
        found = _below(field, part)
        if found is None:
            return None
        field = found
    value = _value(field)
    if not isinstance(value, Mapping | list) or not field.declared:
        return None
    return f"{key_text(str(parts[-1]), flow=False)}: {_inline(value)}"


def _below(field: _Field, part: str | int) -> _Field | None:
    for one in field.types:
        if hasattr(one, "model_fields"):
            for name, info in one.model_fields.items():
                if part == (info.alias or name):
                    return _Field(_types(info.annotation), info.examples or (), declared=True)
        elif get_origin(one) in (dict, list):
            return _Field(_types(get_args(one)[-1]))
    return None


def _types(annotation: Any) -> tuple[Any, ...]:
    """What an annotation allows, without what stands beside it and without None."""
    if get_origin(annotation) is Annotated:
        return _types(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return tuple(one for option in get_args(annotation) for one in _types(option))
    return () if annotation is type(None) else (annotation,)


def _value(field: _Field) -> Any:
    """The example that a declaration gives, else for a record its required members, else its first ones; None without any."""
    if field.examples:
        return field.examples[0]
    record = next((one for one in field.types if hasattr(one, "model_fields")), None)
    if record is None:
        return None
    members = {info.alias or name: info for name, info in record.model_fields.items()}
    required = {name: info for name, info in members.items() if info.is_required()}
    chosen = required or dict([pair for pair in members.items() if pair[1].examples][:_SHOWN])
    values = {name: _value(_Field(_types(info.annotation), info.examples or ())) for name, info in chosen.items()}
    return values if values and None not in values.values() else None


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key_text(str(name), flow=True)}: {_inline(item)}' for name, item in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    if isinstance(value, str):
        return text_scalar(value, flow=True)
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
