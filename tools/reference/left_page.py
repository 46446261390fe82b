"""The page of what the schemas of the CustomResourceDefinitions cannot say, and only the controller does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from markdown import cell, code, page, paragraph, sentence, table
from words import meanings_table

from reconciler.controller.crds import REGISTRY, Definition, definitions, native_types
from reconciler.core import pointer as json_pointer
from reconciler.core.answer_words import CONDITION_MEANINGS
from reconciler.core.errors import ConfigError
from reconciler.core.problem_rules import RULES
from reconciler.registry import catalog

# How each sort of it begins, what it means, and the validation rules that it may break.
_SORTS: Final = {
    "references and likely secrets": (
        "`${` that opens no reference, and a secret under a name that says so; in a map of any members CEL sees none of them",
        ("bad-reference", "literal-secret"),
    ),
    "the whole of its form": (
        "an address by its parts, such as a user name, a password or a key in it",
        ("bad-url", "literal-secret"),
    ),
    "that a value under a name that may be a credential's is a reference": (
        "the less plain names of headers that carry credentials",
        ("literal-secret",),
    ),
    "all of its limit": ("a limit of the registry that CEL says in part, or not at all", ("registry-limit",)),
    "the form of its names": ("the names of a map in a map, which is a setting of Registries alone", ()),
    "all of its form": ("the key of an object", ("bad-key",)),
}
_INTRO: Final = (
    "The definitions say to the API server what `validate` says of manifests, so that it refuses an object at once. A "
    "structural schema with CEL cannot say everything. What it cannot say stands here by kind and field: the API server "
    "takes such an object, and the controller leaves it alone, writes nothing of it, and says why in its status: "
    "`Blocked=True`, with the [rule](rules.md) as the reason. All other fields are refused by the API server itself."
)
_FURTHER: Final = (
    "So is what takes more than one object to see: two objects with one key (`duplicate-address`), a Secret that is not "
    "there (`missing-reference`), a name that leads to no object (`dangling-reference`). References to the controller's "
    "own environment, files and commands are `refused-reference` wherever they stand."
)
_SETTINGS: Final = (
    f"Wrong settings of a Registry are told by the Registry: `Ready=False` and `Synced=Unknown` with the reason "
    f"`{ConfigError.code}`; nothing is read or written for it."
)

_REASONS: Final = (
    "The reason of a condition, or of a row of a status, is a stable word: that of a [rule](rules.md), of a "
    "[plan](reasons.md), of an [outcome](outcomes.md), of a [guard](guards.md), or one of these. `reconciler explain "
    "REASON` tells of each."
)


def left_page() -> str:
    """The table of each resource type, from what made its schema."""
    drivers = [*catalog.built_in().values()]
    sorts = ([cell(sentence(what)), cell(meaning), _linked(rules)] for what, (meaning, rules) in _SORTS.items())
    blocks = [paragraph(_INTRO), paragraph(_FURTHER), table(["Left", "Means", "Reasons"], sorts)]
    kinds = {resource.name: kind for kind, resource in native_types(drivers).items()}
    for one in definitions(drivers):
        names = one.manifest["spec"]["names"]
        blocks.extend(_of_type(one, kinds.get(one.manifest["metadata"]["name"], names["kind"])))
    blocks += ["## Reasons of conditions", paragraph(_REASONS), meanings_table("condition", CONDITION_MEANINGS)]
    return page("What only the controller says", *blocks)


def _of_type(one: Definition, kind: str) -> Iterator[str]:
    yield f"## {kind}"
    yield f"`{one.manifest['metadata']['name']}`"
    if kind == REGISTRY.kind:
        yield paragraph(_SETTINGS)
    yield table(["Field", "Left to the controller"], _rows(one))


def _rows(one: Definition) -> Iterator[list[str]]:
    for place, what in one.left.items():
        parts = what.split("; ")
        yield [code(".".join(json_pointer.split(place))), "<br>".join(cell(sentence(_known(part))) for part in parts)]


def _known(what: str) -> str:
    """Raises ValueError for what the table above does not explain."""
    if not what.startswith(tuple(_SORTS)):
        raise ValueError(f"what is left to the controller is of no sort that the page explains: {what}")
    return what


def _linked(rules: Iterable[str]) -> str:
    """Links to rules. Raises KeyError for one that there is not."""
    return ", ".join(f"[{code(word)}](rules.md#{word})" for word in rules if RULES[word]) or code(ConfigError.code)
