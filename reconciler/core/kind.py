"""A native kind: the fields of one type of registry object with their rules, and how the registry treats such objects."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property, partial
from typing import Any, Final, NamedTuple

from reconciler.core.rule_tree import rules_of
from reconciler.core.rules import Node
from reconciler.core.shape import Shape, shape_of

# what nearly every registry calls the members that only people read
DESCRIPTIVE: Final = frozenset({"description", "display_name", "labels", "metadata", "name", "tags"})


class KeyRule(NamedTuple):
    """A rule for the keys of a kind: a regular expression, which Python and editors read alike, and what is said of a key that does not match."""

    pattern: str
    refusal: str


def refuse_key(rules: Iterable[KeyRule], otherwise: Callable[[str], str | None], key: str) -> str | None:
    """Say why a key is refused: by the first rule that it breaks, else by `otherwise`; None where it is taken."""
    broken = (rule.refusal for rule in rules if re.search(rule.pattern, key) is None)
    return next(broken, None) or otherwise(key)


@dataclass(frozen=True)
class Kind:
    """One native kind. `model` is the record, or the pydantic class of another package, that declares its fields with their rules; `name` is the class's unless given.

    `key_rules`: what a key must be, as patterns that the JSON Schema and every check of a key share.
    `check_key` says why the registry would refuse a key, or None. It keeps the rules, so a kind gives it only for what no pattern says.
    `portable`: the native object is the portable Model itself: manifests write `Model`, and `<driver>/<Kind>` is not offered.
    `markable`: objects of the kind have room for our mark. `counts_in_guards`: a deletion of one counts as that of a model.
    `revision_is_etag`: the revision moves when, and only when, somebody writes, so it may be part of what a plan observed.
    `deletable`: the registry can delete such objects at all; `not_deletable_reason` says in words why not.
    `unique`: the registry refuses a second object of the same key.
    `unique_ids`: the registry makes the ids, and no object of any place has the same one (a UUID). Not so where an id is the key, a number or a
    name: then `Resource.uid`, where the registry says one, or else what they hold, tells two objects of one key apart.
    `found_by_mark`: the key is made of other fields, so an object is found again by the manifest's key in its mark.
    `cascades`: the kinds whose objects the registry deletes along with one of this kind that they refer to.
    `upserts`: a create writes over an object of the same key, so the key is looked up first.
    `partial_update`: an update sends what changed and leaves the rest, so it needs no secret that did not change. `merge_depth` is the
    number of levels that it merges: what lies deeper is sent whole, with the secrets in it. Down to that level each member that changes is
    a change of its own, also where the map around it comes or goes.
    `takes_unmanaged`: a write may send back the members that no kind declares; without, a write loses them, and needs consent.
    `protect_drifted`: an object that somebody changed since it was last applied is not deleted: nothing else holds that change.
    `renamable`: the registry's own rename, where it has one, works for objects of the kind.
    `within`: objects of the kind are inside those of that kind, which must be there first: their keys are `<key of the other>/<name>`.
    `hints` maps the pointers of fields that newcomers bring from the vendor's own files to what is written here instead: another field's
    name, or a sentence; `*` stands for any member.
    `provider_of`: the provider that a key names, where keys name one.
    `key_field` is the field that holds the key where a manifest does not say it.
    `replace_note` says in words what a replace means while it is under way, for the plan.
    `marked_at`: the pointers of the members in which the driver keeps our mark, whatever else stands beside them: no manifest may set them.
    `descriptive`: the members that say something about the object, and are no part of how its secrets are sent to anyone.
    `is_builtin`: tells a key that comes with the registry: such an object is nobody's unless a manifest declares it.
    """

    model: type[Any]
    title: str = ""
    _: KW_ONLY
    name: str = ""
    key_rules: tuple[KeyRule, ...] = ()
    check_key: Callable[[str], str | None] = lambda key: None
    portable: bool = False
    markable: bool = True
    counts_in_guards: bool = True
    revision_is_etag: bool = False
    deletable: bool = True
    not_deletable_reason: str = ""
    unique: bool = True
    unique_ids: bool = True
    found_by_mark: bool = False
    cascades: frozenset[str] = frozenset()
    upserts: bool = False
    partial_update: bool = False
    merge_depth: int = 1
    takes_unmanaged: bool = True
    protect_drifted: bool = False
    provider_of: Callable[[str], str | None] = lambda key: None
    renamable: bool = True
    within: str = ""
    key_field: str = ""
    replace_note: str = ""
    marked_at: frozenset[str] = frozenset()
    descriptive: frozenset[str] = DESCRIPTIVE
    is_builtin: Callable[[str], bool] = lambda key: False
    hints: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        if not self.name:
            object.__setattr__(self, "name", self.model.__name__)
        if self.key_rules:
            object.__setattr__(self, "check_key", partial(refuse_key, self.key_rules, self.check_key))

    @cached_property
    def root(self) -> Node:
        """The field rules of the object as a whole."""
        return rules_of(self.model)

    def holder_of(self, key: str) -> tuple[str, str] | None:
        """The kind and key of the object in which the one of that key is; None where objects of the kind are in no other."""
        return (self.within, key.rpartition("/")[0]) if self.within else None

    @cached_property
    def shape(self) -> Shape:
        """The JSON types that the object may hold, and the members that it declares."""
        return shape_of(self.model)
