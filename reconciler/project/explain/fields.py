"""The facts of fields, from their declarations: the JSON Schema of a form, and the field rules of a kind."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from reconciler.core.rules import OPAQUE, RULES, Default, ExternalRef, KnownValues, NeedsConsent, Node, Ref, Usual
from reconciler.core.schema.form import note_of
from reconciler.core.topic import FieldFacts, Member, RuleFact
from reconciler.render.jsontext import inline

Form = Mapping[str, Any]

TYPES: Final = {
    "string": "text", "number": "number", "integer": "integer", "boolean": "boolean", "array": "list", "object": "map"
}  # fmt: skip
BOUNDS: Final = {"minimum": "at least", "exclusiveMinimum": "more than", "maximum": "at most"}
_LENGTHS: Final = {
    "minLength": ("at least", "character"),
    "maxLength": ("at most", "character"),
    "minItems": ("at least", "item"),
    "minProperties": ("at least", "member"),
}
_REFERENCES: Final = {"env": "${env:NAME}", "var": "${var:NAME}", "file": "${file:path}", "cmd": "${cmd:NAME/REST}"}
_LONGEST_VALUES: Final = 30
_LONGEST_PATTERN: Final = 80  # a longer one tells nobody anything


class Place(NamedTuple):
    """A field at its place: the path below its kind, where `*` is any member, its schema, its rules."""

    path: tuple[str, ...]
    form: Form
    node: Node
    required: bool = False

    @property
    def name(self) -> str:
        return ".".join(self.path)


def children(place: Place) -> Iterator[Place]:
    """The declared members of a field, those of each form of a union included; then, where there are more, any other."""
    required = set(place.form.get("required", ()))
    declared = dict(_members(place.form))
    for name in [*declared, *(name for name in place.node.children if name not in declared)]:
        node = place.node.children.get(name, OPAQUE)
        if name != "$schema":
            yield Place((*place.path, name), declared.get(name, {}), node, name in required)
    inner = _each(place.form)
    if place.node.each is not None or inner:
        yield Place((*place.path, "*"), inner, place.node.each or OPAQUE)


def find(place: Place, parts: Sequence[str]) -> Place | None:
    """The field at a path, whatever the case of its letters; the `*` of a list or map may be any name, or left out."""
    if not parts:
        return place
    first, *rest = parts
    below = list(children(place))
    named = next((one for one in below if one.path[-1].casefold() == first.casefold()), None)
    if named is not None:
        return find(named, rest)
    each = next((one for one in below if one.path[-1] == "*"), None)
    if each is None:
        return None
    return find(each, parts) or find(each, rest)


def _members(form: Form) -> Iterator[tuple[str, Form]]:
    seen: set[str] = set()
    for option in (form, *form.get("anyOf", ()), *form.get("oneOf", ())):
        for name, field in option.get("properties", {}).items():
            if name not in seen:
                seen.add(name)
                yield name, field


def _each(form: Form) -> Form:
    """The schema of the items of a list or of the values of a map."""
    for keyword in ("items", "additionalProperties"):
        if isinstance(form.get(keyword), dict):
            found: Form = form[keyword]
            return found
    return {}


def allowed(form: Form) -> tuple[Any, ...]:
    """The only values that a field takes, null aside; nothing where it takes others too."""
    for option in (form, *form.get("anyOf", ())):
        values = option.get("enum") or ([option["const"]] if "const" in option else [])
        found = tuple(value for value in values if value is not None)
        if found:
            return found
    return ()


def type_words(form: Form) -> str:
    """The types that a field takes, in a word or two; null is left out, since absent says the same."""
    if allowed(form):
        return "word" if all(isinstance(value, str) for value in allowed(form)) else "value"
    types = form.get("type", [])
    names = [TYPES[name] for name in ([types] if isinstance(types, str) else types) if name in TYPES]
    if {"number", "integer", "boolean"} & set(names):  # text there is one whole reference
        names = [name for name in names if name != "text"]
    if names == ["list"] and isinstance(form.get("items"), Mapping):
        inner = type_words(form["items"])
        return f"list of {'texts' if inner == 'text' else f'{inner}s' if inner in ('map', 'number') else inner}"
    if not names and form.get("anyOf"):
        names = list(dict.fromkeys(type_words(option) for option in form["anyOf"]))
    return " or ".join(names) or "any"


def bounds(form: Form) -> tuple[str, ...]:
    """The bounds of a number, in words."""
    return tuple(f"{word} {form[name]:g}" for name, word in BOUNDS.items() if name in form)


def meaning(form: Form, node: Node = OPAQUE) -> str:
    """The description, without what the schema adds to it of the rules."""
    text: str = form.get("description", "")
    for note in reversed([note for note in map(note_of, node.rules) if note]):
        text = text.removesuffix(note).rstrip()
    return text


def facts(place: Place, *, manifest: bool = True) -> FieldFacts:
    """All that is declared of a field. In a `manifest` text may hold references; reconciler.yaml has rules of its own."""
    form, node = place.form, place.node
    known = node.rule(KnownValues)
    declared = node.rule(Default)
    default = form.get("default")
    return FieldFacts(
        type="text" if known is not None else type_words(form),
        required=place.required,
        default=declared.value if default is None and declared is not None else default,
        values=() if known is not None else allowed(form),
        known_values=() if known is None else known.values,
        limits=(*bounds(form), *_lengths(form), *_pattern(form)),
        examples=tuple(form.get("examples") or ()),
        secret=_secret(node),
        references=_references(form, node, manifest=manifest),
        rules=tuple(map(rule_fact, node.rules)),
    )


def members(place: Place) -> tuple[Member, ...]:
    """The fields below one, each in a line."""
    return tuple(
        Member(one.path[-1], _short_type(one.form), one.required, meaning(one.form, one.node))
        for one in children(place)
        if one.path[-1] != "*" or one.form or one.node.rules
    )


def _short_type(form: Form) -> str:
    """The type in a column: the values themselves, where they are few and short."""
    values = "|".join(map(inline, allowed(form)))
    return values if 0 < len(values) <= _LONGEST_VALUES else type_words(form) if form else ""


def rule_fact(rule: Any) -> RuleFact:
    """A field's rule in words: Markdown, since values are code."""
    kind = next(kind for kind in RULES if isinstance(rule, kind))
    detail = getattr(rule, "reason", "")
    match rule:
        case Ref():
            detail = f"`{rule.kind}`: {rule.reason}{'' if rule.must_exist else ', which need not exist'}"
        case ExternalRef():
            detail = f"`{rule.kind}`: {rule.hint}"
        case Default():
            detail = f"`{inline(rule.value)}`, {rule.reason}"
        case KnownValues():
            detail = "a value of none of these is sent as it is, with a warning"
        case NeedsConsent():
            detail = f"`{inline(rule.value)}` needs `guards.{rule.guard}`: {rule.reason}"
        case Usual():
            detail = f"usually {rule.range}{f': {rule.reason}' if rule.reason else ''}"
    if isinstance(rule, KnownValues):
        return RuleFact(kind.__name__, detail, f"{detail[:1].upper()}{detail[1:]}.")
    general = re.split(r"(?<=\.)\s", first_paragraph(kind.__doc__ or ""))[0]
    own = "" if detail.casefold() in general.casefold() else f" {detail[:1].upper()}{detail[1:]}."
    return RuleFact(kind.__name__, detail, note_of(rule) or general + own)


