"""What the rules of a kind make of one object: its secrets, what it refers to, and the form in which two sides are compared.

A spec is plain JSON data; nothing here changes its argument.
"""

from __future__ import annotations

import hashlib
import json
import json.encoder
import marshal
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from reconciler.core import pointer as json_pointer
from reconciler.core.formats import path_at_end
from reconciler.core.json_encoder import json_encoder
from reconciler.core.pointer import MISSING
from reconciler.core.rules import (
    OPAQUE,
    BaseAddress,
    Constraint,
    ExternalRef,
    KnownValues,
    Node,
    Ref,
    ServerDefault,
    Usual,
    WriteOnly,
)

REFERENCE: Final = re.compile(r"\$\{(env|file|cmd):([^{}]+)\}")
_EXACT: Final = frozenset({str, int, bool})  # not float: 0.0 equals -0.0, whose text is another
PRESENT: Final = "(present)"  # what is left of a secret that a registry did hand out
MAX_DEPTH: Final = 100  # levels of maps and lists inside each other, as in a manifest


_encode: Final = json_encoder(sort_keys=True, ensure_ascii=False, allow_nan=True)


def canonical_json(value: Any) -> str:
    """The one text of a JSON value: sorted keys, no spaces. Equal values have equal texts, and True is not 1."""
    return _encode(value)


def canonical_text(text: str) -> str:
    """`canonical_json` of a text, for a third of what that costs."""
    return json.encoder.encode_basestring(text)


def canonical_list(texts: Iterable[str]) -> Iterator[str]:
    """The canonical text of a list whose items' canonical texts these are, in pieces."""
    yield "["
    for place, text in enumerate(texts):
        yield f",{text}" if place else text
    yield "]"


def same_json(one: Any, other: Any) -> bool:
    """True for two values of one canonical text. Most that are compared are equal, and need not be written for that."""
    if one.__class__ is dict and other.__class__ is dict and len(one) != len(other):
        return False
    return _alike(one, other) or surely_same(one, other) or canonical_json(one) == canonical_json(other)


def _alike(one: Any, other: Any) -> bool:
    """True for two values that are the same down to their types and the order of their members: cheap to ask first."""
    if one is other:
        return True
    try:
        # version 2: later ones write what is in memory once only once, so that the same value has many forms
        return marshal.dumps(one, 2) == marshal.dumps(other, 2)
    except ValueError:  # it holds what is no plain data, or is very deep
        return False


def surely_same(one: Any, other: Any) -> bool:
    """True for maps, lists and plain values that are the same, and of the same types: 1 is neither true nor 1.0."""
    kind = one.__class__
    if one is other:
        return True
    if kind is not other.__class__:
        return False
    if kind is dict:
        return len(one) == len(other) and _members_same(one, other)
    if kind is list:
        return len(one) == len(other) and all(map(surely_same, one, other))
    return bool(one == other) and (kind in _EXACT or (kind is float and one != 0))


def _members_same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    for name, item in one.items():  # a plain loop, and most members looked at in it: of every object it is asked
        there = other.get(name, MISSING)
        if item.__class__ in _EXACT:
            if there.__class__ is not item.__class__ or item != there:
                return False
        elif not surely_same(item, there):
            return False
    return True


def digest(value: Any) -> str:
    """sha256 of the canonical text, as 64 hex digits: tells whether plain data moved."""
    # a file's name that is no UTF-8 holds halves of surrogate pairs
    return hashlib.sha256(canonical_json(value).encode(errors="surrogatepass")).hexdigest()


def digest_of(texts: Iterable[str]) -> str:
    """The `digest` of a value by its canonical text, which comes in pieces: none of them cuts a character in two."""
    found = hashlib.sha256()
    for text in texts:
        found.update(text.encode(errors="surrogatepass"))
    return found.hexdigest()


def too_deep(value: Any, limit: int = MAX_DEPTH) -> bool:
    """Whether a map or list has more than `limit` levels of them, itself included. All else that walks through plain data recurses, so this must not."""
    level = [value]
    for _ in range(limit):
        below = []
        for outer in level:  # plain loops: of every object of every registry it is asked, and these take half as long
            for item in outer.values() if isinstance(outer, dict) else outer:
                if isinstance(item, (dict, list)):
                    below.append(item)  # noqa: PERF401
        if not below:
            return False
        level = below
    return True


def is_reference(value: Any) -> bool:
    """Whether a value is one whole `${env:NAME}`, `${file:path}` or `${cmd:NAME/REST}`."""
    return isinstance(value, str) and REFERENCE.fullmatch(value) is not None


def source_of(reference: str) -> str | None:
    """The source of a secret as `secrets.allow` names it: a variable, or `cmd:NAME/REST`. None for a file, and for no reference."""
    match = REFERENCE.fullmatch(reference)
    if match is None or match[1] == "file":
        return None
    return match[2] if match[1] == "env" else f"cmd:{match[2]}"


