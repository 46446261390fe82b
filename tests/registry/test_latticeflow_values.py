"""What is said of secrets in a manifest of AI GO! that are written down, or named as `lf` names them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from reconciler.core.schema.findings import Finding, findings
from reconciler.registry.latticeflow.kinds import KINDS

MODEL = KINDS["Model"].model
LITERAL = "name a secret, {name: ...}, or write one whole reference, ${env:NAME}, ${file:path} or ${cmd:NAME/REST}"


def found(**config: Any) -> list[Finding]:
    """What is wrong with a model of this config."""
    data = {"display_name": "A", "config": {"url": "https://x.example.com", **config}}
    try:
        MODEL.model_validate(data)
    except ValidationError as error:
        return findings(error, data, MODEL)
    return []


@pytest.mark.parametrize("text", ["<< secrets.LLM-KEY_1 >>", "<<secrets.LLM-KEY_1>>", " << secret.LLM-KEY_1>>"])
def test_a_secret_named_as_lf_names_it_is_told_how_to_name_it(text: str) -> None:
    """In a secret field and in a header: the likeliest mistake of who comes from `lf`."""
    message = "must be {name: LLM-KEY_1}: only `lf` reads << secrets.LLM-KEY_1 >>"
    assert found(api_key=text) == [Finding("literal-secret", f"'api_key' {message}", "/config/api_key")]
    headers = {"Authorization": text, "X-Token": {"name": "T"}}
    place = "/config/custom_headers/Authorization"
    assert found(custom_headers=headers) == [Finding("literal-secret", f"'Authorization' {message}", place)]


@pytest.mark.parametrize(
    "text", ["hunter2", "<< secrets.hunter 2 >>", "<< secrets.hunter2 >> hunter2", "x << secrets.A >>"]
)
def test_any_other_text_is_not_repeated(text: str) -> None:
    """It may be the secret itself."""
    [finding] = found(api_key=text)
    assert (finding.rule, finding.pointer) == ("literal-secret", "/config/api_key")
    assert finding.message.startswith(
        "'api_key' must be one whole reference, ${env:NAME}, ${file:path} or ${cmd:NAME/REST}"
    )
    [finding] = found(custom_headers={"X-Token": text})
    assert finding.message == f"a header of this name carries a credential: {LITERAL}"


def test_a_wrong_member_hides_no_other() -> None:
    """Every member of a map is judged in one go, by its type and by its name, each at its own place."""
    headers = {
        "X-N": None,
        "Authorization": "Bearer hunter2",
        "X-Token": 5,
        "X-A": {"nam": "T"},
        "Cookie": None,
        "X-B": "b",
    }
    assert sorted(
        (finding.pointer.removeprefix("/config/custom_headers/"), finding.rule)
        for finding in found(custom_headers=headers)
    ) == [
        ("Authorization", "literal-secret"),
        ("Cookie", "wrong-type"),
        ("X-A", "missing-field"),
        ("X-A/nam", "unknown-field"),
        ("X-N", "wrong-type"),
        ("X-Token", "literal-secret"),
    ]
    assert not any("hunter2" in finding.message for finding in found(custom_headers=headers))


def test_a_variable_is_called_one() -> None:
    """Not every map is of headers."""
    inference = {"connection_type": "custom_inference", "environment": {"A": None, "DB_PASSWORD": "x"}}
    messages = [finding.message for finding in found(**inference) if finding.rule == "literal-secret"]
    assert messages == [f"a variable of this name carries a credential: {LITERAL}"]


@pytest.mark.parametrize("headers", [[1], "x", 5])
def test_what_is_no_map_is_told_once(headers: Any) -> None:
    """There are no names to judge."""
    assert [finding.rule for finding in found(custom_headers=headers)] == ["wrong-type"]
