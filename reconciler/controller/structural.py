"""Translate the JSON Schema of a manifest into a structural schema, the form that a CustomResourceDefinition takes.

What a structural schema cannot say is left out, and told by `Structural.left`: the controller says it in the object's
status. In a cluster a reference to a secret is `${secret:NAME/KEY}`, one to other text `${configMap:NAME/KEY}`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from reconciler.controller.re2 import translate
from reconciler.core import pointer as json_pointer
from reconciler.core.rules import OPAQUE, Immutable, Node
from reconciler.core.schema.form import Form
from reconciler.core.schema.types import SECRET_REFERENCE, URL, WHOLE_REFERENCE

CREDENTIAL: Final = r"^\$\{secret:[a-z0-9][a-z0-9.-]*/[A-Za-z0-9._-]+\}$"
TEXT: Final = r"\$\{(?:configMap:[a-z0-9][a-z0-9.-]*/[A-Za-z0-9._-]+|var:[^{}]+)\}"
ADDRESS: Final = r"^https?://[^\s/?#@]+(?:[/?#]\S*)?$|\$\{"  # no user-info; with a reference it is judged once resolved
ANY: Final[Form] = {"x-kubernetes-preserve-unknown-fields": True}
MOST_MEMBERS: Final = (
    100  # of a map whose names are checked: without a bound the API server takes the check for too dear
)

_KEPT: Final = ("description", "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties")
_CEL_WORDS: Final = frozenset(
    "true false null in as break const continue else for function if import let loop package namespace return var "
    "void while".split()
)


@dataclass
class Structural:
    """The translation of one schema. `left` says, by pointer, what the structural schema cannot say."""

    left: dict[str, str] = field(default_factory=dict)

    def translate(self, form: Form, node: Node = OPAQUE, path: tuple[str, ...] = ()) -> Form:
        """The structural schema of what `form` describes; `node` has the field rules of it."""
        kept: Form = {word: form[word] for word in _KEPT if word in form}
        kinds = _types(form)
        if "anyOf" in form:
            kept |= self._union(form["anyOf"], path)
        elif kinds == {"object"}:
            kept |= self._object(form, node, path)
        elif kinds == {"array"}:
            each = self.translate(form.get("items", {}), node.each or OPAQUE, (*path, "*"))
            kept |= {"type": "array", "items": each}
        elif kinds and kinds <= {"integer", "string"} and len(kinds) == 2:
            kept |= {"x-kubernetes-int-or-string": True, **_bounds(form), **self._pattern(form, path)}
        elif "string" in kinds and len(kinds) == 2 and kinds & {"boolean", "number"}:
            self._leave(path, "a reference here: write the value")
            kept |= {"type": min(kinds - {"string"}), **_bounds(form)}
        elif len(kinds) == 1:
            kept |= {"type": next(iter(kinds)), **_bounds(form), **_words(form), **self._pattern(form, path)}
        else:
            if kinds:
                self._leave(path, f"its type, one of {', '.join(sorted(kinds))}")
            kept |= ANY
        return _nullable(form, kept)

    def _leave(self, path: tuple[str, ...], what: str) -> None:
        self.left.setdefault(json_pointer.join(path), what)

    def _union(self, options: list[Form], path: tuple[str, ...]) -> Form:
        """A word of a list or a reference is one pattern; any other union has no type, and the controller checks it."""
        words = [word for option in options for word in option.get("enum", ()) if word is not None]
        others = [option for option in options if "enum" not in option]
        if words and all(_types(option) <= {"string"} for option in options):
            if not all(option.get("pattern") == WHOLE_REFERENCE for option in others):
                return {"type": "string"}  # a list that its vendor may extend
            return {"type": "string", "pattern": f"^(?:{'|'.join(map(_quoted, words))}|{TEXT})$"}
        self._leave(path, "which of its forms it has")
        return dict(ANY)

    def _object(self, form: Form, node: Node, path: tuple[str, ...]) -> Form:
        made: Form = {"type": "object"}
        members = form.get("properties", {})
        others = form.get("additionalProperties", True)
        if members:
            made["properties"] = {
                name: self._member(member, node.child(name) or OPAQUE, (*path, name))
                for name, member in members.items()
            }
            if others is not False:
                made |= ANY
        elif isinstance(others, Mapping) and others:
            made["additionalProperties"] = self.translate(dict(others), node.each or OPAQUE, (*path, "*"))
        else:
            made |= ANY
        if "required" in form:
            made["required"] = list(form["required"])
        if "patternProperties" in form:
            self._leave(path, "that a value under the name of a credential is a reference")
        rules = [*self._names(form, made, path), *_optional_immutables(members, form, node), *_variants(form)]
        return made | ({"x-kubernetes-validations": rules} if rules else {})

    def _member(self, form: Form, node: Node, path: tuple[str, ...]) -> Form:
        made = self.translate(form, node, path)
        rule = node.rule(Immutable)
        if rule is None or "x-kubernetes-preserve-unknown-fields" in made:
            return made
        said = {"rule": "self == oldSelf", "message": f"cannot change: {rule.reason}"}
        return made | {"x-kubernetes-validations": [*made.get("x-kubernetes-validations", ()), said]}

    def _names(self, form: Form, made: Form, path: tuple[str, ...]) -> Iterator[Form]:
        names = form.get("propertyNames", {})
        if "pattern" not in names:
            return
        found = translate(names["pattern"])
        if found is None or "additionalProperties" not in made:
            self._leave((*path, "*"), "the form of its names")
            return
        made.setdefault("maxProperties", MOST_MEMBERS)
        rule = " && ".join(f"name.matches({json.dumps(one)})" for one in found.required)
        yield {"rule": f"self.all(name, {rule})", "message": names.get("errorMessage", "a name has the wrong form")}

    def _pattern(self, form: Form, path: tuple[str, ...]) -> Form:
        pattern = form.get("pattern")
        if pattern is None:
            return {}
        if pattern == WHOLE_REFERENCE:
            return {"pattern": f"^{TEXT}$"}
        if SECRET_REFERENCE in pattern:
            return {"pattern": CREDENTIAL}
        if pattern.endswith(URL[1:]):
            return {"pattern": ADDRESS}
        found = translate(pattern)
        if found is None:
            self._leave(path, "the whole of its pattern")
            return {}
        first, *more = found.required or ("",)
        conditions = [{"pattern": one} for one in more] + [{"not": {"pattern": one}} for one in found.forbidden]
        return {"pattern": first} | ({"allOf": conditions} if conditions else {})


def cel_name(name: str) -> str:
    """A member's name as CEL writes it behind a dot."""
    if name in _CEL_WORDS:
        return f"__{name}__"
    escaped = name.replace("__", "__underscores__")
    for letter, word in (("-", "__dash__"), (".", "__dot__"), ("/", "__slash__")):
        escaped = escaped.replace(letter, word)
    return escaped


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
    if not null or made.get("nullable"):
        return made
    if "enum" in made:
        made = made | {"enum": [*made["enum"], None]}
    return made | {"nullable": True}


