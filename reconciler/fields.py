"""How each field of a registry behaves, as values.

Registries do not echo what was written. Each native kind says so next to the field, in the field's own annotation::

    class Provider(BaseModel):
        host_url: Annotated[str, Canonical(canonical_url, "the server appends a slash")]
        status: Annotated[str | None, ServerOwned("set by the controller")] = None

Diff, plan, schema and the reference all read these rules; no driver hides a special case in code. `rules_of` turns a
model class into a tree of `Node`s, once; `compared` is the form of an object in which both sides are compared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import UnionType
from typing import Annotated, Any, Final, NamedTuple, Union, get_args, get_origin

from reconciler import pointer as pointers
from reconciler.pointer import MISSING

REFERENCE: Final = re.compile(r"\$\{(env|file):([^{}]+)\}")
_encode: Final = json.JSONEncoder(sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode
PRESENT: Final = "(present)"  # what is left of a secret that a registry did hand out


class WriteOnly(NamedTuple):
    """A secret: never compared by value. Where it is set, the manifest holds a reference.

    `keeps` says what the registry gives back: "nothing", "presence" where it tells reliably whether the secret is set, or
    "reference" where it stores the reference's text. With `only_references` the field is a secret only where its value is a
    reference (a header).
    """

    reason: str = "a secret"
    keeps: str = "nothing"
    only_references: bool = False


class ServerOwned(NamedTuple):
    """Never sent, never compared."""

    reason: str


class ServerDefault(NamedTuple):
    """Absent in the manifest means unmanaged; null or empty means clear."""

    reason: str


class Immutable(NamedTuple):
    """A change means replace: delete and create."""

    reason: str


class CannotClear(NamedTuple):
    """Removing the value means replace."""

    reason: str


class Canonical(NamedTuple):
    """Both sides pass through `fn` before they are compared. `fn` takes and returns plain JSON data."""

    fn: Callable[[Any], Any]
    reason: str


class Unordered(NamedTuple):
    """A list that is compared as a set."""

    reason: str = "order means nothing"


class Ref(NamedTuple):
    """The value names another resource of the same registry: it gives order and must exist."""

    kind: str
    reason: str = "names another resource"


class Requires(NamedTuple):
    """A limit that the registry enforces late or not at all. `fn` returns what is wrong, or None."""

    fn: Callable[[Any], str | None]
    reason: str


Rule = WriteOnly | ServerOwned | ServerDefault | Immutable | CannotClear | Canonical | Unordered | Ref | Requires
_UNSEEN: Final = (ServerOwned, ServerDefault, WriteOnly)  # fields that are set aside before two sides are compared
RULES: Final = (WriteOnly, ServerOwned, ServerDefault, Immutable, CannotClear, Canonical, Unordered, Ref, Requires)


@dataclass(frozen=True)
class Node:
    """The rules of one field and of what lies below it.

    `children` are the members of a declared object, `each` the members of a map or list of one type. A node with
    neither is opaque: what is inside it is the user's, null included.
    """

    rules: tuple[Rule, ...] = ()
    children: Mapping[str, Node] = field(default_factory=dict)
    each: Node | None = None
    declared: bool = False  # an object with declared members: null in it equals absent
    hollow: bool = False  # has members that the server owns or defaults, or secrets: without them, empty equals absent
    plain: bool = False  # no rule in here changes how it is compared

    def child(self, name: str) -> Node | None:
        return self.children.get(name, self.each)

    def find(self, parts: tuple[str, ...]) -> Node | None:
        """The node at a path, or None where no such field is declared. Anything may lie below an opaque node."""
        node: Node = self
        for part in parts:
            below = node.child(part)
            if below is None:
                return None if node.declared else OPAQUE
            node = below
        return node

    def rule(self, kind: type) -> Any:
        """The rule of that type, or None."""
        return next((rule for rule in self.rules if isinstance(rule, kind)), None)

    # asked of every field of every object, so found out once

    @cached_property
    def secret(self) -> WriteOnly | None:
        found: WriteOnly | None = self.rule(WriteOnly)
        return found

    @cached_property
    def canonical(self) -> Canonical | None:
        found: Canonical | None = self.rule(Canonical)
        return found

    @cached_property
    def server_owned(self) -> bool:
        return self.rule(ServerOwned) is not None

    @cached_property
    def server_default(self) -> bool:
        return self.rule(ServerDefault) is not None

    @cached_property
    def unordered(self) -> bool:
        return self.rule(Unordered) is not None

    @cached_property
    def holds_secrets(self) -> bool:
        """Whether it, or anything below it, may be a secret."""
        return any(node.rule(WriteOnly) is not None for _, node in self.walk())

    @cached_property
    def holds_references(self) -> bool:
        """Whether it, or anything below it, may name another resource."""
        return any(node.rule(Ref) is not None for _, node in self.walk())

    @cached_property
    def holds_defaults(self) -> bool:
        """Whether anything below it may be defaulted by the server."""
        return any(node.rule(ServerDefault) is not None for _, node in self.walk())

    def walk(self, prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
        """This node and all below it; the part for `each` is `*`."""
        yield prefix, self
        for name, node in self.children.items():
            yield from node.walk((*prefix, name))
        if self.each is not None:
            yield from self.each.walk((*prefix, "*"))


OPAQUE: Final = Node(plain=True)


@dataclass(frozen=True, slots=True)
class KindRules:
    """What the pure layers know of one native kind.

    `marked`: objects of the kind have room for our mark. `model`: deletions of it count in the guards.
    `exact_revision`: the revision moves when, and only when, somebody writes, so it may be part of what a plan observed.
    `deletable`: the registry can delete objects of this kind at all. `unique`: it refuses a second object of the same key.
    """

    name: str
    root: Node
    marked: bool = True
    model: bool = True
    exact_revision: bool = False
    deletable: bool = True
    unique: bool = True


def rules_of(model: Any) -> Node:
    """The tree of rules that a pydantic model class declares."""
    children = {}
    for name, info in model.model_fields.items():
        found = _node(info.annotation, tuple(rule for rule in info.metadata if isinstance(rule, RULES)))
        children[info.alias or name] = found
    return _node_of((), children, None, declared=True)


def _node_of(rules: tuple[Rule, ...], children: dict[str, Node], each: Node | None, *, declared: bool) -> Node:
    below = [*children.values(), *([each] if each else [])]
    hollow = any(child.hollow or any(child.rule(rule) for rule in _UNSEEN) for child in below)
    plain = not rules and all(child.plain for child in below) and not declared
    return Node(rules, children, each, declared, hollow, plain)


def _node(annotation: Any, rules: tuple[Rule, ...]) -> Node:
    """The node of one annotation: unwraps Annotated and unions, descends into models, lists and maps."""
    if get_origin(annotation) is Annotated:
        inner, *extra = get_args(annotation)
        return _node(inner, (*rules, *(rule for rule in extra if isinstance(rule, RULES))))
    if get_origin(annotation) in (Union, UnionType):
        options = [_node(option, rules) for option in get_args(annotation) if option is not type(None)]
        structured = [option for option in options if option.children or option.each or option.rules != rules]
        return structured[0] if structured else options[0]
    if hasattr(annotation, "model_fields"):
        root = rules_of(annotation)
        return _node_of(rules, dict(root.children), None, declared=True)
    if get_origin(annotation) in (list, dict):
        inner = _node(get_args(annotation)[-1], ())
        interesting = inner.rules or inner.children or inner.each
        return _node_of(rules, {}, inner if interesting else None, declared=False)
    return Node(rules, plain=not rules)


# --- forms of an object ------------------------------------------------------------------------------------


def canonical_json(value: Any) -> str:
    """The one text of a JSON value: sorted keys, no spaces. Equal values have equal texts, and True is not 1."""
    return _encode(value)


def is_reference(value: Any) -> bool:
    """Whether a value is one whole `${env:NAME}` or `${file:path}`."""
    return isinstance(value, str) and REFERENCE.fullmatch(value) is not None


def without_nulls(spec: Any, node: Node) -> Any:
    """`spec` without the nulls of declared members, which equal absent. Null stays where it means clear, and in free-form data."""
    if isinstance(spec, dict) and (node.declared or node.each):
        kept = {}
        for name, value in spec.items():
            below = node.child(name) or OPAQUE
            if value is None and node.declared and not below.server_default:
                continue
            kept[name] = without_nulls(value, below)
        return kept
    if isinstance(spec, list) and node.each is not None:
        return [without_nulls(item, node.each) for item in spec]
    return spec


def secrets_in(spec: Any, node: Node, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """`(pointer, value)` of each secret that is set in `spec`, in the order of the fields."""
    if not node.holds_secrets:
        return
    rule = node.secret
    if rule is not None:
        if spec is not None and (not rule.only_references or is_reference(spec) or spec == PRESENT):
            yield pointers.join(prefix), spec
        return
    for name, value, below in _members(spec, node):
        yield from secrets_in(value, below, (*prefix, name))


def references_in(spec: Any, node: Node, prefix: tuple[str, ...] = ()) -> Iterator[tuple[str, str, str]]:
    """`(pointer, kind, key)` of each value in `spec` that names another resource."""
    if not node.holds_references:
        return
    rule = node.rule(Ref)
    if rule is not None and isinstance(spec, str) and spec:
        yield pointers.join(prefix), rule.kind, spec
    for name, value, below in _members(spec, node):
        yield from references_in(value, below, (*prefix, name))


def _members(spec: Any, node: Node) -> Iterator[tuple[str, Any, Node]]:
    if isinstance(spec, dict):
        for name, value in spec.items():
            below = node.child(name)
            if below is not None:
                yield name, value, below
    elif isinstance(spec, list) and node.each is not None:
        for index, value in enumerate(spec):
            yield str(index), value, node.each


def hide_secrets(spec: Any, node: Node) -> Any:
    """`spec` as a driver may hand it on: each secret is its reference where the registry keeps that, else only PRESENT."""
    for place, value in list(secrets_in(spec, node)):
        if not is_reference(value):
            spec = pointers.put(spec, place, PRESENT)
    return spec


def unmanaged(spec: Any, node: Node, prefix: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The pointers of the fields that the server defaults and `spec` does not set: nobody compares them."""
    if not node.holds_defaults:
        return ()
    found: list[str] = []
    if node.each is not None:
        for name, value, below in _members(spec, node):
            found.extend(unmanaged(value, below, (*prefix, name)))
        return tuple(found)
    for name, below in node.children.items():
        missing = not isinstance(spec, dict) or name not in spec
        if missing and below.server_default:
            found.append(pointers.join((*prefix, name)))
        else:
            found.extend(unmanaged(None if missing else spec[name], below, (*prefix, name)))
    return tuple(found)


