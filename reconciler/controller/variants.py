"""The structural schema of a map whose members depend on one of them: the settings of a registry on its driver, say.

A member that CEL can see has rules whose messages name it. One that several types may have is out of CEL's sight; what
holds for it stands in `allOf`, whose messages are the API server's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from reconciler.controller.cel import cel_name, one_of
from reconciler.controller.untyped import ANY, NULL, value_validations, visible
from reconciler.core.schema.form import Form

_EXPLAINS = ("description", "nullable")


class Variant(NamedTuple):
    """One form of the map: the value that chooses it, its members as structural schemas, and which of them it needs."""

    value: str
    members: Mapping[str, Form]
    required: frozenset[str]


class Choice(NamedTuple):
    """The member that chooses the form, and all forms. `default` is the value that its absence means, if any."""

    member: str
    variants: Sequence[Variant]
    default: str | None = None

    def is_one_of(self, values: Iterable[str]) -> str:
        """The CEL expression that is true where the value is one of `values`."""
        chosen = sorted(values)
        there = f"self.{cel_name(self.member)}"
        test = f"{there} in {one_of(chosen)}"
        return f"(!has({there}) || {test})" if self.default in chosen else f"(has({there}) && {test})"

    def allows(self, values: Iterable[str]) -> Form:
        """The schema that takes what is one of `values`. Null is held against no schema but an `enum`."""
        chosen = set(values)
        if self.default in chosen:
            others = [variant.value for variant in self.variants if variant.value not in chosen]
            return {"properties": {self.member: {"not": {"enum": others}}}}
        return {"properties": {self.member: {"enum": sorted(chosen)}}, "required": [self.member]}


def schema_of(choice: Choice, described: Mapping[str, Form]) -> Form:
    """The members of all forms, and the rules that say which form has which. `described` says what each member is for."""
    names = list(dict.fromkeys(name for variant in choice.variants for name in variant.members))
    properties: dict[str, Form] = {}
    rules: list[Form] = []
    conditions: list[Form] = []
    every = {variant.value for variant in choice.variants}
    for name in names:
        if name == choice.member:
            continue
        forms = {variant.value: variant.members[name] for variant in choice.variants if name in variant.members}
        properties[name] = _member(forms, described.get(name, {}))
        if not _alike(forms):
            conditions += _different(choice, name, forms, every)
        taken, needed = set(forms), {variant.value for variant in choice.variants if name in variant.required}
        if visible(properties[name]):
            rules += _rules(choice, name, taken, needed, every)
        else:
            conditions += _conditions(choice, name, taken, needed, every)
    made: Form = {"properties": properties}
    return made | ({"x-kubernetes-validations": rules} if rules else {}) | ({"allOf": conditions} if conditions else {})


def _rules(choice: Choice, name: str, taken: set[str], needed: set[str], every: set[str]) -> Iterator[Form]:
    there = f"has(self.{cel_name(name)})"
    if taken != every:
        said = f"{name} is of {choice.member} {', '.join(sorted(taken))} only"
        yield {"rule": f"!{there} || {choice.is_one_of(taken)}", "message": said}
    if needed:
        said = f"{name} is missing: {choice.member} {', '.join(sorted(needed))} needs it"
        yield {"rule": f"!{choice.is_one_of(needed)} || {there}", "message": said}


def _conditions(choice: Choice, name: str, taken: set[str], needed: set[str], every: set[str]) -> Iterator[Form]:
    if taken != every:
        absent: list[Form] = [{"not": {"required": [name]}}, {"properties": {name: NULL}}]
        yield {"anyOf": [*absent, choice.allows(taken)]}
    if needed:
        there: Form = {"required": [name]}
        yield {"anyOf": [choice.allows(every - needed), there]} if every - needed else there


def _different(choice: Choice, name: str, forms: Mapping[str, Form], every: set[str]) -> Iterator[Form]:
    groups: list[tuple[Form, set[str]]] = []
    for value, form in forms.items():
        said = value_validations(form)
        same = next((values for known, values in groups if known == said), None)
        if same is None:
            groups.append((said, {value}))
        else:
            same.add(value)
    for said, values in groups:
        if said:
            others = [choice.allows(every - values)] if every - values else []
            yield {"anyOf": [*others, {"properties": {name: said}}]}


def _member(forms: Mapping[str, Form], described: Form) -> Form:
    """The schema of a member in all forms: what they share."""
    said: Form = {word: text for word, text in described.items() if word == "description"}
    return merged(list(forms.values())) | said


def merged(forms: Sequence[Form]) -> Form:
    """A schema that takes what any of `forms` takes, and has every member of theirs: what is said of one must be declared."""
    made: Form = dict(forms[0])
    if not _all_alike(forms):
        types = {form.get("type") for form in forms}
        made = {word: said for word, said in forms[0].items() if word == "description"}
        made |= {"type": forms[0]["type"]} if len(types) == 1 and None not in types else ANY
        made |= ANY if any(ANY.items() <= form.items() for form in forms) else {}
        members = list(dict.fromkeys(name for form in forms for name in form.get("properties", ())))
        values = [form["additionalProperties"] for form in forms if "additionalProperties" in form]
        if members:
            with_member = {
                name: [form["properties"][name] for form in forms if name in form.get("properties", ())]
                for name in members
            }
            made["properties"] = {name: merged(found) for name, found in with_member.items()}
            made |= ANY if values else {}
        elif values:
            made["additionalProperties"] = merged(values)
        items = [form["items"] for form in forms if "items" in form]
        made |= {"items": merged(items)} if items else {}
    return made | ({"nullable": True} if any(form.get("nullable") for form in forms) else {})


def _alike(forms: Mapping[str, Form]) -> bool:
    return _all_alike(list(forms.values()))


def _all_alike(forms: Sequence[Form]) -> bool:
    first, *others = map(_without_explanations, forms)
    return all(form == first for form in others)


def _without_explanations(form: Any, *, names: bool = False) -> Any:
    if isinstance(form, list):
        return [_without_explanations(item) for item in form]
    if not isinstance(form, dict):
        return form
    return {
        word: _without_explanations(said, names=not names and word == "properties")
        for word, said in form.items()
        if names or word not in _EXPLAINS
    }
