"""Validation errors in plain words: a `Finding` for each mistake, and a `Problem` once its line is known.

No message repeats the value that was found: it may be a secret.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from reconciler.core import pointer as pointers
from reconciler.core.document import Places
from reconciler.core.errors import Problem
from reconciler.core.problem_rules import BAD_VALUE, RULES
from reconciler.core.rule_tree import rules_of
from reconciler.core.rules import Node
from reconciler.core.schema.record import attempt
from reconciler.core.schema.unions import without_forms
from reconciler.core.telling import masked, without_value, without_values

_EXAMPLES: Final = "reconciler.core.schema.examples"
ALIKE: Final = 0.6  # how alike two words are, of 1, of which one may be meant for the other
NEAR_MISS: Final = 0.75  # the same, where a guess that is wrong destroys
_NO_HINTS: Final[Mapping[str, str]] = {}
_KEY: Final = "[key]"  # what pydantic puts behind the place of a key that is wrong
_EXPECTED: Final = {
    "string_type": "a string",
    "model_type": "a map",
    "model_attributes_type": "a map",
    "dict_type": "a map",
    "list_type": "a list",
    "bool_type": "true or false",
    "int_type": "an integer",
    "float_type": "a number",
}


class Finding(NamedTuple):
    """One thing wrong in a document. `pointer` is where; `at_key` means the member's name is meant, not its value."""

    rule: str
    message: str
    pointer: str = ""
    at_key: bool = False
    suggestion: str | None = None
    severity: str = "error"


def is_mistake(finding: Finding) -> bool:
    """Tell whether a finding is an error, and no warning."""
    return finding.severity == "error"


def place(finding: Finding, places: Places, index: int, shown: str) -> Problem:
    """Locate a finding in document `index` of a file: the Problem with its line and column."""
    where = places.key(index, finding.pointer) if finding.at_key else places.value(index, finding.pointer)
    parts = pointers.split(finding.pointer)
    return Problem(
        file=shown,
        line=where.line,
        column=where.column,
        rule=finding.rule,
        message=masked(without_values(finding.message, parts)),
        end_line=where.end_line,
        end_column=where.end_column,
        severity=finding.severity,
        pointer=pointers.join(map(without_value, parts)),
        suggestion=masked(finding.suggestion) if finding.suggestion else None,
    )


def nearest(word: str, known: Iterable[str], likeness: float = ALIKE) -> str | None:
    """The known word that `word` was probably meant to be, whatever the case of its letters, or None.

    Of addresses, kinds and pointers each part must be alike: what two of them begin with says nothing of the rest.
    """
    names = {name.casefold(): name for name in sorted(known, reverse=True)}
    close_matches = importlib.import_module("difflib").get_close_matches
    wanted = word.casefold()
    parts = wanted.split("/")

    def alike(name: str) -> bool:
        others = name.split("/")
        if len(others) != len(parts):
            return 1 in (len(others), len(parts))
        return all(
            one == other or close_matches(one, [other], 1, likeness) for one, other in zip(parts, others, strict=True)
        )

    close = close_matches(wanted, sorted(filter(alike, names)), 1, likeness)
    return names[close[0]] if close else None


def did_you_mean(word: str, known: Iterable[str], otherwise: str, likeness: float = ALIKE) -> str:
    """The hint for a name that is nowhere: the known one that was probably meant, and no command; else `otherwise`."""
    close = nearest(word, known, likeness)
    return otherwise if close is None else f"did you mean {close!r}?"


def formed(form: Any, data: Any, hints: Mapping[str, str] = _NO_HINTS) -> tuple[Any, list[Finding]]:
    """Plain data as a record, or as somebody's pydantic model, and what is wrong with it; None where anything is.

    `hints` are those of `hinted`.
    """
    made, error = attempt(form, data)
    return made, [] if error is None else hinted(findings(error, data, form), hints)


def findings(error: Any, data: Any, model: Any) -> list[Finding]:
    """Translate pydantic's errors about `data` into findings, each once, in the order of the document."""
    found = [
        item
        for detail in error.errors(include_url=False, include_input=False)
        for item in _findings(detail, data, model)
    ]
    return list(dict.fromkeys(found))


def hinted(found: Iterable[Finding], hints: Mapping[str, str]) -> list[Finding]:
    """Add to each finding the hint for its field, if there is one; in the pointers of hints `*` matches any part."""
    return [item._replace(suggestion=_hint(item.pointer, hints) or item.suggestion) for item in found]


def _hint(pointer: str, hints: Mapping[str, str]) -> str | None:
    if not hints:
        return None
    parts = pointers.split(pointer)
    known = ((pointers.split(place), hint) for place, hint in hints.items())
    return next(
        (
            hint
            for place, hint in known
            if len(place) == len(parts) and all(a in ("*", b) for a, b in zip(place, parts, strict=True))
        ),
        None,
    )