def _bounds(form: Form) -> Form:
    """The bounds of a number. In OpenAPI 3.0 an exclusive bound is a flag beside it."""
    bounds: Form = {word: form[word] for word in ("minimum", "maximum") if word in form}
    if "exclusiveMinimum" in form:
        bounds |= {"minimum": form["exclusiveMinimum"], "exclusiveMinimum": True}
    return bounds


def _words(form: Form) -> Form:
    words = [form["const"]] if "const" in form else [word for word in form.get("enum", ()) if word is not None]
    return {"enum": words} if words else {}


def _quoted(word: str) -> str:
    return "".join(f"\\{letter}" if letter in r".*+?()[]{}|^$\\" else letter for letter in word)


def _optional_immutables(members: Mapping[str, Any], form: Form, node: Node) -> Iterator[Form]:
    """A transition rule of a field says nothing of its coming and going, so the object around it does."""
    for name in members:
        rule = (node.child(name) or OPAQUE).rule(Immutable)
        if rule is not None and name not in form.get("required", ()):
            there = f"self.{cel_name(name)}"
            yield {
                "rule": f"has({there}) == has(oldSelf.{cel_name(name)})",
                "message": f"{name} cannot be added or removed: {rule.reason}",
            }


def _variants(form: Form) -> Iterator[Form]:
    """The rules of a map whose members depend on one of them (`core.schema.unions.Variants`)."""
    every = set(form.get("properties", ()))
    for condition in form.get("allOf", ()):
        then = condition.get("then", {})
        chosen = [
            (name, said["const"] if "const" in said else said["enum"][0])
            for name, said in condition.get("if", {}).get("properties", {}).items()
            if "const" in said or "enum" in said
        ]
        if len(chosen) != 1 or "properties" not in then:
            continue
        member, value = chosen[0]
        there = f"self.{cel_name(member)}"
        default = "" if condition["if"].get("required") else f"!has({there}) || "
        this = f"({default}{there} == {json.dumps(value)})"
        for name in then.get("required", ()):
            if name != member:
                yield {
                    "rule": f"!{this} || has(self.{cel_name(name)})",
                    "message": f"{name} is missing: {member} {value} needs it",
                }
        for name in sorted(every - set(then["properties"])):
            yield {
                "rule": f"!{this} || !has(self.{cel_name(name)})",
                "message": f"{name} is no field of {member} {value}",
            }