def compared(spec: Any, node: Node, excluded: tuple[str, ...] = ()) -> Any:
    """The form in which two sides are compared: canonical, without what the server owns, what is unset, and `excluded`."""
    for place in excluded:
        spec = pointers.remove(spec, place)
    form = _form(spec, node)
    return {} if form is MISSING else form


def _form(value: Any, node: Node) -> Any:
    if node.plain:
        return _plain(value)
    if node.server_owned:
        return MISSING
    secret = node.secret
    if secret is not None and secret.keeps != "reference" and not secret.only_references:
        return MISSING
    if node.server_default and value in (None, "", [], {}):
        return MISSING
    if node.canonical is not None:
        value = node.canonical.fn(value)
    if isinstance(value, dict):
        return _map_form(value, node)
    if isinstance(value, list):
        forms = (_form(item, node.each or OPAQUE) for item in value)
        items = [{} if form is MISSING else form for form in forms]
        if node.unordered:
            return [json.loads(text) for text in sorted({canonical_json(item) for item in items})]
        return items
    return _plain(value)


def _map_form(value: dict[str, Any], node: Node) -> Any:
    form: dict[str, Any] = {}
    for name, item in value.items():
        if item is None and node.declared:
            continue
        below = _form(item, node.child(name) or OPAQUE)
        if below is not MISSING:
            form[name] = below
    return MISSING if node.hollow and not form else form


def _plain(value: Any) -> Any:
    """JSON data with 3.0 as 3, since many servers turn the one into the other."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