def first_paragraph(docstring: str) -> str:
    """The first paragraph of a docstring, on one line."""
    return " ".join(docstring.strip().partition("\n\n")[0].split())


def _lengths(form: Form) -> Iterator[str]:
    for name, (word, noun) in _LENGTHS.items():
        if name in form:
            yield f"{word} {form[name]:,} {noun if form[name] == 1 else f'{noun}s'}"


def _pattern(form: Form) -> Iterator[str]:
    """What the form of a text must be: in the schema's own words, or as its expression."""
    if type_words(form) != "text":
        return
    said = form.get("errorMessage")
    if isinstance(said, str) and "pattern" in form:
        yield said
    elif len(form.get("pattern", "")) in range(1, _LONGEST_PATTERN):
        yield f"matches `{form['pattern']}`"


def _secret(node: Node) -> str:
    if node.secret is None:
        return ""
    return "where its value is a reference" if node.secret.only_references else "always"


def _references(form: Form, node: Node, *, manifest: bool) -> str:
    """The references that a field takes, found by asking its schema."""
    whole = [text for text in _REFERENCES.values() if _takes(form, text)]
    if whole and _takes(form, "x"):  # any text: the schema says nothing of references, the loader does
        whole = [_REFERENCES["var"], _REFERENCES["file"]] if manifest else []
    if not whole:
        return ""
    if node.secret is not None and node.secret.only_references:
        return f"one whole {_REFERENCES['env']} or {_REFERENCES['file']}, which makes it a secret"
    anywhere = _takes(form, f"x{whole[0]}x")
    if manifest and anywhere:
        whole = [_REFERENCES["var"], _REFERENCES["file"]]
    return f"{' or '.join(whole)}, {'anywhere in the text' if anywhere else 'as the whole value'}"


def _takes(form: Form, text: str) -> bool:
    """True where a schema takes this text."""
    types = form.get("type", ["string"] if "pattern" in form else [])
    if ("string" in ([types] if isinstance(types, str) else types)) and not {"enum", "const"} & form.keys():
        pattern = form.get("pattern")
        if pattern is None or re.search(pattern, text):
            return True
    return any(_takes(option, text) for option in form.get("anyOf", ()))
