"""JSON Schemas of policies: checked once, judged for each case. Runs in the process that is bounded, and only there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import jsonschema
import referencing
from referencing.exceptions import Unresolvable

from reconciler.core import pointer as json_pointer
from reconciler.manifest.policies.keywords import KEYWORDS, LISTS_OF_SCHEMAS, SCHEMAS, SCHEMAS_BY_NAME
from reconciler.manifest.policies.verdicts import Failed, Unusable

MOST: Final = 20  # places of one object that are told


@dataclass(frozen=True)
class SchemaRule:
    """A schema that can be used."""

    validator: Any

    def broken(self, case: Mapping[str, Any]) -> list[str] | Failed | None:
        """The pointers into the object at which the schema does not hold; None where it holds."""
        try:
            errors = list(self.validator.iter_errors(case["object"]))
        except Unresolvable:
            return Failed("a reference in the schema leads nowhere")
        except RecursionError:
            return Failed("the schema refers to itself without end")
        pointers = sorted({json_pointer.join(error.absolute_path) for error in errors})
        return pointers[:MOST] or None


def compiled(schema: Mapping[str, Any]) -> SchemaRule | list[Unusable]:
    """The schema as a rule, or all that is wrong with it. A misspelt keyword is wrong, too: it would check nothing."""
    draft = jsonschema.Draft202012Validator
    named = schema.get("$schema")
    if named is not None and named != draft.META_SCHEMA["$id"]:
        return [Unusable("the schema must be of draft 2020-12", "/$schema", suggestion=draft.META_SCHEMA["$id"])]
    wrong = [
        Unusable(_shortened(error.message), json_pointer.join(error.absolute_path))
        for error in draft(draft.META_SCHEMA).iter_errors(schema)
    ]
    wrong = wrong or [item for pointer, part in _parts(schema, "") for item in _mistakes(schema, part, pointer)]
    # without a registry of its own, jsonschema would fetch what a `$ref` names
    return wrong or SchemaRule(draft(schema, registry=referencing.Registry()))


def _parts(schema: Any, pointer: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every schema inside a schema, itself first."""
    if not isinstance(schema, Mapping):
        return
    yield pointer, schema
    for keyword, value in schema.items():
        here = pointer + json_pointer.join((keyword,))
        if keyword in SCHEMAS_BY_NAME and isinstance(value, Mapping):
            for name, part in value.items():
                yield from _parts(part, here + json_pointer.join((name,)))
        elif keyword in LISTS_OF_SCHEMAS and isinstance(value, list):
            for index, part in enumerate(value):
                yield from _parts(part, f"{here}/{index}")
        elif keyword in SCHEMAS:
            yield from _parts(value, here)


def _mistakes(root: Mapping[str, Any], part: Mapping[str, Any], pointer: str) -> Iterator[Unusable]:
    for keyword in part:
        if keyword not in KEYWORDS and not keyword.startswith("x-"):
            message = f"JSON Schema has no keyword {keyword!r}, so it would check nothing"
            where = pointer + json_pointer.join((keyword,))
            yield Unusable(message, where, at_key=True)
    target = part.get("$ref")
    if isinstance(target, str) and not _leads_somewhere(root, target):
        message = "a reference leads to another part of this very schema, such as '#/$defs/name'"
        yield Unusable(message, f"{pointer}/$ref")
    patterns = [(f"{pointer}/pattern", part["pattern"])] if "pattern" in part else []
    patterns += [
        (pointer + json_pointer.join(("patternProperties", pattern)), pattern)
        for pattern in part.get("patternProperties", ())
    ]
    for where, pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as error:
            yield Unusable(f"this is no regular expression: {error}", where)


def _leads_somewhere(root: Mapping[str, Any], target: str) -> bool:
    if not target.startswith("#"):
        return False
    where = target[1:]
    return where == "" or (where.startswith("/") and json_pointer.get(root, where) is not json_pointer.MISSING)


def _shortened(message: str) -> str:
    return message if len(message) <= 200 else message[:200] + "..."
