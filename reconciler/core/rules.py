"""How each field of a registry behaves, as values.

Registries do not echo what was written. Each native kind says so next to the field, in the field's own annotation::

    class Provider(BaseModel):
        host_url: Annotated[str, Normalized(canonical_url, "the server appends a slash")]
        status: Annotated[str | None, ServerOwned("set by the controller")] = None

Diff, plan and schema all read these rules; no driver hides a special case in code. `fieldtree.rules_of` turns a model class into
a tree of `Node`s, once; `specs` applies that tree to objects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, NamedTuple, get_args


class WriteOnly(NamedTuple):
    """A secret: never compared by value. Where it is set, the manifest holds a reference.

    `keeps` says what the registry gives back: "nothing", "presence" where it tells reliably whether the secret is set, or
    "reference" where it stores the reference's text. With `only_references` the field is a secret only where its value is a
    reference (a header), or where its name in the map that holds it is one of `names`, whatever it holds then. Where the
    field's type also has a form with members (`{name: ...}`, which names a secret that the registry keeps), a value of that form is no secret.
    """

    reason: str = "a secret"
    keeps: str = "nothing"
    only_references: bool = False
    names: Callable[[str], bool] | None = None


class ServerOwned(NamedTuple):
    """Never sent, never compared."""

    reason: str


class ServerDefault(NamedTuple):
    """Absent in the manifest means unmanaged; null or empty means clear. With `when`, only where that says so of the object that holds the field."""

    reason: str
    when: Callable[[Mapping[str, Any]], bool] = lambda holder: True


class Default(NamedTuple):
    """Absent means this value, which is written out before it is compared and sent: removing the field goes back to it.

    With `when`, only where that says so of the object that holds the field (a member of some variants of a union).
    """

    value: Any
    reason: str
    when: Callable[[Mapping[str, Any]], bool] = lambda holder: True


class Immutable(NamedTuple):
    """A change means replace: delete and create."""

    reason: str


class CannotClear(NamedTuple):
    """Removing the value means replace."""

    reason: str


class Normalized(NamedTuple):
    """Both sides are brought to one form before they are compared. `fn` does it: it takes and returns plain JSON data; None is as good as absent."""

    fn: Callable[[Any], Any]
    reason: str


class Unordered(NamedTuple):
    """A list that is compared as a set."""

    reason: str = "order means nothing"


class NeedsConsent(NamedTuple):
    """A value with consequences: it is written only where `guards.<guard>` in reconciler.yaml is true. `reason` says what it brings about."""

    value: Any
    guard: str
    reason: str


class Superset(NamedTuple):
    """A list of strings to which the server adds: what is declared must be in it, and what else is in it is left alone."""

    reason: str


class Ref(NamedTuple):
    """The value names another resource of the same registry: it gives order and must exist. `hint` says how it comes to be.

    `elsewhere` tells a name that leads out of the registry, of which nothing is known. Without `must_exist` a name of nothing is allowed.
    A `nested` one names an object inside the one that holds the field: its key is `<holder's key>/<value>`. Without `ordered` the driver can
    write the object before the other is there, which is how two that need each other are created; without both, a name of nothing is a conflict.
    """

    kind: str
    reason: str = "names another resource"
    hint: str | None = None
    elsewhere: Callable[[str], bool] = lambda key: False
    must_exist: bool = True
    nested: bool = False
    ordered: bool = True


class ExternalRef(NamedTuple):
    """The value names an object of the registry that no manifest declares: it must be there before. `kind` is what the registry calls it.

    A plan looks such objects up where the open registry can (`FindsExternal`). `hint` says how they come to be.
    """

    kind: str
    hint: str


@dataclass(frozen=True)
class KnownValues:
    """A list of values that its vendor may extend: one that is not in it is written all the same, with a warning of `validate`."""

    values: tuple[str, ...]


class Cel(NamedTuple):
    """A limit in CEL, over the value as `self`, for an API server: false for nothing that the limit allows.

    Null counts as absent there, and text may hold references, which begin with `${`. Not `whole` where it is true of
    something that the limit refuses.
    """

    expression: str
    whole: bool = True


# the plainest form of an address with a user or a password (`core.secret_names.refuses_credentials` knows more)
NO_USER_INFO: Final = Cel(r"!self.matches('^[A-Za-z][A-Za-z0-9+.-]*://[^/?#\\\\]*@')", whole=False)


class Constraint(NamedTuple):
    """A limit that the registry enforces late or not at all. `fn` returns what is wrong, or None; `cel` says the same, where it can."""

    fn: Callable[[Any], str | None]
    reason: str
    cel: Cel | None = None


class Usual(NamedTuple):
    """Bounds, both included, of the numbers that are meant here: one outside is written all the same, with a warning of `validate`."""

    minimum: float | None = None
    maximum: float | None = None
    reason: str = ""

    @property
    def range(self) -> str:
        """The bounds in words."""
        if self.minimum is None:
            return f"at most {self.maximum:,}"
        return f"at least {self.minimum:,}" if self.maximum is None else f"{self.minimum:,} to {self.maximum:,}"

    def holds(self, value: Any) -> bool:
        """Tell whether a value is within the bounds; what is no number is."""
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return True
        return (self.minimum is None or value >= self.minimum) and (self.maximum is None or value <= self.maximum)


class BaseAddress(NamedTuple):
    """A base URL, to which one of `paths` is added: one that ends in such a path is written all the same, with a warning of `validate`."""

    paths: tuple[str, ...]


Rule = (
    WriteOnly
    | ServerOwned
    | ServerDefault
    | Default
    | Immutable
    | CannotClear
    | Normalized
    | Unordered
    | Superset
    | NeedsConsent
    | Ref
    | ExternalRef
    | Constraint
    | KnownValues
    | Usual
    | BaseAddress
)
RULES: Final = get_args(Rule)


@dataclass(frozen=True)
class Node:
    """The rules of one field and of what lies below it.

    `children` are the members of a declared object, `each` the members of a map or list of one type, or those that an
    object has beside the declared ones. A node with neither is opaque: what is inside it is the user's, null included.
    """

    rules: tuple[Rule, ...] = ()
    children: Mapping[str, Node] = field(default_factory=dict)
    each: Node | None = None
    declared: bool = False  # an object with declared members: null in it equals absent
    empty_is_absent: bool = (
        False  # has members that the server owns or defaults, or secrets: without them, empty equals absent
    )
    no_rules: bool = False  # no rule in here changes how it is compared

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
        if kind not in self._by_type:
            self._by_type[kind] = next((rule for rule in self.rules if isinstance(rule, kind)), None)
        return self._by_type[kind]

    def holding(self, kind: type) -> tuple[Mapping[str, Node | None], Node | None]:
        """The members that have a rule of that type or hold one below; and so for all others, in front of which None hides one."""
        if kind not in self._holding:
            each = self.each if self.each is not None and kind in self.each.held else None
            members = {name: below if kind in below.held else None for name, below in self.children.items()}
            if each is None:
                members = {name: below for name, below in members.items() if below is not None}
            self._holding[kind] = (members, each)
        return self._holding[kind]

    # asked of every field of every object, so found out once

    @cached_property
    def _by_type(self) -> dict[type, Any]:
        return {}

    @cached_property
    def _holding(self) -> dict[type, tuple[Mapping[str, Node | None], Node | None]]:
        return {}

    @cached_property
    def keeps_plain(self) -> bool:
        """Whether a text, a whole number or a boolean is compared here as it is."""
        sets_aside = (ServerOwned, ServerDefault, WriteOnly, Normalized)
        return self.no_rules or not any(isinstance(rule, sets_aside) for rule in self.rules)

    @cached_property
    def secret(self) -> WriteOnly | None:
        found: WriteOnly | None = self.rule(WriteOnly)
        return found

    @cached_property
    def normalization(self) -> Normalized | None:
        found: Normalized | None = self.rule(Normalized)
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
    def held(self) -> frozenset[type]:
        """The types of its rules and of those of anything below it, with their bases: a rule may be a form of another."""
        return frozenset(base for _, node in self.walk() for rule in node.rules for base in type(rule).__mro__)

    @cached_property
    def holds_secrets(self) -> bool:
        """Whether it, or anything below it, may be a secret."""
        return WriteOnly in self.held

    @cached_property
    def holds_references(self) -> bool:
        """Whether it, or anything below it, may name another resource."""
        return Ref in self.held

    @cached_property
    def holds_defaults(self) -> bool:
        """Whether anything below it may be defaulted by the server."""
        return any(node.rule(ServerDefault) is not None for _, node in self.walk())

    @cached_property
    def server_defaulted(self) -> tuple[tuple[str, Node], ...]:
        """The members that the server may default, or in which it may default something."""
        return tuple((name, below) for name, below in self.children.items() if below.holds_defaults)

    @cached_property
    def shared_lists(self) -> tuple[tuple[str, ...], ...]:
        """The paths, below it, of lists to which the server adds."""
        return tuple(path for path, node in self.walk() if node.rule(Superset) is not None)

    @cached_property
    def consent_paths(self) -> tuple[tuple[str, ...], ...]:
        """The paths, below it, of fields that may hold a value with consequences."""
        return tuple(path for path, node in self.walk() if node.rule(NeedsConsent) is not None)

    @cached_property
    def has_defaults(self) -> bool:
        """Whether it, or anything below it, has a value of its own where the manifest says nothing."""
        return any(node.rule(Default) is not None for _, node in self.walk())

    @cached_property
    def defaulted(self) -> tuple[tuple[str, Default], ...]:
        """The members that have a value of their own where the manifest says nothing."""
        rules = ((name, below.rule(Default)) for name, below in self.children.items())
        return tuple((name, rule) for name, rule in rules if rule is not None)

    def is_secret(self, value: Any) -> bool:
        """Whether a value here is the secret itself, and not of a form that only names one."""
        return self.secret is not None and not (self.children and isinstance(value, dict))

    def walk(self, prefix: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Node]]:
        """This node and all below it; the part for `each` is `*`."""
        yield prefix, self
        for name, node in self.children.items():
            yield from node.walk((*prefix, name))
        if self.each is not None:
            yield from self.each.walk((*prefix, "*"))


OPAQUE: Final = Node(no_rules=True)
