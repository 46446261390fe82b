"""Build a JSON Schema that an editor explains well from a record or a pydantic model.

pydantic's own output is right, but full of references, `anyOf` with null and titles made of class names, which an
editor shows to people. Here everything is in place (no `$ref`), null is one of the types, titles are words, and the
field rules are explained in the descriptions. What is accepted stays the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from reconciler.core.rule_tree import rules_of
from reconciler.core.rules import (
    BaseAddress,
    CannotClear,
    Constraint,
    ExternalRef,
    Immutable,
    Ref,
    Rule,
    ServerDefault,
    ServerOwned,
    Usual,
)
from reconciler.core.schema.types import or_null

Form = dict[str, Any]

# the order in which keywords are written: what it is, what it takes, what helps
ORDER: Final = (
    "$schema", "title", "description", "markdownDescription", "readOnly", "type", "enum", "const", "if", "then", "else", "anyOf", "minimum", "maximum",
    "exclusiveMinimum", "minLength", "maxLength", "pattern", "items", "properties", "patternProperties", "propertyNames", "required",
    "minProperties", "additionalProperties", "allOf", "errorMessage", "default", "examples", "defaultSnippets", "$defs",
)  # fmt: skip
RANK: Final = {keyword: rank for rank, keyword in enumerate(ORDER)}
ACRONYMS: Final = {
    word.lower(): word
    for word in ("API", "CA", "HTTP", "I/O", "ID", "IDs", "JSON", "LLM", "MCP", "TLS", "URI", "URL", "URLs")
}


class _Generator(GenerateJsonSchema):
    """pydantic's generator, with its artefacts left out and the field rules put in."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return or_null(self.generate_inner(schema["schema"]))

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        form = super().default_schema(schema)
        if form.get("default", MISSING) is None:
            del form["default"]
        return form

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        form: Form = {"type": "object"}
        keys = self.generate_inner(schema["keys_schema"]) if "keys_schema" in schema else {}
        values = self.generate_inner(schema["values_schema"]) if "values_schema" in schema else {}
        keys = {name: value for name, value in keys.items() if name not in ("type", "title")}
        if keys:
            form["propertyNames"] = keys
        if values:
            form["additionalProperties"] = values
        bounds = {"minProperties": schema.get("min_length"), "maxProperties": schema.get("max_length")}
        return form | {name: bound for name, bound in bounds.items() if bound is not None}

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        """Every form in the order of the choices: the field type (`variants`) makes the conditions of them."""
        return {"oneOf": [self.generate_inner(choice) for choice in schema["choices"].values()]}

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        form = super().model_schema(schema)
        form["title"] = title_of(schema["cls"].__name__)
        nodes = rules_of(schema["cls"]).children
        for name, field in form.get("properties", {}).items():
            field.setdefault("title", title_of(name))
            if name in nodes:
                _tell(field, nodes[name].rules)
        return form

    def get_title_from_name(self, name: str) -> str:
        return title_of(name)


MISSING: Final = object()


def title_of(name: str) -> str:
    """A field's or a class's name as words: `api_key` is `API key`, `ModelProvider` is `Model provider`."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.strip("$_")).split("_")
    shown = [ACRONYMS.get(word.lower(), word.lower()) for word in words if word]
    text = " ".join(shown)
    return text[:1].upper() + text[1:]


def _tell(field: Form, rules: Iterable[Rule]) -> None:
    """Adds what a field's rules mean for whoever writes it to the field's description."""
    notes = [note for note in map(note_of, rules) if note]
    if notes:
        field["description"] = " ".join([*filter(None, [field.get("description")]), *notes])
    if any(isinstance(rule, ServerOwned) for rule in rules):
        field["readOnly"] = True


def note_of(rule: Rule) -> str:
    """Describe a field's rule in a sentence for the authors of manifests; "" where it means nothing to them."""
    match rule:
        case ServerOwned(reason):
            return f"Owned by the registry, so neither sent nor compared: {reason}."
        case ServerDefault(reason):
            return f"Left alone where absent; null or empty clears it: {reason}."
        case Immutable(reason):
            return f"A change means replace: {reason}."
        case CannotClear(reason):
            return f"Taking it away means replace: {reason}."
        case Ref(kind):
            return f"The key of a {kind} in the same registry."
        case ExternalRef(kind):
            return f"The name of a {kind} of the registry, which must be there."
        case Constraint(_, reason, _):
            return f"{reason[:1].upper()}{reason[1:]}."
        case Usual():
            return f"Usually {rule.range}{f': {rule.reason}' if rule.reason else ''}."
        case BaseAddress():
            return "Without the path of a request, which is added."
        case _:
            return ""


def form_of(model: Any) -> Form:
    """The JSON Schema of a model, complete in itself. The model may not contain itself, nor could its field rules."""
    form = model.model_json_schema(schema_generator=_Generator)
    inlined: Form = _inlined(form, form.pop("$defs", {}))
    return inlined


def _inlined(form: Any, definitions: Mapping[str, Form]) -> Any:
    """Resolve the references in `form`: each is replaced by its target. Keywords next to a reference win."""
    if isinstance(form, list):
        return [_inlined(item, definitions) for item in form]
    if not isinstance(form, dict):
        return form
    if "$ref" in form:
        name = form["$ref"].removeprefix("#/$defs/")
        beside = {keyword: value for keyword, value in form.items() if keyword != "$ref"}
        return _inlined(definitions[name] | beside, definitions)
    plain = {name: _inlined(value, definitions) for name, value in form.items()}
    options = plain.get("anyOf")
    if isinstance(options, list) and len(options) == 2 and options[1] == {"type": "null"}:
        return or_null(options[0]) | {name: value for name, value in plain.items() if name != "anyOf"}
    return plain


def patch_of(form: Form) -> Form:
    """The JSON Schema of a merge patch over what `form` describes: any field may be left out, and null removes it.

    Lists replace, so what is inside them stays as strict as it was. Rules between fields are left to the merged whole.
    """
    dropped = ("required", "minProperties", "allOf", "default")
    patch = {keyword: value for keyword, value in form.items() if keyword not in dropped}
    for keyword in ("properties", "patternProperties"):
        if keyword in patch:
            patch[keyword] = {name: patch_of(member) for name, member in patch[keyword].items()}
    if isinstance(patch.get("additionalProperties"), dict):
        patch["additionalProperties"] = patch_of(patch["additionalProperties"])
    if "anyOf" in patch:
        patch["anyOf"] = [patch_of(option) for option in patch["anyOf"]]
    return or_null(patch)


def ordered(form: Any, *, names: bool = False) -> Any:
    """Sort the keywords of a JSON Schema in reading order, so that equal schemas are equal texts.

    With `names` the members are fields, not keywords, and keep the order in which they are declared.
    """
    if isinstance(form, list):
        return [ordered(item) for item in form]
    if not isinstance(form, dict):
        return form
    description = form.get("description")
    if not names and isinstance(description, str) and "`" in description:
        form = form | {"markdownDescription": description}  # or else an editor shows the backticks
    keywords = form if names else sorted(form, key=lambda keyword: (RANK.get(keyword, len(RANK)), keyword))
    return {keyword: _member(keyword, form[keyword], names=names) for keyword in keywords}


def _member(keyword: str, value: Any, *, names: bool) -> Any:
    if not names and keyword in ("default", "examples", "enum", "const", "defaultSnippets"):
        return value  # data, not a schema
    return ordered(value, names=not names and keyword in ("properties", "patternProperties", "$defs"))
