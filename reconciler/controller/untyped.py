"""Schemas without a type, as the API server takes them where a field has several types, and under `allOf`, `anyOf`, `not`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from reconciler.core.schema.form import Form

ANY: Final[Form] = {"x-kubernetes-preserve-unknown-fields": True}
# bounds that no value of the type keeps: what has them is of another type
NEVER: Final[Mapping[str, Form]] = {
    "string": {"minLength": 1, "maxLength": 0},
    "array": {"minItems": 1, "maxItems": 0},
    "object": {"minProperties": 1, "maxProperties": 0},
    "number": {"minimum": 1, "maximum": 0},
    "boolean": {"not": {"enum": [True, False]}},
}


def literal(text: str) -> str:
    """A pattern in RE2 that matches this text alone."""
    return "".join(f"\\{letter}" if letter in r".*+?()[]{}|^$\\" else letter for letter in text)


def one_of(words: Iterable[str]) -> Form:
    """The schema of a text that is one of these. Unlike `enum` it lets null through where that is allowed."""
    return {"pattern": f"^(?:{'|'.join(map(literal, words))})$"}


def together(*parts: Form) -> Form:
    """One schema that says all of `parts`: what cannot stand beside each other stands in `allOf`."""
    made: Form = {}
    more: list[Any] = []
    for part in parts:
        beside = {word: said for word, said in part.items() if word != "allOf" and made.get(word) != said}
        if made.keys() & beside.keys():
            more.append(beside)
        else:
            made |= beside
        more += part.get("allOf", ())
    return made | ({"allOf": more} if more else {})


def text_only(form: Form) -> Form:
    """What is said of texts, in a schema that takes other types as well: a pattern that must not match is kept by none of them."""
    others = [never for kind, never in NEVER.items() if kind != "string"]
    said = {word: [text_only(part) for part in parts] if word == "allOf" else parts for word, parts in form.items()}
    return said | {"not": together(form["not"], *others)} if "not" in form else said


def value_validations(form: Form) -> Form:
    """What a structural schema says of a value, in the form that it may have under `allOf`, `anyOf` and `not`.

    There it has no types, descriptions and CEL rules, and says nothing of the values of a map.
    """
    kept = {
        word: said
        for word, said in form.items()
        if not word.startswith("x-")
        and word not in ("type", "description", "nullable", "default", "additionalProperties")
    }
    if "properties" in kept:
        kept["properties"] = {name: value_validations(member) for name, member in kept["properties"].items()}
    if "items" in kept:
        kept["items"] = value_validations(kept["items"])
    if "type" in form:
        kind = "number" if form["type"] == "integer" else form["type"]
        whole: Form = {"multipleOf": 1} if form["type"] == "integer" else {}
        return together(kept, whole, *(never for other, never in NEVER.items() if other != kind))
    if form.get("x-kubernetes-int-or-string"):
        return together(kept, {"multipleOf": 1}, *(NEVER[other] for other in ("array", "object", "boolean")))
    return kept


NULL: Final[Form] = together(*NEVER.values())  # a value of no type


def visible(form: Form) -> bool:
    """True for a field that CEL can see: one with a type, and whose members or items have one."""
    if form.get("x-kubernetes-int-or-string"):
        return True
    if "type" not in form:
        return False
    if "additionalProperties" in form:
        return visible(form["additionalProperties"])
    return visible(form["items"]) if form["type"] == "array" else True