def _findings(detail: Any, data: Any, model: Any) -> list[Finding]:
    kind, parts, context = detail["type"], without_forms(tuple(detail["loc"]), data), detail.get("ctx") or {}
    if "member" in context:
        parts = (*parts, context["member"])
    at_key = len(parts) > 1 and parts[-1] == _KEY and kind != "extra_forbidden"
    if at_key:
        parts = parts[:-1]
    where = pointers.join(parts)
    if kind == "extra_forbidden":
        return [_unknown_field(parts, where, rules_of(model))]
    if kind == "missing":
        return [Finding("missing-field", f"{parts[-1]!r} is missing", pointers.join(parts[:-1]))]
    if kind in _EXPECTED:
        return [
            Finding(
                "wrong-type",
                f"{_name(parts)}must be {_EXPECTED[kind]}, not {_type(pointers.get(data, where))}",
                where,
                at_key,
                _form(kind, model, parts),
            )
        ]
    if kind == "wrong_type":
        return [
            Finding(
                "wrong-type", f"{_name(parts)}{detail['msg']}, not {_type(pointers.get(data, where))}", where, at_key
            )
        ]
    if kind == "wrong_items":
        return [_wrong_item((*parts, number), data) for number in context["places"]]
    if kind in ("literal_error", "not_allowed"):
        return [_not_allowed(context, parts, where, data)]
    if kind == "literal_secret" and "keys" in context:
        message = "a header of this name carries a credential: its value must be one whole reference, ${env:NAME}, ${file:path} or ${cmd:NAME/REST}"
        said = context.get("messages", {})
        return [
            Finding("literal-secret", said.get(key, message), pointers.join((*parts, key))) for key in context["keys"]
        ]
    if kind == "bad_url" and _has_user_info(pointers.get(data, where)):
        message = f"{_name(parts)}must not hold a user name or password: put the credential into api_key or a header, as a reference"
        return [Finding("literal-secret", message, where)]
    if kind in ("string_too_long", "string_too_short", "too_short", "too_long"):
        return [Finding("bad-length", f"{_name(parts)}{_length(kind, context)}", where, at_key)]
    rule = kind.replace("_", "-")
    return [Finding(rule if rule in RULES else BAD_VALUE, f"{_name(parts)}{detail['msg']}", where, at_key)]


def _form(kind: str, model: Any, parts: Sequence[str | int]) -> str | None:
    """How a map or a list is written in the place of something else, where its form says it."""
    if _EXPECTED[kind] not in ("a map", "a list"):
        return None
    example = importlib.import_module(_EXAMPLES).example_at(model, parts)  # loaded by name: only a mistake needs it
    return f"write `{example}`" if example else None


def _name(parts: Sequence[str | int]) -> str:
    """Name the field at the beginning of a message; a list's item by the list and its number from 1."""
    if not parts:
        return ""
    if isinstance(parts[-1], int) and len(parts) > 1:
        return f"item {parts[-1] + 1} of {parts[-2]!r} "
    return f"{parts[-1]!r} "


def _unknown_field(parts: tuple[Any, ...], where: str, root: Node) -> Finding:
    name = str(parts[-1])
    parent = root.find(tuple(str(part) for part in parts[:-1]))
    known = parent.children if parent is not None else {}
    # a name that exists elsewhere was meant for there; only then may it be a neighbour, mistyped
    elsewhere = [path for path, _ in root.walk() if path and path[-1] == name and "*" not in path]
    close = ".".join(elsewhere[0]) if elsewhere else nearest(name, known)
    close = None if close == name else close  # the same name somewhere else is no help
    return Finding("unknown-field", f"unknown field {name!r}", where, at_key=True, suggestion=close)


def _wrong_item(parts: tuple[Any, ...], data: Any) -> Finding:
    where = pointers.join(parts)
    return Finding("wrong-type", f"{_name(parts)}must be a string, not {_type(pointers.get(data, where))}", where)


def _not_allowed(context: Mapping[str, Any], parts: Sequence[Any], where: str, data: Any) -> Finding:
    allowed = context.get("values") or str(context.get("expected", "")).replace("'", "").replace(" or ", ", ")
    value = pointers.get(data, where)
    close = nearest(value, allowed.split(", ")) if isinstance(value, str) else None
    return Finding(
        "not-allowed", f"{_name(parts)}must be one of {allowed}{context.get('more', '')}", where, suggestion=close
    )


def _length(kind: str, context: Mapping[str, Any]) -> str:
    if kind == "string_too_long":
        return f"must be at most {context['max_length']} characters long"
    if kind == "too_long":
        return f"must have at most {context['max_length']} entries"
    return "must not be empty" if context["min_length"] == 1 else f"must have at least {context['min_length']}"


def _type(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a string"
    return "a list" if isinstance(value, list) else "a map" if isinstance(value, Mapping) else "absent"


def _has_user_info(value: Any) -> bool:
    """True for a text meant as a URL that has something before an `@`, with a scheme or without."""
    if not isinstance(value, str):
        return False
    authority = value.split("://", 1)[-1]
    for stop in "/?#":
        authority = authority.split(stop, 1)[0]
    return "@" in authority
