"""A plan as JSON, exactly as the contract shapes it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType

import pytest
from jsonschema import Draft202012Validator
from render.samples import PLAIN, address, evil_validation, report, validation
from render.samples import plan as sample

from reconciler import render
from reconciler.core.actions import ACTIONS
from reconciler.core.errors import Problem
from reconciler.core.problem_json import end_of, problem_to_json
from reconciler.core.resource import Source
from reconciler.core.schema.answers import OUTPUTS
from reconciler.planner.plan import Change, FieldChange, Guard, Plan
from reconciler.planner.plan_json import plan_to_json
from reconciler.render.jsontext import dumps


def test_the_keys_stand_in_the_contracts_order() -> None:
    """Top level, summary, changes and guards have the contract's keys in its order."""
    data = plan_to_json(Plan(sample().changes, 10, guards=(Guard("a", "b", None),), fingerprint="f"))
    assert list(data) == ["format_version", "summary", "changes", "orphans", "guards", "problems", "fingerprint"]
    assert list(data["summary"]) == list(ACTIONS)
    keys = ["address", "action", "reason", "fields", "observed", "depends_on", "parent", "previous_address", "source"]
    assert [list(change)[:9] for change in data["changes"]] == [keys] * 9
    assert data["guards"] == [{"name": "a", "message": "b", "override": None}]
    assert data["format_version"] == "1.0"


def test_absent_is_not_null_and_sensitive_is_nowhere() -> None:
    """A missing side is left out, a null one is null, and a sensitive field shows neither."""
    fields = (
        FieldChange("/a", before=None, after=1),
        FieldChange("/b", after=None),
        FieldChange("/c", before=0),
        FieldChange("/d", "secret", "secret", sensitive=True),
    )
    [change] = plan_to_json(Plan((Change(address("m"), "update", "changed", fields),), 0))["changes"]
    assert change["fields"] == [
        {"path": "/a", "before": None, "after": 1, "sensitive": False},
        {"path": "/b", "after": None, "sensitive": False},
        {"path": "/c", "before": 0, "sensitive": False},
        {"path": "/d", "sensitive": True},
    ]


def test_a_delete_has_neither_fields_nor_source() -> None:
    """Whatever the change holds, a delete shows its address and what was observed."""
    change = Change(address("m"), "delete", "absent", (FieldChange("/a", 1),), "abc", source=Source("a.yaml", 1))
    [data] = plan_to_json(Plan((change,), 0))["changes"]
    assert (data["fields"], data["source"], data["observed"]) == ([], None, "abc")


def test_what_is_unchanged_is_only_counted() -> None:
    """An unchanged change is left out; messages are there only where there are any."""
    changes = (Change(address("a"), "unchanged", ""), Change(address("b"), "blocked", "protected", message="why"))
    data = plan_to_json(Plan(changes, 4))
    assert [change["address"] for change in data["changes"]] == ["aigo/Model/b"]
    assert data["changes"][0]["message"] == "why"
    assert data["summary"]["unchanged"] == 4


def test_a_rename_names_both_addresses() -> None:
    """`previous_address` is the old address of a rename, and null for all else."""
    [*_, renamed] = [change for change in plan_to_json(sample())["changes"] if change["action"] == "rename"]
    assert renamed["previous_address"] == "aigo/Model/router"


def test_a_problem_has_all_its_keys() -> None:
    """Ends default to starts, and an end before the start is no end."""
    assert problem_to_json(Problem("a.yaml", 3, 5, "r", "m")) == {
        "file": "a.yaml",
        "line": 3,
        "column": 5,
        "end_line": 3,
        "end_column": 5,
        "rule": "r",
        "severity": "error",
        "message": "m",
        "pointer": "",
        "suggestion": None,
        "environment": None,
    }
    assert end_of(Problem("a", 3, 5, "r", "m", 2, 9)) == (3, 5)
    assert end_of(Problem("a", 3, 5, "r", "m", 4, 1)) == (4, 1)


def test_numbers_that_json_has_not_are_texts() -> None:
    """NaN and infinities do not make invalid JSON."""
    change = Change(address("m"), "update", "changed", (FieldChange("/a", float("nan"), [float("inf"), {"x": 1.5}]),))
    text = render.load(render.PLAN["json"])(Plan((change,), 0), PLAIN)
    field = json.loads(text, parse_constant=lambda name: 1 / 0)["changes"][0]["fields"][0]
    assert (field["before"], field["after"]) == ("nan", ["inf", {"x": 1.5}])


@pytest.mark.parametrize(
    ("schema", "family", "value"),
    [
        ("plan", render.PLAN, sample()),
        ("plan", render.DRIFT, sample()),
        ("apply", render.REPORT, report()),
        ("validate", render.VALIDATION, validation()),
        ("validate", render.VALIDATION, evil_validation()),
    ],
)
def test_json_holds_to_the_published_schemas(schema: str, family: Mapping[str, str], value: object) -> None:
    """What is printed is valid to the schema that is published for it."""
    answer = json.loads(render.load(family["json"])(value, PLAIN))
    Draft202012Validator(OUTPUTS[schema]).validate(answer)


def test_specs_may_be_any_mapping() -> None:
    """A frozen mapping inside a value is an object; what is not JSON data is a bug and says so."""
    assert dumps({"a": MappingProxyType({"b": 1})}) == '{\n  "a": {\n    "b": 1\n  }\n}'
    with pytest.raises(TypeError, match="set is not JSON data"):
        dumps({"a": set()})
