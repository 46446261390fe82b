"""The two kinds of rules by themselves: what can be used, what is wrong with what cannot, and what each says of an object."""

from __future__ import annotations

from typing import Any, Final

import pytest

from reconciler.core.resource import Source
from reconciler.manifest.policies import bounded, cel, json_schemas, process
from reconciler.manifest.policies.bounded import Verdict
from reconciler.manifest.policies.policy import Policy
from reconciler.manifest.policies.verdicts import Failed, Unusable

SEEN: Final = {"object": {"a": 1, "words": ["x"]}, "manifest": {"key": "k"}, "registry": "r", "environment": ""}


def verdict(rule: Any) -> Any:
    assert not isinstance(rule, list), rule
    return rule.broken(SEEN)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("object.a == 1", None),
        ("object.a == 1.0 && registry == 'r' && environment == ''", None),
        ("manifest.key.upperAscii() == 'K'", None),
        ("size('é') == 1", None),
        ("[2, 1].all(e, 6 / (2 - e) == 5)", []),
        ("object.words.all(word, word == 'y')", []),
        ("object.b == 1", Failed("there is no 'b'", "b")),
        ("object[manifest.key] == 1", Failed("a member is not there")),
        ("object.words.matches('x')", Failed("values are of the wrong types: (list).matches(string)")),
        ("object.words", Failed("it gives a value of the type list, where true or false is needed")),
    ],
)
def test_an_expression_has_a_verdict_or_says_why_not(expression: str, said: Any) -> None:
    """Names that the expression does not write itself were made of values, and are not repeated."""
    assert verdict(cel.compiled(expression)) == said


def test_what_json_can_hold_cel_is_given() -> None:
    """Integers of any size, halves of surrogate pairs, whatever is inside of what."""
    given = {"a": [2**63, -(2**63), -(2**63) - 1, True, None, 0.5, 10**400, -(10**400)], "\ud800": "\udfff"}
    assert cel.plain(given) == {
        "a": [2.0**63, -(2**63), -(2.0**63), True, None, 0.5, float("inf"), float("-inf")],
        "?": "?",
    }


def test_a_wrong_expression_is_wrong_at_a_place() -> None:
    """All mistakes that the compiler tells, each at its line and column."""
    found = cel.compiled("objct.a == 1 &&\n  envronment == ''")
    assert isinstance(found, list)
    assert [(item.line, item.column) for item in found] == [(1, 6), (2, 3)]
    deep = cel.compiled("(" * 60 + "true" + ")" * 60)
    assert isinstance(deep, list)
    assert all(item.line == 1 and item.message for item in deep)


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"required": ["a"]}, None),
        ({"required": ["b"]}, [""]),
        ({"properties": {"a": {"maximum": 0}, "words": {"items": {"const": "y"}}}}, ["/a", "/words/0"]),
        ({"$defs": {"small": {"maximum": 0}}, "properties": {"a": {"$ref": "#/$defs/small"}}}, ["/a"]),
        ({"allOf": [{"$ref": "#"}]}, Failed("the schema refers to itself without end")),
        ({"allOf": [{"properties": {"a": {"x-note": 1, "maximum": 0}}}]}, ["/a"]),
    ],
)
def test_a_schema_has_a_verdict_or_says_why_not(schema: dict[str, Any], said: Any) -> None:
    assert verdict(json_schemas.compiled(schema)) == said


@pytest.mark.parametrize(
    ("schema", "pointer"),
    [
        ({"properties": {"a": {"oneOf": [{"minimun": 1}]}}}, "/properties/a/oneOf/0/minimun"),
        ({"items": {"patternProperties": {"[": True}}}, "/items/patternProperties/["),
        ({"if": {"pattern": "["}}, "/if/pattern"),
        ({"not": {"$ref": "other.json"}}, "/not/$ref"),
        ({"required": "a"}, "/required"),
    ],
)
def test_a_wrong_schema_is_wrong_at_a_place(schema: dict[str, Any], pointer: str) -> None:
    """However deep; what is misspelt would check nothing."""
    found = json_schemas.compiled(schema)
    assert isinstance(found, list)
    assert [item.pointer for item in found] == [pointer]


def test_the_process_says_what_the_rules_say() -> None:
    """Each policy of its own cases, the wrong ones too; numbers are those that were given."""
    made = {"cel": "object.a == 2", "schema": {"required": ["b"]}}
    policies = [
        Policy("a", "m", "error", Source("p.yaml", 1), 0, cel=made["cel"]),
        Policy("b", "m", "error", Source("p.yaml", 1), 0, cel="object.a =="),
        Policy("c", "m", "error", Source("p.yaml", 1), 0, schema=made["schema"]),
    ]
    found = bounded.judge(policies, [SEEN, SEEN | {"object": {"a": 2, "b": 1}}], [[0, 1], [0, 1], [1, 0]])
    assert found.broken == [Verdict(0, 0), Verdict(2, 0, ("",))]
    assert [(number, type(item)) for number, item in found.unusable] == [(1, Unusable)]


def test_a_library_that_is_not_installed_is_a_mistake_and_never_a_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python that is newer than the wheels of CEL's library."""
    said: list[list[Any]] = []
    monkeypatch.setattr(process, "_say", said.append)
    monkeypatch.setattr(process, "_limit", lambda seconds: None)
    monkeypatch.setitem(process.KINDS, "cel", "no_such_library")
    process._judge(0, {"cel": "true"}, [SEEN], [0])
    assert [line[0] for line in said] == ["begin", "unusable"]
    assert "no_such_library" in said[1][2]["message"]
