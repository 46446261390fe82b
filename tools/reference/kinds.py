"""The pages of the native kinds, one for each driver, and the page that says what a field rule means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final

from markdown import as_code, cell, code, page, paragraph, sentence, table
from schema_pages import Form, plain, type_of

from reconciler.core.kind import Kind
from reconciler.core.rules import OPAQUE, RULES, Node
from reconciler.core.schema.form import form_of, note_of
from reconciler.registry import catalog

DEEPEST: Final = 6  # levels of fields that a page shows


def field_rules_page() -> str:
    """What each field rule means, from the classes that declare them."""
    intro = (
        "Registries do not echo what was written. Each native kind declares how each of its fields behaves, next to the "
        "field and with the reason. Diff, plan, read-back, JSON Schema and the pages of the kinds read these rules."
    )
    blocks = [paragraph(intro)]
    for rule in RULES:
        blocks += [f"## {rule.__name__}", paragraph(sentence(as_code(rule.__doc__ or "")))]
    return page("Field rules", *blocks)


def driver_pages() -> dict[str, str]:
    """The kinds of each built-in driver."""
    return {name: _driver_page(name) for name in catalog.names()}


def _driver_page(name: str) -> str:
    driver = catalog.load_driver(name)
    intro = (
        f"The kinds of the driver `{name}`. How a field behaves, and why, is what the driver declares: "
        "see [field rules](../field-rules.md)."
    )
    blocks = [paragraph(intro)]
    for kind in driver.kinds.values():
        blocks.extend(_kind(name, kind))
    return page(f"Kinds of {name}", *blocks)


def _kind(driver: str, kind: Kind) -> Iterator[str]:
    yield f"## {driver}/{kind.name}"
    if kind.portable:
        yield paragraph(
            "The portable [Model](../manifest.md) itself: manifests write `kind: Model`. Below is how its fields behave here."
        )
    else:
        yield paragraph(sentence(as_code(kind.model.__doc__ or kind.title)))
    yield table(["Trait", "", "Meaning"], _traits(kind))
    form = form_of(kind.model)
    rows = [row for row in _rows((), kind.root, form) if row]
    yield table(["Field", "Type", "Meaning", "Rules"], rows)


def _traits(kind: Kind) -> Iterator[list[str]]:
    """What is not as in most kinds: each trait that differs from its default, in the words of the class."""
    told = dict(re.findall(r"`(\w+)`(?:: | says | is )([^`\n]+)", Kind.__doc__ or ""))
    for field in fields(Kind):
        value = getattr(kind, field.name)
        if field.name in ("model", "title", "name", "portable", "root", "_") or value == field.default:
            continue
        if field.name == "key_rules":
            shown = cell("; ".join(rule.refusal for rule in value))
        elif isinstance(value, bool):
            shown = "yes" if value else "no"
        elif callable(value):
            continue
        else:
            shown = ", ".join(map(code, sorted(value))) if isinstance(value, frozenset) else cell(sentence(str(value)))
        yield [code(field.name), shown, cell(sentence(told.get(field.name, "").rstrip(" :")))]


def _rows(path: Sequence[str], node: Node, form: Form) -> Iterator[list[str]]:
    """The row of each field below a node, depth first."""
    if len(path) >= DEEPEST:
        return
    members = dict(_members(form))
    for name in [*members, *(name for name in node.children if name not in members)]:
        field, below = members.get(name, {}), node.children.get(name, OPAQUE)
        where = (*path, name)
        if field or below.rules:  # else a driver takes it as it is, and there is nothing to say of it
            yield [code(".".join(where)), type_of(field), cell(_meaning(field, below)), _rules(below)]
        yield from _rows(where, below, field)
        inner = _each(field)
        if below.each is not None or dict(_members(inner)):
            each = below.each or OPAQUE
            if each.rules:
                yield [code(".".join([*where, "*"])), type_of(inner), cell(inner.get("description", "")), _rules(each)]
            yield from _rows((*where, "*"), each, inner)


def _members(form: Form) -> Iterator[tuple[str, Form]]:
    """The fields of an object, those of each form of a union included, each once."""
    seen: set[str] = set()
    for option in (form, *form.get("anyOf", ()), *form.get("oneOf", ())):
        for name, field in option.get("properties", {}).items():
            if name not in seen:
                seen.add(name)
                yield name, field


def _each(form: Form) -> Mapping[str, Any]:
    """The schema of the items of a list or of the values of a map."""
    for keyword in ("items", "additionalProperties"):
        if isinstance(form.get(keyword), dict):
            found: Mapping[str, Any] = form[keyword]
            return found
    return {}


def _meaning(field: Form, node: Node) -> str:
    """The description, without what the schema adds to it of the rules: these have a column of their own."""
    text: str = field.get("description", "")
    for note in reversed([note for note in map(note_of, node.rules) if note]):
        text = text.removesuffix(note).rstrip()
    examples = field.get("examples") or ()
    shown = f" Example: {code(plain(examples[0]))}" if examples and isinstance(examples[0], str | int | float) else ""
    return text + shown


def _rules(node: Node) -> str:
    """The field's rules, each with its reason and a link to what the rule means."""
    return "<br>".join(_rule(rule) for rule in node.rules)


def _rule(rule: Any) -> str:
    name = next(kind.__name__ for kind in RULES if isinstance(rule, kind))
    detail = getattr(rule, "reason", "")
    if name == "Ref":
        detail = f"{code(rule.kind)}: {rule.reason}{'' if rule.must_exist else ', which need not exist'}"
    elif name == "Default":
        detail = f"{code(plain(rule.value))}, {rule.reason}"
    elif name == "KnownValues":
        detail = "a value of none of these is sent as it is, with a warning"
    elif name == "NeedsConsent":
        detail = f"{code(plain(rule.value))} needs {code(f'guards.{rule.guard}')}: {rule.reason}"
    up = "../field-rules.md"
    return f"[{name}]({up}#{name.lower()}): {cell(detail)}"
