"""The field rules of a record, or of a pydantic model class, as a tree of `Node`s.

A class that also takes members which it does not declare (`extra="allow"`) may say how a registry treats those::

    undeclared: ClassVar[tuple[Rule, ...]] = (CannotClear("an update keeps what it does not name"),)
"""

from __future__ import annotations

from functools import cache
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

from reconciler.core.rules import RULES, Default, NeedsConsent, Node, Rule, ServerDefault, ServerOwned, WriteOnly

_UNSEEN: Final = (ServerOwned, ServerDefault, WriteOnly)  # fields that are set aside before two sides are compared


def rules_of(model: Any) -> Node:
    """The tree of rules that a record or a pydantic model class declares."""
    return _tree(model)


@cache  # every unknown field of every document asks for it
def _tree(model: Any) -> Node:
    children = {}
    for name, info in model.model_fields.items():
        found = _node(info.annotation, tuple(rule for rule in info.metadata if isinstance(rule, RULES)))
        children[info.alias or name] = found
    others = getattr(model, "undeclared", ())
    return _node_of((), children, Node(others) if others else None, declared=True)


def _node_of(rules: tuple[Rule, ...], children: dict[str, Node], each: Node | None, *, declared: bool) -> Node:
    below = [*children.values(), *([each] if each else [])]
    empty_is_absent = any(child.empty_is_absent or any(child.rule(rule) for rule in _UNSEEN) for child in below)
    no_rules = not rules and all(child.no_rules for child in below) and not declared
    return Node(rules, children, each, declared, empty_is_absent, no_rules)


def _merged(options: list[Node]) -> Node:
    """One node for all variants of a union: the members of each.

    Raises TypeError where two variants say different things of a member, but for what is there where it is absent.
    """
    first, *others = options
    if not others or not first.declared:
        return first
    children = dict(first.children)
    for other in others:
        for name, node in other.children.items():
            known = children.setdefault(name, node)
            if _said(known) != _said(node):
                raise TypeError(f"two variants say different things of {name!r}: {_said(known)}, {_said(node)}")
    return _node_of(first.rules, children, first.each, declared=True)


def _said(node: Node) -> list[str]:
    return sorted(type(rule).__name__ for rule in node.rules if not isinstance(rule, Default))


def _node(annotation: Any, rules: tuple[Rule, ...]) -> Node:
    """The node of one annotation: unwraps Annotated and unions, descends into models, lists and maps."""
    if get_origin(annotation) is Annotated:
        inner, *extra = get_args(annotation)
        return _node(inner, (*rules, *(rule for rule in extra if isinstance(rule, RULES))))
    if get_origin(annotation) in (Union, UnionType):
        options = [_node(option, rules) for option in get_args(annotation) if option is not type(None)]
        structured = [option for option in options if option.children or option.each or option.rules != rules]
        return _merged(structured) if structured else options[0]
    if hasattr(annotation, "model_fields"):
        root = rules_of(annotation)
        return _node_of(rules, dict(root.children), root.each, declared=True)
    if get_origin(annotation) in (list, dict):
        inner = _node(get_args(annotation)[-1], ())
        if any(node.rule(NeedsConsent) is not None for _, node in inner.walk()):
            raise TypeError("NeedsConsent guards a field with one place, and would not be seen in a list or map")
        interesting = inner.rules or inner.children or inner.each
        return _node_of(rules, {}, inner if interesting else None, declared=False)
    return Node(rules, no_rules=not rules)
