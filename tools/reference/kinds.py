"""The pages of the native kinds, one for each driver, and the page that says what a field rule means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from markdown import cell, code, page, paragraph, sentence, table
from schema_pages import type_of

from reconciler.core.kind import Kind
from reconciler.core.rules import RULES, Node
from reconciler.core.schema.form import form_of
from reconciler.project.explain.fields import Place, children, first_paragraph, meaning, rule_fact
from reconciler.project.explain.kinds import traits
from reconciler.registry import catalog
from reconciler.render.jsontext import inline

DEEPEST: Final = 6  # levels of fields that a page shows


def field_rules_page() -> str:
    """What each field rule means, from the classes that declare them."""
    intro = (
        "Registries do not echo what was written. Each native kind declares how each of its fields behaves, next to the "
        "field and with the reason. Diff, plan, read-back, JSON Schema and the pages of the kinds read these rules."
    )
    blocks = [paragraph(intro)]
    for rule in RULES:
        blocks += [f"## {rule.__name__}", paragraph(sentence(first_paragraph(rule.__doc__ or "")))]
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
        yield paragraph(sentence(first_paragraph(kind.model.__doc__ or kind.title)))
    yield table(["Trait", "", "Meaning"], _traits(kind))
    form = form_of(kind.model)
    yield table(["Field", "Type", "Meaning", "Rules"], _rows(Place((), form, kind.root)))


def _traits(kind: Kind) -> Iterator[list[str]]:
    """What is not as in most kinds: each trait that differs from its default, in the words of the class."""
    for trait in traits(kind):
        if trait.name == "key_rules":
            shown = cell("; ".join(rule.refusal for rule in trait.value))
        elif isinstance(trait.value, bool):
            shown = "yes" if trait.value else "no"
        elif isinstance(trait.value, frozenset):
            shown = ", ".join(map(code, sorted(trait.value)))
        else:
            shown = cell(sentence(str(trait.value)))
        yield [code(trait.name), shown, cell(sentence(trait.meaning))]


def _rows(place: Place) -> Iterator[list[str]]:
    """The row of each field below a place, depth first."""
    if len(place.path) >= DEEPEST:
        return
    for one in children(place):
        # else a driver takes it as it is, and there is nothing to say of it
        if one.node.rules or (one.form and one.path[-1] != "*"):
            yield [code(one.name), type_of(one.form), cell(_meaning(one)), _rules(one.node)]
        yield from _rows(one)


def _meaning(place: Place) -> str:
    """The description, without what the schema adds to it of the rules: these have a column of their own."""
    examples = place.form.get("examples") or ()
    shown = f" Example: {code(inline(examples[0]))}" if examples and isinstance(examples[0], str | int | float) else ""
    return meaning(place.form, place.node) + shown


def _rules(node: Node) -> str:
    """The field's rules, each with its reason and a link to what the rule means."""
    return "<br>".join(
        f"[{fact.name}](../field-rules.md#{fact.name.lower()}): {cell(fact.detail)}"
        for fact in map(rule_fact, node.rules)
    )