def without_nulls(spec: Any, node: Node) -> Any:
    """`spec` without the nulls of declared members, which equal absent. Null stays where it means clear, and in free-form data."""
    if isinstance(spec, dict) and (node.declared or node.each):
        kept = {}
        for name, value in spec.items():
            below = node.child(name) or OPAQUE
            if value is None and node.declared and not below.server_default:
                continue
            kept[name] = without_nulls(value, below) if isinstance(value, (dict, list)) else value
        return kept
    if isinstance(spec, list) and node.each is not None:
        return [without_nulls(item, node.each) for item in spec]
    return spec


def with_defaults(spec: Any, node: Node) -> Any:
    """`spec` with what it leaves to defaults written out, wherever the object that would hold it is there."""
    if not node.has_defaults:
        return spec
    if isinstance(spec, dict):
        complete = dict(spec)
        for name, rule in node.defaulted:
            if complete.get(name) is None and rule.when(complete):
                complete[name] = rule.value
        return {name: with_defaults(value, node.child(name) or OPAQUE) for name, value in complete.items()}
    if isinstance(spec, list) and node.each is not None:
        return [with_defaults(item, node.each) for item in spec]
    return spec


def secrets_in(spec: Any, node: Node) -> list[tuple[str, Any]]:
    """`(pointer, value)` of each secret that is set in `spec`, in the order of the fields."""
    found: list[tuple[str, Any]] = []
    if node.holds_secrets:
        _add_secrets(spec, node, (), found)
    return found


def _add_secrets(spec: Any, node: Node, path: tuple[str, ...], found: list[tuple[str, Any]]) -> None:
    rule = node.secret
    if rule is not None and node.is_secret(spec):
        if spec is not None and (
            not rule.only_references or is_reference(spec) or spec == PRESENT or _named(rule, path)
        ):
            found.append((json_pointer.of(path), spec))
        return
    for name, value, below in _members(spec, node, WriteOnly):
        _add_secrets(value, below, (*path, name), found)


def _named(rule: WriteOnly, pointer: tuple[str, ...]) -> bool:
    """Whether a value is a secret by its name alone."""
    return rule.names is not None and bool(pointer) and rule.names(pointer[-1])


def references_in(
    spec: Any, node: Node, holder: str = "", prefix: tuple[str, ...] = ()
) -> Iterator[tuple[str, str, str]]:
    """`(pointer, kind, key)` of each value in `spec`, the object of the key `holder`, that names another resource."""
    if not node.holds_references:
        return
    rule = node.rule(Ref)
    if rule is not None and isinstance(spec, str) and spec and not rule.elsewhere(spec):
        yield json_pointer.join(prefix), rule.kind, f"{holder}/{spec}" if rule.nested else spec
    for name, value, below in _members(spec, node, Ref):
        yield from references_in(value, below, holder, (*prefix, name))


def external_references_in(spec: Any, node: Node) -> Iterator[tuple[str, str, str]]:
    """`(pointer, kind, key)` of each value in `spec` that names an object which no manifest declares."""
    for path, value, rule in _ruled(spec, node, ExternalRef):
        if isinstance(value, str) and value:
            yield json_pointer.join(path), rule.kind, value


def refusals_in(spec: Any, node: Node) -> Iterator[tuple[str, str]]:
    """`(pointer, what is wrong)` of each value that is set in `spec` and that the registry's limits refuse."""
    for path, value, rule in _ruled(spec, node, Constraint):
        refused = rule.fn(value) if value is not None else None
        if refused is not None:
            yield json_pointer.join(path), f"{path[-1]!r} {refused}"


def unknown_values_in(spec: Any, node: Node) -> Iterator[tuple[str, KnownValues]]:
    """`(pointer, rule)` of each text in `spec` that is not in its vendor's list of values, as far as this version knows that."""
    for path, value, rule in _ruled(spec, node, KnownValues):
        if isinstance(value, str) and value not in rule.values:
            yield json_pointer.join(path), rule


def unusual_in(spec: Any, node: Node) -> Iterator[tuple[str, Usual]]:
    """`(pointer, rule)` of each number in `spec` that is outside the bounds of what is meant there."""
    return ((json_pointer.join(path), rule) for path, value, rule in _ruled(spec, node, Usual) if not rule.holds(value))


def whole_addresses_in(spec: Any, node: Node) -> Iterator[tuple[str, str]]:
    """`(pointer, path)` of each base URL in `spec` that ends in a path which is added to it."""
    for place, value, rule in _ruled(spec, node, BaseAddress):
        path = path_at_end(value, rule.paths) if isinstance(value, str) else None
        if path is not None:
            yield json_pointer.join(place), path


def _ruled(spec: Any, node: Node, kind: type) -> list[tuple[tuple[str, ...], Any, Any]]:
    """`(path, value, rule)` of each value in `spec` whose field has a rule of that type."""
    found: list[tuple[tuple[str, ...], Any, Any]] = []
    if kind in node.held:
        _add_ruled(spec, node, kind, (), found)
    return found


