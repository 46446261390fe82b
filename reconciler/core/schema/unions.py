"""Union field types, chosen by one member (`Variants`) or by being a map or not (`TextOrMap`).

pydantic's own unions try every form and report what is wrong with each; here the form is chosen first, so that a
mistake is reported once, at its pointer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import NoneType
from typing import Annotated, Any, Final, get_args

from reconciler.core.schema.fields import Field
from reconciler.core.schema.quick import Check, check_of, nullable
from reconciler.core.schema.types import Mistake, or_null, pydantic_side

MARK: Final = "\0"  # begins what pydantic adds to the place of a mistake to say which form it means

_EITHER: Final = (MARK + "text", MARK + "other")
_EXPLAINS: Final = ("title", "description", "examples", "default")  # keywords that only people read

Form = dict[str, Any]


def without_forms(parts: tuple[Any, ...], data: Any) -> tuple[Any, ...]:
    """Strip the chosen forms from pydantic's location of an error in `data`, whose own members may be called anything."""
    kept: list[Any] = []
    for part in parts:
        is_member = isinstance(data, Mapping) and part in data
        if isinstance(part, str) and part.startswith(MARK) and not is_member:
            continue
        kept.append(part)
        data = data[part] if is_member or (isinstance(data, list) and part in range(len(data))) else None
    return tuple(kept)


def _quick(source: Any, forms: Mapping[str, Any], chosen: Callable[[Any], str]) -> Check:
    """The quick check of forms of which the value itself chooses one; each is made when first met."""

    @cache
    def check_for(name: str) -> Check:
        return check_of(forms[name])

    def check(value: Any) -> Any:
        return check_for(chosen(value))(value)

    return nullable(check) if NoneType in get_args(source) else check


@dataclass(frozen=True)
class Variants:
    """A map whose other members depend on `member`: `models` by its value, which is `default` where it is absent or null.

    `more` is said of a value that names none of them.

    Every model declares `member` as a literal.
    """

    member: str
    models: Mapping[str, Any]
    default: str
    more: str = ""

    def __hash__(self) -> int:
        return hash((self.member, tuple(self.models)))

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        models = pydantic_side()
        choices = {MARK + name: model for name, model in self.models.items()}
        tagged = models.one_of(choices, lambda value: MARK + self.name_of(value), handler.generate_schema)
        return models.nullable(source, models.checked_before(self._known, tagged))

    def quick(self, source: Any, inner: Callable[[], Check]) -> Check:
        """The quick check of such a map."""
        return _quick(source, self.models, lambda value: self.name_of(self._known(value)))

    def name_of(self, value: Any) -> str:
        """Choose the model of a map, or of a value that was validated already."""
        named = value.get(self.member) if isinstance(value, Mapping) else getattr(value, self.member, None)
        return named if isinstance(named, str) else self.default

    def _known(self, value: Any) -> Any:
        named = value.get(self.member) if isinstance(value, Mapping) else None
        if named is not None and (not isinstance(named, str) or named not in self.models):
            context = {"values": ", ".join(self.models), "member": self.member, "more": self.more}
            raise Mistake("not_allowed", "must be one of {values}", context)
        return value

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Form:
        nullable = schema["type"] == "nullable"
        inner = schema["schema"] if schema["type"] == "nullable" else schema
        forms = dict(zip(self.models, map(handler.resolve_ref_schema, handler(inner)["oneOf"]), strict=True))
        properties: Form = {}
        for form in forms.values():
            for name, field in form["properties"].items():
                known = properties.setdefault(name, field)
                if _takes(known) != _takes(field):  # what each form takes is said below
                    properties[name] = {word: known[word] for word in _EXPLAINS if word in known}
        chosen = {
            keyword: said for keyword, said in properties[self.member].items() if keyword not in ("const", "type")
        }
        whole = {
            "type": "object",
            "properties": {**properties, self.member: chosen | {"enum": [*self.models, None]}},
            "additionalProperties": False,
            "allOf": [self._when(name, form) for name, form in forms.items()],
        }
        return or_null(whole) if nullable else whole

    def _when(self, name: str, form: Form) -> Form:
        """The condition under which a variant's form holds: for the default also where the member is absent or null."""
        if name == self.default:
            return {"if": {"type": "object", "properties": {self.member: {"enum": [name, None]}}}, "then": form}
        condition = {"type": "object", "properties": {self.member: {"const": name}}, "required": [self.member]}
        return {"if": condition, "then": form}


def _takes(form: Form) -> Form:
    """The part of a schema that says what is taken, without what only explains it to people."""
    return {word: said for word, said in form.items() if word not in _EXPLAINS}


class _Either:
    """Two forms of one field, of which the value's own type chooses: text, or something else."""

    def forms(self) -> tuple[Any, Any]:
        """The form of a text, and the other."""
        raise NotImplementedError

    def is_other(self, value: Any) -> bool:
        """True for a value that must be of the other form."""
        raise NotImplementedError

    def _chosen(self, value: Any) -> str:
        return _EITHER[self.is_other(value)]

    def quick(self, source: Any, inner: Callable[[], Check]) -> Check:
        """The quick check of either form."""
        return _quick(source, dict(zip(_EITHER, self.forms(), strict=True)), self._chosen)

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        models = pydantic_side()
        tagged = models.one_of(dict(zip(_EITHER, self.forms(), strict=True)), self._chosen, handler.generate_schema)
        return models.nullable(source, tagged)

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Form:
        nullable = schema["type"] == "nullable"
        inner = schema["schema"] if schema["type"] == "nullable" else schema
        options = handler(inner)["oneOf"]
        return or_null({"anyOf": options}) if nullable else {"anyOf": options}


@dataclass(frozen=True)
class TextOrMap(_Either):
    """Either what `text` takes, or a map that `model` describes."""

    text: Any
    model: Any

    def forms(self) -> tuple[Any, Any]:
        return self.text, self.model

    def is_other(self, value: Any) -> bool:
        return isinstance(value, Mapping) or hasattr(type(value), "model_fields")


@dataclass(frozen=True)
class TextOrList(_Either):
    """Either what `text` takes, or a list of that, with one entry at least."""

    text: Any

    def forms(self) -> tuple[Any, Any]:
        return self.text, Annotated[list[self.text], Field(min_length=1)]  # type: ignore[name-defined]

    def is_other(self, value: Any) -> bool:
        return isinstance(value, list)
