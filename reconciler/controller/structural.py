"""Translate the JSON Schema of a manifest into a structural schema, the form that a CustomResourceDefinition takes.

A structural schema has one type for a field. A field that takes several (a number or a reference, text or a map) has none
here, and each type that it does not take is refused by a bound that no value of that type keeps. What cannot be said at
all is left to the controller, which says it in the object's status; `Structural.left` tells what that is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from reconciler.controller.cel import quoted
from reconciler.controller.cluster_text import is_complete, text_form, words_or_reference
from reconciler.controller.credential_names import is_credential
from reconciler.controller.re2 import translate
from reconciler.controller.untyped import ANY, NEVER, one_of, text_only, together, visible
from reconciler.controller.variants import Choice, Variant, schema_of
from reconciler.core import pointer as json_pointer
from reconciler.core.rules import OPAQUE, Constraint, Node
from reconciler.core.schema.form import Form

# of a map whose names are checked: without a bound the API server takes the check for too dear
MOST_MEMBERS: Final = 1000

_BOUNDS: Final = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
    "number": ("minimum", "maximum"),
}
_SAID: Final = {
    "string": "text",
    "array": "a list",
    "object": "a map",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
}


@dataclass
class Structural:
    """The translation of one schema. `left` says, by pointer, what the structural schema cannot say.

    `text` says what is checked of a text: it depends on the references that it may hold.
    """

    text: Callable[[Form, Node], Form] = text_form
    left: dict[str, str] = field(default_factory=dict)

    def translate(self, form: Form, node: Node = OPAQUE, path: tuple[str, ...] = ()) -> Form:
        """The structural schema of what `form` describes; `node` has the field rules of it."""
        flat = _flat(form)
        kinds = _types(flat)
        made: Form = {"description": form["description"]} if "description" in form else {}
        if not kinds:
            made |= ANY
        elif len(kinds) == 1:
            made |= self._of_type(flat, node, path)
        elif kinds == {"integer", "string"}:
            made |= {
                "x-kubernetes-int-or-string": True,
                **_bounds(flat, "number"),
                **text_only(self._text(flat, node, path)),
            }
        else:
            made |= self._of_types(flat, kinds, node, path)
            listed = " or ".join(said for kind, said in _SAID.items() if kind in kinds)
            made["description"] = f"{made.get('description', '')} {listed.capitalize()}.".strip()
        return _nullable(form, self._limited(made, node, path))

    def leave(self, path: tuple[str, ...], what: str) -> None:
        """Note what is left to the controller at a place."""
        where = json_pointer.join(path)
        known = self.left.get(where, "")
        if what not in known:
            self.left[where] = f"{known}; {what}" if known else what

    def _limited(self, made: Form, node: Node, path: tuple[str, ...]) -> Form:
        """The schema of a field with the limits of its registry that CEL can say."""
        limits = [rule for rule in node.rules if isinstance(rule, Constraint)]
        said = [limit for limit in limits if limit.cel is not None and visible(made)]
        for limit in limits:
            if limit not in said or (limit.cel is not None and not limit.cel.whole):
                self.leave(path, f"all of its limit: {limit.reason}")
        rules = [{"rule": limit.cel.expression, "message": limit.reason} for limit in said if limit.cel is not None]
        return made | (
            {"x-kubernetes-validations": [*made.get("x-kubernetes-validations", ()), *rules]} if rules else {}
        )

    def _of_type(self, form: Form, node: Node, path: tuple[str, ...]) -> Form:
        """The schema of one type."""
        (kind,) = _types(form)
        if kind == "string":
            words = [form["const"]] if "const" in form else [word for word in form.get("enum", ()) if word is not None]
            return {"type": kind} | ({"enum": words} if words else self._text(form, node, path))
        if kind == "array":
            items = self._items(form, node, path)
            # a set has several owners under server-side apply, each of its own entries
            is_set = node.unordered and items.get("type") == "string"
            shared: Form = {"x-kubernetes-list-type": "set"} if is_set else {}
            return {"type": kind, **_bounds(form, kind), **shared, "items": items}
        if kind == "object":
            return {"type": kind, **self._object(form, node, path)}
        return {"type": kind, **_bounds(form, "number")}

    def _of_types(self, form: Form, kinds: set[str], node: Node, path: tuple[str, ...]) -> Form:
        """The schema of several types: each has its own bounds, and those of the others keep them out."""
        wide = kinds | ({"number"} if "integer" in kinds else set())
        parts = [never for kind, never in NEVER.items() if kind not in wide]
        if "string" in kinds:
            parts.append(text_only(self._text(form, node, path)))
        if wide & {"number"}:
            parts.append(_bounds(form, "number") | ({} if "number" in kinds else {"multipleOf": 1}))
        if "array" in kinds:
            parts.append(_bounds(form, "array") | {"items": self._items(form, node, path)})
        if "object" in kinds:
            parts.append(self._object(form, node, path))
        return together(ANY, *parts)

    def _text(self, form: Form, node: Node, path: tuple[str, ...]) -> Form:
        if "words" in form:
            return _bounds(form, "string") | words_or_reference(form["words"], form.get("pattern"))
        if not is_complete(form):
            self.leave(path, f"the whole of its form: {form.get('errorMessage', form['pattern'])}")
        return _bounds(form, "string") | self.text(form, node)

    def _items(self, form: Form, node: Node, path: tuple[str, ...]) -> Form:
        return self.translate(form.get("items", {}), node.each or OPAQUE, (*path, "*"))

    def _object(self, form: Form, node: Node, path: tuple[str, ...]) -> Form:
        if any("if" in condition for condition in form.get("allOf", ())):
            return self._variants(form, node, path)
        made: Form = dict(_bounds(form, "object"))
        members = form.get("properties", {})
        others = form.get("additionalProperties", True)
        required = [name for name in form.get("required", ()) if name in members]
        if members:
            made["properties"] = {
                name: self.translate(member, node.child(name) or OPAQUE, (*path, name))
                for name, member in members.items()
            }
            if others is not False:
                made |= ANY
                self.leave(path, "references and likely secrets in members that it does not declare")
            elif len(_types(form)) > 1 and len(required) == len(members):
                made["maxProperties"] = len(members)  # no type, so that nothing else says that there are no others
        elif isinstance(others, Mapping) and others:
            made["additionalProperties"] = self.translate(dict(others), node.each or OPAQUE, (*path, "*"))
        else:
            made |= ANY
            self.leave(path, "references and likely secrets inside it")
        if required:
            made["required"] = required
        rules = [*self._names(form, made, path), *self._credentials(form, made, path)]
        return made | ({"x-kubernetes-validations": rules} if rules else {})

    def _variants(self, form: Form, node: Node, path: tuple[str, ...]) -> Form:
        """The schema of a map whose members depend on one of them (`core.schema.unions.Variants`)."""
        member, default, made = "", None, dict(_bounds(form, "object"))
        variants: list[Variant] = []
        for condition in form["allOf"]:
            ((member, said),) = condition["if"]["properties"].items()
            value = said["const"] if "const" in said else said["enum"][0]
            default = value if "enum" in said else default
            chosen = self._object(condition["then"], node, path)
            variants.append(Variant(value, chosen["properties"], frozenset(chosen.get("required", ())) - {member}))
            made |= ANY if ANY.items() <= chosen.items() else {}
            for rule in chosen.get("x-kubernetes-validations", ()):
                self.leave(path, f"in some of its forms: {rule['message']}")
        members = form["properties"]
        said_of = {
            name: {"description": text["description"]} for name, text in members.items() if "description" in text
        }
        made |= schema_of(Choice(member, variants, default), said_of)
        chooser = self.translate(members[member], node.child(member) or OPAQUE, (*path, member))
        is_required = default is None or all(member in one["then"].get("required", ()) for one in form["allOf"])
        made["properties"][member] = chooser | ({"nullable": False} if is_required else {})
        return made | ({"required": [member]} if is_required else {})

    def _names(self, form: Form, made: Form, path: tuple[str, ...]) -> Iterator[Form]:
        """The rule for the names of a map."""
        names = form.get("propertyNames", {})
        if "pattern" not in names:
            return
        found = translate(names["pattern"])
        if not found.complete or "*" in path or not visible(made.get("additionalProperties", ANY)):
            self.leave((*path, "*"), "the form of its names")
            return
        made.setdefault("maxProperties", MOST_MEMBERS)
        patterns = [f"size(name) <= {names['maxLength']}"] if "maxLength" in names else []
        patterns += [f"name.matches({quoted(one)})" for one in found.required]
        patterns += [f"!name.matches({quoted(one)})" for one in found.forbidden]
        yield {
            "rule": f"self.all(name, {' && '.join(patterns)})",
            "message": names.get("errorMessage", "a name has another form"),
        }

    def _credentials(self, form: Form, made: Form, path: tuple[str, ...]) -> Iterator[Form]:
        """The rule for members that carry a credential by their name."""
        if "patternProperties" not in form:
            return
        self.leave(
            path, "that a value under a name that may be a credential's is a reference: it knows the plainest names"
        )
        if "*" in path or made.get("additionalProperties", {}).get("type") != "string":
            return
        made.setdefault("maxProperties", MOST_MEMBERS)
        rule = f"!({is_credential('name')}) || self[name].startsWith('${{secret:')"
        yield {"rule": f"self.all(name, {rule})", "message": "a credential is written as ${secret:NAME/KEY}"}


def _flat(form: Form) -> Form:
    """A schema without `anyOf`: its options are of different types, so what each says concerns no other."""
    if "anyOf" not in form:
        return form
    flat = {word: said for word, said in form.items() if word != "anyOf"}
    kinds: list[str] = []
    for option in form["anyOf"]:
        kinds += sorted(_types(option))
        words = [word for word in option.get("enum", ()) if word is not None]
        if words and "words" not in flat:
            flat["words"] = words
        flat |= {word: said for word, said in option.items() if word not in ("type", "enum", "description", "title")}
    return flat | {"type": sorted(set(kinds))}


def _types(form: Form) -> set[str]:
    """The JSON types that a schema takes, null aside."""
    said = form.get("type", ())
    types = {said} if isinstance(said, str) else set(said)
    for word in (form["const"],) if "const" in form else form.get("enum", ()):
        if isinstance(word, str):
            types.add("string")
    return types - {"null"}


def _nullable(form: Form, made: Form) -> Form:
    said = form.get("type", ())
    options = form.get("anyOf", ())
    null = (
        (not isinstance(said, str) and "null" in said)
        or None in form.get("enum", ())
        or any("null" in (option.get("type") or ()) for option in options)
    )
    if not null:
        return made
    words = made.get("enum")
    if words is not None:  # the API server refuses null wherever there is an `enum`, even where that lists it
        listed = f"{made.get('description', '')} One of: {', '.join(words)}.".strip()
        made = {word: said for word, said in made.items() if word != "enum"} | one_of(words) | {"description": listed}
    return made | {"nullable": True}


def _bounds(form: Form, kind: str) -> Form:
    """The bounds of values of one type. In OpenAPI 3.0 an exclusive bound is a flag beside it."""
    bounds: Form = {word: form[word] for word in _BOUNDS[kind] if word in form}
    if kind == "number" and "exclusiveMinimum" in form:
        bounds |= {"minimum": form["exclusiveMinimum"], "exclusiveMinimum": True}
    return bounds