def _add_ruled(
    spec: Any, node: Node, kind: type, path: tuple[str, ...], found: list[tuple[tuple[str, ...], Any, Any]]
) -> None:
    rule = node.rule(kind)
    if rule is not None:
        found.append((path, spec, rule))
    if isinstance(spec, (dict, list)):
        for name, value, below in _members(spec, node, kind):
            _add_ruled(value, below, kind, (*path, name), found)


def _members(spec: Any, node: Node, kind: type) -> Sequence[tuple[str, Any, Node]]:
    """The members of a value whose fields have a rule of that type, or have one below: most have none."""
    if isinstance(spec, dict):
        known, other = node.holding(kind)
        if other is None and len(known) == 1:  # as of most
            ((name, only),) = known.items()
            return [(name, spec[name], only)] if only is not None and name in spec else ()
        return [(name, value, below) for name, value in spec.items() if (below := known.get(name, other)) is not None]
    if isinstance(spec, list) and node.each is not None:
        return [(str(index), value, node.each) for index, value in enumerate(spec)]
    return ()


def hide_secrets(spec: Any, node: Node, shown: str = PRESENT, *, references: bool = True) -> Any:
    """`spec` as a driver may hand it on: each secret is its reference where the registry keeps that, else only `shown`.

    Without `references` these are hidden, too.
    """
    for pointer, value in secrets_in(spec, node):
        if not (references and is_reference(value)):
            spec = json_pointer.put(spec, pointer, shown)
    return spec


def left_to_server(spec: Any, node: Node, prefix: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The pointers of the fields that the server defaults and `spec` does not set: nobody compares them."""
    if not node.holds_defaults:
        return ()
    found: list[str] = []
    if node.each is not None:
        for name, value, below in _members(spec, node, ServerDefault):
            if name not in node.children:
                found.extend(left_to_server(value, below, (*prefix, name)))
    for name, below in node.server_defaulted:
        missing = not isinstance(spec, dict) or name not in spec
        if missing and below.server_default and below.rule(ServerDefault).when(spec if isinstance(spec, dict) else {}):
            found.append(json_pointer.of((*prefix, name)))
        else:
            found.extend(left_to_server(None if missing else spec[name], below, (*prefix, name)))
    return tuple(found)


def without_added(stored: Any, wanted: Any, node: Node) -> Any:
    """`stored` without what the server may have added to lists of which `wanted` only says what must be in them."""
    for path in node.shared_lists:
        pointer = json_pointer.join(path)
        there, asked = json_pointer.get(stored, pointer), json_pointer.get(wanted, pointer)
        if isinstance(there, list) and isinstance(asked, list) and all(item in there for item in asked):
            stored = json_pointer.put(stored, pointer, asked)
    return stored


def normalized(spec: Any, node: Node, excluded: tuple[str, ...] = ()) -> Any:
    """The form in which two sides are compared: canonical, without what the server owns, what is unset, and `excluded`."""
    form = _form(json_pointer.remove_all(spec, excluded) if excluded else spec, node)
    return {} if form is MISSING else form


def _form(value: Any, node: Node) -> Any:
    if node.no_rules:
        return _plain(value)
    if node.server_owned:
        return MISSING
    secret = node.secret
    if secret is not None and secret.keeps != "reference" and not secret.only_references and node.is_secret(value):
        return MISSING
    if node.server_default and value in (None, "", [], {}):
        return MISSING
    if node.normalization is not None:
        value = node.normalization.fn(value)
        if value is None:
            return MISSING
    if isinstance(value, dict):
        return _map_form(value, node)
    if isinstance(value, list):
        each = node.each or OPAQUE
        if each.no_rules:
            items = _plain(value)
        else:
            items = [{} if (form := _form(item, each)) is MISSING else form for item in value]
        if node.unordered and all(item.__class__ is str for item in items):
            return sorted(set(items), key=canonical_json)
        if node.unordered:
            return [json.loads(text) for text in sorted({canonical_json(item) for item in items})]
        return items
    return _plain(value)


def _map_form(value: dict[str, Any], node: Node) -> Any:
    form: dict[str, Any] = {}
    children, each = node.children, node.each or OPAQUE
    for name, item in value.items():
        inner, kind = children.get(name, each), item.__class__
        if kind in _EXACT and inner.keeps_plain:  # as most are, and need no call of their own
            form[name] = item
        elif kind is float and inner.keeps_plain:
            form[name] = int(item) if item.is_integer() else item
        elif (item is not None or not node.declared) and (below := _form(item, inner)) is not MISSING:
            form[name] = below
    return MISSING if node.empty_is_absent and not form else form


def _plain(value: Any) -> Any:
    """JSON data with 3.0 as 3, since many servers turn the one into the other."""
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    if isinstance(value, dict):
        return {name: item if item.__class__ in _EXACT else _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [item if item.__class__ in _EXACT else _plain(item) for item in value]
    return value
